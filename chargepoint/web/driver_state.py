"""What a charging place is to a driver: one of a dozen states, read from a table.

The connector state of OCPP 1.6 decides; what the safety program says of the plug tells apart what
that lumps together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from chargepoint.ipc.service import EvseStatus

State = Literal[
    "free",
    "reserved",
    "awaited",
    "plugged",
    "approved",
    "charging",
    "paused_by_car",
    "paused_by_station",
    "finished",
    "occupied",
    "out_of_order",
    "unavailable",
    "starting",
    "unknown",
]
Tone = Literal["good", "busy", "waits", "bad", "off"]

# fmt: off
TONES: dict[State, Tone] = {
    "free":              "good",
    "reserved":          "waits",
    "awaited":           "good",
    "plugged":           "waits",
    "approved":          "waits",
    "charging":          "busy",
    "paused_by_car":     "waits",
    "paused_by_station": "waits",
    "finished":          "waits",
    "occupied":          "waits",
    "out_of_order":      "bad",
    "unavailable":       "off",
    "starting":          "off",
    "unknown":           "off",
}
BY_APP = frozenset({"free", "reserved", "plugged", "charging", "occupied"})
"""States in which a driver is sent to the card reader, or to an app where there is none."""


def _plugged(evse: EvseStatus) -> bool:
    return evse.control is not None and evse.control.connected


def _approved(evse: EvseStatus) -> bool:
    return evse.transaction is not None or _waits_for(evse, "switching", "meter_awaited")


def _waits_for(evse: EvseStatus, *reasons: str) -> bool:
    return any(reason.id in reasons for reason in evse.reasons)


def _energy_flowed(evse: EvseStatus) -> bool:
    """In this plug-in, or there was a transaction just now."""
    control = evse.control
    ended = control is not None and control.stop_cause is not None
    return ended or evse.transaction is not None or _waits_for(evse, "unplug")


Rule = tuple[str, Callable[[EvseStatus], bool], State]
RULES: tuple[Rule, ...] = (
    # connector state   and                                          is to a driver
    ("Faulted",         lambda e: True,                              "out_of_order"),
    ("Unavailable",     lambda e: _waits_for(e, "control_lost", "starting"), "starting"),
    ("Unavailable",     lambda e: e.control is None,                 "starting"),
    ("Unavailable",     lambda e: True,                              "unavailable"),
    ("Charging",        lambda e: True,                              "charging"),
    ("SuspendedEV",     lambda e: True,                              "paused_by_car"),
    ("SuspendedEVSE",   lambda e: True,                              "paused_by_station"),
    ("Preparing",       lambda e: not _plugged(e),                   "awaited"),
    ("Preparing",       _approved,                                   "approved"),
    ("Preparing",       lambda e: True,                              "plugged"),
    ("Finishing",       _energy_flowed,                              "finished"),
    ("Finishing",       lambda e: True,                              "occupied"),
    ("Reserved",        lambda e: True,                              "reserved"),
    ("Available",       lambda e: True,                              "free"),
)
# fmt: on


def state_of(evse: EvseStatus) -> State:
    """The first rule that holds; `unknown` for a connector state that no driver can read."""
    found = (state for named, holds, state in RULES if named == evse.state and holds(evse))
    return next(found, "unknown")
