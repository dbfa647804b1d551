"""Reads of a register map over a link: one block is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hal.errors import BadReply, DeviceRefused
from hal.interfaces import Bits, ModbusLink, Words
from hal.register_map import Block, Register, RegisterMap


def read_block(link: ModbusLink, block: Block) -> Words:
    """The words of `block`; a bit counts as one word. Raises DeviceError.

    BadReply when the link hands back another number than was asked for.
    """
    answer: Words | Bits
    match block.table:
        case "input":
            answer = link.read_input_registers(block.address, block.count)
        case "holding":
            answer = link.read_holding_registers(block.address, block.count)
        case "coil":
            answer = link.read_coils(block.address, block.count)
        case "discrete":
            answer = link.read_discrete_inputs(block.address, block.count)
    if len(answer.values) < block.count:
        raise BadReply(link.name, request_text(block), f"{len(answer.values)} values")
    return Words(values=tuple(map(int, answer.values)), taken_s=answer.taken_s)


def request_text(block: Block) -> str:
    """`read input 0+8`, as errors name a request."""
    return f"read {block.table} {block.address}+{block.count}"


def read_identity(link: ModbusLink, found: RegisterMap) -> Mapping[str, tuple[Register, Words]]:
    """The identity registers that the device answers, checked against what the map expects.

    A register that the device refuses is left out, unless the map expects a value there. Raises
    DeviceError; BadReply when the device is another one than the map describes.
    """
    answers: dict[str, tuple[Register, Words]] = {}
    for block in found.blocks("identity"):
        try:
            words = read_block(link, block)
        except DeviceRefused:
            if any(register.expect is not None for register in block.registers):
                raise
            continue
        for register in block.registers:
            part = tuple(block.words(register, words.values))
            answers[register.name] = (register, Words(values=part, taken_s=words.taken_s))
    _check(link.name, found, answers.values())
    return answers


def _check(device: str, found: RegisterMap, answers: Iterable[tuple[Register, Words]]) -> None:
    for register, words in answers:
        if register.expect is None:
            continue
        raw = register.raw(words.values)
        if raw != register.expect:
            raise BadReply(
                device,
                f"identify as {found.name}",
                f"{register.name} is {raw}, expected {register.expect}",
            )
