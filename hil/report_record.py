"""What is kept of runs over time: the worst times of each scenario at each baud rate, as TOML.

A run replaces what was kept of its scenarios at its baud rate, and nothing else. docs/safety.md is
generated from the file (`python -m tests.safety_document`).
"""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hil.report import Run
from hil.scenarios.scenario import Measured
from hil.sim_rig import Outcome

HEAD = """\
# Worst measured times of each scenario of hil/scenarios at each baud rate.
# Written by `python -m hil.run --record`; docs/safety.md is generated from it.
"""
VERDICTS = ("passed", "skipped", "failed", "broken")
"""From the best to the worst."""


def keep(run: Run, path: Path) -> None:
    """Put `run` into the file at `path`, which may not exist yet."""
    kept = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    scenarios: dict[str, dict[str, Any]] = kept.get("scenario", {})
    names = list(dict.fromkeys(outcome.case.name for outcome in run.outcomes))
    for name in names:
        outcomes = [one for one in run.outcomes if one.case.name == name]
        scenarios.setdefault(name, {})[str(run.baud)] = _entry(run, outcomes)
    path.write_text(HEAD + "".join(_scenario(name, scenarios[name]) for name in sorted(scenarios)))


def _entry(run: Run, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    worst = max(outcomes, key=lambda one: VERDICTS.index(one.verdict))
    return {
        "verdict": worst.verdict,
        "detail": worst.detail,
        "runs": len(outcomes),
        "failures": sum(one.verdict in ("failed", "broken") for one in outcomes),
        "date": run.started_at.date().isoformat(),
        "commit": run.commit,
        "host": run.host,
        "load": round(os.getloadavg()[0], 1),
        "time": [_time(one) for one in _worst(one.measured for one in outcomes)],
    }


def _worst(performances: Iterable[Sequence[Measured]]) -> list[Measured]:
    """Of each time that was measured, the worst: missed before met, then the longest."""
    found: dict[tuple[str, int], Measured] = {}
    for measured in performances:
        seen: dict[str, int] = {}
        for one in measured:
            seen[one.what] = seen.get(one.what, 0) + 1
            key = one.what, seen[one.what]
            if key not in found or (not one.met, one.took_s) > (
                not found[key].met,
                found[key].took_s,
            ):
                found[key] = one
    return list(found.values())


def _time(one: Measured) -> dict[str, Any]:
    """Infinite times are left out: it did not come, or there is no limit."""
    fields: dict[str, Any] = {"what": one.what, "clause": one.clause, "met": one.met}
    if math.isfinite(one.took_s):
        fields["took_s"] = round(one.took_s, 4)
    if one.least_s:
        fields["least_s"] = one.least_s
    if math.isfinite(one.limit_s):
        fields["limit_s"] = round(one.limit_s, 4)
    if not one.judged:
        fields["judged"] = False
    return fields


def _scenario(name: str, by_baud: Mapping[str, Mapping[str, Any]]) -> str:
    return "".join(_table(name, baud, by_baud[baud]) for baud in sorted(by_baud, key=int))


def _table(name: str, baud: str, entry: Mapping[str, Any]) -> str:
    lines = [f"\n[scenario.{name}.{baud}]"]
    lines += [f"{key} = {_text(value)}" for key, value in entry.items() if key != "time"]
    lines.append("time = [")
    for time in entry["time"]:
        lines.append(
            "  { " + ", ".join(f"{key} = {_text(value)}" for key, value in time.items()) + " },"
        )
    return "\n".join([*lines, "]", ""])


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
