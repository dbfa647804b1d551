"""A raw pilot board by its register map: pilot levels in, duty and contactor out (`pilot-board`).

Works for every board whose registers fit a map of kind `pilot-board`; docs/reference-board.md
publishes the layout of the reference one. The driver decodes nothing: which pilot state a level
means, and whether a standing `sample` counter means a frozen board, is decided above.

A close is written only as a change: after an open that was commanded, or once after an error made
the driver forget what the board was told. A board that opened by itself is therefore not closed
again behind its back; the program above has to command open first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hal.drivers.options import Flag, Number, Option
from hal.drivers.pilot_board_map import (
    Abilities,
    abilities_of,
    check_claim,
    reading_of,
    single_block,
)
from hal.drivers.registers import read_block, read_identity, request_text
from hal.errors import BadReply, DeviceError
from hal.interfaces import ModbusLink
from hal.register_map import Block, RegisterMap
from hal.values import BoardCommand, BoardReading, BoardTraits, DeviceIdentity, PilotMode

WATCHDOG_DEFAULT_S = 1.0
DUTY_STEADY = 1.0
DUTY_FAULT = 0.0
OPTIONS: Mapping[str, Option] = {
    "watchdog_s": Number(WATCHDOG_DEFAULT_S, 0.2, 10.0),
    "opens_alone": Flag(False),
}


@dataclass(slots=True)
class _Told:
    """What the board was told last; None: not known, write it."""

    contactor: bool | None = None
    pilot: tuple[int, ...] | None = None
    lock: bool | None = None
    one_phase: bool | None = None


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
        opens_alone: bool = False,
    ) -> None:
        """`opens_alone` is the installer's word, which `prepare` verifies.

        Raises ConfigurationError when `registers` lacks what a pilot board needs.
        """
        self._name = name
        self._link = link
        self._map = registers
        self._block = single_block(registers)
        check_claim(registers, name, opens_alone)
        self._watchdog = registers.command.get("watchdog")
        self._must_open_alone = opens_alone
        self._abilities: Abilities = {}
        self._told = _Told()
        self._testing = False
        """The pulse that tests the residual-current monitor was sent, and is still asked for."""
        self._expired = False
        """Whether the watchdog had expired at the latest reading: only the change is acted on."""
        self._traits = BoardTraits(
            watchdog_s=watchdog_s if self._watchdog else None,
            opens_alone=opens_alone,
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
        reading = reading_of(self._map, raw, self._abilities, words.taken_s)
        self._compare(reading, raw.get("duty"))
        return reading

    def command(self, command: BoardCommand) -> None:
        """Make the board follow: open, phases, pilot, lock, test, close, each only if it differs.

        The contactor opens before anything else changes and closes after everything else, so that
        a lock is engaged before power and released after it. Phases change, and a test begins,
        only while it is told to be open. Raises DeviceError, after which the next call writes
        everything; a test that has begun is not begun again.
        """
        pilot = self._pilot_words(command)
        try:
            if not command.closed:
                self._write_contactor(False)
            self._write_phases(command.phases)
            if self._told.pilot != pilot:
                self._link.write_register(self._map.command["pilot"].address, pilot[0])
                self._told.pilot = pilot
            self._write_lock(command.locked)
            self._write_test(command)
            if command.closed:
                self._write_contactor(True)
        except DeviceError:
            self._told = _Told()
            self._testing = False
            raise

    def prepare(self) -> DeviceIdentity:
        """Identify the board, set and read back its watchdog, learn what it has.

        Raises DeviceError; BadReply when it is not the board of the map, its watchdog does not
        hold the value that was set, or it does not open alone although the installer said so.
        """
        self._told = _Told()
        self._testing = False
        answers = read_identity(self._link, self._map)
        raw = {name: words.values[0] for name, (_, words) in answers.items()}
        self._learn(abilities_of(self._map, raw))
        self._set_watchdog()
        if "current_max" in answers:
            register, words = answers["current_max"]
            self._limit(register.decode(words.values))
        firmware = raw.get("firmware")
        return DeviceIdentity(
            vendor=self._map.vendor,
            model=self._map.model or self._map.name,
            firmware="" if firmware is None else f"{firmware >> 8}.{firmware & 0xFF}",
        )

    # --- Preparing --------------------------------------------------------------------------------

    def _learn(self, abilities: Abilities) -> None:
        def has(ability: str, command: str = "") -> bool:
            return abilities.get(ability, False) and (not command or command in self._map.command)

        if self._must_open_alone and not has("opens_alone"):
            raise BadReply(
                self._name,
                f"identify as {self._map.name}",
                "the board does not say that it opens alone, expected it: options.opens_alone",
            )
        self._abilities = abilities
        self._traits = BoardTraits(
            watchdog_s=self._traits.watchdog_s,
            opens_alone=has("opens_alone"),
            runs_pilot=False,
            current_max_a=self._traits.current_max_a,
            has_contactor_feedback=has("contactor_feedback"),
            has_rcd=has("rcd"),
            has_proximity=has("proximity"),
            has_lock=has("lock", "lock"),
            has_temperature=has("temperature"),
            has_rcd_test=has("rcd_test", "rcd_test") and has("rcd"),
            has_phase_switch=has("phase_switch", "one_phase"),
        )

    def _limit(self, board_max_a: float) -> None:
        """Adopt the board's own limit; 0: it states none."""
        if board_max_a:
            limit_a = min(board_max_a, self._traits.current_max_a)
            self._traits = replace(self._traits, current_max_a=limit_a)

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

    # --- Reading ----------------------------------------------------------------------------------

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
        if reading.phases is not None and told.one_phase is not (reading.phases == 1):
            told.one_phase = None

    # --- Commanding -------------------------------------------------------------------------------

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

    def _write_phases(self, phases: int) -> None:
        """A board refuses the change while its coil is on: then it waits for the next open."""
        one_phase = phases == 1
        if not self._traits.has_phase_switch or self._told.contactor is not False:
            return
        if self._told.one_phase is not one_phase:
            self._link.write_coil(self._map.command["one_phase"].address, one_phase)
            self._told.one_phase = one_phase

    def _write_lock(self, locked: bool) -> None:
        if self._traits.has_lock and self._told.lock is not locked:
            self._link.write_coil(self._map.command["lock"].address, locked)
            self._told.lock = locked

    def _write_test(self, command: BoardCommand) -> None:
        wanted = command.test_rcd and not command.closed and self._traits.has_rcd_test
        if wanted and not self._testing:
            self._link.write_coil(self._map.command["rcd_test"].address, True)
        self._testing = wanted


def when_silent(settings: Mapping[str, Any]) -> str:
    """What the board does without us, if its map has a watchdog."""
    return (
        f"its watchdog opens the contactor and stops the pilot after {settings['watchdog_s']:g} s"
    )
