"""What forbids energy, how it is noticed, and what it takes to lift it again.

One table: a row per hazard of the catalogue. A row's detection says what is wrong *now*; `Hazards`
adds time: how long it must be so before it counts, and what must happen before it is over. The rest
of the room asks only for the result: which hazards are active, and must the contactor open at once.

Sources: IEC 61851-1 as cited in docs/iec61851.md, and the ChargeX fault list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from chargepoint.evse.pilot import Diode
from chargepoint.evse.settings import EvseSettings
from hal.values import BoardReading, PilotState

DAY_S = 86_400.0


class BoardLevel(Enum):
    """What the shell knows of the board, as a level: told in each step."""

    UNHEARD = "unheard"
    """Not identified and prepared yet since this start."""
    HEARD = "heard"
    """Prepared, and answering."""
    LOST = "lost"
    """Several requests in a row went unanswered."""
    REFUSED = "refused"
    """Answered, but not as the configured board, or its watchdog could not be set."""


class Reaction(Enum):
    """What an active hazard does to a closed contactor; both keep an open one open."""

    OPEN = "open"
    """Open now, whatever the vehicle draws."""
    STOP = "stop"
    """Orderly: oscillator off, the vehicle may ramp down, then open."""


class Reset(Enum):
    """What lifts a hazard whose cause is gone. `ResetHazard` lifts any of them then."""

    GOOD = "good"
    """By itself, when it was good for `good_s`."""
    UNPLUGGED = "unplugged"
    """State A."""
    NEW_LEAVE = "new leave"
    """State A, or the permission has ended: releasing a button must not start a charge."""
    SERVICE = "service"
    """Only `ResetHazard`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All that detections look at, at one instant. What cannot be known is None."""

    now_s: float
    board: BoardLevel = BoardLevel.HEARD
    reading: BoardReading | None = None
    """Newest good reading, however old."""
    newest: BoardReading | None = None
    """Newest reading of any quality; alarms count even when the rest of it is suspect."""
    reading_age_s: float = 0.0
    sample_age_s: float = 0.0
    """How long the board's sample counter has stood still over fresh readings."""
    pilot: PilotState | None = None
    """Debounced."""
    pilot_raw: PilotState | None = None
    """Of the newest sample; one wild sample ends state C, but is no hazard."""
    diode: Diode = Diode.UNKNOWN
    connected: bool = False
    permitted: bool = False
    fault_shown: bool = False
    """State F is ours, now or so shortly ago that readings may still show it."""
    ventilated: bool = False
    proximity_used: bool = False
    cable_coded_a: float | None = None
    closed_s: float | None = None
    """Since when the contactor has been commanded closed; None: it is commanded open."""
    opened_s: float | None = None
    """Since when it must be open by our command; None: it need not be."""
    confirmed: bool = False
    """This closing was confirmed by the auxiliary contact."""
    lock_s: float | None = None
    """Since when the lock has been commanded; None: it is not."""
    offered_a: float = 0.0
    current_max_a: float | None = None
    """Largest phase current by a meter reading that may be judged against `offered_a`."""
    hot: bool = False
    """`over_temperature` is active: the lower limit of its hysteresis holds."""


Detection = Callable[[Observation, EvseSettings], str | None]
"""What was measured against what limit, or None when all is well."""


def emergency_stopped(o: Observation, _: EvseSettings) -> str | None:
    pressed = o.newest is not None and o.newest.emergency_stopped
    return "emergency-stop input active" if pressed else None


def rcd_tripped(o: Observation, _: EvseSettings) -> str | None:
    tripped = o.newest is not None and o.newest.rcd_tripped
    return "residual-current input active" if tripped else None


def pilot_shorted(o: Observation, _: EvseSettings) -> str | None:
    return _pilot_text(o) if o.pilot is o.pilot_raw is PilotState.E else None


def pilot_out_of_range(o: Observation, _: EvseSettings) -> str | None:
    out = o.pilot is o.pilot_raw is PilotState.F
    return _pilot_text(o) if out and not o.fault_shown else None


def diode_missing(o: Observation, _: EvseSettings) -> str | None:
    return _pilot_text(o) if o.diode is Diode.FAILED else None


def ventilation_missing(o: Observation, _: EvseSettings) -> str | None:
    return "state D, no ventilation" if o.pilot is PilotState.D and not o.ventilated else None


def proximity_invalid(o: Observation, _: EvseSettings) -> str | None:
    if not (o.proximity_used and o.connected) or o.cable_coded_a:
        return None
    return "vehicle connected, " + ("no cable" if o.cable_coded_a == 0 else "no valid coding")


def contactor_welded(o: Observation, settings: EvseSettings) -> str | None:
    if o.reading is None or not o.reading.contactor_closed or o.opened_s is None:
        return None
    if o.reading.contactor_commanded:
        return None  # Not stuck but driven: `contactor_driven`.
    waited_s = o.reading.taken_s - o.opened_s
    if waited_s < settings.open_feedback_s:
        return None
    return f"closed {waited_s:.2f} s after the open command, limit {settings.open_feedback_s:g} s"


def contactor_driven(o: Observation, settings: EvseSettings) -> str | None:
    if o.reading is None or not o.reading.contactor_commanded or o.opened_s is None:
        return None
    if o.reading.taken_s - o.opened_s < settings.open_feedback_s:
        return None
    return "the board drives the coil, we command open"


def contactor_not_closing(o: Observation, settings: EvseSettings) -> str | None:
    if o.closed_s is None or o.confirmed or o.reading is None:
        return None
    waited_s = o.reading.taken_s - o.closed_s
    if o.reading.contactor_closed is not False or waited_s < settings.close_feedback_s:
        return None
    return f"open {waited_s:.2f} s after the close command, limit {settings.close_feedback_s:g} s"


def contactor_opened_alone(o: Observation, _: EvseSettings) -> str | None:
    if o.closed_s is None or not o.confirmed or o.reading is None:
        return None
    return "open while commanded closed" if o.reading.contactor_closed is False else None


def watchdog_tripped(o: Observation, settings: EvseSettings) -> str | None:
    # The flag stays until a close command has reached the board, so it says nothing before.
    if o.closed_s is None or o.reading is None or not o.reading.watchdog_expired:
        return None
    return _old_enough(o.reading, o.closed_s, settings.close_feedback_s, "board watchdog expired")


def connector_not_locked(o: Observation, _: EvseSettings) -> str | None:
    if o.lock_s is None or o.reading is None or o.reading.locked is not False:
        return None
    return "unlocked while commanded locked"


def over_temperature(o: Observation, settings: EvseSettings) -> str | None:
    temperature_c = o.reading.temperature_c if o.reading is not None else None
    limit_c = settings.temperature_pause_c
    limit_c -= settings.temperature_hysteresis_c if o.hot else 0.0
    if temperature_c is None or temperature_c < limit_c:
        return None
    return f"{temperature_c:.1f} C, limit {limit_c:g} C"


def over_current(o: Observation, _: EvseSettings) -> str | None:
    limit_a = over_current_limit_a(o.offered_a)
    if o.current_max_a is None or o.current_max_a <= limit_a:
        return None
    return f"{o.current_max_a:.1f} A, limit {limit_a:.1f} A for {o.offered_a:.1f} A offered"


def reading_stale(o: Observation, settings: EvseSettings) -> str | None:
    if o.board is not BoardLevel.HEARD:
        return None
    if o.reading_age_s > settings.stale_after_s:
        return f"no good reading for more than {settings.stale_after_s:g} s"
    if o.sample_age_s > settings.stale_after_s:
        return f"same sample number for more than {settings.stale_after_s:g} s"
    return None


def board_lost(o: Observation, _: EvseSettings) -> str | None:
    return "no answer" if o.board is BoardLevel.LOST else None


def board_refused(o: Observation, _: EvseSettings) -> str | None:
    return "identity or watchdog not as configured" if o.board is BoardLevel.REFUSED else None


def board_fault(o: Observation, _: EvseSettings) -> str | None:
    faults = _faults(o) - set(HAZARDS)
    return "board reports " + ", ".join(sorted(faults)) if faults else None


@dataclass(frozen=True, slots=True)
class Hazard:
    """One row of the table."""

    detect: Detection
    """Its name is the id of the hazard in the catalogue."""
    reaction: Reaction
    hold_s: float
    """It must be so for this long before it counts."""
    reset: Reset
    good_s: float
    """It must be good for this long before `reset` may lift it."""
    attempts: int | None
    """How often `reset` may lift it (in a plug-in, or in a day before SERVICE); None: always."""
    then: Reset
    """What it takes after that."""
    shows_fault: bool
    """The vehicle is shown state F for a moment (with `signal_fault`)."""

    @property
    def id(self) -> str:
        """Id in the catalogue."""
        return self.detect.__name__


def _table(*rows: Hazard) -> dict[str, Hazard]:
    return {row.id: row for row in rows}


_OPEN, _STOP = Reaction.OPEN, Reaction.STOP
_GOOD, _PLUG, _LEAVE, _SERVICE = Reset.GOOD, Reset.UNPLUGGED, Reset.NEW_LEAVE, Reset.SERVICE
_ALL = None

# fmt: off
HAZARDS: dict[str, Hazard] = _table(
    #      detection               reaction hold s reset    good s tries then      shows F
    Hazard(emergency_stopped,      _OPEN,   0.0,   _LEAVE,    1.0, _ALL, _LEAVE,   True),
    Hazard(rcd_tripped,            _OPEN,   0.0,   _PLUG,     1.0,    3, _SERVICE, True),
    Hazard(contactor_welded,       _OPEN,   0.0,   _SERVICE,  0.0, _ALL, _SERVICE, True),
    Hazard(contactor_driven,       _OPEN,   0.0,   _GOOD,    30.0,    3, _SERVICE, True),
    Hazard(contactor_not_closing,  _OPEN,   0.0,   _GOOD,    30.0,    2, _PLUG,    False),
    Hazard(contactor_opened_alone, _OPEN,   0.1,   _GOOD,    30.0,    2, _PLUG,    False),
    Hazard(pilot_shorted,          _OPEN,   0.06,  _PLUG,     0.0, _ALL, _PLUG,    False),
    Hazard(pilot_out_of_range,     _OPEN,   0.06,  _PLUG,     0.0, _ALL, _PLUG,    False),
    Hazard(diode_missing,          _OPEN,   0.0,   _PLUG,     0.0, _ALL, _PLUG,    True),
    Hazard(proximity_invalid,      _OPEN,   0.5,   _PLUG,     0.0, _ALL, _PLUG,    False),
    Hazard(connector_not_locked,   _OPEN,   5.0,   _PLUG,     0.0, _ALL, _PLUG,    False),
    Hazard(ventilation_missing,    _OPEN,   0.0,   _GOOD,    30.0,    2, _PLUG,    False),
    Hazard(over_current,           _STOP,   7.0,   _PLUG,     0.0, _ALL, _PLUG,    False),
    Hazard(over_temperature,       _STOP,   1.0,   _GOOD,    10.0, _ALL, _GOOD,    False),
    Hazard(reading_stale,          _OPEN,   0.0,   _GOOD,     1.0, _ALL, _GOOD,    False),
    Hazard(board_lost,             _OPEN,   0.0,   _GOOD,     1.0, _ALL, _GOOD,    False),
    Hazard(board_refused,          _OPEN,   0.0,   _GOOD,     1.0, _ALL, _GOOD,    False),
    Hazard(watchdog_tripped,       _OPEN,   0.0,   _GOOD,     5.0, _ALL, _GOOD,    False),
    Hazard(board_fault,            _OPEN,   0.0,   _GOOD,    30.0, _ALL, _GOOD,    True),
)
# fmt: on


def over_current_limit_a(offered_a: float) -> float:
    """Phase current above which the vehicle takes more than it was offered."""
    return (offered_a + 0.5) * 1.1


@dataclass(slots=True)
class _Watch:
    """What is remembered of one hazard."""

    bad_s: float | None = None
    good_s: float | None = None
    active: bool = False
    lifted: int = 0
    lifted_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A hazard was raised (`detail` says by what) or lifted (None)."""

    hazard: str
    detail: str | None


class Hazards:
    """The hazards of one EVSE over time."""

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self._watches = {hazard_id: _Watch() for hazard_id in HAZARDS}
        self._observed: Observation | None = None
        self._lifted: list[Change] = []

    @property
    def active(self) -> tuple[str, ...]:
        """Ids in force, in the order of the table; latched ones included."""
        return tuple(name for name, watch in self._watches.items() if watch.active)

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
        changes, self._lifted = self._lifted, []
        for hazard in HAZARDS.values():
            change = self._update(hazard, observation)
            if change is not None:
                changes.append(change)
        return tuple(changes)

    def reset(self, hazard_id: str) -> tuple[bool, str]:
        """Lift `hazard_id` if its cause is gone; (done, why or why not)."""
        watch = self._watches.get(hazard_id)
        if watch is None or not watch.active:
            return False, f"{hazard_id} is not active"
        if self._observed is not None:
            detail = _detail(HAZARDS[hazard_id], self._observed, self._settings)
            if detail is not None:
                return False, f"still there: {detail}"
        self._watches[hazard_id] = _Watch()
        self._lifted.append(Change(hazard=hazard_id, detail=None))
        return True, f"{hazard_id} cleared"

    def _update(self, hazard: Hazard, o: Observation) -> Change | None:
        watch = self._watches[hazard.id]
        detail = _detail(hazard, o, self._settings)
        if detail is not None:
            return self._bad(hazard, watch, detail, o.now_s)
        watch.bad_s = None
        if watch.good_s is None:
            watch.good_s = o.now_s
        lifted = watch.active and _liftable(hazard, watch, o)
        if lifted:
            watch.active = False
            watch.lifted += 1
            watch.lifted_s = o.now_s
        _forgive(hazard, watch, o)
        return Change(hazard=hazard.id, detail=None) if lifted else None

    def _bad(self, hazard: Hazard, watch: _Watch, detail: str, now_s: float) -> Change | None:
        watch.good_s = None
        if watch.bad_s is None:
            watch.bad_s = now_s
        if watch.active or now_s - watch.bad_s < self._hold_s(hazard):
            return None
        watch.active = True
        return Change(hazard=hazard.id, detail=detail)

    def _hold_s(self, hazard: Hazard) -> float:
        if hazard.id == "over_current":
            return self._settings.over_current_grace_s
        return hazard.hold_s


def _detail(hazard: Hazard, o: Observation, settings: EvseSettings) -> str | None:
    detail = hazard.detect(o, settings)
    if detail is None and hazard.id in _faults(o):
        return "reported by the board"
    return detail


def _liftable(hazard: Hazard, watch: _Watch, o: Observation) -> bool:
    if hazard.then is Reset.UNPLUGGED and o.pilot is PilotState.A:
        return True
    if watch.good_s is None or o.now_s - watch.good_s < hazard.good_s:
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


def _faults(o: Observation) -> frozenset[str]:
    return o.reading.faults if o.reading is not None else frozenset()


def _old_enough(reading: BoardReading, since_s: float, wait_s: float, detail: str) -> str | None:
    return detail if reading.taken_s - since_s >= wait_s else None


def _pilot_text(o: Observation) -> str:
    if o.reading is None or isinstance(o.reading.pilot, PilotState):
        return f"state {o.pilot.value if o.pilot else 'unknown'}"
    levels = o.reading.pilot
    return f"high {levels.high_v:.1f} V, low {levels.low_v:.1f} V"
