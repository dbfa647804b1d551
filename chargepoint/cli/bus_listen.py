"""Frames overheard on a line: who asks whom for what, without ever sending.

RTU frames carry no direction. A frame that can be a request or an answer is named by its size: an
answer to a read says how many bytes it has.
"""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.cli.bus_access import NotDone, owned
from chargepoint.cli.station import fail
from chargepoint.config import Bus, Config
from hal.bus import frames
from hal.bus.port import PortLost, open_serial_port

LOOK_S = 0.25
QUIET_S = 0.01
"""A pause that ends a frame; the standard's gap is shorter than what the system lets us see."""

FRAME_MIN, FRAME_MAX = 4, 256
READS = {1: "coils", 2: "discrete inputs", 3: "holding", 4: "input"}
WRITES = {5: "coil", 6: "holding", 15: "coils", 16: "holding"}
CRC_BYTES = 2


def overheard(config: Config, bus: Bus) -> Iterator[str]:
    """What is said on the line, one text per frame; an empty text at every look."""
    if bus.kind == "modbus-tcp":
        fail(f"{bus.name}: a TCP connection cannot be listened to; start the station")
    try:
        with owned(config, bus):
            port = open_serial_port(config.port(bus), bus.baud, bus.parity, bus.stop_bits)
            try:
                held = b""
                while True:
                    more = port.read(QUIET_S if held else LOOK_S)
                    if more and len(held) < FRAME_MAX:
                        held += more
                        continue
                    held, said = b"", held + more
                    yield from _told(said, bus.kind == "serial")
                    yield ""
            finally:
                port.close()
    except (NotDone, PortLost) as error:
        fail(f"{bus.name}: {error}")


def _told(data: bytes, plain: bool) -> Iterator[str]:
    if not data:
        return
    if plain:
        yield f"{data.hex(' ')}  {''.join(chr(b) if 32 <= b < 127 else '.' for b in data)}"
        return
    for frame in split(data):
        yield described(frame)


def split(data: bytes) -> Iterator[bytes]:
    """Intact frames in `data`, and what stands between them."""
    rest = b""
    while data:
        size = _intact(data)
        if size == 0:
            rest, data = rest + data[:1], data[1:]
            continue
        if rest:
            yield rest
            rest = b""
        yield data[:size]
        data = data[size:]
    if rest:
        yield rest


def described(frame: bytes) -> str:
    """One frame for a person."""
    if _intact(frame) != len(frame):
        return f"not a frame: {frame.hex(' ')}"
    unit, function, body = frame[0], frame[1], frame[2:-CRC_BYTES]
    if function & frames.EXCEPTION_FLAG:
        meaning = frames.REFUSALS.get(body[0], "unknown exception")
        return f"unit {unit} refuses: exception {body[0]} ({meaning})"
    first = int.from_bytes(body[:2], "big")
    if function in READS and len(body) == 4 and body[0] != 3:
        count = int.from_bytes(body[2:], "big")
        return f"unit {unit} is asked: read {READS[function]} {first}+{count}"
    if function in READS:
        data = body[1:]
        words = [f"{data[at]:02X}{data[at + 1]:02X}" for at in range(0, len(data) - 1, 2)]
        shown = data.hex(" ") if function in (1, 2) else " ".join(words)
        return f"unit {unit} answers: {READS[function]} [{shown}]"
    if function in (5, 6):
        value = int.from_bytes(body[2:4], "big")
        return f"unit {unit} is told, or confirms: {WRITES[function]} {first} := {value}"
    if function in WRITES and len(body) == 4:
        count = int.from_bytes(body[2:4], "big")
        return f"unit {unit} confirms: {WRITES[function]} {first}+{count}"
    if function in WRITES:
        count = int.from_bytes(body[2:4], "big")
        return f"unit {unit} is told: {WRITES[function]} {first}+{count} := {body[5:].hex(' ')}"
    return f"unit {unit}, function {function}: {body.hex(' ')}"


def _intact(data: bytes) -> int:
    """Bytes of the intact frame at the beginning of `data`; 0: there is none."""
    for size in range(FRAME_MIN, min(len(data), FRAME_MAX) + 1):
        if data[size - CRC_BYTES : size] == frames.crc(data[: size - CRC_BYTES]) and _sized(
            data[:size]
        ):
            return size
    return 0


def _sized(frame: bytes) -> bool:
    """Whether a frame of this function can have this size."""
    function, body = frame[1], frame[2:-CRC_BYTES]
    if function & frames.EXCEPTION_FLAG:
        return len(body) == 1
    if function in READS:
        return len(body) == 4 or (len(body) > 1 and body[0] == len(body) - 1)
    if function in (5, 6):
        return len(body) == 4
    if function in WRITES:
        return len(body) == 4 or (len(body) > 5 and body[4] == len(body) - 5)
    return 0 < function < frames.EXCEPTION_FLAG
