"""One message, one JSON line: encoding, decoding, and splitting a byte stream into bounded lines.

Nothing that the other side can send raises anything but `BadLine`; unknown types and unknown fields
are refused there.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from chargepoint.ipc.messages import LINE_MAX_BYTES, AnyCommand, AnyFact, Command, Fact

if TYPE_CHECKING:
    from chargepoint.ipc.cards import AnyCardAnswer, AnyCardRequest
    from chargepoint.ipc.care import AnyCareAnswer, AnyCareRequest
    from chargepoint.ipc.service import Answered, AnyAnswer, AnyRequest, Request

_encoder = msgspec.json.Encoder()
_commands = msgspec.json.Decoder(AnyCommand)
_facts = msgspec.json.Decoder(AnyFact)


class BadLine(Exception):
    """A line that is no message of this direction; the text says why, shortly."""


def encode(message: Command | Fact | Request | Answered) -> bytes:
    """`message` as one line, newline included."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes) -> AnyCommand:
    """A command to control. Raises BadLine."""
    command: AnyCommand = _decode(_commands, line)
    return command


def decode_fact(line: bytes) -> AnyFact:
    """A fact from control. Raises BadLine."""
    fact: AnyFact = _decode(_facts, line)
    return fact


def decode_request(line: bytes) -> AnyRequest | AnyCareRequest | AnyCardRequest:
    """A request to the agent. Raises BadLine."""
    request: AnyRequest | AnyCareRequest | AnyCardRequest = _decode(_requests(), line)
    return request


def decode_answer(line: bytes) -> AnyAnswer | AnyCareAnswer | AnyCardAnswer:
    """An answer of the agent. Raises BadLine."""
    answer: AnyAnswer | AnyCareAnswer | AnyCardAnswer = _decode(_answers(), line)
    return answer


@cache
def _requests() -> msgspec.json.Decoder[Any]:
    """Loaded at the first use: the safety program never needs it."""
    from chargepoint.ipc.cards import AnyCardRequest
    from chargepoint.ipc.care import AnyCareRequest
    from chargepoint.ipc.service import AnyRequest

    return msgspec.json.Decoder(AnyRequest | AnyCareRequest | AnyCardRequest)


@cache
def _answers() -> msgspec.json.Decoder[Any]:
    from chargepoint.ipc.cards import AnyCardAnswer
    from chargepoint.ipc.care import AnyCareAnswer
    from chargepoint.ipc.service import AnyAnswer

    return msgspec.json.Decoder(AnyAnswer | AnyCareAnswer | AnyCardAnswer)


def _decode(decoder: msgspec.json.Decoder[Any], line: bytes) -> Any:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadLine(str(error)[:200]) from error


class LineBuffer:
    """Bytes in, whole lines out; a line longer than `line_max_bytes` raises BadLine."""

    def __init__(self, line_max_bytes: int = LINE_MAX_BYTES) -> None:
        self._line_max_bytes = line_max_bytes
        self._held = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what was received. Raises BadLine when no line can come of it any more."""
        self._held += data
        if len(self._held) > self._line_max_bytes and b"\n" not in self._held:
            self._held.clear()
            raise BadLine(f"line longer than {self._line_max_bytes} bytes")

    def take(self) -> bytes | None:
        """The next whole line without its end, or None. Raises BadLine for one that is too long."""
        end = self._held.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        if len(line) > self._line_max_bytes:
            raise BadLine(f"line longer than {self._line_max_bytes} bytes")
        return line

    @property
    def pending(self) -> int:
        """Bytes that wait."""
        return len(self._held)
