"""Answers as a terminal may show them: what strangers wrote commands nothing.

A card, a vehicle, a CSMS or a driver may have chosen any text that the agent tells. Control
characters are spelt out (`\\x1b`) wherever they stand in an answer; line ends stay.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from chargepoint.log import legible

T = TypeVar("T")


def cleaned(answer: T) -> T:
    """`answer` with every text in it made legible."""
    found: T = _cleaned(answer)
    return found


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return legible(value, lines=True)
    if isinstance(value, tuple):
        return tuple(map(_cleaned, value))
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(each) for key, each in value.items()}
    if not isinstance(value, msgspec.Struct):
        return value
    before = {name: getattr(value, name) for name in value.__struct_fields__}
    after = {name: _cleaned(each) for name, each in before.items()}
    changed = {name: each for name, each in after.items() if each != before[name]}
    return msgspec.structs.replace(value, **changed) if changed else value
