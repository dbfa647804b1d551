"""Controllers of the Simple EVSE-WB class, also EVSE DIN and EVSE W16 (`simple-evse`).

The controller runs control pilot and contactor itself; we permit a current in register 1000, and 0
forbids. Registers as collected from the openWB and SimpleEVSE-WiFi projects (confidence: medium,
one manufacturer family, no complete document).

What is true, as far as those sources go: it opens by itself when the vehicle leaves state C. What
is not: **it has no watchdog.** When we fall silent it keeps the last current for ever, and after
power-up it starts with the current in its register 2004. So

- `read` compares the current that it holds with the one we permitted, and `command` repeats what
  differs and, at the latest after `refresh_s`, everything;
- `power_on_current_a` makes `prepare` set the stored start currents (2000 and 2004) to a safe
  value;
- a residual-current device upstream remains necessary: the meaning of its RCD register (1007) is
  not published, so none is reported.

Failure (state 5) has no detail register; it is reported as state F and the fault `board_failure`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hal.drivers.options import Number, Option
from hal.errors import BadReply
from hal.interfaces import ModbusLink
from hal.values import (
    BoardCommand,
    BoardReading,
    BoardTraits,
    DeviceIdentity,
    PilotMode,
    PilotState,
)

STATUS = 1000
STATUS_COUNT = 8
CURRENT_PERMITTED = 1000
FIRMWARE = 1005
CURRENT_AFTER_BOOT = 2000
CURRENT_AFTER_POWER_ON = 2004
FLAGS = 2005
FLAG_HUNDREDTHS = 0x0080
"""Bit 7 of register 2005: currents are in 0.01 A instead of 1 A (firmware 17 and newer)."""
PROXIMITY = 2007
REFRESH_DEFAULT_S = 10.0
GAP_S = 0.1
"""Pause that the controller needs between requests."""

# fmt: off
STATES = {                #  register 1002
    1: PilotState.A,      #  ready
    2: PilotState.B,      #  vehicle present
    3: PilotState.C,      #  charging
    4: PilotState.D,      #  charging with ventilation
    5: PilotState.F,      #  failure
}
OSCILLATING = {1: False, 2: True, 3: False}   # register 1006: steady, PWM, off
# fmt: on
FAILURE = 5
OPTIONS: Mapping[str, Option] = {
    "refresh_s": Number(REFRESH_DEFAULT_S, 1.0, 30.0),
    "power_on_current_a": Number(None, 0, 16, whole=True),
}


class SimpleEvse:
    """Satisfies `hal.interfaces.PilotBoard`."""

    def __init__(
        self,
        link: ModbusLink,
        *,
        name: str,
        current_max_a: float,
        refresh_s: float = REFRESH_DEFAULT_S,
        power_on_current_a: int | None = None,
    ) -> None:
        self._name = name
        self._link = link
        self._refresh_s = refresh_s
        self._power_on_current_a = power_on_current_a
        self._current_max_a = current_max_a
        self._step_a = 1.0
        self._proximity = False
        self._told: int | None = None
        self._told_s = -math.inf
        self._now_s = -math.inf
        """Instant of the last reply; how the driver knows that a refresh is due."""

    @property
    def name(self) -> str:
        return self._name

    @property
    def traits(self) -> BoardTraits:
        return BoardTraits(
            watchdog_s=None,
            opens_alone=True,
            runs_pilot=True,
            current_max_a=self._current_max_a,
            has_contactor_feedback=False,
            has_rcd=False,
            has_proximity=self._proximity,
            has_lock=False,
            has_temperature=False,
        )

    def read(self) -> BoardReading:
        """Registers 1000 to 1007. Raises DeviceError; BadReply for a state outside the list."""
        words = self._link.read_holding_registers(STATUS, STATUS_COUNT)
        permitted, _, vehicle, cable_a, _, _, evse, _ = words.values
        if vehicle not in STATES:
            detail = f"vehicle state {vehicle}, expected 1 to 5"
            raise BadReply(self._name, f"read holding {STATUS}+{STATUS_COUNT}", detail)
        self._now_s = words.taken_s
        if permitted != self._told:
            self._told = None
        return BoardReading(
            taken_s=words.taken_s,
            pilot=STATES[vehicle],
            oscillating=OSCILLATING.get(evse),
            cable_current_a=float(cable_a) if self._proximity else None,
            faults=frozenset({"board_failure"}) if vehicle == FAILURE else frozenset(),
        )

    def command(self, command: BoardCommand) -> None:
        """Permit `current_a` with OFFER, nothing otherwise; the controller does the rest.

        Written when it differs, when the controller holds another value, and every `refresh_s`.
        `closed` and `locked` have no register here. Raises DeviceError.
        """
        offered_a = command.current_a if command.pilot is PilotMode.OFFER else 0.0
        value = math.floor(min(offered_a, self._current_max_a) / self._step_a + 1e-6)
        due = self._now_s - self._told_s >= self._refresh_s
        if self._told == value and not due:
            return
        self._told = None
        self._told_s = self._link.write_register(CURRENT_PERMITTED, value)
        self._told = value

    def prepare(self) -> DeviceIdentity:
        """Learn the unit of the current and the firmware; set the start currents if told to.

        Raises DeviceError; BadReply when a start current does not keep its value.
        """
        self._told = None
        firmware = self._read_one(FIRMWARE)
        self._step_a = 0.01 if self._read_one(FLAGS) & FLAG_HUNDREDTHS else 1.0
        self._proximity = self._read_one(PROXIMITY) != 0
        if self._power_on_current_a is not None:
            for address in (CURRENT_AFTER_BOOT, CURRENT_AFTER_POWER_ON):
                self._store(address, self._power_on_current_a)
        return DeviceIdentity(model="Simple EVSE class", firmware=str(firmware))

    def _store(self, address: int, value: int) -> None:
        """Write a stored setting only when it differs: it is kept in wearing memory."""
        if self._read_one(address) == value:
            return
        self._link.write_register(address, value)
        held = self._read_one(address)
        if held != value:
            detail = f"holds {held}, expected {value}"
            raise BadReply(self._name, f"set holding {address}", detail)

    def _read_one(self, address: int) -> int:
        try:
            return self._link.read_holding_registers(address, 1).values[0]
        except IndexError as error:
            raise BadReply(self._name, f"read holding {address}+1", "no value") from error


def when_silent(settings: Mapping[str, Any]) -> str:
    """What the controller does without us."""
    stored_a = settings["power_on_current_a"]
    start = "the stored current" if stored_a is None else f"{stored_a} A"
    return (
        "it keeps the last current for ever and opens only when the vehicle leaves C; after a "
        f"power cut it starts with {start}"
    )
