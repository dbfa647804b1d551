"""A Phoenix Contact EV-CC-AC1-M3 class controller as a Modbus unit.

Registers as the evcc and nymea projects use them: input 100 to 133, coil 400, holding 300, 528 and
904; 32-bit values have their low word first. Whether register 528 counts A or 0.1 A depends on the
firmware, as on the real ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hil.plant.evse import PlantEvse
from hil.plant.phoenix_board import PhoenixBoard
from hil.plant.pilot import CURRENT_MIN_A
from hil.plant.record import Record
from hil.wire.memory import ReadOnlyCoils
from hil.wire.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refusal, Table

ENABLE, CURRENT = 400, 528
CURRENT_MAX_A = 80
DIP_REMOTE = 1 << 9
"""Switch 10 is on: Modbus may control."""
FIRMWARE = b"1.24"
INPUTS = range(100, 134)
# fmt: off
ERRORS = {  #  input 107, by the controller's causes; what it cannot name is 14
    "proximity":  3,
    "shorted":    4,
    "contactor": 12,
    "diode":     13,
    "residual":  15,
}
UNKNOWN_ERROR = 14
# fmt: on


class PhoenixUnit(ReadOnlyCoils):
    """Registers of one controller."""

    def __init__(
        self, evse: PlantEvse, *, record: Record, device: str, tenths: bool = False
    ) -> None:
        """`tenths`: the extended firmware, whose register 528 counts 0.1 A."""
        assert isinstance(evse.board, PhoenixBoard)
        self._evse = evse
        self._board: PhoenixBoard = evse.board
        self._record = record
        self._device = device
        self._steps_per_a = 10 if tenths else 1

    def hear(self, now_s: float) -> None:
        """There is no watchdog."""

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        words = self._tables().get(table, {})
        try:
            return [words[one] for one in range(address, address + count)]
        except KeyError:
            raise Refusal(ILLEGAL_ADDRESS) from None

    def write(self, table: Table, address: int, values: Sequence[int], now_s: float) -> None:
        if len(values) != 1 or (table, address) not in (("coil", ENABLE), ("holding", CURRENT)):
            raise Refusal(ILLEGAL_ADDRESS)
        if table == "coil":
            self._enable(bool(values[0]), now_s)
        else:
            self._set_current(values[0] / self._steps_per_a, now_s)

    def _enable(self, enabled: bool, now_s: float) -> None:
        if enabled != self._board.enabled:
            self._tell(now_s, "charging_enabled", enabled=enabled)
        self._board.enable(enabled, now_s)

    def _set_current(self, current_a: float, now_s: float) -> None:
        if not CURRENT_MIN_A <= current_a <= CURRENT_MAX_A:
            raise Refusal(ILLEGAL_VALUE)
        if current_a != self._board.setting_a:
            self._tell(now_s, "current_permitted", current_a=current_a)
        self._board.set_current(current_a, now_s)

    def _tell(self, now_s: float, event_type: str, **fields: object) -> None:
        known = {"evse": self._evse.number, "device": self._device}
        self._record.add(now_s, event_type, **known, **fields)

    def _tables(self) -> Mapping[str, Mapping[int, int]]:
        board, meter = self._board, self._evse.meter.now
        inputs = dict.fromkeys(INPUTS, 0)
        inputs |= {100: ord(board.letter), 104: DIP_REMOTE, 107: self._error()}
        inputs |= {105: FIRMWARE[0] | FIRMWARE[1] << 8, 106: FIRMWARE[2] | FIRMWARE[3] << 8}
        for phase, (volts, amps) in enumerate(zip(meter.voltage_v, meter.current_a, strict=True)):
            inputs |= _low_first(108 + 2 * phase, volts) | _low_first(114 + 2 * phase, amps)
        inputs |= _low_first(120, meter.power_w) | _low_first(128, meter.energy_import_wh)
        holding = {300: round(board.output_a * 10)}
        holding |= {CURRENT: int(board.setting_a * self._steps_per_a)}
        holding |= _low_first(904, meter.energy_import_wh)
        return {"input": inputs, "holding": holding, "coil": {ENABLE: int(board.enabled)}}

    def _error(self) -> int:
        failure = self._board.failure
        return ERRORS.get(failure, UNKNOWN_ERROR) if failure else 0


def _low_first(address: int, value: float) -> dict[int, int]:
    whole = round(value)
    return {address: whole & 0xFFFF, address + 1: whole >> 16 & 0xFFFF}
