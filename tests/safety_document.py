"""The tables of docs/safety.md: `python -m tests.safety_document`.

Rows are those of hil/scenarios/coverage.py, reactions those of the hazard table that runs, times
those that `python -m hil.run --record docs/safety.toml` has measured, and tests those of tests/
that name the hazard in their code or the sequence in their docstring.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chargepoint.evse.hazards import HAZARDS, Hazard
from hil.scenarios import coverage
from hil.scenarios.coverage import Shown
from hil.scenarios.plan import CASES

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "safety.md"
RECORD = ROOT / "docs" / "safety.toml"
BAUDS = ("9600", "19200", "115200")
READ = ("evse", "control", "sim")
"""Folders of tests that are read, the nearest to the rule first."""
NAMES_MAX = 4
SEQUENCE = re.compile(r"\b[Ss]equences? (\d+(?:\.\d)?(?:(?:, | and )\d+(?:\.\d)?)*)")
PLANT = re.compile(r"; the plant shows .*?(?=; the station told|$)")
"""The state of the plant in the words of a failure."""
NUMBER = re.compile(r"\d+(?:\.\d)?")

Record = Mapping[str, Mapping[str, Any]]


def renewed(text: str) -> str:
    """`text` with each generated block as code, record and tests have it now."""
    record = tomllib.loads(RECORD.read_text("utf-8"))["scenario"]
    block = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return block.sub(lambda found: f"{found[1]}{BLOCKS[found[2]](record)}\n{found[3]}", text)


def block(text: str, name: str) -> str:
    """What stands in one generated block of `text`."""
    found = re.search(rf"<!-- generated: {name} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert found is not None, name
    return found[1]


# --- Tables ---------------------------------------------------------------------------------------


def sequences(record: Record) -> str:
    head = ("clause", "what", "source", "scenario", "limit", *map(_grouped, BAUDS), "verdict")
    return _table(
        head,
        (
            (row.clause, row.title, row.source, f"`{row.scenario}`", *_times(row, record))
            for row in coverage.SEQUENCES
        ),
    )


def hazards(record: Record) -> str:
    head = (
        *("hazard", "caused by", "reaction", "source", "scenario"),
        *("limit", *map(_grouped, BAUDS), "verdict"),
    )
    rows = sorted(coverage.HAZARDS, key=lambda row: list(HAZARDS).index(row.clause))
    return _table(
        head,
        (
            (
                f"`{row.clause}`",
                row.title,
                _reaction(HAZARDS[row.clause]),
                row.source,
                f"`{row.scenario}`",
                *_times(row, record),
            )
            for row in rows
        ),
    )


def unplayed(record: Record) -> str:
    return _table(("sequence or hazard", "why no scenario shows it"), coverage.UNPLAYED.items())


def failures(record: Record) -> str:
    """Every scenario that did not pass, with what the run said."""
    found = [
        (
            f"`{name}`",
            _grouped(baud),
            f"{entry['failures']} of {entry['runs']}",
            PLANT.sub("", entry["detail"]).partition("\n")[0],
        )
        for name, by_baud in record.items()
        for baud, entry in by_baud.items()
        if entry["verdict"] != "passed"
    ]
    if not found:
        return "None."
    return _table(("scenario", "baud", "failed", "what was missed"), found)


def runs(record: Record) -> str:
    """What was measured where and when."""
    found: defaultdict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for by_baud in record.values():
        for baud, entry in by_baud.items():
            key = baud, entry["date"], entry["commit"], entry["host"]
            found[key].append(entry)
    rows = sorted(found.items(), key=lambda item: (int(item[0][0]), item[0]))
    return _table(
        ("baud", "date", "commit", "machine", "load", "scenarios", "plays"),
        (
            (
                *(_grouped(baud), *rest),
                f"{max(entry['load'] for entry in entries):g}",
                str(len(entries)),
                str(sum(entry["runs"] for entry in entries)),
            )
            for (baud, *rest), entries in rows
        ),
    )


def tests(record: Record) -> str:
    """Test functions by hazard and by sequence."""
    hazards_of, sequences_of = named_tests()
    whole = set.intersection(*(set(found) for found in hazards_of.values()))
    rows = [("every hazard", _names(sorted(whole)))]
    rows += [
        (f"`{name}`", _names([test for test in hazards_of.get(name, []) if test not in whole]))
        for name in HAZARDS
    ]
    rows += [
        (f"sequence {number}", _names(found))
        for number, found in sorted(sequences_of.items(), key=lambda item: float(item[0]))
    ]
    return _table(("hazard or sequence", "tests"), rows)


BLOCKS = {
    "runs": runs,
    "sequences": sequences,
    "hazards": hazards,
    "unplayed": unplayed,
    "failures": failures,
    "tests": tests,
}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


# --- Times ----------------------------------------------------------------------------------------


def _times(row: Shown, record: Record) -> tuple[str, ...]:
    """Limit, the worst time at each rate, and the verdict over them."""
    found = {baud: _time(row, record, baud) for baud in BAUDS}
    known = [one for one in found.values() if one is not None]
    limit = _limit(known[0]) if known else ""
    missed = [baud for baud in BAUDS if (one := found[baud]) is not None and not one["met"]]
    return limit, *(_cell(found[baud]) for baud in BAUDS), _verdict(known, missed)


def _time(row: Shown, record: Record, baud: str) -> Mapping[str, Any] | None:
    entry = record.get(row.scenario, {}).get(baud)
    if entry is None:
        return None
    return next((one for one in entry["time"] if one["what"] == row.what), {"met": False})


def _limit(time: Mapping[str, Any]) -> str:
    least_s, limit_s = time.get("least_s"), time.get("limit_s")
    if limit_s is None:
        return f"for {least_s:g} s" if least_s else ""
    return f"{least_s:.4g} to {limit_s:.4g} s" if least_s else f"≤ {limit_s:.4g} s"


def _cell(time: Mapping[str, Any] | None) -> str:
    if time is None:
        return "–"
    took_s = time.get("took_s")
    if "least_s" in time and "limit_s" not in time:
        return "held" if time["met"] else "**not held ✗**"
    digits = 3 if took_s is None or took_s < 10 or not time["met"] else 1
    text = "not seen" if took_s is None else f"{took_s:.{digits}f}"
    return text if time["met"] else f"**{text} ✗**"


def _verdict(known: Sequence[Mapping[str, Any]], missed: Sequence[str]) -> str:
    if not known:
        return "not measured"
    goal = "goal, " if not known[0].get("judged", True) else ""
    if not missed:
        return f"{goal}met"
    return f"{goal}**missed** at " + ", ".join(map(_grouped, missed))


def _reaction(hazard: Hazard) -> str:
    hold = f"`{hazard.hold_s}`" if isinstance(hazard.hold_s, str) else f"{hazard.hold_s:g} s"
    return hazard.reaction.value if hold == "0 s" else f"{hazard.reaction.value} after {hold}"


def _grouped(baud: str) -> str:
    return f"{int(baud):,}"


# --- Tests ----------------------------------------------------------------------------------------


def named_tests() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Names of test functions by hazard, and by sequence of Annex A; those of one thing first."""
    by_hazard: defaultdict[str, list[str]] = defaultdict(list)
    by_sequence: defaultdict[str, list[str]] = defaultdict(list)
    for test, strings, text in sorted(_functions(), key=lambda one: len(one[1] & set(HAZARDS))):
        for hazard in strings & set(HAZARDS):
            by_hazard[hazard].append(test)
        for numbers in SEQUENCE.findall(text):
            for number in NUMBER.findall(numbers):
                by_sequence[number].append(test)
    return dict(by_hazard), dict(by_sequence)


def _functions() -> Iterator[tuple[str, set[str], str]]:
    """Name, strings in code and in the constants that it uses, and docstring of each test."""
    for folder in READ:
        for path in sorted((ROOT / "tests" / folder).rglob("test_*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            constants = dict(_constants(tree))
            for node in tree.body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    used = [constants.get(name, set()) for name in _used(node)]
                    yield node.name, _strings(node).union(*used), ast.get_docstring(node) or ""


def _constants(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, _strings(node)


def _strings(node: ast.AST) -> set[str]:
    return {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def _used(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _names(found: Sequence[str]) -> str:
    """The first few names, without their `test_`."""
    unique = list(dict.fromkeys(found))
    shown = ", ".join(f"`{name.removeprefix('test_')}`" for name in unique[:NAMES_MAX])
    more = len(unique) - NAMES_MAX
    return (shown + (f" and {more} more" if more > 0 else "")) or "–"


def unknown_times(record: Record) -> list[tuple[str, str, str]]:
    """Rows whose time is not among those that their scenario measured when it passed."""
    return [
        (row.scenario, baud, row.what)
        for row in (*coverage.SEQUENCES, *coverage.HAZARDS)
        for baud, entry in record.get(row.scenario, {}).items()
        if entry["verdict"] == "passed" and row.what not in {time["what"] for time in entry["time"]}
    ]


def unknown_scenarios(record: Record) -> set[str]:
    """What is in the record and not in the plan any more."""
    return set(record) - set(CASES)


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text("utf-8")), encoding="utf-8")
