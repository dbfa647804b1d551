"""Payloads across the edge: read leniently, written strictly.

Read: fields that the schema does not know and nulls are dropped, numbers sent as text (and the
other way round) are converted where that is unambiguous; what is still wrong is named with the
fault that the CSMS gets to hear. Written: texts are cut to what the schema allows, then checked;
what is still wrong is a bug of ours.
"""

from __future__ import annotations

import re
from typing import Any

from chargepoint.ocpp.frames import Fault, Payload
from chargepoint.ocpp.schemas import Direction, Invalid, Shape, schema

# fmt: off
FAULTS = {
    # schema keyword         what the other side did
    "required":             Fault.MISSING,
    "type":                 Fault.WRONG_TYPE,
    "additionalProperties": Fault.MALFORMED,
}
# fmt: on

_INTEGER = re.compile(r"\s*-?\d{1,18}(\.0+)?\s*")
_NUMBER = re.compile(r"\s*-?\d{1,18}(\.\d{1,18})?\s*")


class Violation(Exception):
    """A payload cannot be used; `fault` is what was wrong with it."""

    def __init__(self, fault: Fault, rule: str, problem: str) -> None:
        super().__init__(problem)
        self.fault = fault
        self.rule = rule
        self.problem = problem


def request(version: str, action: str, payload: Payload) -> Payload:
    """A request of the CSMS, cleaned. Raises Violation; KeyError for an unknown action."""
    expected = schema(version, action, "request")
    cleaned: Payload = _read(payload, expected.shape)
    try:
        expected.check(cleaned)
    except Invalid as error:
        raise Violation(
            FAULTS.get(error.rule, Fault.BAD_VALUE), error.rule, error.problem
        ) from error
    return cleaned


def response(version: str, action: str, payload: Payload) -> Payload:
    """An answer of the CSMS, cleaned but not checked: whatever can be read is used."""
    cleaned: Payload = _read(payload, schema(version, action, "response").shape)
    return cleaned


def written(version: str, action: str, direction: Direction, payload: Payload) -> Payload:
    """`payload` ready to be sent, too long texts cut. Raises Violation for anything else."""
    expected = schema(version, action, direction)
    fitted: Payload = _fit(payload, expected.shape)
    try:
        expected.check(fitted)
    except Invalid as error:
        raise Violation(Fault.INTERNAL, error.rule, error.problem) from error
    return fitted


def _read(value: Any, shape: Shape) -> Any:
    kind = shape.get("type")
    if kind == "object" and isinstance(value, dict):
        properties = shape.get("properties")
        if properties is None:
            return value
        return {
            key: _read(value[key], expected)
            for key, expected in properties.items()
            if value.get(key) is not None
        }
    if kind == "array" and isinstance(value, list):
        items = shape.get("items", {})
        return [_read(item, items) for item in value if item is not None]
    if isinstance(value, (dict, list)):
        return value
    return _converted(value, kind)


def _converted(value: Any, kind: str | None) -> Any:
    """`value` as the schema's simple type, where only one reading is possible."""
    if kind == "string" and not isinstance(value, str):
        return ("true" if value else "false") if isinstance(value, bool) else _plain(value)
    if kind == "integer":
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value.partition(".")[0])
        if isinstance(value, float) and value.is_integer():
            return int(value)
    if kind == "number" and isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if kind == "boolean" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().casefold(), value)
    return value


def _plain(value: int | float) -> str:
    """A number as text; whole ones without a fraction."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value) if abs(value) < 10**30 else "9" * 30


def _fit(value: Any, shape: Shape) -> Any:
    if isinstance(value, str):
        limit = shape.get("maxLength")
        return value if limit is None or len(value) <= limit else value[:limit]
    if isinstance(value, dict):
        properties = shape.get("properties", {})
        return {key: _fit(item, properties.get(key, {})) for key, item in value.items()}
    if isinstance(value, list):
        items = shape.get("items", {})
        return [_fit(item, items) for item in value]
    return value
