"""Bender CC612, CC613 and ICC15xx, MENNEKES ACU and AMTRON Charge Control (`bender-cc6`).

Modbus TCP. The controller runs pilot, contactor, lock and its residual-current sensor itself; we
permit a current in register 1000, and 0 pauses. Registers as the manufacturer's specification 1.07
lists them; written with function 16, as evcc does.

When we fall silent for longer than register 132 (s) it falls back to the current in register 131.
`prepare` sets both and reads them back. With 0 A there it pauses, which counts as a watchdog; with
a current it keeps charging at that, which does not. That 0 means a pause is documented for register
1000; for 131 we take it to mean the same.

One `read` is the vehicle state, the error mask and one of the slower registers in turn: relay, lock
and the permitted current, which it holds anew (32 A) after a restart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hal.drivers.options import Number, Option
from hal.errors import BadReply, DeviceError, DeviceRefused
from hal.interfaces import ModbusLink, Words
from hal.values import (
    BoardCommand,
    BoardReading,
    BoardTraits,
    DeviceIdentity,
    PilotMode,
    PilotState,
)

FIRMWARE = 100
FIRMWARE_COUNT = 2
ERRORS = 111
ERRORS_COUNT = 2
PROTOCOL = 120
VEHICLE = 122
SAFE_CURRENT = 131
TIMEOUT = 132
RELAY = 140
LOCK = 152
CURRENT_PERMITTED = 1000
TIMEOUT_DEFAULT_S = 15
REFRESH_MAX_S = 10.0

# fmt: off
STATES = {                #  register 122
    1: PilotState.A,
    2: PilotState.B,
    3: PilotState.C,
    4: PilotState.D,
    5: PilotState.E,
}
ERROR_BITS = {            #  registers 111 and 112: catalogue id; None: not ours to act on
    0: "rcd_tripped",     #  residual current
    1: "pilot_shorted",   #  vehicle state E
    2: "diode_missing",
    3: "breaker_tripped",
    4: "board_breaker_tripped",         #  of the Schuko outlet
    5: "breaker_tripped",               #  RCD, by its feedback contact
    6: "contactor_welded",
    7: None,              #  its own backend was lost
    8: "connector_not_locked",
    9: "board_lock_actuator",           #  locked without a plug
    10: "lock_stuck",
    11: "board_lock_actuator",          #  not detected
    12: "board_updating",
    13: "tilted",
    14: "board_pilot_wiring",
    15: "over_current",
    16: "lock_opened",                  #  while charging
    17: "tilted",                       #  until restart
    18: "board_internal",
    19: "board_internal",               #  USB
    20: "phase_rotation_wrong",
    21: "under_voltage",                #  no mains at all
}
# fmt: on
OPTIONS: Mapping[str, Option] = {
    "timeout_s": Number(TIMEOUT_DEFAULT_S, 5, 600, whole=True),
    "safe_current_a": Number(0, 0, 80, whole=True),
}


class BenderCc6:
    """Satisfies `hal.interfaces.PilotBoard`."""

    def __init__(
        self,
        link: ModbusLink,
        *,
        name: str,
        current_max_a: float,
        timeout_s: int = TIMEOUT_DEFAULT_S,
        safe_current_a: int = 0,
    ) -> None:
        self._name = name
        self._link = link
        self._current_max_a = current_max_a
        self._timeout_s = timeout_s
        self._safe_current_a = safe_current_a
        self._refresh_s = min(REFRESH_MAX_S, timeout_s / 3)
        self._slow = [CURRENT_PERMITTED]
        """Registers that are read in turn."""
        self._held: dict[int, int] = {}
        """What those held when they were read last."""
        self._told: int | None = None
        self._told_s = -math.inf
        self._now_s = -math.inf

    @property
    def name(self) -> str:
        return self._name

    @property
    def traits(self) -> BoardTraits:
        return BoardTraits(
            watchdog_s=float(self._timeout_s) if self._safe_current_a == 0 else None,
            opens_alone=True,
            runs_pilot=True,
            current_max_a=self._current_max_a,
            has_contactor_feedback=False,
            has_rcd=False,
            has_proximity=False,
            has_lock=False,
            has_temperature=False,
        )

    def read(self) -> BoardReading:
        """Vehicle state, errors and one of the slower registers, as of the first of the replies.

        Relay and lock may be three readings old. Raises DeviceError; BadReply for a state outside
        the list.
        """
        try:
            return self._read()
        except DeviceError:
            self._told = None
            raise

    def command(self, command: BoardCommand) -> None:
        """Permit `current_a` with OFFER, nothing otherwise; the controller does the rest.

        Written when it differs, when the controller holds another value, and often enough to keep
        its time-out from running out. `closed` and `locked` have no register. Raises DeviceError.
        """
        offered_a = command.current_a if command.pilot is PilotMode.OFFER else 0.0
        value = math.floor(min(offered_a, self._current_max_a) + 1e-6)
        due = self._now_s - self._told_s >= self._refresh_s
        if self._told == value and not due:
            return
        self._told = None
        self._told_s = self._link.write_registers(CURRENT_PERMITTED, (value,))
        self._told = value

    def prepare(self) -> DeviceIdentity:
        """Set and verify fallback and time-out; learn which of relay and lock it tells.

        Raises DeviceError; BadReply when a setting does not keep its value.
        """
        self._told = None
        self._held.clear()
        firmware = self._words(FIRMWARE, FIRMWARE_COUNT).values
        # The safe value first: at no time may the time-out lead to an old one.
        self._store(SAFE_CURRENT, self._safe_current_a)
        self._store(TIMEOUT, self._timeout_s)
        self._slow = [CURRENT_PERMITTED, *filter(self._has, (RELAY, LOCK))]
        return DeviceIdentity(
            vendor="Bender",
            model="CC61x class",
            firmware=_text(firmware),
        )

    def _read(self) -> BoardReading:
        state = self._words(VEHICLE, 1)
        errors = _swapped(self._words(ERRORS, ERRORS_COUNT).values)
        self._read_slow()
        vehicle = state.values[0]
        if vehicle not in STATES:
            detail = f"vehicle state {vehicle}, expected 1 to 5"
            raise BadReply(self._name, f"read holding {VEHICLE}+1", detail)
        self._now_s = state.taken_s
        relay, lock = self._held.get(RELAY), self._held.get(LOCK)
        return BoardReading(
            taken_s=state.taken_s,
            pilot=STATES[vehicle],
            contactor_commanded=relay != 0 if relay is not None else None,
            locked=lock == 1 if lock is not None else None,
            faults=faults_of(errors),
        )

    def _read_slow(self) -> None:
        address = self._slow.pop(0)
        self._slow.append(address)
        value = self._held[address] = self._words(address, 1).values[0]
        if address == CURRENT_PERMITTED and value != self._told:
            self._told = None

    def _has(self, address: int) -> bool:
        """Whether the controller answers for a register that not every firmware has."""
        try:
            self._held[address] = self._words(address, 1).values[0]
        except DeviceRefused:
            return False
        return True

    def _store(self, address: int, value: int) -> None:
        """Write a stored setting only when it differs: it is kept in wearing memory."""
        if self._words(address, 1).values[0] == value:
            return
        self._link.write_registers(address, (value,))
        held = self._words(address, 1).values[0]
        if held != value:
            detail = f"holds {held}, expected {value}"
            raise BadReply(self._name, f"set holding {address}", detail)

    def _words(self, address: int, count: int) -> Words:
        words = self._link.read_holding_registers(address, count)
        if len(words.values) < count:
            detail = f"{len(words.values)} values"
            raise BadReply(self._name, f"read holding {address}+{count}", detail)
        return words


def when_silent(settings: Mapping[str, Any]) -> str:
    """What the controller does without us."""
    after = f"after {settings['timeout_s']} s it falls back to {settings['safe_current_a']} A"
    paused = settings["safe_current_a"] == 0
    return f"{after} and " + ("pauses the charge" if paused else "goes on charging with that")


def faults_of(errors: int) -> frozenset[str]:
    """Catalogue ids of an error mask; bits that are not in the list count as a failure."""
    bits = (bit for bit in range(32) if errors >> bit & 1)
    found = (ERROR_BITS.get(bit, "board_failure") for bit in bits)
    return frozenset(one for one in found if one is not None)


def _swapped(words: tuple[int, ...]) -> int:
    """The error mask: unlike all else here, its words and their bytes come low first."""
    data = b"".join(word.to_bytes(2, "big") for word in words)
    return int.from_bytes(data, "little")


def _text(words: tuple[int, ...]) -> str:
    """Printable characters of words, two each, or their digits if they are none."""
    data = b"".join(word.to_bytes(2, "big") for word in words).rstrip(b"\0 ")
    text = data.decode("ascii", "replace")
    return text if text.isprintable() else ".".join(map(str, data))
