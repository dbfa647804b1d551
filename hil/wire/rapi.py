"""An OpenEVSE on its serial line: RAPI, with notices that come whenever something changes.

Written from the protocol's own description (`rapi_proc.h`, protocol 5.2.1) and apart from the
driver, so that neither is tested against itself: frames end with CR, `^` and an XOR or `*` and a
sum, at most 32 bytes and 10 words; a frame without check sum is taken, as from a person's terminal;
one with a wrong check sum is answered by `$NK` without the id that it may have carried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce

from hil.plant.evse import PlantEvse
from hil.plant.openevse_board import HARDWARE_MAX_A, Function, OpenEvseBoard
from hil.plant.record import Record
from hil.wire.line_time import LineTime
from hil.wire.talker import Outbox
from hil.wire.trouble import Trouble
from hil.world import World

BUFFER_MAX = 32
WORDS_MAX = 10
FIRMWARE, PROTOCOL = "8.2.3", "5.2.1"
ANSWER_DELAY_S = 0.004
"""Reading and obeying; ours."""
NOTICE_POLL_S = 0.02
ACKNOWLEDGE = "165"
NO_SENSOR = -2560

Reply = tuple[bool, str]
"""Whether it was obeyed, and what follows `$OK` or `$NK`."""


class RapiLine:
    """Satisfies `Talker`: one controller at the far end of a serial line."""

    def __init__(
        self,
        world: World,
        evse: PlantEvse,
        line: LineTime,
        *,
        record: Record,
        device: str,
        trouble: Trouble | None = None,
    ) -> None:
        assert isinstance(evse.board, OpenEvseBoard)
        self.trouble = Trouble() if trouble is None else trouble
        self.requests = 0
        self._world = world
        self._evse = evse
        self._board: OpenEvseBoard = evse.board
        self._line = line
        self._record = record
        self._device = device
        self._buffer = bytearray()
        self._outbox = Outbox()
        self._told = self._state()
        self._look_s = 0.0
        self._free_s = 0.0
        """The line towards the host is busy until then."""

    # --- Talker ----------------------------------------------------------------------------------

    def hear(self, data: bytes, now_s: float) -> None:
        now_s += self._line.duration_s(len(data))
        if "echo" in self.trouble.faults:
            self._outbox.put(now_s, data)
        for byte in data:
            if byte == 0x24:  # "$" begins anew
                self._buffer = bytearray(b"$")
            elif byte == 0x0D and self._buffer:
                self._obey(self._buffer.decode("ascii", "replace"), now_s)
                self._buffer.clear()
            elif self._buffer:
                self._buffer.append(byte)
                if len(self._buffer) > BUFFER_MAX:
                    self._buffer.clear()

    def due(self, now_s: float) -> Iterable[bytes]:
        if now_s >= self._look_s:
            self._look_s = now_s + NOTICE_POLL_S
            self._notice(now_s)
        return self._outbox.take(now_s)

    def next_s(self) -> float:
        return min(self._look_s, self._outbox.next_s())

    # --- Lines -----------------------------------------------------------------------------------

    def boot(self, now_s: float) -> None:
        """What it says after power-up: self-test passed."""
        self._say(f"$AB 00 {FIRMWARE}", now_s)

    def _notice(self, now_s: float) -> None:
        with self._world:
            found = self._state()
        if found != self._told:
            self._told = found
            if "silent" not in self.trouble.faults:
                self._say(found, now_s)

    def _state(self) -> str:
        board = self._board
        states = f"{board.evse_state:02x} {board.pilot_state:02x}"
        return f"$AT {states} {board.setting_a} {board.flags:04x}"

    def _obey(self, text: str, now_s: float) -> None:
        if self.trouble.deaf(now_s):
            return
        self.requests += 1
        words = _words(text)
        if words is None:
            self._say("$NK", now_s + ANSWER_DELAY_S)
            return
        sequence = words.pop() if words[-1].startswith(":") else ""
        if self.trouble.exception_code is not None:
            obeyed, values = False, ""
        else:
            with self._world as at_s:
                obeyed, values = answer(self, self._board, words, at_s)
                self._world.plant.touch()
        parts = ("$OK" if obeyed else "$NK", values, sequence)
        self._say(" ".join(part for part in parts if part), now_s + ANSWER_DELAY_S)

    def _say(self, body: str, now_s: float) -> None:
        frame = f"{body}^{_xor(body):02X}\r".encode("ascii")
        if "crc" in self.trouble.faults:
            frame = f"{body}^{_xor(body) ^ 0xFF:02X}\r".encode("ascii")
        at_s = max(now_s + self.trouble.delay_s(), self._free_s)
        for pause_s, piece in self.trouble.pieces(self._spoiled(frame)):
            at_s += pause_s + self._line.duration_s(len(piece))
            self._outbox.put(at_s, piece)
        self._free_s = at_s

    def _spoiled(self, frame: bytes) -> bytes:
        """The check sum stands before the CR, so `crc` is not that of a Modbus frame."""
        before = set(self.trouble.faults)
        self.trouble.faults -= {"crc", "stranger"}
        found = self.trouble.spoiled(frame)
        self.trouble.faults |= before
        return found

    def tell(self, now_s: float, event_type: str, **fields: object) -> None:
        """Put a changed command on record."""
        known = {"evse": self._evse.number, "device": self._device}
        self._record.add(now_s, event_type, **known, **fields)

    def meter(self) -> tuple[int, int, int]:
        """mA, mV, and Wh of the accumulated register."""
        now = self._evse.meter.now
        amps, volts = max(now.current_a), now.voltage_v[0]
        return round(amps * 1000), round(volts * 1000), round(now.energy_import_wh)

    def temperature(self) -> int:
        """0.1 C, as the only sensor fitted."""
        shown_c = self._evse.enclosure.shown_c
        return NO_SENSOR if shown_c != shown_c else round(shown_c * 10)


# --- Commands -------------------------------------------------------------------------------------


def answer(line: RapiLine, board: OpenEvseBoard, words: list[str], now_s: float) -> Reply:
    """Obey `words`, the command first."""
    command, *parameters = words
    try:
        if command in FUNCTIONS:
            return _function(line, board, FUNCTIONS[command], now_s)
        if command == "SC":
            return _set_current(line, board, parameters, now_s)
        if command == "SY":
            return _heartbeat(board, parameters, now_s)
        if command == "SB":
            return True, "0"
        if command == "FR":
            line.boot(now_s)
            return True, ""
        query = QUERIES.get(command)
    except (ValueError, IndexError):
        return False, ""
    return (False, "") if query is None else (True, query(line, board))


FUNCTIONS = {one.value: one for one in Function}


def _function(line: RapiLine, board: OpenEvseBoard, function: Function, now_s: float) -> Reply:
    if board.function is not function:
        line.tell(now_s, "function_commanded", function=function.value)
    board.do(function, now_s)
    return True, ""


def _set_current(line: RapiLine, board: OpenEvseBoard, words: list[str], now_s: float) -> Reply:
    wanted_a, before_a = int(words[0]), board.setting_a
    held_a = board.set_current(wanted_a, now_s)
    if held_a != before_a:
        line.tell(now_s, "current_permitted", current_a=held_a)
    return held_a == wanted_a, str(held_a)


def _heartbeat(board: OpenEvseBoard, words: list[str], now_s: float) -> Reply:
    obeyed = True
    match words:
        case []:
            obeyed = board.pulse(now_s)
        case [one] if one == ACKNOWLEDGE:
            board.acknowledge(now_s)
        case [interval, fallback]:
            board.supervise(int(interval), int(fallback), now_s)
        case _:
            obeyed = False
    return obeyed, f"{board.heartbeat_s} {board.fallback_a} {board.trigger}"


def _status(line: RapiLine, board: OpenEvseBoard) -> str:
    return f"{board.evse_state:02x} 0 {board.pilot_state:02x} {board.flags:04x}"


def _connected(line: RapiLine, board: OpenEvseBoard) -> str:
    return "2" if board.duty_ratio == 0.0 else str(int(bool(board.flags & 0x0100)))


def _trips(line: RapiLine, board: OpenEvseBoard) -> str:
    return " ".join(f"{one:x}" for one in board.trips.values())


# fmt: off
QUERIES: dict[str, Callable[[RapiLine, OpenEvseBoard], str]] = {
    "G0": _connected,
    "GC": lambda line, board: f"6 {HARDWARE_MAX_A} {board.setting_a} {board.configured_max_a}",
    "GE": lambda line, board: f"{board.setting_a} 0201",
    "GF": _trips,
    "GG": lambda line, board: "{} {}".format(*line.meter()),
    "GP": lambda line, board: f"{NO_SENSOR} {line.temperature()} {NO_SENSOR}",
    "GS": _status,
    "GU": lambda line, board: f"0 {line.meter()[2]}",
    "GV": lambda line, board: f"{FIRMWARE} {PROTOCOL}",
    "GY": lambda line, board: f"{board.heartbeat_s} {board.fallback_a} {board.trigger}",
}
# fmt: on


# --- Frames ---------------------------------------------------------------------------------------


def _words(text: str) -> list[str] | None:
    """Command and parameters of a frame; None when it cannot be read."""
    for mark, kind in (("^", _xor), ("*", _sum)):
        body, found, digits = text.rpartition(mark)
        if found:
            try:
                right = int(digits, 16) == kind(body)
            except ValueError:
                right = False
            if not right:
                return None
            text = body
            break
    words = text[1:].split()
    return words if 0 < len(words) <= WORDS_MAX else None


def _xor(text: str) -> int:
    return reduce(lambda value, one: value ^ ord(one), text, 0)


def _sum(text: str) -> int:
    return sum(map(ord, text)) & 0xFF
