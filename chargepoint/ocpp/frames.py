"""OCPP-J frames: text in, one parsed frame out, and back; for every OCPP version.

`parse` never raises: what cannot be read becomes a `Broken` frame that says what is wrong and, if
that much could be read, which message it was. Ids of the CSMS are kept as the JSON text in which
they came, so that they are echoed byte for byte whatever their type. Nesting is bounded before
anything looks inside a payload. Follows OCPP-J 1.6 section 4 and its errata.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, NewType

import msgspec

SIZE_MAX = 1_048_576
"""Characters of a frame that we still read; what most central systems take themselves."""

DEPTH_MAX = 24
"""Levels of nesting; the deepest message of OCPP needs fewer than ten."""

Payload = dict[str, Any]

MessageId = NewType("MessageId", str)
"""A message id as JSON text, quotes included."""


class Fault(Enum):
    """What was wrong with a message; each OCPP version has its own spelling of it."""

    MALFORMED = "malformed"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    BAD_VALUE = "bad_value"
    UNKNOWN_ACTION = "unknown_action"
    UNSUPPORTED = "unsupported"
    INTERNAL = "internal"
    SECURITY = "security"
    OTHER = "other"


# fmt: off
CODES_V16: Mapping[Fault, str] = {
    Fault.MALFORMED:      "FormationViolation",
    Fault.MISSING:        "OccurenceConstraintViolation",   # sic, in 1.6
    Fault.WRONG_TYPE:     "TypeConstraintViolation",
    Fault.BAD_VALUE:      "PropertyConstraintViolation",
    Fault.UNKNOWN_ACTION: "NotImplemented",
    Fault.UNSUPPORTED:    "NotSupported",
    Fault.INTERNAL:       "InternalError",
    Fault.SECURITY:       "SecurityError",
    Fault.OTHER:          "GenericError",
}
CODES_V2: Mapping[Fault, str] = {
    **CODES_V16,
    Fault.MALFORMED:      "FormatViolation",
    Fault.MISSING:        "OccurrenceConstraintViolation",
}
# fmt: on


class CallFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A request, ours or theirs."""

    message_id: MessageId
    action: str
    payload: Payload


class ResultFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A positive answer to a request."""

    message_id: MessageId
    payload: Payload
    """Empty when the CSMS sent something that is no object."""


class ErrorFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A request was refused as a message; that says nothing of its content."""

    message_id: MessageId
    code: str
    """Any text: codes of other versions and of vendors are met in practice."""
    description: str


class UnknownFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A message type that this version does not have: to be ignored."""


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """Not a frame. `message_id` is that of a request that can still be refused."""

    reason: str
    fault: Fault = Fault.MALFORMED
    message_id: MessageId | None = None
    fails: MessageId | None = None
    """Our call with this id failed: an answer to it that cannot be read."""


Frame = CallFrame | ResultFrame | ErrorFrame | UnknownFrame | Broken

_CALL, _RESULT, _ERROR = 2, 3, 4

_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_BROKEN_ANSWER = re.compile(r'\s*\[\s*[34]\s*,\s*("[^"\\]{0,255}")')
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeError, ValueError)


def parse(text: str) -> Frame:
    """`text` as a frame; never raises."""
    if len(text) > SIZE_MAX:
        return Broken(reason=f"{len(text)} characters, at most {SIZE_MAX} are read")
    try:
        parts = _split(text)
        if _deeper(text, DEPTH_MAX):
            return Broken(reason="nested too deeply")
        kind = _decode(parts[0]) if parts else None
    except _UNREADABLE as error:
        answer = _BROKEN_ANSWER.match(text)
        fails = MessageId(answer[1]) if answer else None
        return Broken(reason=f"not a JSON array: {str(error)[:100]}", fails=fails)
    message_id = _id(parts)
    if message_id is None:
        return Broken(reason="no message id")
    if kind == _CALL:
        return _call(parts, message_id)
    if kind == _RESULT:
        return ResultFrame(message_id=message_id, payload=_object(parts[2:3]) or {})
    if kind == _ERROR:
        texts = [_text(part) for part in parts[2:4]] + ["", ""]
        return ErrorFrame(message_id=message_id, code=texts[0], description=texts[1])
    return UnknownFrame()


def call(message_id: MessageId, action: str, payload: Payload) -> str:
    """The text of a CALL."""
    return _encode([_CALL, _raw(message_id), action, payload]).decode()


def result(message_id: MessageId, payload: Payload) -> str:
    """The text of a CALLRESULT."""
    return _encode([_RESULT, _raw(message_id), payload]).decode()


def error(message_id: MessageId, code: str, description: str) -> str:
    """The text of a CALLERROR; the description is cut to the 255 characters that fit."""
    return _encode([_ERROR, _raw(message_id), code, description[:255], {}]).decode()


def own_id(text: str) -> MessageId:
    """An id of ours, as JSON text."""
    return MessageId(_encode(text).decode())


def shown(message_id: MessageId | None) -> str:
    """An id for people: without quotes, bounded."""
    return (message_id or "")[:80].strip('"')


def _call(parts: list[msgspec.Raw], message_id: MessageId) -> Frame:
    action = _value(parts[2]) if len(parts) > 2 else None
    if not isinstance(action, str):
        return Broken(reason="no action", message_id=message_id)
    if len(parts) < 4:
        return Broken(reason="no payload", message_id=message_id)
    payload = _object(parts[3:4])
    if payload is None:
        return Broken(
            reason="payload is not an object", fault=Fault.WRONG_TYPE, message_id=message_id
        )
    return CallFrame(message_id=message_id, action=action, payload=payload)


def _object(parts: list[msgspec.Raw]) -> Payload | None:
    """The payload in `parts`; null and the empty list of some languages count as empty."""
    value = _value(parts[0]) if parts else None
    if isinstance(value, dict):
        return value
    return {} if value is None or value == [] else None


def _id(parts: list[msgspec.Raw]) -> MessageId | None:
    if len(parts) < 2:
        return None
    raw = bytes(parts[1]).strip()
    readable = raw[:1] in b'"-0123456789' and raw != b""
    return MessageId(raw.decode()) if readable and _value(parts[1]) is not None else None


def _text(part: msgspec.Raw) -> str:
    value = _value(part)
    return value if isinstance(value, str) else ""


def _value(part: msgspec.Raw) -> Any:
    """The decoded value, or None for what JSON allows and nobody can hold (1e999)."""
    try:
        return _decode(part)
    except _UNREADABLE:
        return None


def _raw(message_id: MessageId) -> msgspec.Raw:
    return msgspec.Raw(message_id)


def _deeper(text: str, limit: int) -> bool:
    """Whether brackets outside strings nest deeper than `limit`; `text` is valid JSON."""
    if text.count("[") + text.count("{") <= limit:
        return False
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > limit:
                return True
        elif token[0] in "]}":
            depth -= 1
    return False


_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
