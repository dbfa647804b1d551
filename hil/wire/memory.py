"""Register maps as memory: values of the plant as words at addresses, and back.

Addresses and encodings come from `hal.register_map`; what the values are is up to each unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hal.register_map import Register
from hil.wire.modbus import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refusal


class ReadOnlyCoils:
    """What most units do with function 05 and a value that is neither on nor off."""

    def write_coil_value(self, address: int, value: int, now_s: float) -> None:
        """Refuse with exception 3."""
        raise Refusal(ILLEGAL_VALUE)


def placed(
    registers: Mapping[str, Register], table: str, values: Mapping[str, float]
) -> dict[int, int]:
    """Words of `table` by address for those `values` that the map has a place for."""
    words: dict[int, int] = {}
    for name, register in registers.items():
        if register.table != table:
            continue
        value = values.get(name, 0.0)
        encoded = (int(value),) if register.type == "bit" else _encoded(register, value)
        words.update(enumerate(encoded, start=register.address))
    return words


def _encoded(register: Register, value: float) -> Sequence[int]:
    """Words of a value; what the device has not is shown as its "not available", else as 0."""
    if math.isfinite(value) and register.type != "text":
        return register.encode(value)
    return (
        register.encode(register.missing[0] * register.factor)
        if register.missing
        else ((0,) * register.count)
    )


def slice_of(words: Mapping[int, int], address: int, count: int) -> Sequence[int]:
    """`count` words from `address`. Raises Refusal where nothing is defined."""
    try:
        return [words[one] for one in range(address, address + count)]
    except KeyError:
        raise Refusal(ILLEGAL_ADDRESS) from None


def register_at(registers: Mapping[str, Register], table: str, address: int) -> Register:
    """The single-word register at `address`. Raises Refusal."""
    for register in registers.values():
        if register.table == table and register.address == address and register.count == 1:
            return register
    raise Refusal(ILLEGAL_ADDRESS)


def flag_word(register: Register | None, setflag_word: Mapping[str, bool]) -> float:
    bits = register.bits if register is not None else {}
    return float(sum(1 << bit for name, bit in bits.items() if setflag_word.get(name, False)))
