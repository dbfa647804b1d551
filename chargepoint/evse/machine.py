"""IEC 61851-1 as two tables: TRANSITIONS pick the phase, OUTPUTS belong to the phase.

Reading it against the standard: each row names the sequence of Annex A (Table A.6) that it
implements and how well that is sourced (H, M, L as explained in docs/iec61851.md, which shows the
same rows as a diagram). Rows of one phase are tried from top to bottom, at most one is taken in a
step. x1 is a steady +12 V, x2 the oscillating pilot. The conditions stand in `situation`.

The phases with a closed contactor begin with the rows that open it. `may_stay_closed` is also
applied by `evse` directly to the command, so that opening does not depend on this machine at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from transitions import Machine

from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.situation import (
    Condition,
    Situation,
    allowed,
    asking,
    asleep,
    closed,
    ev_ready,
    hazard,
    hazard_opened,
    inoperative,
    kept_waiting,
    lifted_plugged,
    lifted_unplugged,
    not_allowed,
    not_asking,
    not_safe,
    opened_inoperative,
    opened_offering,
    opened_plugged,
    opened_unplugged,
    operative_plugged,
    operative_unplugged,
    plugged,
    prepared,
    ramped_down,
    unplugged,
    woken,
)
from chargepoint.ipc.messages import Phase

FAULT_UNLOCK_S = 5.0
"""A fault lets go of the plug after this long (EVerest; H)."""

FAULT_SHOWN_S = 3.0
"""State F is shown this long (Table A.5: at least 0.3 s), then x1, so that unplugging is seen."""


# --- Table one: transitions -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """From `source` to `to` when `when`; where that stands and how sure it is."""

    source: Phase
    when: Condition
    to: Phase
    clause: str
    confidence: str


STARTING, IDLE, CONNECTED, OFFERING = Phase.STARTING, Phase.IDLE, Phase.CONNECTED, Phase.OFFERING
CLOSING, ENERGISED, STOPPING = Phase.CLOSING, Phase.ENERGISED, Phase.STOPPING
OPENING, WAITING, FAULTED = Phase.OPENING, Phase.WAITING, Phase.FAULTED
WAKING, OUT_OF_SERVICE = Phase.WAKING, Phase.OUT_OF_SERVICE

row = Row
# fmt: off
TRANSITIONS = (
    #   from            when                 to              IEC 61851-1, Annex A              conf.
    row(STARTING,       hazard,              FAULTED,        "weld check at start",            "M"),
    row(STARTING,       prepared,            IDLE,           "power return: start in A1", "M"),

    row(IDLE,           hazard,              FAULTED,        "A → F",                          "H"),
    row(IDLE,           inoperative,         OUT_OF_SERVICE, "EVSE not available",             "M"),
    row(IDLE,           plugged,             CONNECTED,      "sequence 1.1, 1.2",              "H"),

    row(CONNECTED,      hazard,              FAULTED,        "B1 → F",                         "H"),
    row(CONNECTED,      unplugged,           IDLE,           "sequence 2.1",                   "H"),
    row(CONNECTED,      inoperative,         OUT_OF_SERVICE, "EVSE not available",             "M"),
    row(CONNECTED,      allowed,             OFFERING,       "sequence 3, 9.2",                "H"),
    row(CONNECTED,      asking,              WAITING,        "A → C direct, or S2 in B1",      "M"),

    row(OFFERING,       hazard,              FAULTED,        "B2 → F",                         "M"),
    row(OFFERING,       unplugged,           IDLE,           "sequence 2.1",                   "H"),
    row(OFFERING,       not_allowed,         CONNECTED,      "B2 → B1, pause by EVSE",         "H"),
    row(OFFERING,       ev_ready,            CLOSING,        "sequence 4",                     "H"),
    row(OFFERING,       kept_waiting,        WAITING,        "sequence 4: 3 s, else x1",       "H"),
    row(OFFERING,       asleep,              WAKING,         "A.5.3: B2 → F",                  "M"),

    row(WAKING,         hazard,              FAULTED,        "B2 → F",                         "M"),
    row(WAKING,         not_allowed,         CONNECTED,      "F → B1, pause by EVSE",          "M"),
    row(WAKING,         woken,               CONNECTED,      "A.5.3: 4 s, then x1, x2",        "M"),

    row(CLOSING,        not_safe,            OPENING,        "sequence 2.2, 8.1, faults",      "H"),
    row(CLOSING,        not_allowed,         OPENING,        "sequence 10, no current yet",    "M"),
    row(CLOSING,        closed,              ENERGISED,      "sequence 4, feedback 250 ms",    "M"),

    row(ENERGISED,      not_safe,            OPENING,        "sequence 2.2, 8.1, faults",      "H"),
    row(ENERGISED,      not_allowed,         STOPPING,       "sequence 10.1",                  "H"),

    row(STOPPING,       not_safe,            OPENING,        "sequence 8.2, faults",           "M"),
    row(STOPPING,       ramped_down,         OPENING,        "sequence 10.2: 6 s",             "H"),

    row(OPENING,        hazard_opened,       FAULTED,        "C → E, F",                       "H"),
    row(OPENING,        opened_unplugged,    IDLE,           "sequence 2.2",                   "H"),
    row(OPENING,        opened_inoperative,  OUT_OF_SERVICE, "EVSE not available",             "M"),
    row(OPENING,        opened_offering,     OFFERING,       "sequence 8.1: C2 → B2",          "H"),
    row(OPENING,        opened_plugged,      CONNECTED,      "sequence 8.2, 10.2: to B1, C1",  "M"),

    row(WAITING,        hazard,              FAULTED,        "C1 → F",                         "H"),
    row(WAITING,        unplugged,           IDLE,           "sequence 2.2",                   "H"),
    row(WAITING,        inoperative,         OUT_OF_SERVICE, "EVSE not available",             "M"),
    row(WAITING,        allowed,             OFFERING,       "sequence 3, 9.2: C1 → C2",       "H"),
    row(WAITING,        not_asking,          CONNECTED,      "sequence 8.2: C1 → B1",          "M"),

    row(FAULTED,        lifted_unplugged,    IDLE,           "F → A",                          "H"),
    row(FAULTED,        lifted_plugged,      CONNECTED,      "F → B1",                         "H"),

    row(OUT_OF_SERVICE, hazard,              FAULTED,        "any → F",                        "H"),
    row(OUT_OF_SERVICE, operative_unplugged, IDLE,           "available again",                "M"),
    row(OUT_OF_SERVICE, operative_plugged,   CONNECTED,      "available again",                "M"),
)
# fmt: on


# --- Table two: outputs ---------------------------------------------------------------------------


class Shown(Enum):
    """What the pilot shows."""

    STEADY = "steady"
    """x1."""
    OFFER = "offer"
    """x2."""
    KEPT = "kept"
    """x2 if it was and there is leave, else x1: on S2 opening the oscillator runs on (8.1)."""
    FAULT = "fault"
    """F for FAULT_SHOWN_S if a hazard asks for it, then x1."""
    WAKE = "wake"
    """F."""


class Contactor(Enum):
    OPEN = "open"
    CLOSED = "closed"


class Lock(Enum):
    """What the lock of a socket outlet does."""

    FREE = "free"
    PERMITTED = "permitted"
    """Locked while the permission lasts and a vehicle is connected; free in state E."""
    LEAVING = "leaving"
    """As permitted, for FAULT_UNLOCK_S; then free, so that nobody's cable is kept by a fault."""
    HELD = "held"
    """Locked, whatever the permission: the contactor is not known to be open."""


@dataclass(frozen=True, slots=True)
class PhaseOutputs:
    """What belongs to one phase."""

    pilot: Shown
    contactor: Contactor
    lock: Lock


_STEADY, _OFFER, _KEPT, _FAULT, _WAKE = tuple(Shown)
_OPEN, _CLOSED = Contactor.OPEN, Contactor.CLOSED
_FREE, _PERMITTED, _LEAVING, _HELD = tuple(Lock)

# fmt: off
OUTPUTS = {
    #                            pilot    contactor  lock
    STARTING:       PhaseOutputs(_STEADY, _OPEN,     _PERMITTED),
    IDLE:           PhaseOutputs(_STEADY, _OPEN,     _FREE),        # A1
    CONNECTED:      PhaseOutputs(_STEADY, _OPEN,     _PERMITTED),   # B1
    OFFERING:       PhaseOutputs(_OFFER,  _OPEN,     _PERMITTED),   # B2, C2 for at most 3 s
    CLOSING:        PhaseOutputs(_OFFER,  _CLOSED,   _HELD),        # C2, D2
    ENERGISED:      PhaseOutputs(_OFFER,  _CLOSED,   _HELD),        # C2, D2
    STOPPING:       PhaseOutputs(_STEADY, _CLOSED,   _HELD),        # C1, D1 for at most 6 s
    OPENING:        PhaseOutputs(_KEPT,   _OPEN,     _HELD),
    WAITING:        PhaseOutputs(_STEADY, _OPEN,     _PERMITTED),   # C1, D1
    WAKING:         PhaseOutputs(_WAKE,   _OPEN,     _PERMITTED),   # F
    FAULTED:        PhaseOutputs(_FAULT,  _OPEN,     _LEAVING),     # F, then x1
    OUT_OF_SERVICE: PhaseOutputs(_STEADY, _OPEN,     _PERMITTED),
}
# fmt: on


# --- Running them ---------------------------------------------------------------------------------

ROWS = {phase: tuple(line for line in TRANSITIONS if line.source is phase) for phase in Phase}
PHASES = {phase.value: phase for phase in Phase}


class PhaseMachine:
    """The phase of one EVSE, moved by the table through `transitions`."""

    state: str
    """Name of the phase; the attribute that `transitions` keeps."""

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self.entered_s: float | None = None
        """When the phase began; None until the first step."""
        self._machine = Machine(
            model=self,
            states=[phase.value for phase in Phase],
            initial=Phase.STARTING.value,
            transitions=[self._transition(line) for line in TRANSITIONS],
            auto_transitions=False,
            queued=True,
        )

    @property
    def phase(self) -> Phase:
        """The phase now."""
        return PHASES[self.state]

    @property
    def outputs(self) -> PhaseOutputs:
        """What belongs to the phase now."""
        return OUTPUTS[self.phase]

    def step(self, situation: Situation, now_s: float) -> bool:
        """Take the first row that applies; whether there was one."""
        before = self.phase
        # Most of the time none applies, and `transitions` need not be troubled to find that out.
        if any(line.when(situation, self._settings) for line in ROWS[before]):
            self._machine.events["advance"].trigger(self, situation)
        moved = self.phase is not before
        if moved or self.entered_s is None:
            self.entered_s = now_s
        return moved

    def _transition(self, line: Row) -> dict[str, Any]:
        def applies(situation: Situation) -> bool:
            return line.when(situation, self._settings)

        return {
            "trigger": "advance",
            "source": line.source.value,
            "dest": line.to.value,
            "conditions": applies,
        }
