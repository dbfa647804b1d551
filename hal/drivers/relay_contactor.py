"""A contactor on a plain relay board, next to a pilot board that does all else (`relay-contactor`).

A relay board of the Waveshare class has no watchdog: a relay stays where it was told to be. So the
contactor's relay is never switched on for good, only "flash on" for `hold_s` (function 05 at
0x0200 + n), again and again; when this program falls silent, the relay lets go by itself. It opens
at once by a plain off. The pilot board on the same bus gives pilot and inputs; its own contactor
output stays off.

What is true of it: the contactor opens at the latest `hold_s` after our last pulse. What is not:
it does **not open alone**. On leaving state C, a residual current or the emergency stop it is
opened by this program, over the bus, or by nobody until `hold_s` has passed.

A relay that let go, because we were late or it fell alone, is not switched on again behind the
program's back: the program above has to command open first, as with a board that opened by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hal.drivers.options import Flag, Number, Option, Text
from hal.drivers.relay_board import FLASH_ON, FLASH_STEP_S, PulseLink
from hal.errors import BadReply, ConfigurationError, DeviceError
from hal.interfaces import ModbusLink, PilotBoard
from hal.values import BoardCommand, BoardReading, BoardTraits, DeviceIdentity

HOLD_DEFAULT_S = 1.0
PULSES_PER_HOLD = 3
"""A pulse is due after this part of `hold_s`: one may be lost, or a tick be late."""
OPTIONS: Mapping[str, Option] = {
    "pilot": Text(""),
    "output": Number(0, 0, 31, whole=True),
    "hold_s": Number(HOLD_DEFAULT_S, 0.5, 5.0),
    "aux_input": Number(None, 0, 31, whole=True),
    "aux_mirror": Flag(False),
    "lock_output": Number(None, 0, 31, whole=True),
    "lock_input": Number(None, 0, 31, whole=True),
}


class RelayContactor:
    """Satisfies `hal.interfaces.PilotBoard`."""

    def __init__(
        self,
        link: ModbusLink,
        pilot_board: PilotBoard,
        *,
        name: str,
        current_max_a: float,
        output: int = 0,
        hold_s: float = HOLD_DEFAULT_S,
        aux_input: int | None = None,
        aux_mirror: bool = False,
        lock_output: int | None = None,
        lock_input: int | None = None,
    ) -> None:
        """`link` is the relay board's. Outputs and inputs count from 0.

        Raises ConfigurationError for a link that cannot write pulses, and for options that
        `check_options` refuses.
        """
        if not isinstance(link, PulseLink):
            raise ConfigurationError(
                f"{name}: bus: found one that cannot write pulses, expected a Modbus bus"
            )
        check_options(name, output=output, lock_output=lock_output, lock_input=lock_input)
        self._name = name
        self._link = link
        self._pulse: PulseLink = link
        self._pilot_board = pilot_board
        self._current_max_a = current_max_a
        self._output = output
        self._steps = math.floor(hold_s / FLASH_STEP_S + 1e-6)
        self._hold_s = self._steps * FLASH_STEP_S
        self._aux_input = aux_input
        self._aux_mirror = aux_mirror
        self._lock_output = lock_output
        self._lock_input = lock_input
        self._on: bool | None = None
        """What the contactor's relay was told last; None: not known, write it."""
        self._told_lock: bool | None = None
        self._pulsed_s = -math.inf
        """When the relay was last told to be on, confirmed or not."""
        self._let_go = False
        """The relay fell while it was to be on; it stays off until it is told to."""
        self._late = False
        """It fell because we were silent for longer than `hold_s`."""
        self._now_s = -math.inf
        """Instant of the newest reply; how the driver knows that a pulse is due."""

    @property
    def name(self) -> str:
        return self._name

    @property
    def traits(self) -> BoardTraits:
        """Those of the pilot board, except for all that has to do with contactor and lock."""
        inner = self._pilot_board.traits
        own_lock = self._lock_output is not None
        return replace(
            inner,
            watchdog_s=self._hold_s,
            opens_alone=False,
            current_max_a=min(inner.current_max_a, self._current_max_a),
            has_contactor_feedback=self._aux_input is not None or inner.has_contactor_feedback,
            has_lock=own_lock or inner.has_lock,
            has_phase_switch=False,
        )

    def read(self) -> BoardReading:
        """The pilot board's reading, then the relays and inputs; dated by the pilot board's.

        Raises DeviceError.
        """
        reading = self._pilot_board.read()
        relays = self._link.read_coils(0, self._outputs)
        inputs = self._read_inputs()
        on = relays.values[self._output]
        self._now_s = relays.taken_s
        self._compare(on, relays.values)
        return replace(
            reading,
            contactor_commanded=on,
            contactor_closed=self._closed(inputs, reading.contactor_closed),
            locked=reading.locked if self._lock_input is None else inputs[self._lock_input],
            phases=None,
            watchdog_expired=self._late or bool(reading.watchdog_expired),
        )

    def command(self, command: BoardCommand) -> None:
        """Open first, then pilot and lock, then hold the contactor closed for another while.

        To be called at least twice per `hold_s`. Raises DeviceError, after which everything is
        written again.
        """
        try:
            if not command.closed:
                self._open()
            self._pilot_board.command(self._for_pilot_board(command))
            self._lock(command.locked)
            if command.closed:
                self._hold()
        except DeviceError:
            self._on = None
            self._told_lock = None
            raise

    def prepare(self) -> DeviceIdentity:
        """Prepare the pilot board; open the relay and verify that it is off.

        Raises DeviceError; BadReply when the relay stays on.
        """
        identity = self._pilot_board.prepare()
        self._on = None
        self._told_lock = None
        self._open()
        if self._link.read_coils(0, self._outputs).values[self._output]:
            request = f"switch off output {self._output}"
            raise BadReply(self._name, request, "it stays on, expected off")
        self._read_inputs()
        return replace(identity, model=f"{identity.model} with a relay contactor")

    # --- Reading ----------------------------------------------------------------------------------

    @property
    def _outputs(self) -> int:
        return 1 + max(self._output, self._lock_output or 0)

    def _read_inputs(self) -> tuple[bool, ...]:
        used = [one for one in (self._aux_input, self._lock_input) if one is not None]
        return self._link.read_discrete_inputs(0, 1 + max(used)).values if used else ()

    def _closed(self, inputs: tuple[bool, ...], by_pilot_board: bool | None) -> bool | None:
        if self._aux_input is None:
            return by_pilot_board
        return inputs[self._aux_input] is not self._aux_mirror

    def _compare(self, on: bool, relays: tuple[bool, ...]) -> None:
        """Notice a relay that does not hold what it was told."""
        if self._on is False and on:
            self._on = None
        if self._on is True and not on:
            self._let_go = True
            self._late = self._overdue
        if self._lock_output is not None and relays[self._lock_output] is not self._told_lock:
            self._told_lock = None

    @property
    def _overdue(self) -> bool:
        """The last pulse is over, or so nearly that the relay may let go now."""
        return self._now_s - self._pulsed_s >= self._hold_s - FLASH_STEP_S

    # --- Commanding -------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._on is not False:
            self._now_s = max(self._now_s, self._link.write_coil(self._output, False))
            self._on = False
        self._let_go = self._late = False
        self._pulsed_s = -math.inf

    def _hold(self) -> None:
        began = self._pulsed_s > -math.inf
        if began and self._overdue and not self._let_go:
            self._let_go = self._late = True
        due = self._now_s - self._pulsed_s >= self._hold_s / PULSES_PER_HOLD
        if self._let_go or not (due or self._on is not True):
            return
        self._pulsed_s = max(self._now_s, self._pulsed_s)
        self._pulsed_s = self._pulse.write_coil_value(FLASH_ON + self._output, self._steps)
        self._now_s = max(self._now_s, self._pulsed_s)
        self._on = True

    def _for_pilot_board(self, command: BoardCommand) -> BoardCommand:
        testing = command.test_rcd and not command.closed
        return replace(command, closed=False, phases=3, test_rcd=testing)

    def _lock(self, locked: bool) -> None:
        if self._lock_output is not None and self._told_lock is not locked:
            self._link.write_coil(self._lock_output, locked)
            self._told_lock = locked


def when_silent(settings: Mapping[str, Any]) -> str:
    """What the contactor does without us."""
    return (
        f"the relay lets go and opens the contactor {settings['hold_s']:g} s after the last pulse "
        "at most; the pilot board goes to its own safe state by its watchdog"
    )


def check_options(
    name: str, *, output: int, lock_output: int | None, lock_input: int | None
) -> None:
    """Raises ConfigurationError for options that contradict each other."""
    if (lock_output is None) is not (lock_input is None):
        raise ConfigurationError(
            f"{name}: options.lock_output: found it without lock_input or the other way round, "
            "expected both: a lock without feedback protects nobody"
        )
    if lock_output == output:
        raise ConfigurationError(
            f"{name}: options.lock_output: found {output}, which is the contactor's output"
        )
