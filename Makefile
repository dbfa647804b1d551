# Two commands matter: `make demo` shows it, `make test` proves it. Both set up what they need.

PY = .venv/bin/python
SOURCES = chargepoint hal hil tests bench

.PHONY: help demo test check format setup foreign bench hil docs mutation clean

help:
	@echo "make demo    a simulated charger, the station and a local CSMS, with a page to open"
	@echo "make test    formatter, linter, types and all tests"
	@echo "make check   only formatter, linter and types"
	@echo "make foreign install the foreign central system and the page checker of the tests (needs npm)"
	@echo "make format  bring the sources into form"
	@echo "make bench   measure: reaction, start, memory, idle, answers, drain, bytes written"
	@echo "make fuzz    a million hostile frames against a simulated station (FUZZ='--seed 7')"
	@echo "make hil     all scenarios on the simulator's wire; report in var/hil (HIL='--baud 19200')"
	@echo "make docs    write the generated pages of docs/ anew"
	@echo "make mutation  break the safety core piece by piece; do the tests notice? (an hour or more)"
	@echo "make clean   remove the environment and everything that was generated"

setup:
	@./setup dev

demo:
	@./setup run
	@$(PY) -m chargepoint.cli.main demo $(if $(HEADLESS),--headless)

check: setup
	@$(PY) -m ruff format --check --quiet $(SOURCES)
	@$(PY) -m ruff check --quiet $(SOURCES)
	@$(PY) -m mypy

# Three at a time on two cores: tests with real programs and real lines wait half of their time.
test: check
	@$(PY) -m compileall -q chargepoint hal hil
	@$(PY) -m pytest -n 3 --dist worksteal

foreign: tests/foreign/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json

tests/%/node_modules/.package-lock.json: tests/%/package-lock.json
	@cd tests/$* && npm ci --silent --no-audit --no-fund
	@touch $@

format: setup
	@$(PY) -m ruff check --fix --quiet $(SOURCES)
	@$(PY) -m ruff format --quiet $(SOURCES)

bench: setup
	@for script in boot memory idle bytes composite answers drain reaction; do $(PY) bench/$$script.py || exit 1; done

fuzz: setup
	@nice $(PY) -m tests.fuzz.siege $(FUZZ)

hil: setup
	@$(PY) -m hil.run --bench sim $(HIL)

docs: setup
	@$(PY) -m tests.evse.document
	@$(PY) -m tests.rules
	@$(PY) -m tests.safety_document

mutation: setup
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[mutation]'
	@PATH="$(CURDIR)/.venv/bin:$$PATH" nice -n 15 mutmut run --max-children 1
	@.venv/bin/mutmut results
	@nice -n 15 $(PY) -m tests.evse.mutate --budget 5

clean:
	rm -rf mutants .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist var tests/foreign/node_modules tests/browser/node_modules
