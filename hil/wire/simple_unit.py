"""A Simple EVSE-WB class controller as a Modbus unit (holding registers 1000 to 2009).

Register list as collected from the projects that drive these controllers; registers that they do
not explain read 0 and keep what is written to them.
"""

from __future__ import annotations

from collections.abc import Sequence

from hal.values import PilotState
from hil.plant.pilot import mode_of
from hil.plant.record import Record
from hil.plant.simple_board import SimpleBoard
from hil.wire.memory import ReadOnlyCoils
from hil.wire.modbus import ILLEGAL_ADDRESS, Refusal, Table

STATUS = range(1000, 1008)
SETTINGS = range(2000, 2010)
CURRENT, COMMANDS, FLAGS = 1000, 1004, 2005
START_CURRENTS = (2000, 2004)
FIRMWARE = 17
CABLE_A = 32
FLAG_HUNDREDTHS = 0x0080
FLAGS_DEFAULT = 0x0220
COMMAND_CLEAR = 0x0004
# fmt: off
STATES = {PilotState.A: 1, PilotState.B: 2, PilotState.C: 3, PilotState.D: 4}
MODES = {"steady": 1, "offer": 2, "fault": 3}
# fmt: on
FAILURE = 5


class SimpleUnit(ReadOnlyCoils):
    """Registers of one controller."""

    def __init__(self, board: SimpleBoard, *, record: Record, evse: int, device: str) -> None:
        self._board = board
        self._record = record
        self._evse = evse
        self._device = device
        self._settings = dict.fromkeys(SETTINGS, 0)
        self._settings[FLAGS] = FLAGS_DEFAULT
        for address in START_CURRENTS:
            self._settings[address] = int(board.start_current_a)

    def hear(self, now_s: float) -> None:
        """There is no watchdog."""

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        words = {**dict(zip(STATUS, self._status(), strict=True)), **self._settings}
        if table != "holding":
            raise Refusal(ILLEGAL_ADDRESS)
        try:
            return [words[one] for one in range(address, address + count)]
        except KeyError:
            raise Refusal(ILLEGAL_ADDRESS) from None

    def write(self, table: Table, address: int, values: Sequence[int], now_s: float) -> None:
        if table != "holding":
            raise Refusal(ILLEGAL_ADDRESS)
        for place, value in enumerate(values, start=address):
            if place == CURRENT:
                self._permit(value / self._steps_per_a, now_s)
            elif place == COMMANDS and value & COMMAND_CLEAR:
                self._board.clear()
            elif place in self._settings:
                self._settings[place] = value
            elif place != COMMANDS:
                raise Refusal(ILLEGAL_ADDRESS)

    def _permit(self, current_a: float, now_s: float) -> None:
        if current_a != self._board.current_a:
            fields = {"evse": self._evse, "device": self._device, "current_a": current_a}
            self._record.add(now_s, "current_permitted", **fields)
        self._board.permit(current_a, now_s)

    @property
    def _steps_per_a(self) -> int:
        return 100 if self._settings[FLAGS] & FLAG_HUNDREDTHS else 1

    def _status(self) -> Sequence[int]:
        board = self._board
        steps = self._steps_per_a
        state = FAILURE if board.failed else STATES.get(board.state, FAILURE)
        mode = MODES[mode_of(board.duty_ratio).value]
        output = int(board.output_a * steps)
        return (int(board.current_a * steps), output, state, CABLE_A, 0, FIRMWARE, mode, 0)
