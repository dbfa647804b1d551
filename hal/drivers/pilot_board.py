"""A raw pilot board by its register map: pilot levels in, duty and contactor out (`pilot-board`).

Works for every board whose registers fit a map of kind `pilot-board`; docs/reference-board.md
publishes the layout of the reference one. The driver decodes nothing: which pilot state a level
means, and whether a standing `sample` counter means a frozen board, is decided above.

A close is written only as a change: after an open that was commanded, or once after an error made
the driver forget what the board was told. A board that opened by itself is therefore not closed
again behind its back; the program above has to command open first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hal.drivers.options import Number, Option
from hal.drivers.registers import read_block, read_identity, request_text
from hal.errors import BadReply, ConfigurationError, DeviceError
from hal.interfaces import ModbusLink
from hal.register_map import Block, Register, RegisterMap
from hal.values import (
    BoardCommand,
    BoardReading,
    BoardTraits,
    DeviceIdentity,
    PilotLevels,
    PilotMode,
)

WATCHDOG_DEFAULT_S = 1.0
DUTY_STEADY = 1.0
DUTY_FAULT = 0.0
REQUIRED = {
    "reading": ("status", "pilot_high", "pilot_low"),
    "command": ("pilot", "contactor"),
}
OPTIONS: Mapping[str, Option] = {"watchdog_s": Number(WATCHDOG_DEFAULT_S, 0.2, 10.0)}


@dataclass(slots=True)
class _Told:
    """What the board was told last; None: not known, write it."""

    contactor: bool | None = None
    pilot: tuple[int, ...] | None = None
    lock: bool | None = None


class RegisterPilotBoard:
    """Satisfies `hal.interfaces.PilotBoard`."""

    def __init__(
        self,
        link: ModbusLink,
        registers: RegisterMap,
        *,
        name: str,
        current_max_a: float,
        watchdog_s: float = WATCHDOG_DEFAULT_S,
    ) -> None:
        """Raises ConfigurationError when `registers` lacks what a pilot board needs."""
        self._name = name
        self._link = link
        self._map = registers
        self._block = single_block(registers)
        self._watchdog = registers.command.get("watchdog")
        self._lock = registers.command.get("lock")
        self._told = _Told()
        self._expired = False
        """Whether the watchdog had expired at the latest reading: only the change is acted on."""
        self._traits = BoardTraits(
            watchdog_s=watchdog_s if self._watchdog else None,
            opens_alone=False,
            runs_pilot=False,
            current_max_a=current_max_a,
            has_contactor_feedback=False,
            has_rcd=False,
            has_proximity=False,
            has_lock=False,
            has_temperature=False,
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def traits(self) -> BoardTraits:
        """Only what is certain until `prepare` has read the board's capabilities."""
        return self._traits

    def read(self) -> BoardReading:
        """One block read of everything that safety needs. Raises DeviceError."""
        words = read_block(self._link, self._block)
        raw = {
            one.name: tuple(self._block.words(one, words.values)) for one in self._block.registers
        }
        reading = self._reading(raw, words.taken_s)
        self._compare(reading, raw.get("duty"))
        return reading

    def command(self, command: BoardCommand) -> None:
        """Make the board follow: open, pilot, lock, close, each only if it differs.

        The contactor opens before anything else changes and closes after everything else, so that
        a lock is engaged before power and released after it. Raises DeviceError, after which the
        next call writes everything.
        """
        pilot = self._pilot_words(command)
        try:
            if not command.closed:
                self._write_contactor(False)
            if self._told.pilot != pilot:
                self._link.write_register(self._map.command["pilot"].address, pilot[0])
                self._told.pilot = pilot
            self._write_lock(command.locked)
            if command.closed:
                self._write_contactor(True)
        except DeviceError:
            self._told = _Told()
            raise

    def prepare(self) -> DeviceIdentity:
        """Identify the board, set and read back its watchdog, learn what it has.

        Raises DeviceError; BadReply when it is not the board of the map, or its watchdog does not
        hold the value that was set.
        """
        self._told = _Told()
        answers = read_identity(self._link, self._map)
        self._set_watchdog()
        raw = {name: words.values[0] for name, (_, words) in answers.items()}
        decoded = {name: one.decode(words.values) for name, (one, words) in answers.items()}
        abilities = self._map.identity.get("capabilities")
        flags = abilities.flags(raw.get("capabilities", 0)) if abilities else {}
        limit_a = decoded.get("current_max", 0.0) or self._traits.current_max_a
        self._traits = BoardTraits(
            watchdog_s=self._traits.watchdog_s,
            opens_alone=flags.get("opens_alone", False),
            runs_pilot=False,
            current_max_a=min(limit_a, self._traits.current_max_a),
            has_contactor_feedback=flags.get("contactor_feedback", False),
            has_rcd=flags.get("rcd", False),
            has_proximity=flags.get("proximity", False),
            has_lock=flags.get("lock", False) and self._lock is not None,
            has_temperature=flags.get("temperature", False),
        )
        firmware = raw.get("firmware")
        return DeviceIdentity(
            vendor=self._map.vendor,
            model=self._map.model or self._map.name,
            firmware="" if firmware is None else f"{firmware >> 8}.{firmware & 0xFF}",
        )

    def _set_watchdog(self) -> None:
        if self._watchdog is None or self._traits.watchdog_s is None:
            return
        wanted = self._watchdog.encode(self._traits.watchdog_s, down=True)
        self._link.write_register(self._watchdog.address, wanted[0])
        block = Block(
            table="holding",
            address=self._watchdog.address,
            count=self._watchdog.count,
            registers=(self._watchdog,),
        )
        held = read_block(self._link, block).values
        if held != wanted:
            detail = f"watchdog holds {held[0]}, expected {wanted[0]}"
            raise BadReply(self._name, request_text(block), detail)

    def _reading(self, raw: Mapping[str, tuple[int, ...]], taken_s: float) -> BoardReading:
        traits = self._traits
        status = self._map.reading["status"].flags(raw["status"][0])
        faults = self._map.reading.get("faults")
        set_faults = faults.flags(raw["faults"][0]) if faults else {}
        return BoardReading(
            taken_s=taken_s,
            pilot=PilotLevels(
                high_v=self._map.reading["pilot_high"].decode(raw["pilot_high"]),
                low_v=self._map.reading["pilot_low"].decode(raw["pilot_low"]),
            ),
            oscillating=status.get("oscillating"),
            duty_ratio=self._value("duty", raw),
            proximity_ohm=self._value("proximity", raw) if traits.has_proximity else None,
            contactor_closed=(
                status.get("contactor_closed") if traits.has_contactor_feedback else None
            ),
            contactor_commanded=status.get("contactor_commanded"),
            rcd_tripped=status.get("rcd_tripped") if traits.has_rcd else None,
            emergency_stopped=status.get("emergency_stopped"),
            locked=status.get("locked") if traits.has_lock else None,
            temperature_c=self._value("temperature", raw) if traits.has_temperature else None,
            watchdog_expired=status.get("watchdog_expired"),
            sample=raw["sample"][0] if "sample" in raw else None,
            faults=frozenset(f"board_{name}" for name, active in set_faults.items() if active),
        )

    def _value(self, name: str, raw: Mapping[str, tuple[int, ...]]) -> float | None:
        register = self._map.reading.get(name)
        if register is None:
            return None
        value = register.decode(raw[name])
        return None if math.isnan(value) else value

    def _compare(self, reading: BoardReading, duty: tuple[int, ...] | None) -> None:
        """Forget what the board evidently does not hold any more, so that it is written again.

        A coil that is off although we closed it is left alone: the board opened by itself.
        """
        told = self._told
        expired = bool(reading.watchdog_expired) and not self._expired
        self._expired = bool(reading.watchdog_expired)
        if told.contactor is False and (reading.contactor_commanded or expired):
            told.contactor = None
        restarted = duty is not None and told.pilot is not None and duty != told.pilot
        if restarted or expired:
            told.pilot = None
            told.lock = None

    def _pilot_words(self, command: BoardCommand) -> tuple[int, ...]:
        register = self._map.command["pilot"]
        match command.pilot:
            case PilotMode.STEADY:
                return register.encode(DUTY_STEADY)
            case PilotMode.FAULT:
                return register.encode(DUTY_FAULT)
            case PilotMode.OFFER:
                # Rounded down: the vehicle must never read more than what is allowed.
                words = register.encode(command.duty_ratio, down=True)
                steady = register.encode(DUTY_STEADY)
                assert register.encode(DUTY_FAULT) < words < steady, command.duty_ratio
                return words

    def _write_contactor(self, closed: bool) -> None:
        if self._told.contactor is not closed:
            self._link.write_coil(self._map.command["contactor"].address, closed)
            self._told.contactor = closed

    def _write_lock(self, locked: bool) -> None:
        if self._lock is None or not self._traits.has_lock or self._told.lock is locked:
            return
        self._link.write_coil(self._lock.address, locked)
        self._told.lock = locked


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
