"""What a register map says about a raw pilot board: is it enough, and what does a reading mean.

A board names what it has in its `capabilities`; a bit or register of something that it does not
have is not looked at. Which requests are made, and what is written, is decided in `pilot_board`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from hal.errors import ConfigurationError
from hal.register_map import Block, Register, RegisterMap
from hal.values import BoardReading, PilotLevels

REQUIRED = {
    "reading": ("status", "pilot_high", "pilot_low"),
    "command": ("pilot", "contactor"),
}
INPUTS = ("breaker_tripped", "water_detected")
"""Bits of `faults` that are contacts of the station, not troubles of the board; told so."""

Abilities = Mapping[str, bool]
"""Bits of `capabilities` by their names in the map."""


def single_block(registers: RegisterMap) -> Block:
    """The one block that a safety reading is.

    Raises ConfigurationError for a map with more blocks, or without what a pilot board needs.
    """
    for group, names in REQUIRED.items():
        present: Mapping[str, Register] = getattr(registers, group)
        for name in names:
            if name not in present:
                raise ConfigurationError(
                    f"{registers.file}: {group}.{name}: found nothing, expected a register"
                )
    blocks = registers.blocks("reading", 125)
    if len(blocks) != 1:
        raise ConfigurationError(
            f"{registers.file}: reading: found {len(blocks)} separate blocks, expected one: a "
            "safety reading is one request"
        )
    return blocks[0]


def check_claim(registers: RegisterMap, name: str, opens_alone: bool) -> None:
    """Raises ConfigurationError when the option `opens_alone` could never be verified."""
    capabilities = registers.identity.get("capabilities")
    if opens_alone and (capabilities is None or "opens_alone" not in capabilities.bits):
        raise ConfigurationError(
            f"{name}: options.opens_alone: found true, expected a map whose identity.capabilities "
            f"has the bit opens_alone ({registers.file} has none): it is verified at start"
        )


def abilities_of(registers: RegisterMap, raw: Mapping[str, int]) -> Abilities:
    """What the board says that it has, by its raw identity registers."""
    capabilities = registers.identity.get("capabilities")
    return capabilities.flags(raw.get("capabilities", 0)) if capabilities else {}


def reading_of(
    registers: RegisterMap,
    raw: Mapping[str, tuple[int, ...]],
    abilities: Abilities,
    taken_s: float,
) -> BoardReading:
    """The reading that the registers in `raw` hold."""
    status = registers.reading["status"].flags(raw["status"][0])
    faults = registers.reading.get("faults")
    set_faults = faults.flags(raw["faults"][0]) if faults else {}

    def has(ability: str) -> bool:
        return abilities.get(ability, False)

    def bit(name: str, ability: str) -> bool | None:
        return status.get(name) if has(ability) else None

    def value(name: str) -> float | None:
        register = registers.reading.get(name)
        decoded = math.nan if register is None else register.decode(raw[name])
        return None if math.isnan(decoded) else decoded

    one_phase = bit("one_phase", "phase_switch")
    return BoardReading(
        taken_s=taken_s,
        pilot=PilotLevels(
            high_v=registers.reading["pilot_high"].decode(raw["pilot_high"]),
            low_v=registers.reading["pilot_low"].decode(raw["pilot_low"]),
        ),
        oscillating=status.get("oscillating"),
        duty_ratio=value("duty"),
        proximity_ohm=value("proximity") if has("proximity") else None,
        contactor_closed=bit("contactor_closed", "contactor_feedback"),
        contactor_commanded=status.get("contactor_commanded"),
        second_closed=bit("second_closed", "second_contact"),
        output_live=bit("output_live", "output_sense"),
        phases=None if one_phase is None else 1 if one_phase else 3,
        rcd_tripped=bit("rcd_tripped", "rcd"),
        pe_lost=bit("pe_lost", "pe_monitor"),
        tilted=bit("tilted", "tilt"),
        door_open=bit("door_open", "door"),
        emergency_stopped=status.get("emergency_stopped"),
        locked=bit("locked", "lock"),
        temperature_c=value("temperature") if has("temperature") else None,
        watchdog_expired=status.get("watchdog_expired"),
        sample=raw["sample"][0] if "sample" in raw else None,
        faults=frozenset(_fault(name) for name, active in set_faults.items() if active),
    )


def _fault(name: str) -> str:
    """Catalogue id of a bit of `faults`."""
    return name if name in INPUTS else f"board_{name}"
