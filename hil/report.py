"""The report of a run: HTML to read, JSON to keep, JUnit for machines.

Each carries commit, configuration, instruments, and every measured time against its limit and
clause. The HTML page is one file without anything from elsewhere.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hil.scenarios.scenario import Measured
from hil.sim_rig import Outcome

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything that a report says."""

    bench: str
    baud: int
    commit: str
    host: str
    started_at: datetime
    duration_s: float
    configuration: Mapping[str, Any]
    instruments: Mapping[str, str]
    outcomes: list[Outcome]

    def count(self, verdict: str) -> int:
        return sum(outcome.verdict == verdict for outcome in self.outcomes)


def write(run: Run, directory: Path) -> None:
    """`report.html`, `report.json` and `junit.xml` in `directory`."""
    from hil.report_page import page

    (directory / "report.json").write_text(json.dumps(as_json(run), indent=1), "utf-8")
    (directory / "junit.xml").write_bytes(as_junit(run))
    (directory / "report.html").write_text(page(run), "utf-8")


def summary_line(run: Run) -> str:
    """For a terminal."""
    counts = (f"{run.count(word)} {word}" for word in ("passed", "failed", "broken", "skipped"))
    return f"{run.bench}: {', '.join(counts)} in {run.duration_s:.0f} s"


def as_json(run: Run) -> dict[str, Any]:
    return {
        "bench": run.bench,
        "baud": run.baud,
        "commit": run.commit,
        "host": run.host,
        "started_at": run.started_at.isoformat(),
        "duration_s": round(run.duration_s, 1),
        "instruments": dict(run.instruments),
        "configuration": run.configuration,
        "scenarios": [_scenario(outcome) for outcome in run.outcomes],
    }


def _scenario(outcome: Outcome) -> dict[str, Any]:
    case = outcome.case
    return {
        "name": case.name,
        "title": case.title,
        "clause": case.clause,
        "verdict": outcome.verdict,
        "detail": outcome.detail,
        "duration_s": round(outcome.duration_s, 2),
        "measured": [_measured(one) for one in outcome.measured],
        "log": outcome.log,
        "trace": asdict(outcome.trace) if outcome.trace is not None else None,
    }


def _measured(one: Measured) -> dict[str, Any]:
    """Infinite times are null: it did not come, or there is no limit."""
    return {
        "what": one.what,
        "took_s": _finite(one.took_s),
        "doubt_s": round(one.doubt_s, 4),
        "least_s": one.least_s,
        "limit_s": _finite(one.limit_s),
        "clause": one.clause,
        "judged": one.judged,
        "met": one.met,
    }


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def as_junit(run: Run) -> bytes:
    """One test case for each scenario."""
    suite = ElementTree.Element(
        "testsuite",
        name=f"hil {run.bench}",
        tests=str(len(run.outcomes)),
        failures=str(run.count("failed")),
        errors=str(run.count("broken")),
        skipped=str(run.count("skipped")),
        time=f"{run.duration_s:.1f}",
        timestamp=run.started_at.isoformat(timespec="seconds"),
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("commit", run.commit), ("host", run.host), ("baud", str(run.baud))):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    for outcome in run.outcomes:
        _junit_case(suite, outcome)
    ElementTree.indent(suite)
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


def _junit_case(suite: ElementTree.Element, outcome: Outcome) -> None:
    element = ElementTree.SubElement(
        suite,
        "testcase",
        classname="hil",
        name=outcome.case.name,
        time=f"{outcome.duration_s:.2f}",
    )
    kinds = {"failed": "failure", "broken": "error", "skipped": "skipped"}
    if outcome.verdict in kinds:
        ElementTree.SubElement(element, kinds[outcome.verdict], message=outcome.detail)
    lines = [f"{one.what}: {words(one)} ({one.clause})" for one in outcome.measured]
    ElementTree.SubElement(element, "system-out").text = "\n".join(lines)


def words(one: Measured) -> str:
    """A measured time and its limits, as text."""
    took = f"{one.took_s:.3f} s" if math.isfinite(one.took_s) else "not seen"
    if one.doubt_s:
        took += f" ± {one.doubt_s:.3f} s"
    limits = []
    if one.least_s:
        limits.append(f"≥ {one.least_s:g} s")
    if math.isfinite(one.limit_s):
        limits.append(f"≤ {one.limit_s:g} s")
    return f"{took}, {' and '.join(limits)}"


def commit() -> str:
    """The commit of the sources, with a + when something is changed; empty without git."""
    try:
        found = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found + ("+" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def host() -> str:
    """What it ran on: machine, processors, system, Python."""
    parts = (platform.machine(), f"{os.cpu_count()} CPUs", platform.system())
    return ", ".join((*parts, f"Python {platform.python_version()}"))
