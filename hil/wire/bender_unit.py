"""A Bender CC61x class controller as a Modbus unit: holding registers 100 to 1002.

Registers of the manufacturer's specification 1.07. All words and bytes are big-endian except those
of the error mask (105 to 112), which are swapped in both: bit 0 is the low bit of the high byte of
the first word. Registers of parts that the simulated controller has not read 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from hal.values import PilotState
from hil.plant.bender_board import BenderBoard
from hil.plant.evse import PlantEvse
from hil.plant.pilot import CURRENT_MIN_A
from hil.plant.record import Record
from hil.wire.memory import ReadOnlyCoils
from hil.wire.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refusal, Table

SAFE_CURRENT, TIMEOUT, LIMIT = 131, 132, 1000
SAFE_CURRENT_MAX_A, TIMEOUT_MAX_S, LIMIT_MAX_A = 80, 0xFFFF, 80
MODEL = "CC613"
FIRMWARE = b"5.22"
NOT_PRESENT = 0xFFFF
# fmt: off
SPANS = (  #  registers that are defined
    range(100, 102), range(104, 113), range(120, 125), range(130, 152), range(152, 153),
    range(200, 228), range(600, 635), range(701, 742), range(1000, 1003), range(1110, 1119),
)
STATES = {PilotState.A: 1, PilotState.B: 2, PilotState.C: 3, PilotState.D: 4, PilotState.E: 5}
ERROR_BITS = {  #  by the controller's causes
    "residual":    0,
    "shorted":     1,
    "diode":       2,
    "welded":      6,
    "unlockable":  8,
    "stuck":      10,
    "tilted":     13,
    "unlocked":   16,
    "stopped":    18,
}
BREAKER_BIT, ROTATION_BIT, NO_MAINS_BIT = 3, 20, 21
AVAILABLE, FAULTED, PREPARING, CHARGING, PAUSED = 0, 4, 5, 6, 7
# fmt: on


class BenderUnit(ReadOnlyCoils):
    """Registers of one controller."""

    def __init__(self, evse: PlantEvse, *, record: Record, device: str) -> None:
        assert isinstance(evse.board, BenderBoard)
        self._evse = evse
        self._board: BenderBoard = evse.board
        self._record = record
        self._device = device

    def hear(self, now_s: float) -> None:
        self._board.hear(now_s)

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        addresses = range(address, address + count)
        if table != "holding" or not all(any(one in span for span in SPANS) for one in addresses):
            raise Refusal(ILLEGAL_ADDRESS)
        words = self._words()
        return [words.get(one, 0) for one in addresses]

    def write(self, table: Table, address: int, values: Sequence[int], now_s: float) -> None:
        if table != "holding":
            raise Refusal(ILLEGAL_ADDRESS)
        for place, value in enumerate(values, start=address):
            self._set(place, value, now_s)

    def _set(self, address: int, value: int, now_s: float) -> None:
        board = self._board
        limits = {
            SAFE_CURRENT: SAFE_CURRENT_MAX_A,
            TIMEOUT: TIMEOUT_MAX_S,
            LIMIT: LIMIT_MAX_A,
        }
        if address not in limits:
            raise Refusal(ILLEGAL_ADDRESS)
        if value > limits[address]:
            raise Refusal(ILLEGAL_VALUE)
        if address == SAFE_CURRENT:
            board.safe_current_a = value
        elif address == TIMEOUT:
            board.timeout_s = value
        else:
            if value != board.limit_a:
                fields = {"evse": self._evse.number, "device": self._device}
                self._record.add(now_s, "current_permitted", current_a=float(value), **fields)
            board.limit(float(value), now_s)

    def _words(self) -> dict[int, int]:
        board = self._board
        state = STATES.get(board.state, 1)
        errors = _swapped(self._errors())
        lock = board.lock
        meter = self._evse.meter.now
        energy_wh, power_w = round(meter.energy_import_wh), round(meter.power_w)
        words = dict.fromkeys(range(200, 228), NOT_PRESENT)
        words |= _text(100, FIRMWARE, 2)
        words |= _text(142, MODEL.encode(), 10)
        words |= {
            104: self._ocpp_status(),
            111: errors[0],
            112: errors[1],
            120: 0x3063,
            122: state,
            123: ord("ABCDE"[state - 1]) << 8,
            124: 1,
            SAFE_CURRENT: board.safe_current_a,
            TIMEOUT: board.timeout_s,
            133: int(board.current_max_a),
            134: int(board.current_max_a),
            140: 1 if board.coil else 0,
            152: int(lock is not None and lock.locked),
            218: energy_wh >> 16,
            219: energy_wh & 0xFFFF,
            220: power_w >> 16,
            221: power_w & 0xFFFF,
            706: int(board.output_a),
            712: int(CURRENT_MIN_A),
            715: int(board.current_max_a),
            LIMIT: int(board.limit_a),
            1002: 0xFFFF,
        }
        return words

    def _errors(self) -> int:
        evse, failure = self._evse, self._board.failure
        mask = 1 << ERROR_BITS[failure] if failure in ERROR_BITS else 0
        mask |= evse.breaker_open << BREAKER_BIT
        dead = not any(evse.feed.voltage_v) and not evse.breaker_open
        wrong = evse.phases == 3 and not evse.feed.clockwise
        return mask | wrong << ROTATION_BIT | dead << NO_MAINS_BIT

    def _ocpp_status(self) -> int:
        board = self._board
        if board.failed:
            return FAULTED
        if board.state is PilotState.A:
            return AVAILABLE
        if board.coil:
            return CHARGING
        return PREPARING if board.current_a >= CURRENT_MIN_A else PAUSED


def _swapped(mask: int) -> tuple[int, int]:
    """The two words of an error mask, low bytes first."""
    data = mask.to_bytes(4, "little")
    return int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")


def _text(address: int, text: bytes, count: int) -> dict[int, int]:
    data = text.ljust(2 * count, b"\0")
    pairs = (data[at : at + 2] for at in range(0, 2 * count, 2))
    return {address + at: int.from_bytes(pair, "big") for at, pair in enumerate(pairs)}
