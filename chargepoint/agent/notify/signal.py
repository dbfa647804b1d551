"""Buzzer and lamp on coils of a Modbus device: a pattern of level and time, and who writes it.

    lamp       off: nothing open; steady: a warning; fast: worse; slow: somebody knows of all
    buzzer     beeps by severity while nobody knows; after a while only once in an hour

A coil is written when it changes, and again now and then while it rests, for a relay board that
has been without supply meanwhile.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chargepoint import log
from chargepoint.config.alerts import Signal
from chargepoint.ipc.care import BusAnswer
from chargepoint.ipc.service import Done
from chargepoint.station.alerts.values import SignalLevel

WRITE_COIL = 5
COIL_ON = 1
REST_S = 600.0
"""A coil that does not change is written again after this."""

RETRY_PAUSES_S = (1.0, 5.0, 30.0, 60.0)
SAID_AFTER = 3
"""Failures in a row before it is said: at the start control is not there yet."""

BUZZER_AGAIN_S = 3600.0
"""After `buzzer_max_s` it is silent, and sounds for BUZZER_REMINDER_S once in this."""

BUZZER_REMINDER_S = 10.0
STOP_S = 1.0
QUIET_LOOK_S = 30.0
"""While something may begin or end by the hour of the day."""

RANKS = {"": 0, "info": 1, "warning": 2, "error": 3, "critical": 4}

Phase = tuple[float, bool]
"""For so many seconds, on or off."""

# fmt: off
FAST:  tuple[Phase, ...] = ((0.5, True), (0.5, False))
SLOW:  tuple[Phase, ...] = ((0.5, True), (3.5, False))
BEEPS: dict[str, tuple[Phase, ...]] = {
    "info":     ((0.2, True), (59.8, False)),
    "warning":  ((0.2, True), (29.8, False)),
    "error":    ((0.3, True), (0.3, False), (0.3, True), (9.1, False)),
    "critical": ((0.5, True), (0.5, False), (0.5, True), (0.5, False), (0.5, True), (1.5, False)),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Picture:
    """What the coils are to be, and when that may change."""

    lamp: bool
    buzzer: bool
    next_s: float = math.inf


def picture(
    level: SignalLevel, settings: Signal, since_s: float, now_s: float, *, quiet: bool = False
) -> Picture:
    """The coils for `level`, which holds since `since_s`; `quiet`: the buzzer's quiet hours."""
    lamp, lamp_s = _at(_lamp(level, settings), since_s, now_s)
    buzzer, buzzer_s = _buzzer(level, settings, since_s, now_s)
    return Picture(lamp, buzzer and not quiet, min(lamp_s, buzzer_s))


def _lamp(level: SignalLevel, settings: Signal) -> tuple[Phase, ...]:
    rank = RANKS[level.severity]
    if rank == 0 or rank < RANKS[settings.lamp_severity]:
        return ((math.inf, False),)
    if level.acknowledged:
        return SLOW
    return FAST if rank >= RANKS["error"] else ((math.inf, True),)


def _buzzer(
    level: SignalLevel, settings: Signal, since_s: float, now_s: float
) -> tuple[bool, float]:
    rank = RANKS[level.severity]
    if rank == 0 or rank < RANKS[settings.buzzer_severity] or level.acknowledged:
        return False, math.inf
    hour, into_s = divmod(now_s - since_s, BUZZER_AGAIN_S)
    begin_s = since_s + hour * BUZZER_AGAIN_S
    long_s = settings.buzzer_max_s if hour == 0 else min(BUZZER_REMINDER_S, settings.buzzer_max_s)
    if into_s >= long_s:
        return False, begin_s + BUZZER_AGAIN_S
    on, next_s = _at(BEEPS[level.severity], begin_s, now_s)
    return on, min(next_s, begin_s + long_s)


def _at(phases: Sequence[Phase], since_s: float, now_s: float) -> tuple[bool, float]:
    """Whether it is on, and until when."""
    if math.isinf(phases[0][0]):
        return phases[0][1], math.inf
    whole_s = sum(duration_s for duration_s, _ in phases)
    end_s = since_s + (now_s - since_s) // whole_s * whole_s
    for duration_s, on in phases:
        end_s += duration_s
        if now_s < end_s:
            return on, end_s
    return phases[0][1], end_s + phases[0][0]


def within_hours(hours: str, now: datetime) -> bool:
    """Whether the local time is in `22:00-06:00`; never in an empty one."""
    if not hours:
        return False
    begin, _, end = hours.partition("-")
    clock = f"{now:%H:%M}"
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


class Write(Protocol):
    """Performs one raw request: `BusDesk.transact`."""

    def __call__(
        self,
        bus: str,
        unit: int,
        function: int,
        address: int,
        count: int = 1,
        values: Sequence[int] = (),
    ) -> Awaitable[BusAnswer | Done]: ...


class SignalDesk:
    """Shows a level on the coils; `run` until it is cancelled, which switches both off."""

    def __init__(
        self,
        settings: Signal,
        write: Write,
        *,
        now: Callable[[], float] = time.monotonic,
        local: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._settings = settings
        self._write = write
        self._now = now
        self._local = local
        self._level = SignalLevel(severity="", acknowledged=False)
        self._since_s = now()
        self._changed = asyncio.Event()
        self._coils = {
            coil: kind
            for kind, coil in (("lamp", settings.lamp_coil), ("buzzer", settings.buzzer_coil))
            if coil is not None
        }
        self._written: dict[int, tuple[bool, float]] = {}
        """What each coil was told last, and when."""
        self._failures = 0
        self.problem = ""
        self._log = log.get("signal")

    def show(self, level: SignalLevel) -> None:
        """Show this from now on. Belongs to the loop's thread."""
        if level != self._level:
            self._level = level
            self._since_s = self._now()
            self._changed.set()

    async def run(self) -> None:
        """Write what the pattern says, when it says it."""
        try:
            while True:
                self._changed.clear()
                next_s = await self._step()
                await self._rest(next_s)
        finally:
            await self._off()

    async def _step(self) -> float:
        """Bring the coils to what they are to be; the instant of the next look."""
        now_s = self._now()
        quiet = within_hours(self._settings.buzzer_quiet_hours, self._local())
        shown = picture(self._level, self._settings, self._since_s, now_s, quiet=quiet)
        for coil, kind in self._coils.items():
            on = shown.lamp if kind == "lamp" else shown.buzzer
            if not self._stands(coil, on, now_s) and not await self._write_coil(coil, on):
                pause_s = RETRY_PAUSES_S[min(self._failures, len(RETRY_PAUSES_S)) - 1]
                return self._now() + pause_s
        looks = [shown.next_s, *(at_s + REST_S for _, at_s in self._written.values())]
        if self._settings.buzzer_quiet_hours and self._level.severity:
            looks.append(now_s + QUIET_LOOK_S)
        return min(looks)

    def _stands(self, coil: int, on: bool, now_s: float) -> bool:
        written = self._written.get(coil)
        return written is not None and written[0] == on and now_s < written[1] + REST_S

    async def _rest(self, until_s: float) -> None:
        wait_s = max(until_s - self._now(), 0.0)
        try:
            async with asyncio.timeout(None if math.isinf(wait_s) else wait_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _write_coil(self, coil: int, on: bool) -> bool:
        settings = self._settings
        answer = await self._write(
            settings.bus, settings.unit, WRITE_COIL, coil, 1, (COIL_ON if on else 0,)
        )
        if isinstance(answer, Done):
            self._failed(answer.detail)
            return False
        if self._failures >= SAID_AFTER:
            self._log.info("signal.recovered", bus=settings.bus, unit=settings.unit)
        self.problem = ""
        self._failures = 0
        self._written[coil] = (on, self._now())
        return True

    def _failed(self, detail: str) -> None:
        """What the coils are is not known any more: all are written when it works again."""
        self._written.clear()
        self._failures += 1
        if self._failures == SAID_AFTER:
            settings = self._settings
            self._log.warning("signal.failed", bus=settings.bus, unit=settings.unit, error=detail)
        self.problem = detail

    async def _off(self) -> None:
        """A buzzer must not go on when nobody is left to end it."""
        off = [coil for coil, (on, _) in self._written.items() if not on]
        try:
            async with asyncio.timeout(STOP_S):
                for coil in self._coils:
                    if coil not in off:
                        await self._write_coil(coil, False)
        except TimeoutError:
            return
