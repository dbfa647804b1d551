"""What the safety program and the agent say to each other.

One message is one JSON line of at most `LINE_MAX_BYTES`, tagged with its type name; unknown types
and unknown fields are refused. Commands go down, facts come up. A fact carries `seq`, counted from
1 since the start of that control program, and `at_s`, the monotonic second at which it became true
(one clock for all programs of the host). Facts are kept in a ring: a client that reconnects asks
with `Hello(after=...)` for what it missed and gets a `Snapshot` in any case. Nobody waits for
anybody: control never blocks on a client, and drops one that does not read.

All lease instants are absolute monotonic seconds. Control caps them, so that a stopped or hostile
agent cannot hold power for longer than the safety settings say.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hal.values import MeterReading, PilotState, TokenKind

LINE_MAX_BYTES = 64 * 1024
"""Longest line either side accepts; a longer one ends the connection."""

RING_FACTS = 4096
"""Facts that control keeps for clients which fall behind or reconnect."""


class Phase(StrEnum):
    """State of the IEC 61851 machine of one EVSE, as the outside may know it."""

    STARTING = "starting"
    """The board has not been heard and verified yet; contactor open."""
    IDLE = "idle"
    """No vehicle (A1)."""
    CONNECTED = "connected"
    """Vehicle connected, no permission (B1)."""
    OFFERING = "offering"
    """Current offered, the vehicle does not ask (B2)."""
    CLOSING = "closing"
    """Contactor commanded closed, feedback awaited (C2)."""
    ENERGISED = "energised"
    """Contactor closed (C2, D2)."""
    STOPPING = "stopping"
    """Oscillator off, the vehicle may ramp down; contactor still closed (C1)."""
    OPENING = "opening"
    """Contactor commanded open, feedback awaited."""
    WAKING = "waking"
    """State F for a moment, to wake a vehicle that does not ask (B2)."""
    WAITING = "waiting"
    """The vehicle asks (C), but must not get energy now (no leave, or a pause first)."""
    FAULTED = "faulted"
    """A hazard inhibits; contactor open."""
    OUT_OF_SERVICE = "out_of_service"
    """Set inoperative."""


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A particular that can be told in every language: phrase `detail.ID` of the catalogue."""

    id: str
    fields: dict[str, float | str] = {}
    """What it is filled in with, units in the names."""


class StopCause(StrEnum):
    """Why energy stopped or a contactor opened."""

    VEHICLE_PAUSED = "vehicle_paused"
    UNPLUGGED = "unplugged"
    REVOKED = "revoked"
    LIMIT_BELOW_MINIMUM = "limit_below_minimum"
    PERMISSION_EXPIRED = "permission_expired"
    INOPERATIVE = "inoperative"
    HAZARD = "hazard"
    PHASE_SWITCH = "phase_switch"
    SHUTDOWN = "shutdown"


# --- Commands, agent to control -----------------------------------------------------------------


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Base of everything that goes down."""


class Hello(Command, frozen=True):
    """First message of every client. `after`: last fact number seen of boot `boot`, else None."""

    client: str
    boot: str | None = None
    after: int | None = None
    observer: bool = False
    """An observer receives facts; every command of it except Hello is refused."""


class RenewLimit(Command, frozen=True):
    """Offer at most `current_a` on this EVSE until `until_s`; then the failsafe current holds."""

    evse: int
    current_a: float
    until_s: float
    phases: int | None = None
    """1 or 3, where phases can be switched; None: as they are."""


class RenewPermission(Command, frozen=True):
    """This EVSE may energise until `until_s`; then it stops in order."""

    evse: int
    until_s: float


class Revoke(Command, frozen=True):
    """Take the permission back now: orderly stop."""

    evse: int


class SetOperative(Command, frozen=True):
    evse: int
    operative: bool


class Unlock(Command, frozen=True):
    """Release the connector lock; refused while the contactor is closed. Answered by `Replied`."""

    evse: int
    request: str


class ResetHazard(Command, frozen=True):
    """Try to clear a latched hazard; it stays when its cause is still there."""

    evse: int
    hazard: str
    request: str


class LatchHazard(Command, frozen=True):
    """Raise a hazard again that outlives restarts, before any permission is given."""

    evse: int
    hazard: str
    detail: str
    said: Said | None = None


class DrivePilot(Command, frozen=True):
    """Put a signal on the pilot of an EVSE out of service with nothing plugged in, contactor open.

    Ends at `until_s` (capped at 120 s), and at once with a vehicle, a hazard, `Revoke` or a
    permission. Answered by `Replied`.
    """

    evse: int
    duty_ratio: float
    """0.08 to 0.97, or 1: steady +12 V."""
    until_s: float
    request: str


class Transact(Command, frozen=True):
    """One raw bus request of a technician, served in the slack of the safety bus."""

    request: str
    unit: int
    function: int
    """Modbus function code 1, 2, 3, 4, 5, 6, 15 or 16."""
    address: int
    count: int = 1
    values: tuple[int, ...] = ()


AnyCommand = (
    Hello
    | RenewLimit
    | RenewPermission
    | Revoke
    | SetOperative
    | Unlock
    | ResetHazard
    | LatchHazard
    | DrivePilot
    | Transact
)

# --- Facts, control to everybody ------------------------------------------------------------------


class EvseSnapshot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that control knows of one EVSE at one instant."""

    evse: int
    phase: Phase
    pilot: PilotState | None
    """Debounced pilot state; None before the first valid reading."""
    plug_in: int
    """Counts vehicles connected since this control started; the same number is the same plug-in."""
    connected: bool
    contactor_closed: bool | None
    """As commanded and, where the board has feedback, confirmed; None: told to open, and the board
    has been silent since then, for less long than its watchdog takes."""
    permitted: bool
    operative: bool
    limit_a: float
    """Limit in force: lease, failsafe, cable, board, temperature, the smallest."""
    limited_by: str = "lease"
    """Which of them that is: `lease`, `failsafe`, `cable`, `board`, `configuration`, `heat`,
    `pilot`."""
    offered_a: float
    """What the pilot offers now; 0 when nothing is offered."""
    limit_expired: bool
    cable_current_a: float | None
    locked: bool | None
    temperature_c: float | None
    hazards: tuple[str, ...]
    """Catalogue ids of the hazards in force, latched ones included."""
    stop_cause: StopCause | None
    """Why energy last stopped in this plug-in; None if it never flowed or flows now."""
    operations: int
    """Contactor closings since this control started."""
    phases: int = 3
    """Phases that are, or will be, switched: 1 or 3."""


class BusHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Counters of one bus since start; latencies in seconds."""

    bus: str
    requests: int
    timeouts: int
    bad_replies: int
    refused: int
    down: bool
    latency_p99_s: float


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Base of everything that comes up."""

    seq: int
    at_s: float


class Booted(Fact, frozen=True):
    """Control has started; `boot` is new for each start. All EVSEs begin with open contactors."""

    boot: str


class Snapshot(Fact, frozen=True):
    """Everything, in answer to Hello; `seq` is the last fact number that it includes."""

    boot: str
    evses: tuple[EvseSnapshot, ...]
    missed: bool
    """The ring no longer held all facts after the asked number."""


class Observed(Fact, frozen=True):
    """The EVSE as it is now; sent whenever anything in it changed (temperature: by 1 degree)."""

    evse: EvseSnapshot


class PilotChanged(Fact, frozen=True):
    evse: int
    pilot: PilotState
    before: PilotState | None


class ContactorClosed(Fact, frozen=True):
    evse: int
    operations: int
    took_s: float | None = None
    """From the command to the word of the auxiliary contact; None: there is none."""


class ContactorOpened(Fact, frozen=True):
    evse: int
    cause: StopCause
    under_load: bool


class HazardRaised(Fact, frozen=True):
    evse: int
    hazard: str
    detail: str
    """What was measured against what limit, in one line."""
    said: Said | None = None
    """The same in figures; None where only the words are known."""
    persists: bool = False
    """It outlives a restart: whoever keeps a disk keeps it, and sends `LatchHazard`."""


class HazardCleared(Fact, frozen=True):
    evse: int
    hazard: str


class LeaseExpired(Fact, frozen=True):
    evse: int
    lease: str
    """`limit` or `permission`."""


class RcdTested(Fact, frozen=True):
    """The self-test of the residual-current monitor has ended."""

    evse: int
    passed: bool
    detail: str


class Measured(Fact, frozen=True):
    evse: int
    meter: MeterReading


class TokenRead(Fact, frozen=True):
    """A token on a reader that shares the safety bus."""

    reader: str
    token: str
    kind: TokenKind


class DeviceLost(Fact, frozen=True):
    device: str
    detail: str


class DeviceBack(Fact, frozen=True):
    device: str
    lost_s: float


class Health(Fact, frozen=True):
    """Once a second: how late the loop was and how the bus does."""

    ticks: int
    tick_p99_s: float
    tick_max_s: float
    buses: tuple[BusHealth, ...]


class Replied(Fact, frozen=True):
    """Outcome of what carries a `request`; sent to the asking client only, seq 0."""

    request: str
    ok: bool
    detail: str = ""
    values: tuple[int, ...] = ()


class Refused(Fact, frozen=True):
    """A line that was not a legal command of this client; sent to it only, seq 0."""

    detail: str


AnyFact = (
    Booted
    | Snapshot
    | Observed
    | PilotChanged
    | ContactorClosed
    | ContactorOpened
    | HazardRaised
    | HazardCleared
    | LeaseExpired
    | RcdTested
    | Measured
    | TokenRead
    | DeviceLost
    | DeviceBack
    | Health
    | Replied
    | Refused
)
