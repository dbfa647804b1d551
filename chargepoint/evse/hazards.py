"""What forbids or limits energy, and what it takes to lift it again.

One table: a row per hazard of the catalogue. A row's detection (in `detect`) says what is wrong
*now*; `Hazards` adds time: how long it must be so before it counts, and what must happen before it
is over. The rest of the room asks only for the result: which hazards are active, must the contactor
open at once, may it be closed at all.

Sources: IEC 61851-1 as cited in docs/iec61851.md, and the ChargeX fault list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from chargepoint.evse.detect.contactor import (
    contactor_driven,
    contactor_not_closing,
    contactor_opened_alone,
    contactor_welded,
    output_live,
    phase_switch_stuck,
)
from chargepoint.evse.detect.mains import (
    frequency_out_of_range,
    over_voltage,
    phase_missing,
    phase_rotation_wrong,
    under_voltage,
)
from chargepoint.evse.detect.station import (
    board_lost,
    board_refused,
    breaker_tripped,
    door_open,
    emergency_stopped,
    over_temperature,
    overheated,
    pe_lost,
    rcd_test_failed,
    rcd_tripped,
    reading_stale,
    temperature_high,
    temperature_raised,
    temperature_sensor_lost,
    tilted,
    watchdog_tripped,
    water_detected,
)
from chargepoint.evse.detect.vehicle import (
    cable_cut,
    connector_not_locked,
    diode_missing,
    lock_opened,
    lock_stuck,
    over_current,
    pilot_out_of_range,
    pilot_shorted,
    proximity_invalid,
    simplified_pilot,
    ventilation_missing,
)
from chargepoint.evse.observation import BoardLevel, Detection, Observation, reported
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.words import said, words
from chargepoint.ipc.messages import Said
from hal.values import PilotState

__all__ = ["HAZARDS", "BoardLevel", "Change", "Hazard", "Hazards", "Observation", "Reaction"]

DAY_S = 86_400.0
BY_BOARD = said("by_board")


class Reaction(Enum):
    """What an active hazard does. OPEN and STOP also keep an open contactor open."""

    OPEN = "open"
    """Open now, whatever the vehicle draws."""
    STOP = "stop"
    """Orderly: oscillator off, the vehicle may ramp down, then open."""
    LIMIT = "limit"
    """Less current is offered."""
    WARN = "warn"
    """Told, nothing more."""


class Reset(Enum):
    """What lifts a hazard whose cause is gone. `ResetHazard` lifts any of them then."""

    GOOD = "good"
    """By itself, when it was good for long enough."""
    UNPLUGGED = "unplugged"
    """State A."""
    NEW_LEAVE = "new leave"
    """State A, or the permission has ended: releasing a button must not start a charge."""
    SERVICE = "service"
    """Only `ResetHazard`."""


Seconds = float | str
"""A number, or the name of the setting that has it. `retry_waits_s` grows from time to time."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """One row of the table."""

    detect: Detection
    """Its name is the id of the hazard in the catalogue."""
    reaction: Reaction
    hold_s: Seconds
    """It must be so for this long before it counts."""
    reset: Reset
    good_s: Seconds
    """It must be good for this long before `reset` may lift it."""
    attempts: int | None
    """How often `reset` may lift it (in a plug-in, or in a day before SERVICE); None: always."""
    then: Reset
    """What it takes after that."""
    shows_fault: bool
    """The vehicle is shown state F for a moment (with `signal_fault`)."""
    persists: bool = False
    """It outlives a restart of the program."""

    @property
    def id(self) -> str:
        """Id in the catalogue."""
        return self.detect.__name__

    @property
    def inhibits(self) -> bool:
        """No energy while it is active."""
        return self.reaction in (Reaction.OPEN, Reaction.STOP)


def board_fault(o: Observation, _: EvseSettings) -> Said | None:
    """What the board reports and the table does not know by name."""
    faults = reported(o).difference(HAZARDS)
    return said("board_reports", faults=", ".join(sorted(faults))) if faults else None


def _table(*rows: Hazard) -> dict[str, Hazard]:
    return {row.id: row for row in rows}


_OPEN, _STOP, _LIMIT, _WARN = Reaction.OPEN, Reaction.STOP, Reaction.LIMIT, Reaction.WARN
_GOOD, _PLUG, _LEAVE, _SERVICE = Reset.GOOD, Reset.UNPLUGGED, Reset.NEW_LEAVE, Reset.SERVICE
_ALL, _KEPT = None, True
_GRACE, _SAG = "over_current_grace_s", "under_voltage_hold_s"
_RETRY, _CALM = "retry_waits_s", "mains_good_s"

# fmt: off
HAZARDS: dict[str, Hazard] = _table(
    #      detection               reaction hold s  reset     good s   tries then      shows F
    Hazard(emergency_stopped,      _OPEN,  0.0,    _LEAVE,   1.0,     _ALL, _LEAVE,   True),
    Hazard(rcd_tripped,            _OPEN,  0.0,    _PLUG,    1.0,     3,    _SERVICE, True),
    Hazard(rcd_test_failed,        _OPEN,  0.0,    _GOOD,    0.0,     3,    _SERVICE, False),
    Hazard(breaker_tripped,        _OPEN,  0.0,    _SERVICE, 0.0,     _ALL, _SERVICE, True,  _KEPT),
    Hazard(pe_lost,                _OPEN,  0.0,    _GOOD,    60.0,    _ALL, _GOOD,    True),
    Hazard(contactor_welded,       _OPEN,  0.0,    _SERVICE, 0.0,     _ALL, _SERVICE, True,  _KEPT),
    Hazard(contactor_driven,       _OPEN,  0.0,    _GOOD,    _RETRY,  3,    _SERVICE, True),
    Hazard(output_live,            _OPEN,  0.5,    _SERVICE, 0.0,     _ALL, _SERVICE, True,  _KEPT),
    Hazard(contactor_not_closing,  _OPEN,  0.0,    _GOOD,    _RETRY,  3,    _PLUG,    False),
    Hazard(contactor_opened_alone, _OPEN,  0.1,    _GOOD,    _RETRY,  3,    _PLUG,    False),
    Hazard(phase_switch_stuck,     _OPEN,  0.5,    _GOOD,    _RETRY,  3,    _SERVICE, False),
    Hazard(pilot_shorted,          _OPEN,  0.06,   _PLUG,    0.0,     _ALL, _PLUG,    False),
    Hazard(pilot_out_of_range,     _OPEN,  0.06,   _PLUG,    0.0,     _ALL, _PLUG,    False),
    Hazard(diode_missing,          _OPEN,  0.0,    _PLUG,    0.0,     _ALL, _PLUG,    True),
    Hazard(simplified_pilot,       _STOP,  0.0,    _PLUG,    0.0,     _ALL, _PLUG,    False),
    Hazard(proximity_invalid,      _OPEN,  0.5,    _PLUG,    0.0,     _ALL, _PLUG,    False),
    Hazard(cable_cut,              _OPEN,  0.2,    _SERVICE, 0.0,     _ALL, _SERVICE, False, _KEPT),
    Hazard(connector_not_locked,   _OPEN,  0.0,    _PLUG,    0.0,     _ALL, _PLUG,    False),
    Hazard(lock_opened,            _OPEN,  0.02,   _PLUG,    0.0,     _ALL, _PLUG,    False),
    Hazard(lock_stuck,             _WARN,  0.0,    _GOOD,    0.0,     _ALL, _GOOD,    False),
    Hazard(ventilation_missing,    _OPEN,  0.0,    _GOOD,    _RETRY,  3,    _PLUG,    False),
    Hazard(over_current,           _STOP,  _GRACE, _PLUG,    0.0,     _ALL, _PLUG,    False),
    Hazard(over_voltage,           _OPEN,  1.5,    _GOOD,    _CALM,   _ALL, _GOOD,    False),
    Hazard(under_voltage,          _STOP,  _SAG,   _GOOD,    _CALM,   _ALL, _GOOD,    False),
    Hazard(frequency_out_of_range, _STOP,  3.0,    _GOOD,    _CALM,   _ALL, _GOOD,    False),
    Hazard(phase_missing,          _WARN,  3.0,    _GOOD,    10.0,    _ALL, _GOOD,    False),
    Hazard(phase_rotation_wrong,   _WARN,  3.0,    _GOOD,    10.0,    _ALL, _GOOD,    False),
    Hazard(overheated,             _OPEN,  1.0,    _GOOD,    60.0,    _ALL, _GOOD,    False),
    Hazard(over_temperature,       _STOP,  1.0,    _GOOD,    10.0,    _ALL, _GOOD,    False),
    Hazard(temperature_high,       _LIMIT, 1.0,    _GOOD,    10.0,    _ALL, _GOOD,    False),
    Hazard(temperature_raised,     _WARN,  1.0,    _GOOD,    10.0,    _ALL, _GOOD,    False),
    Hazard(temperature_sensor_lost, _LIMIT, 0.0,   _GOOD,    10.0,    _ALL, _GOOD,    False),
    Hazard(tilted,                 _OPEN,  0.5,    _SERVICE, 0.0,     _ALL, _SERVICE, True,  _KEPT),
    Hazard(door_open,              _OPEN,  0.5,    _LEAVE,   10.0,    _ALL, _LEAVE,   True),
    Hazard(water_detected,         _OPEN,  0.0,    _SERVICE, 0.0,     _ALL, _SERVICE, True,  _KEPT),
    Hazard(reading_stale,          _OPEN,  0.0,    _GOOD,    1.0,     _ALL, _GOOD,    False),
    Hazard(board_lost,             _OPEN,  0.0,    _GOOD,    1.0,     _ALL, _GOOD,    False),
    Hazard(board_refused,          _OPEN,  0.0,    _GOOD,    1.0,     _ALL, _GOOD,    False),
    Hazard(watchdog_tripped,       _OPEN,  0.0,    _GOOD,    5.0,     _ALL, _GOOD,    False),
    Hazard(board_fault,            _OPEN,  0.0,    _GOOD,    30.0,    _ALL, _GOOD,    True),
)
# fmt: on


def seconds(value: Seconds, settings: EvseSettings, lifted: int = 0) -> float:
    """The number that a cell of the table stands for, after `lifted` earlier retries."""
    if not isinstance(value, str):
        return value
    found: float | tuple[float, ...] = getattr(settings, value)
    return found[min(lifted, len(found) - 1)] if isinstance(found, tuple) else found


@dataclass(slots=True)
class _Watch:
    """What is remembered of one hazard."""

    bad_s: float | None = None
    good_s: float | None = None
    active: bool = False
    lifted: int = 0
    lifted_s: float = 0.0

    @property
    def calm(self) -> bool:
        """Good before, and nothing is remembered that time could change."""
        return self.good_s is not None and not self.active and not self.lifted

    def forget(self) -> None:
        """As at the start."""
        self.bad_s = self.good_s = None
        self.active = False
        self.lifted, self.lifted_s = 0, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A hazard was raised (`detail` says by what) or lifted (None)."""

    hazard: str
    detail: str | None
    said: Said | None = None
    """`detail` in figures; None where only the words are known."""


class Hazards:
    """The hazards of one EVSE over time."""

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self._watches = {hazard_id: _Watch() for hazard_id in HAZARDS}
        self._rows = tuple(zip(HAZARDS, HAZARDS.values(), self._watches.values(), strict=True))
        self._observed: Observation | None = None
        self._changed: list[Change] = []
        self.active: tuple[str, ...] = ()
        """Ids in force, in the order of the table; latched ones included."""
        self.suspected = False
        """What one of them would open for is seen, but has not lasted long enough to count."""

    @property
    def inhibiting(self) -> bool:
        """One of them forbids energy."""
        return any(HAZARDS[name].inhibits for name in self.active)

    @property
    def opening(self) -> bool:
        """One of them opens the contactor at once."""
        return any(HAZARDS[name].reaction is Reaction.OPEN for name in self.active)

    @property
    def showing(self) -> bool:
        """One of them is shown to the vehicle as state F."""
        return any(HAZARDS[name].shows_fault for name in self.active)

    def update(self, observation: Observation) -> tuple[Change, ...]:
        """Take one observation; what it raised and lifted, and what was reset since the last."""
        self._observed = observation
        self.suspected = False
        changes, self._changed = self._changed, []
        faults, settings = reported(observation), self._settings
        for hazard_id, hazard, watch in self._rows:
            found = hazard.detect(observation, settings)
            if found is None and hazard_id in faults:
                found = BY_BOARD
            if found is None and watch.calm:
                continue  # Most rows, most of the time.
            change = self._update(hazard, watch, found, observation)
            if change is not None:
                changes.append(change)
        if changes:
            self._note()
        return tuple(changes)

    def latch(self, hazard_id: str, detail: str, said: Said | None = None) -> tuple[bool, str]:
        """Raise a hazard of before a restart again; (done, why or why not)."""
        hazard = HAZARDS.get(hazard_id)
        if hazard is None or not hazard.persists:
            return False, f"{hazard_id} does not outlive restarts"
        watch = self._watches[hazard_id]
        if not watch.active:
            watch.active = True
            self._note()
            self._changed.append(Change(hazard=hazard_id, detail=detail, said=said))
        return True, f"{hazard_id} raised"

    def reset(self, hazard_id: str) -> tuple[bool, str]:
        """Lift `hazard_id` if its cause is gone; (done, why or why not)."""
        watch = self._watches.get(hazard_id)
        if watch is None or not watch.active:
            return False, f"{hazard_id} is not active"
        o = self._observed
        if o is not None:
            found = HAZARDS[hazard_id].detect(o, self._settings)
            if found is None and hazard_id in reported(o):
                found = BY_BOARD
            if found is not None:
                return False, f"still there: {words(found)}"
        watch.forget()
        self._note()
        self._changed.append(Change(hazard=hazard_id, detail=None))
        return True, f"{hazard_id} cleared"

    def _note(self) -> None:
        self.active = tuple(name for name, watch in self._watches.items() if watch.active)

    def _update(
        self, hazard: Hazard, watch: _Watch, found: Said | None, o: Observation
    ) -> Change | None:
        if found is not None:
            return self._bad(hazard, watch, found, o.now_s)
        watch.bad_s = None
        if watch.good_s is None:
            watch.good_s = o.now_s
        lifted = watch.active and self._liftable(hazard, watch, o)
        if lifted:
            watch.active = False
            watch.lifted += 1
            watch.lifted_s = o.now_s
        _forgive(hazard, watch, o)
        return Change(hazard=hazard.id, detail=None) if lifted else None

    def _bad(self, hazard: Hazard, watch: _Watch, found: Said, now_s: float) -> Change | None:
        watch.good_s = None
        if watch.bad_s is None:
            watch.bad_s = now_s
        if watch.active:
            return None
        if now_s - watch.bad_s < seconds(hazard.hold_s, self._settings):
            self.suspected = self.suspected or hazard.reaction is Reaction.OPEN
            return None
        watch.active = True
        return Change(hazard=hazard.id, detail=words(found), said=found)

    def _liftable(self, hazard: Hazard, watch: _Watch, o: Observation) -> bool:
        if hazard.then is Reset.UNPLUGGED and o.pilot is PilotState.A:
            return True
        good_s = seconds(hazard.good_s, self._settings, watch.lifted)
        if watch.good_s is None or o.now_s - watch.good_s < good_s:
            return False
        used_up = hazard.attempts is not None and watch.lifted >= hazard.attempts
        match hazard.then if used_up else hazard.reset:
            case Reset.GOOD:
                return True
            case Reset.UNPLUGGED:
                return o.pilot is PilotState.A
            case Reset.NEW_LEAVE:
                return o.pilot is PilotState.A or not o.permitted
            case Reset.SERVICE:
                return False


def _forgive(hazard: Hazard, watch: _Watch, o: Observation) -> None:
    """Attempts count anew with the next plug-in, or after a day where only service helps."""
    if hazard.then is Reset.SERVICE:
        over = not watch.active and o.now_s - watch.lifted_s >= DAY_S
    else:
        over = o.pilot is PilotState.A
    if over:
        watch.lifted = 0
