"""What devices say and what they are told: readings, commands and their closed sets.

Everything above `hal` speaks in these values and knows no register. A reading carries the instant
at which the reply arrived (`taken_s`, monotonic seconds, shared by all programs of one host) and
its quality. A quantity that the device does not have, or could not give, is None: missing is never
zero. Units are those of the names: A, V, W, Wh, ohm, degrees Celsius, Hz, ratios from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Quality(Enum):
    """How far a reading may be trusted."""

    GOOD = "good"
    SUSPECT = "suspect"
    """Received intact, but implausible or flagged by the device (frozen, jumping, calibrating)."""


class PilotState(Enum):
    """Control-pilot state as IEC 61851-1 names it, seen from the EVSE."""

    A = "A"
    """No vehicle."""
    B = "B"
    """Vehicle connected, not asking for energy."""
    C = "C"
    """Vehicle asks for energy."""
    D = "D"
    """Vehicle asks for energy and ventilation."""
    E = "E"
    """Pilot shorted to protective earth, or no pilot at all."""
    F = "F"
    """The EVSE signals that it is not available, or the pilot is out of every band."""


class PilotMode(Enum):
    """What the EVSE puts on the control pilot."""

    STEADY = "steady"
    """+12 V, oscillator off: not ready (x1)."""
    OFFER = "offer"
    """1 kHz square wave whose duty offers a current (x2)."""
    FAULT = "fault"
    """-12 V: EVSE not available (state F)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotLevels:
    """Pilot voltages at the EVSE output; with the oscillator off both are the steady level."""

    high_v: float
    low_v: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardTraits:
    """What a pilot board is and does by itself; fixed by its type and configuration."""

    watchdog_s: float | None
    """Silence after which the board opens the contactor without us; None: it never does."""
    opens_alone: bool
    """The board opens on leaving state C/D and on a residual current without being told."""
    runs_pilot: bool
    """The board runs pilot and contactor itself; we only permit a current (e.g. Simple EVSE-WB)."""
    current_max_a: float
    has_contactor_feedback: bool
    has_rcd: bool
    has_proximity: bool
    has_lock: bool
    has_temperature: bool
    has_rcd_test: bool = False
    """The residual-current monitor can be tested (`BoardCommand.test_rcd`)."""
    has_phase_switch: bool = False
    """L2 and L3 can be left off (`BoardCommand.phases`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardReading:
    """One safety reading of a pilot board."""

    taken_s: float
    pilot: PilotLevels | PilotState
    """Levels from a raw board; a state from a board that decodes the pilot itself."""
    quality: Quality = Quality.GOOD
    oscillating: bool | None = None
    """Whether the 1 kHz oscillator runs now (x2)."""
    duty_ratio: float | None = None
    """Duty that the board says it sends."""
    proximity_ohm: float | None = None
    """Resistance PP to PE; a board saturates it when nothing is plugged."""
    cable_current_a: float | None = None
    """Cable rating from boards that decode the proximity contact themselves; 0: no cable."""
    contactor_closed: bool | None = None
    """Auxiliary (mirror) contact."""
    contactor_commanded: bool | None = None
    """Coil as the board drives it now."""
    second_closed: bool | None = None
    """Auxiliary contact of a second contactor: in series with the first, or that of L2 and L3."""
    output_live: bool | None = None
    """Voltage behind the contactor."""
    phases: int | None = None
    """Phases that the board switches now: 1 or 3."""
    rcd_tripped: bool | None = None
    pe_lost: bool | None = None
    """Protective earth missing or of high impedance."""
    tilted: bool | None = None
    door_open: bool | None = None
    emergency_stopped: bool | None = None
    locked: bool | None = None
    temperature_c: float | None = None
    watchdog_expired: bool | None = None
    """The board opened by itself because we were silent; cleared by the next contactor write."""
    sample: int | None = None
    """Counter that the board advances with each measurement; standing still means frozen."""
    faults: frozenset[str] = frozenset()
    """Catalogue ids of faults that the board reports by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardCommand:
    """Everything that a pilot board is told; complete each time, so that it can be repeated."""

    pilot: PilotMode
    current_a: float = 0.0
    """Current that the pilot offers; 0 unless `pilot` is OFFER."""
    duty_ratio: float = 1.0
    """Duty for `current_a`; 1 with STEADY, 0 with FAULT."""
    closed: bool = False
    """Contactor. A board with `runs_pilot` closes by itself while a current is offered."""
    locked: bool = False
    phases: int = 3
    """1: L1 alone, where the board can switch; changes only while the contactor is open."""
    test_rcd: bool = False
    """Test the residual-current monitor: a pulse begins when this turns true."""


SAFE_COMMAND = BoardCommand(pilot=PilotMode.STEADY)
"""Contactor open, oscillator off: what every exit path of the safety program commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """One reading of an electricity meter. Phase tuples are ordered L1, L2, L3."""

    taken_s: float
    quality: Quality = Quality.GOOD
    energy_import_wh: float | None = None
    """Register since the meter was made; never reset, never added up from power."""
    energy_export_wh: float | None = None
    voltage_v: tuple[float, ...] = ()
    """Phase to neutral; empty when unknown, one element for a single-phase meter."""
    current_a: tuple[float, ...] = ()
    power_w: float | None = None
    """Total active power, import positive."""
    power_phase_w: tuple[float, ...] = ()
    reactive_power_var: float | None = None
    power_factor: float | None = None
    frequency_hz: float | None = None
    phase_sequence_ok: bool | None = None
    """L1, L2, L3 follow each other clockwise."""
    signed: str | None = None
    """The import register of this reading as signed by the meter, in its own encoding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceIdentity:
    """What a device says of itself; empty strings where it says nothing."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""


class TokenKind(Enum):
    """Technology of a presented token, in the words of OCPP 2.x IdTokenEnumType."""

    ISO14443 = "ISO14443"
    ISO15693 = "ISO15693"
    KEY_CODE = "KeyCode"
    LOCAL = "Local"
    CENTRAL = "Central"
    MAC_ADDRESS = "MacAddress"
    EMAID = "eMAID"
    NO_AUTHORIZATION = "NoAuthorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReading:
    """A token that was presented to a reader: once per presentation, not per poll."""

    taken_s: float
    token: str
    """Normalised text: upper-case hex of the UID bytes for RFID cards, else as read."""
    kind: TokenKind = TokenKind.ISO14443


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayReading:
    """Outputs and inputs of a relay board, in terminal order."""

    taken_s: float
    outputs: tuple[bool, ...] = ()
    inputs: tuple[bool, ...] = ()
