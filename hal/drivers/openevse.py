"""OpenEVSE controllers over RAPI (`openevse`): serial line, 115200 8N1.

The controller runs pilot and relay itself; we permit a volatile current (`SC n V`, `FE`) or send it
to sleep (`FS`). What is true of it, as its firmware (`J1772EvseController.cpp`) shows:

- it opens by itself on leaving state C and on its own faults (GFCI, ground, relay, temperature);
- **its heartbeat is no watchdog:** without our pulse it lowers the current to the fallback, never
  below 6 A, and keeps charging. So `watchdog_s` is None;
- `FS` waits up to 3 s for the vehicle before it opens, `FD` opens at once. An open command while
  the relay is closed is therefore `FD`, then `FS`;
- acknowledging a missed pulse (`SY 165`) raises the current to the configured maximum. So the
  heartbeat is set anew instead, which clears the miss and raises nothing;
- the relay flag is what the firmware drives, not an auxiliary contact.

A `read` waits at most READ_WAIT_S. While the answer may still come it returns the reading before
once more, with its old instant and sample number: its age then speaks for itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hal.drivers.openevse_rapi import Answer, Exchange, Notice
from hal.drivers.openevse_state import DISABLED, SLEEPING, State
from hal.drivers.options import Number, Option
from hal.errors import BadReply, DeviceError, DeviceRefused, NoReply
from hal.interfaces import SerialLink
from hal.values import (
    BoardCommand,
    BoardReading,
    BoardTraits,
    DeviceIdentity,
    PilotMode,
)

READ_WAIT_S = 0.05
"""Longest wait in one `read`."""
COMMAND_WAIT_S = 0.1
"""Longest wait in one `command`, for everything that it writes."""
PREPARE_WAIT_S = 0.5
"""Longest wait for each answer in `prepare`; there is no other device on the line."""
REFRESH_S = 10.0
TEMPERATURE_EVERY_S = 5.0
HEARTBEAT_DEFAULT_S = 10
FALLBACK_DEFAULT_A = 6
CURRENT_MIN_A = 6
"""Least current that `SC` takes, and that a fallback comes down to."""
SENSOR_ABSENT = -2560
REFUSED = 0
"""RAPI gives no reason with `$NK`."""

ENABLE, SLEEP, DISABLE = "FE", "FS", "FD"
OPTIONS: Mapping[str, Option] = {
    "heartbeat_s": Number(HEARTBEAT_DEFAULT_S, 0, 60, whole=True),
    "fallback_current_a": Number(FALLBACK_DEFAULT_A, CURRENT_MIN_A, 80, whole=True),
}


class OpenEvse:
    """Satisfies `hal.interfaces.PilotBoard`."""

    def __init__(
        self,
        link: SerialLink,
        *,
        name: str,
        current_max_a: float,
        heartbeat_s: int = HEARTBEAT_DEFAULT_S,
        fallback_current_a: int = FALLBACK_DEFAULT_A,
    ) -> None:
        self._name = name
        self._exchange = Exchange(link, name)
        self._configured_max_a = current_max_a
        self._current_max_a = current_max_a
        self._heartbeat_s = heartbeat_s
        self._fallback_a = fallback_current_a
        self._has_temperature = False
        self._temperature_c: float | None = None
        self._temperature_s = -math.inf
        self._pulse_s = -math.inf
        self._missed = False
        """The board has missed a pulse; its heartbeat must be set anew."""
        self._told_function: str | None = None
        self._told_current_a: int | None = None
        self._told_s = -math.inf
        self._relay: bool | None = None
        """Relay driven closed; None: not known."""
        self._boot_locked = False
        self._reading: BoardReading | None = None
        self._sample = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def traits(self) -> BoardTraits:
        return BoardTraits(
            watchdog_s=None,
            opens_alone=True,
            runs_pilot=True,
            current_max_a=self._current_max_a,
            has_contactor_feedback=False,
            has_rcd=True,
            has_proximity=False,
            has_lock=False,
            has_temperature=self._has_temperature,
        )

    def read(self) -> BoardReading:
        """The state by `GS`, or the reading before again while the answer may still come.

        Raises DeviceError; NoReply when the answer is overdue, and then until there is one.
        """
        try:
            answered = self._exchange.ask("state", "GS", READ_WAIT_S)
            self._heed(self._exchange.take_notices())
            if answered is not None:
                self._reading = self._reading_of(*answered)
        except DeviceError:
            self._reading = None
            self._forget()
            raise
        if self._reading is None:
            raise NoReply(self._name, "GS", f"no answer within {READ_WAIT_S:g} s, still waiting")
        self._look_after()
        return self._reading

    def command(self, command: BoardCommand) -> None:
        """Permit `current_a` with OFFER, sleep with STEADY, state F with FAULT.

        With `closed` false the relay is opened at once if it may be closed, otherwise the vehicle
        gets the board's 3 s. What was told is repeated after REFRESH_S. `locked` has no command.
        Raises DeviceError; NoReply also while an answer is still under way.
        """
        current_a = math.floor(min(command.current_a, self._current_max_a) + 1e-6)
        try:
            now_s = self._exchange.look()
            if now_s - self._told_s >= REFRESH_S:
                self._forget()
            if command.pilot is PilotMode.OFFER and current_a >= CURRENT_MIN_A:
                self._offer(current_a, now_s + COMMAND_WAIT_S)
            elif command.pilot is PilotMode.FAULT:
                self._function(DISABLE, now_s + COMMAND_WAIT_S)
            else:
                self._pause(now_s + COMMAND_WAIT_S, at_once=not command.closed)
        except DeviceError:
            self._forget()
            raise

    def prepare(self) -> DeviceIdentity:
        """Identify the board, set and verify its heartbeat, learn its sensors and maximum.

        Raises DeviceError; BadReply when the heartbeat does not keep what was set.
        """
        self._forget()
        self._reading = None
        self._relay = None
        self._exchange.start_over()
        version = self._must("GV", 1).values
        self._set_heartbeat()
        _, hardware_a, _, configured_a = self._whole_numbers("GC", 4)
        self._current_max_a = min(self._configured_max_a, hardware_a, configured_a)
        sensors = self._told("GP")
        self._has_temperature = sensors.ok and _hottest_c(sensors) is not None
        state = self._exchange.ask("state", "GS", PREPARE_WAIT_S)
        if state is None:
            raise NoReply(self._name, "GS", f"no answer within {PREPARE_WAIT_S:g} s")
        self._reading = self._reading_of(*state)
        return DeviceIdentity(vendor="OpenEVSE", model="RAPI controller", firmware=version[0])

    # --- Reading ----------------------------------------------------------------------------------

    def _reading_of(self, answer: Answer, taken_s: float) -> BoardReading:
        try:
            evse, vflags = int(answer.values[0], 16), int(answer.values[3], 16)
        except (IndexError, ValueError) as error:
            raise self._bad("GS", answer) from error
        state = State(evse, vflags)
        if not state.known:
            raise BadReply(self._name, "GS", f"EVSE state {evse:02X} is not in the list")
        self._relay = state.relay
        self._boot_locked = state.boot_locked
        self._compare(state)
        self._sample = (self._sample + 1) & 0xFFFF
        return BoardReading(
            taken_s=taken_s,
            pilot=state.as_pilot,
            contactor_commanded=state.relay,
            rcd_tripped=state.rcd_tripped,
            temperature_c=self._temperature_c if self._has_temperature else None,
            sample=self._sample,
            faults=state.faults,
        )

    def _compare(self, state: State) -> None:
        """Forget what was told when the board shows something else: it restarted, or somebody
        pressed its button."""
        holds = {SLEEPING: SLEEP, DISABLED: DISABLE}.get(state.evse, ENABLE)
        if self._told_function != holds and not state.faulty:
            self._told_function = None

    def _heed(self, notices: list[Notice]) -> None:
        for notice in notices:
            match notice:
                case Notice("AB"):
                    self._forget()
                case Notice("AT", (_, _, amps, _)) if _exceeds(amps, self._told_current_a):
                    self._told_current_a = None
                case _:
                    pass  # Button and Wi-Fi are no business of ours; the state is read anyway.

    def _look_after(self) -> None:
        """Pulse and temperature when due, without waiting: their answers are fetched later."""
        now_s = self._exchange.now_s
        if self._heartbeat_s and (self._missed or now_s - self._pulse_s >= self._heartbeat_s / 3):
            command = f"SY {self._heartbeat_s} {self._fallback_a}" if self._missed else "SY"
            answer = self._glance("pulse", command)
            if answer is not None:
                self._pulse_s = now_s
                self._missed = not answer.ok
                self._told_current_a = self._told_current_a if answer.ok else None
        if self._has_temperature and now_s - self._temperature_s >= TEMPERATURE_EVERY_S:
            answer = self._glance("temperature", "GP")
            if answer is not None:
                self._temperature_s = now_s
                self._temperature_c = _hottest_c(answer)

    def _glance(self, topic: str, command: str) -> Answer | None:
        """The answer if it is there; a lost one is asked for again by the next call."""
        try:
            answered = self._exchange.ask(topic, command, 0.0)
        except (NoReply, BadReply):
            return None
        return answered[0] if answered is not None else None

    # --- Commanding -------------------------------------------------------------------------------

    def _offer(self, current_a: int, until_s: float) -> None:
        if self._told_current_a != current_a:
            # Refused means clamped: the answer holds the current in force, which may be lower.
            answer = self._confirmed("current", f"SC {current_a} V", until_s)
            if not answer.values or _exceeds(answer.values[0], current_a):
                raise self._bad(f"SC {current_a} V", answer)
            self._told_current_a = current_a
            self._told_s = self._exchange.now_s
        if self._boot_locked:
            self._confirmed("unlock", "SB", until_s)
            self._boot_locked = False
        self._function(ENABLE, until_s)

    def _pause(self, until_s: float, *, at_once: bool) -> None:
        if at_once and self._relay is not False:
            self._told_function = None
            self._function(DISABLE, until_s)
            self._relay = False
        self._function(SLEEP, until_s)

    def _function(self, function: str, until_s: float) -> None:
        if self._told_function == function:
            return
        answer = self._confirmed("function", function, until_s)
        if not answer.ok:
            raise DeviceRefused(self._name, function, "refused", REFUSED)
        self._told_function = function
        self._told_s = self._exchange.now_s

    def _confirmed(self, topic: str, command: str, until_s: float) -> Answer:
        answered = self._exchange.ask(topic, command, max(0.0, until_s - self._exchange.now_s))
        if answered is None:
            raise NoReply(self._name, command, "not answered yet")
        return answered[0]

    def _forget(self) -> None:
        self._told_function = None
        self._told_current_a = None

    # --- Preparing --------------------------------------------------------------------------------

    def _set_heartbeat(self) -> None:
        """Set it anew even if it is held: that also clears a missed pulse. Stored if different."""
        if not self._heartbeat_s:
            return
        self._must(f"SY {self._heartbeat_s} {self._fallback_a}", 3)
        held = self._whole_numbers("GY", 3)
        if held[:2] != [self._heartbeat_s, self._fallback_a]:
            detail = f"holds {held[:2]}, expected {[self._heartbeat_s, self._fallback_a]}"
            raise BadReply(self._name, "GY", detail)
        self._missed = False
        self._pulse_s = self._exchange.now_s

    def _whole_numbers(self, command: str, count: int) -> list[int]:
        answer = self._must(command, count)
        try:
            return [int(value) for value in answer.values[:count]]
        except ValueError as error:
            raise self._bad(command, answer) from error

    def _must(self, command: str, count: int) -> Answer:
        answer = self._told(command)
        if not answer.ok:
            raise DeviceRefused(self._name, command, "refused", REFUSED)
        if len(answer.values) < count:
            raise self._bad(command, answer)
        return answer

    def _told(self, command: str) -> Answer:
        answered = self._exchange.ask("prepare", command, PREPARE_WAIT_S)
        if answered is None:
            raise NoReply(self._name, command, f"no answer within {PREPARE_WAIT_S:g} s")
        return answered[0]

    def _bad(self, command: str, answer: Answer) -> BadReply:
        said = " ".join(("OK" if answer.ok else "NK", *answer.values))
        return BadReply(self._name, command, f"answered `{said}`")


def when_silent(settings: Mapping[str, Any]) -> str:
    """What the controller does without us."""
    opens = "it opens only when the vehicle leaves C or on a fault of its own"
    if not settings["heartbeat_s"]:
        return f"it keeps the last current for ever; {opens}"
    return (
        f"after {settings['heartbeat_s']} s it lowers the current to "
        f"{settings['fallback_current_a']} A and goes on charging; {opens}"
    )


def _hottest_c(answer: Answer) -> float | None:
    """Highest of the temperatures of `GP`, 0.1 C each; None without a sensor."""
    try:
        tenths = [int(value) for value in answer.values]
    except ValueError:
        return None
    return max((value / 10 for value in tenths if value != SENSOR_ABSENT), default=None)


def _exceeds(amps: str, limit_a: int | None) -> bool:
    """Whether the board states a current above what it was told; unreadable counts as above."""
    try:
        return limit_a is None or int(amps) > limit_a
    except ValueError:
        return True
