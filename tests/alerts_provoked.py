"""Each condition of docs/alerts.md provoked by its cause: `python -m tests.alerts_provoked`.

Real programs on the simulator and four real receivers (`alerts_world`), the causes stand in
`alerts_causes`. What was seen raised and cleared goes into `docs/alerts.toml` and from there into
the table of docs/alerts.md; `--table` only writes the table again. Takes some minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chargepoint.catalog import entries
from chargepoint.config.alert_limits import LIMITS
from chargepoint.station.alerts.rules import BY_KIND, RULES, Rules
from hil.stage import StageError
from tests.alerts_causes import CAUSES, HURTFUL
from tests.alerts_world import ROOT, World, world

DOCUMENT = ROOT / "docs" / "alerts.md"
RECORD = ROOT / "docs" / "alerts.toml"
GROUP = 15
"""Conditions for one station: what one leaves behind must not last for all."""

BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


async def provoke(world: World, condition: str) -> dict[str, Any]:
    """What the receivers saw of one condition."""
    cause = CAUSES[condition]
    result: dict[str, Any] = {"cause": cause.said, "raised": [], "cleared": []}
    if not Rules({}).of(condition).ends:
        del result["cleared"]
    try:
        await world.calm(condition)
        await asyncio.to_thread(world.begin)
        await cause.begin(world)
        result["raised"] = sorted(await world.until(condition, "raised", cause.within_s))
        await cause.end(world)
        if "cleared" in result:
            result["cleared"] = sorted(await world.until(condition, "cleared", cause.within_s))
    except (StageError, AssertionError, OSError) as error:
        result["problem"] = str(error).splitlines()[0][:120]
        with contextlib.suppress(Exception):
            await cause.end(world)
    with contextlib.suppress(StageError, AssertionError, OSError):
        await cause.after(world)
        await world.rest()
    return result


def groups(conditions: list[str]) -> Iterator[list[str]]:
    """Those for one station each."""
    wanted = [one for one in conditions if one not in HURTFUL]
    wanted += [one for one in conditions if one in HURTFUL]
    for first in range(0, len(wanted), GROUP):
        yield wanted[first : first + GROUP]


async def run(conditions: list[str]) -> None:
    """Provoke one after another; what was seen is recorded at once."""
    for group in groups(conditions):
        with tempfile.TemporaryDirectory() as directory:
            async with world(Path(directory), group) as found:
                for condition in group:
                    began_s = time.monotonic()
                    result = await provoke(found, condition)
                    _write({condition: result})
                    print(f"{time.monotonic() - began_s:5.1f} s", condition, result, flush=True)


# --- The table ------------------------------------------------------------------------------------


def recorded() -> Mapping[str, Any]:
    return tomllib.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}


def conditions_table() -> str:
    """Every condition with its treatment, the ones of the station first."""
    rules = Rules({})
    lines = ["| condition | severity | held for | gone for | to |", "|---|---|---|---|---|"]
    for one in sorted(RULES, key=lambda one: (entries()[one].kind != "alert", one)):
        rule = rules.of(one)
        roles = ", ".join(sorted(rule.audience - {"csms"})).replace("_", " ")
        held, gone = _time(rule.raise_after_s), _time(rule.clear_after_s)
        lines.append(
            f"| `{one}`: {entries()[one].title} | {rule.severity} | {held} | {gone} | {roles} |"
        )
    for kind, said in (("hazard", "every other hazard"), ("fault", "every fault of a device")):
        row = BY_KIND[kind]
        roles = ", ".join(sorted(row.audience - {"csms"}))
        times = f"{_time(row.raise_after_s)} | {_time(row.clear_after_s)}"
        lines.append(f"| {said} | as the catalogue says | {times} | {roles} |")
    return "\n".join(lines)


def limits_table() -> str:
    """Every limit that can be set."""
    lines = ["| condition | key | usual | from | to |", "|---|---|---|---|---|"]
    for condition, limits in sorted(LIMITS.items()):
        for key, bounds in limits.items():
            usual, least, most = (f"{value:,.10g}" for value in bounds)
            lines.append(f"| `{condition}` | `{key}` | {usual} | {least} | {most} |")
    return "\n".join(lines)


def provoked_table() -> str:
    """What was provoked, and who saw it."""
    lines = ["| condition | provoked by | raised seen on | cleared seen on |", "|---|---|---|---|"]
    for one, row in sorted(recorded().items()):
        raised, cleared = ", ".join(row.get("raised", ())), ", ".join(row.get("cleared", ()))
        if "problem" in row:
            raised = f"not provoked: {row['problem']}"
        ends = Rules({}).of(one).ends
        raised = raised or "not seen"
        lines.append(
            f"| `{one}` | {row['cause']} | {raised} | {cleared if ends else 'by design none'} |"
        )
    return "\n".join(lines)


BLOCKS = {"conditions": conditions_table, "limits": limits_table, "provoked": provoked_table}


def renewed(text: str) -> str:
    """`text` with each generated block as it is now."""
    return BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[3]}", text)


def _time(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _write(results: Mapping[str, Mapping[str, Any]]) -> None:
    kept = {**recorded(), **results}
    lines = []
    for one in sorted(kept):
        lines.append(f"[{one}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in kept[one].items()]
        lines.append("")
    RECORD.write_text("\n".join(lines), "utf-8")


def main(arguments: list[str]) -> None:
    """Provoke the named conditions, or all."""
    if arguments != ["--table"]:
        asyncio.run(run(arguments or list(CAUSES)))
    DOCUMENT.write_text(renewed(DOCUMENT.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
