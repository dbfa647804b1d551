"""`chargepoint watch`: what the safety program does, as it happens.

On a terminal, with the extra `tui`, it is a full screen (`cli.watch_screen`); else line by line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import click
import msgspec

from chargepoint.catalog import entries
from chargepoint.cli.legible import cleaned
from chargepoint.cli.station import chosen_bus, config_option, fail, json_option, loaded
from chargepoint.cli.status import condition
from chargepoint.ipc import messages as m
from chargepoint.ipc.client import ControlClient, Unreachable

INDENT = " " * len("00:00:00  ")
"""Further lines of one fact stand below the first, right of its time."""

QUIET = (m.Observed, m.Health, m.Snapshot, m.Measured)
"""Facts that come too often to be a story; shown with --all."""


@click.command()
@config_option
@click.option("--bus", help="Safety bus; needed when there is more than one.")
@click.option("--all", "everything", is_flag=True, help="Also meter readings, states and health.")
@click.option("--lines", is_flag=True, help="Line by line also on a terminal.")
@json_option
def watch(config_path: str, bus: str | None, everything: bool, lines: bool, as_json: bool) -> None:
    """Follow what happens at the charger until interrupted: a full screen, or line by line.

    The screen needs a terminal and the extra `tui` (pip install 'chargepoint[tui]'); in a pipe,
    with --json, --all, --bus or --lines, it is one line per event. It only listens: nothing that it
    does can disturb the station.
    """
    config = loaded(config_path)
    if not (as_json or everything or lines or bus) and sys.stdout.isatty() and _has_screen():
        from chargepoint.cli.watch_screen import run

        run(config)
        return
    name = chosen_bus(config, bus)
    try:
        with ControlClient(config.control_socket(name), "watch", observer=True) as client:
            limits = Limits()
            for fact in client.facts():
                news = limits.news(fact)
                if isinstance(fact, QUIET) and not (everything or news):
                    continue
                click.echo(msgspec.json.encode(fact).decode() if as_json else line(cleaned(fact)))
        fail(f"the safety program of bus {name} has gone")
    except Unreachable as error:
        fail(f"the safety program of bus {name} does not answer: {error}")
    except KeyboardInterrupt:
        pass


def _has_screen() -> bool:
    """Whether the extra is installed."""
    return find_spec("textual") is not None


class Limits:
    """What binds each EVSE, so that of all that is observed only its change is told."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, str, int]] = {}

    def news(self, fact: m.Fact) -> bool:
        """Whether `fact` shows another limit, reason or number of phases, or is the first look."""
        if not isinstance(fact, m.Observed | m.Snapshot):
            return False
        evses = fact.evses if isinstance(fact, m.Snapshot) else (fact.evse,)
        found = {evse.evse: (evse.limit_a, evse.limited_by, evse.phases) for evse in evses}
        changed = any(self._known.get(evse) != limit for evse, limit in found.items())
        self._known |= found
        return changed


def line(fact: m.Fact) -> str:
    """`fact` as one line for a person."""
    text = STORIES[type(fact)](fact) if type(fact) in STORIES else _plain(fact)
    age_s = time.monotonic() - fact.at_s if fact.at_s else 0.0
    at = time.strftime("%H:%M:%S", time.localtime(time.time() - age_s))
    return f"{at}  {text}"


def _plain(fact: m.Fact) -> str:
    values = msgspec.to_builtins(fact)
    rest = " ".join(
        f"{key}={value}" for key, value in values.items() if key not in ("type", "seq", "at_s")
    )
    return f"{type(fact).__name__} {rest}"


def _hazard(fact: m.HazardRaised) -> str:
    entry = entries().get(fact.hazard)
    title = entry.title if entry else fact.hazard
    colour = "red" if entry is None or entry.stops else "yellow"
    kept = ", kept over restarts" if fact.persists else ""
    return (
        click.style(f"EVSE {fact.evse}  {title}", fg=colour)
        + f" ({fact.hazard}: {fact.detail}{kept})"
    )


def _observed(evse: m.EvseSnapshot) -> str:
    hazards = f"; {', '.join(evse.hazards)}" if evse.hazards else ""
    return f"EVSE {evse.evse}  {condition(evse)}{hazards}"


def _rcd_tested(fact: m.RcdTested) -> str:
    outcome = click.style("passed", fg="green") if fact.passed else click.style("failed", fg="red")
    return f"EVSE {fact.evse}  RCD self-test {outcome} ({fact.detail})"


STORIES: dict[type[m.Fact], Callable[[Any], str]] = {
    m.Booted: lambda f: "the safety program has started; all contactors open",
    m.PilotChanged: lambda f: (
        f"EVSE {f.evse}  pilot {f.before.value if f.before else '?'} → {f.pilot.value}"
    ),
    m.ContactorClosed: lambda f: click.style(f"EVSE {f.evse}  contactor closed", fg="green"),
    m.ContactorOpened: lambda f: (
        f"EVSE {f.evse}  contactor opened ({f.cause.value}{', under load' if f.under_load else ''})"
    ),
    m.Snapshot: lambda f: f"\n{INDENT}".join(_observed(evse) for evse in f.evses),
    m.Observed: lambda f: _observed(f.evse),
    m.HazardRaised: _hazard,
    m.HazardCleared: lambda f: click.style(f"EVSE {f.evse}  cleared: {f.hazard}", fg="green"),
    m.LeaseExpired: lambda f: click.style(f"EVSE {f.evse}  {f.lease} lease expired", fg="yellow"),
    m.RcdTested: _rcd_tested,
    m.TokenRead: lambda f: f"token on reader {f.reader}",
    m.DeviceLost: lambda f: click.style(f"{f.device} lost: {f.detail}", fg="red"),
    m.DeviceBack: lambda f: click.style(f"{f.device} is back after {f.lost_s:.1f} s", fg="green"),
}
