"""Runs the tests of this room against each mutant: `python -m tests.evse.mutate`.

    --only hazards machine   these modules; without it all
    --kind tables|bodies     one kind; without it both
    --budget 5               seconds of tests for a mutant, the likeliest first; without it all
    --tests FILE ...         only these tests; without it the whole room
    --names FILE             only mutants whose names are lines of FILE

mutmut (`make mutation`) does the bodies of plain functions and methods; this one also reaches what
mutmut leaves out: properties, tables, named constants, defaults of settings. Everything is loaded
once; each mutant is a fork of the process in which one code object or one value is exchanged.

Left out for being no judge of behaviour: the comparison of the tables with their documentation,
and for tables the test that takes its expectation from the table itself. Survivors are listed as
they are found and again at the end; what is known of them stands in docs/mutation.md.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import hypothesis
import pytest

from tests.evse.mutants import Mutant, Source, sources

DOCUMENTED = "test_document"
"""Compares the tables with their own print."""
FROM_THE_TABLE = "test_each_row_of_the_table"
SLOW = ("any_combination", "every_history", "any_history")
"""Tried last."""
GRACE_S = 60.0
"""Processor time after which a mutant counts as hung."""
KILLED, SURVIVED, HUNG, BROKEN = "killed", "survived", "hung", "does not load"


class Test:
    """One collected test; called without the machinery around it."""

    def __init__(self, item: pytest.Function) -> None:
        self.name = item.nodeid
        self._call: Callable[..., object] = item.obj
        self._given = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        code = inspect.unwrap(self._call)
        self.text = f"{item.nodeid} {inspect.getsource(code)}"
        self.duration_s = 0.0

    def passes(self) -> bool:
        """Whether it does; measures how long it took."""
        began_s = time.process_time()
        try:
            self._call(**self._given)
        except BaseException:  # Whatever it is, the mutant was noticed.
            return False
        finally:
            self.duration_s = time.process_time() - began_s
        return True


class Runner:
    """Pytest plugin: instead of running the tests once, run them against each mutant."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self._chosen = chosen
        self._killers: dict[str, list[Test]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.survivors: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Takes the place of the usual loop."""
        items = [item for item in session.items if isinstance(item, pytest.Function)]
        tests = [Test(item) for item in items if DOCUMENTED not in item.nodeid]
        if self._chosen.budget is not None:
            tests = [test for test in tests if not any(word in test.name for word in SLOW)]
        failing = [test.name for test in tests if not test.passes()]
        assert not failing, f"failing without any mutant: {failing}"
        for source, mutant in self._mutants():
            self._try(source, mutant, self._order(tests, mutant))
        return True

    def _mutants(self) -> Iterable[tuple[Source, Mutant]]:
        found = {source.module: source for source in sources()}
        names = self._chosen.names and self._chosen.names.read_text(encoding="utf-8").splitlines()
        for module in self._chosen.only or sorted(found):
            for mutant in found[module].mutants():
                kind = "bodies" if mutant.function else "tables"
                if self._chosen.kind in (None, kind) and (not names or mutant.name in names):
                    yield found[module], mutant

    def _order(self, tests: list[Test], mutant: Mutant) -> list[Test]:
        """Those that found a neighbour, those that speak of it, the quick ones."""
        last_word = mutant.function.rpartition(".")[2].strip("_")
        words = [word for word in (*mutant.text.split("(")[-1].split(","), last_word) if word]
        near = self._killers[f"{mutant.module} {mutant.function}"][-4:] if mutant.function else []
        far = self._killers[mutant.module][-4:]

        def rank(test: Test) -> tuple[bool, bool, float]:
            speaks = any(len(word) > 5 and word.strip() in test.text for word in words)
            return test not in near and test not in far, not speaks, test.duration_s

        if not mutant.function and mutant.module == "machine":
            tests = [test for test in tests if FROM_THE_TABLE not in test.name]
        return sorted(tests, key=rank)

    def _try(self, source: Source, mutant: Mutant, tests: list[Test]) -> None:
        told, telling = os.pipe()
        child = os.fork()
        if not child:
            signal.setitimer(signal.ITIMER_PROF, GRACE_S)
            os.write(telling, _killer(source, mutant, tests, self._chosen.budget).encode())
            os._exit(0)
        os.close(telling)
        with os.fdopen(told) as answers:
            answer = answers.read()
        os.waitpid(child, 0)
        outcome = {"": HUNG, SURVIVED: SURVIVED, BROKEN: BROKEN}.get(answer, KILLED)
        self.counts[outcome] += 1
        for test in tests:
            if test.name == answer:
                self._killers[f"{mutant.module} {mutant.function}"].append(test)
                self._killers[mutant.module].append(test)
        if outcome is not KILLED:
            self.survivors.append(mutant.name)
            print(f"{outcome}: {mutant.name}", flush=True)


def _killer(source: Source, mutant: Mutant, tests: list[Test], budget_s: float | None) -> str:
    """Name of the first test that fails, or SURVIVED."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        _apply(source, mutant)
    except Exception:
        return BROKEN
    began_s = time.process_time()
    for test in tests:
        if not test.passes():
            return test.name
        if budget_s is not None and time.process_time() - began_s > budget_s:
            break
    return SURVIVED


# --- Exchanging one thing in this process ---------------------------------------------------------


def _apply(source: Source, mutant: Mutant) -> None:
    module = sys.modules[f"chargepoint.evse.{source.module}"]
    code = source.compiled(mutant)
    if mutant.function:
        _function(module, mutant.function).__code__ = _code(code, mutant.function)
        return
    for number, statement in enumerate(source.tree.body):
        if mutant.parent in ast.walk(statement):
            if isinstance(statement, ast.ClassDef):
                _set_default(vars(module)[statement.name], source, mutant)
            else:
                _set_value(vars(module), source, mutant, number)


def _function(module: Any, name: str) -> FunctionType:
    found = module
    for part in name.split("."):
        found = inspect.getattr_static(found, part)
    found = found.fget if isinstance(found, property) else found
    assert isinstance(found, FunctionType)
    return found


def _code(code: CodeType, name: str) -> CodeType:
    for part in name.split("."):
        inner = [const for const in code.co_consts if isinstance(const, CodeType)]
        code = next(const for const in inner if const.co_name == part)
    return code


def _set_value(names: dict[str, Any], source: Source, mutant: Mutant, number: int) -> None:
    """Run the changed assignment again; all who imported the value get the new one."""
    before = {name: value for name, value in names.items() if not name.startswith("__")}
    exec(source.statement(mutant, number), names)
    for name, old in before.items():
        new = names[name]
        if new is old:
            continue
        if isinstance(old, dict):
            old.clear()
            old.update(new)
            names[name] = old
        for module in list(sys.modules.values()):
            room = getattr(module, "__name__", "").startswith(("chargepoint.evse", "tests.evse"))
            if room and vars(module).get(name) is old and not isinstance(old, dict):
                setattr(module, name, new)


def _set_default(kind: type[Any], source: Source, mutant: Mutant) -> None:
    """Another default of a field."""
    assert isinstance(mutant.parent, ast.AnnAssign)
    assert isinstance(mutant.parent.target, ast.Name)
    assert isinstance(mutant.new, ast.expr)
    value = eval(ast.unparse(mutant.new), vars(sys.modules[kind.__module__]))
    named = kind.__init__.__kwdefaults__ or {}
    if mutant.parent.target.id in named:
        named[mutant.parent.target.id] = value
        return
    wanted = list(inspect.signature(kind).parameters)
    defaults = list(kind.__init__.__defaults__ or ())
    defaults[wanted.index(mutant.parent.target.id) - len(wanted)] = value
    kind.__init__.__defaults__ = tuple(defaults)


def main() -> int:
    """Exit code 0: every mutant was noticed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--kind", choices=("tables", "bodies"))
    parser.add_argument("--budget", type=float)
    parser.add_argument("--tests", nargs="*", default=["tests/evse"])
    parser.add_argument("--names", type=Path)
    hypothesis.settings.register_profile("mutation", database=None)
    hypothesis.settings.load_profile("mutation")
    chosen = parser.parse_args()
    runner = Runner(chosen)
    began_s = time.monotonic()
    code = pytest.main(["-q", "-s", "-p", "no:cacheprovider", *chosen.tests], plugins=[runner])
    print(f"\n{dict(runner.counts)} in {time.monotonic() - began_s:.0f} s")
    print(*runner.survivors, sep="\n")
    return int(code) or int(bool(runner.survivors))


if __name__ == "__main__":
    sys.exit(main())
