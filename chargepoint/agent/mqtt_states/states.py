"""What stands under which topic: a pure function of the station's status.

One plain value per topic, in the units of the program. What is not known is `None`, the word that
Home Assistant takes for it too. *Steady* values change all the time and are published now and then;
all others at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from chargepoint.agent.mqtt.topics import Topics
from chargepoint.agent.notify.mqtt import summary
from chargepoint.ipc.service import EvseStatus, StationStatus

UNKNOWN = "None"
NO_FAULT = "none"
STEADY = frozenset({"power", "energy", "session_energy", "current", "temperature"})
"""Those of an EVSE that change steadily."""


class State(msgspec.Struct, frozen=True):
    payload: str
    steady: bool = False


def states(status: StationStatus, topics: Topics) -> dict[str, State]:
    """Topic -> what stands there now."""
    found = {topics.station(name): State(value) for name, value in _station(status)}
    for evse in status.evses:
        for name, value in _evse(evse):
            found[topics.evse(evse.evse, name)] = State(value, name in STEADY)
    return found


def _station(status: StationStatus) -> Iterator[tuple[str, str]]:
    yield "csms", status.csms.state
    yield "records_waiting", str(status.ledger.waiting)
    yield "records_refused", str(status.ledger.quarantined)
    yield "alerts/open", summary(status.alerts)
    yield "version", status.version


def _evse(evse: EvseStatus) -> Iterator[tuple[str, str]]:
    control, meter = evse.control, evse.meter
    yield "state", evse.state
    yield "fault", evse.fault or NO_FAULT
    yield "power", _whole(None if meter is None else meter.power_w)
    yield "energy", _whole(None if meter is None else meter.energy_import_wh)
    yield "current", _tenths(max(meter.current_a) if meter and meter.current_a else None)
    running = evse.transaction
    yield "session_energy", "0" if running is None else _whole(running.energy_wh)
    yield "offered", _tenths(None if control is None else control.offered_a)
    yield "limit", _tenths(None if control is None else control.limit_a)
    yield "limited_by", UNKNOWN if control is None else control.limited_by
    yield "temperature", _tenths(None if control is None else control.temperature_c)
    yield "enabled", "ON" if evse.enabled else "OFF"
    yield "local_limit", _tenths(evse.local_limit_a)


def _whole(value: float | None) -> str:
    return UNKNOWN if value is None else str(round(value))


def _tenths(value: float | None) -> str:
    return UNKNOWN if value is None else f"{round(value, 1):g}"
