"""Phoenix Contact EV-CC-AC1-M3 and wallboxes built on it, such as Wallbe (`phoenix-ev-cc`).

Modbus TCP, unit 255; DIP switch 10 must be on. The controller runs pilot, contactor and lock
itself; we permit a current in register 528 and enable charging with coil 400. Registers as the
evcc and nymea projects use them (confidence: medium, no complete document).

**No watchdog is documented, nor that it opens by itself:** when we fall silent it keeps charging at
the last current. The loader takes it only with `accept_no_watchdog`.

**The unit of register 528 differs:** whole A in Phoenix's own firmware, 0.1 A in the extended one.
Tenths written to the first would permit ten times the current. `auto` decides by what the register
holds: below 60 it is whole A, above 80 it is tenths; between, nobody can tell 60 A from 6.0 A, and
the board is refused until `current_unit` is given. A given unit that the value contradicts is
refused too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hal.drivers.options import Choice, Number, Option
from hal.errors import BadReply, DeviceError, DeviceRefused
from hal.interfaces import ModbusLink
from hal.values import (
    BoardCommand,
    BoardReading,
    BoardTraits,
    DeviceIdentity,
    PilotMode,
    PilotState,
)

STATE = 100
FIRMWARE = 105
FIRMWARE_COUNT = 2
ERROR = 107
ENABLE = 400
CURRENT = 528
CURRENT_MIN_A = 6.0
CURRENT_MAX_A = 80
"""No AC charger offers more by the pilot; what is above cannot be whole A."""
TENTHS_MIN = 60
"""6.0 A in tenths; what is below can only be whole A."""
REFRESH_DEFAULT_S = 10.0
WHOLE, TENTH = "A", "0.1 A"

# fmt: off
FAULTS = {                #  register 107: catalogue id
    1: "board_cable_rejected",          #  13 and 20 A cables
    2: "board_cable_rejected",          #  13 A cables
    3: "proximity_invalid",
    4: "pilot_out_of_range",
    5: "board_failure",                 #  charger not available
    6: "connector_not_locked",
    7: "lock_stuck",                    #  does not unlock
    8: "connector_not_locked",          #  lock error without detail
    9: "over_current",
    10: "board_meter_lost",
    11: "board_vehicle_rejected",
    12: "board_contactor",
    13: "diode_missing",
    14: "board_failure",                #  unknown
    15: "rcd_tripped",                  #  DC residual current
}
# fmt: on
OPTIONS: Mapping[str, Option] = {
    "current_unit": Choice("auto", ("auto", WHOLE, TENTH)),
    "refresh_s": Number(REFRESH_DEFAULT_S, 1.0, 30.0),
}


class PhoenixEvCc:
    """Satisfies `hal.interfaces.PilotBoard`."""

    def __init__(
        self,
        link: ModbusLink,
        *,
        name: str,
        current_max_a: float,
        current_unit: str = "auto",
        refresh_s: float = REFRESH_DEFAULT_S,
    ) -> None:
        self._name = name
        self._link = link
        self._current_max_a = current_max_a
        self._current_unit = current_unit
        self._refresh_s = refresh_s
        self._tenths: bool | None = None
        """Unit of register 528; None: not known yet, so no current is written."""
        self._told_current: int | None = None
        self._told_enabled: bool | None = None
        self._told_s = -math.inf
        self._now_s = -math.inf
        self._current_next = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def traits(self) -> BoardTraits:
        return BoardTraits(
            watchdog_s=None,
            opens_alone=False,
            runs_pilot=True,
            current_max_a=self._current_max_a,
            has_contactor_feedback=False,
            has_rcd=False,
            has_proximity=False,
            has_lock=False,
            has_temperature=False,
        )

    def read(self) -> BoardReading:
        """State and error; in turn also the coil or the current, to notice who else writes them.

        Raises DeviceError; BadReply for a state outside A to F.
        """
        try:
            return self._read()
        except DeviceError:
            self._forget()
            raise

    def command(self, command: BoardCommand) -> None:
        """Permit `current_a` and enable with OFFER, disable otherwise; the controller does the
        rest.

        Written when it differs, when the controller holds another value, and every `refresh_s`.
        `closed` and `locked` have no register. Raises DeviceError; BadReply before `prepare` has
        learnt the unit of the current, but disabling always works.
        """
        if self._now_s - self._told_s >= self._refresh_s:
            self._forget()
        offered_a = min(command.current_a, self._current_max_a)
        if command.pilot is not PilotMode.OFFER or offered_a < CURRENT_MIN_A:
            self._enable(False)
            return
        if self._tenths is None:
            raise BadReply(self._name, f"write holding {CURRENT}", "its unit is not known")
        value = math.floor(offered_a * (10 if self._tenths else 1) + 1e-6)
        if self._told_current != value:
            self._told_current = None
            self._told_s = self._link.write_register(CURRENT, value)
            self._told_current = value
        self._enable(True)

    def prepare(self) -> DeviceIdentity:
        """Learn the unit of the current.

        Raises DeviceError; BadReply when the unit cannot be told or contradicts `current_unit`.
        """
        self._forget()
        self._tenths = None
        self._tenths = self._tenths_by(self._one(CURRENT))
        unit = TENTH if self._tenths else WHOLE
        return DeviceIdentity(
            vendor="Phoenix Contact",
            model=f"EV-CC class, currents in {unit}",
            firmware=self._firmware(),
        )

    def _firmware(self) -> str:
        """Four characters, the first of each register in its low byte; "" where there are none."""
        try:
            words = self._link.read_input_registers(FIRMWARE, FIRMWARE_COUNT).values
        except DeviceRefused:
            return ""
        text = b"".join(word.to_bytes(2, "little") for word in words).decode("ascii", "replace")
        text = text.strip("\0 ")
        return text if text.isprintable() else ""

    def _tenths_by(self, held: int) -> bool:
        request, unit = f"read holding {CURRENT}+1", self._current_unit
        if unit == "auto" and TENTHS_MIN <= held <= CURRENT_MAX_A:
            detail = f"holds {held}: {held} A or {held / 10:g} A; set current_unit"
            raise BadReply(self._name, request, detail)
        if unit == TENTH and 0 < held < TENTHS_MIN:
            detail = f"holds {held}, expected 0 or at least {TENTHS_MIN} with current_unit {TENTH}"
            raise BadReply(self._name, request, detail)
        if unit == WHOLE and held > CURRENT_MAX_A:
            detail = f"holds {held}, expected at most {CURRENT_MAX_A} with current_unit {WHOLE}"
            raise BadReply(self._name, request, detail)
        return unit == TENTH or (unit == "auto" and held > CURRENT_MAX_A)

    def _read(self) -> BoardReading:
        words = self._link.read_input_registers(STATE, 1)
        state = chr(words.values[0] & 0xFF)
        if state not in PilotState.__members__:
            detail = f"state {words.values[0]:#06x}, expected the letter A to F"
            raise BadReply(self._name, f"read input {STATE}+1", detail)
        error = self._link.read_input_registers(ERROR, 1).values[0]
        self._check_next()
        self._now_s = words.taken_s
        return BoardReading(
            taken_s=words.taken_s,
            pilot=PilotState[state],
            faults=frozenset({FAULTS.get(error, "board_failure")}) if error else frozenset(),
        )

    def _check_next(self) -> None:
        """Forget what was told when the controller holds something else."""
        self._current_next = not self._current_next
        if self._current_next:
            if self._link.read_coils(ENABLE, 1).values[0] is not self._told_enabled:
                self._told_enabled = None
        elif self._one(CURRENT) != self._told_current:
            self._told_current = None

    def _enable(self, enabled: bool) -> None:
        if self._told_enabled is enabled:
            return
        self._told_enabled = None
        self._told_s = self._link.write_coil(ENABLE, enabled)
        self._told_enabled = enabled

    def _forget(self) -> None:
        self._told_current = None
        self._told_enabled = None

    def _one(self, address: int) -> int:
        return self._link.read_holding_registers(address, 1).values[0]


def when_silent(settings: Mapping[str, Any]) -> str:
    """What the controller does without us."""
    return "it goes on charging with the last current, for ever; nothing says that it opens alone"
