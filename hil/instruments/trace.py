"""The curves of one scenario, from what the recorder saw: seconds from its begin, and values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hil.instruments.recorder import Event, Recorder

Points = list[tuple[float, float]]

# fmt: off
WORDS = {  #  events worth a line in the report
    "plugged_in":          "plugged in",
    "unplugged":           "unplugged",
    "vehicle_changed":     "vehicle: {request}, {current_a:g} A",
    "pilot_commanded":     "wire: pilot {duty_ratio:.2%}",
    "contactor_commanded": "wire: contactor {closed}",
    "lock_commanded":      "wire: lock {locked}",
    "contactor_closed":    "contact closed",
    "contactor_opened":    "contact open",
    "board_opened_alone":  "board opened by itself",
    "s2_closed":           "S2 closed",
    "s2_opened":           "S2 opened",
    "pilot_changed":       "pilot {before} → {pilot_state}",
    "fault_set":           "fault set: {fault}",
    "fault_cleared":       "fault cleared: {fault}",
    "grid_changed":        "mains {supply}",
}
# fmt: on
STEPS = ("pilot_commanded", "pilot_changed")
"""Events at which pilot and offer change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Curves of one EVSE. Steps and contacts hold until the next point."""

    duration_s: float
    high_v: Points
    low_v: Points
    offered_a: Points
    current_a: Points
    contact: Points
    """1 closed, 0 open: the main contact."""
    command: Points
    """The same for the commands that arrived at the board."""
    events: list[tuple[float, str]]


def trace(recorder: Recorder, evse: int, begin_s: float) -> Trace:
    """What was recorded of `evse` since `begin_s`."""
    samples = [one for one in recorder.samples() if one["now_s"] >= begin_s]
    events = [one for one in recorder.events(begin_s) if one.evse in (evse, None)]
    end_s = max([begin_s, *(one["now_s"] for one in samples), *(one.at_s for one in events)])

    def curve(value: Callable[[dict[str, Any]], float]) -> Points:
        found = ((one["now_s"] - begin_s, value(one["evse"][str(evse)])) for one in samples)
        return _thinned(found)

    def steps(value: Callable[[dict[str, Any]], float]) -> Points:
        instants_s = [one.at_s - begin_s for one in events if one.type in STEPS]
        return _stepped(curve(value), instants_s)

    first = samples[0]["evse"][str(evse)] if samples else {}
    return Trace(
        duration_s=round(end_s - begin_s, 3),
        high_v=steps(lambda one: float(one["pilot_high_v"])),
        low_v=steps(lambda one: float(one["pilot_low_v"])),
        offered_a=steps(lambda one: float(one["offered_a"])),
        current_a=curve(lambda one: float(max(one["current_a"]))),
        contact=_contact(events, bool(first.get("contactor_closed")), begin_s),
        command=_command(events, begin_s),
        events=[(round(one.at_s - begin_s, 4), _words(one)) for one in events if one.type in WORDS],
    )


def _thinned(points: Iterable[tuple[float, float]]) -> Points:
    """Without the middle ones of three equal values."""
    kept: Points = []
    for at_s, value in points:
        if len(kept) > 1 and kept[-1][1] == kept[-2][1] == value:
            kept.pop()
        kept.append((round(at_s, 3), round(value, 3)))
    return kept


def _stepped(points: Points, instants_s: list[float]) -> Points:
    """Points that hold until the next, which moves to the event that lies in between."""
    stepped: Points = []
    for at_s, value in points:
        if stepped and value != stepped[-1][1]:
            before_s = stepped[-1][0]
            at_s = max([one for one in instants_s if before_s < one <= at_s], default=at_s)
            stepped.append((round(at_s, 4), stepped[-1][1]))
        stepped.append((round(at_s, 4), value))
    return stepped


def _contact(events: list[Event], closed: bool, begin_s: float) -> Points:
    moves = {"contactor_closed": 1.0, "contactor_opened": 0.0}
    found = [(one.at_s - begin_s, moves[one.type]) for one in events if one.type in moves]
    return [(0.0, float(closed)), *((round(at_s, 4), value) for at_s, value in found)]


def _command(events: list[Event], begin_s: float) -> Points:
    told = [one for one in events if one.type == "contactor_commanded"]
    moves = [(round(one.at_s - begin_s, 4), float(one.fields["closed"])) for one in told]
    return [(0.0, 0.0), *moves]


def _words(event: Event) -> str:
    fields = dict(event.fields)
    if "closed" in fields:
        fields["closed"] = "close" if fields["closed"] else "open"
    if "locked" in fields:
        fields["locked"] = "lock" if fields["locked"] else "free"
    return WORDS[event.type].format(**fields)
