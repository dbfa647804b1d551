"""What the full-screen `chargepoint watch` knows, and where it hears it.

It only listens: an observer of each safety program, a client of the agent. Whatever goes away is
asked for again after a pause, for as long as the screen is open; nothing waits for anything else.
The one thing that it asks a device for, the pilot levels of the EVSE that is shown, is a read of
low priority every two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chargepoint.cli.bus_values import READ_FUNCTION, map_of
from chargepoint.cli.legible import cleaned
from chargepoint.config import Config
from chargepoint.ipc import messages as m
from chargepoint.ipc.care import (
    AlertStatus,
    BusAnswer,
    GetAlerts,
    GetHealth,
    GetLog,
    HealthStatus,
    LogLine,
    TransactBus,
)
from chargepoint.ipc.client import ControlSession
from chargepoint.ipc.codec import BadLine, decode_answer, decode_fact, encode
from chargepoint.ipc.messages import LINE_MAX_BYTES
from chargepoint.ipc.service import (
    Answered,
    EvseStatus,
    GetMessages,
    GetStatus,
    OcppMessage,
    Request,
    StationStatus,
)

RETRY_S = 1.0
LAST = 50
"""Lines that are asked for from before a connection: those of a restart belong to them."""
STATUS_EVERY_S = 1.0
SLOW_EVERY_S = 2.0
ANSWER_WAIT_S = 5.0
POWERS_KEPT = 600
"""Meter readings, one a second: ten minutes."""

LINES_KEPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The pilot as the board measures it just now."""

    evse: int
    high_v: float
    low_v: float
    duty_ratio: float | None


@dataclass
class Picture:
    """All that is known now. `version` grows with every change."""

    evses: dict[int, m.EvseSnapshot] = field(default_factory=dict)
    powers: dict[int, deque[float]] = field(default_factory=dict)
    loops: dict[str, m.Health] = field(default_factory=dict)
    status: StationStatus | None = None
    health: HealthStatus | None = None
    levels: Levels | None = None
    alerts: tuple[AlertStatus, ...] = ()
    log: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    messages: deque[OcppMessage] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    logged: int = 0
    messaged: int = 0
    """How many lines and messages there ever were."""
    absent: dict[str, str] = field(default_factory=dict)
    """Programs that are not reached, and why."""
    version: int = 0

    def of(self, evse: int) -> EvseStatus | None:
        """What the agent says of an EVSE."""
        if self.status is None:
            return None
        return next((one for one in self.status.evses if one.evse == evse), None)

    def heard(self, bus: str, fact: m.AnyFact) -> None:
        """A safety program has told something."""
        match fact:
            case m.Snapshot(evses=evses):
                self.evses |= {evse.evse: evse for evse in evses}
            case m.Observed(evse=evse):
                self.evses[evse.evse] = evse
            case m.Measured(evse=number, meter=meter):
                if meter.power_w is not None:
                    kept = self.powers.setdefault(number, deque(maxlen=POWERS_KEPT))
                    kept.append(meter.power_w)
            case m.Health():
                self.loops[bus] = fact
            case _:
                return
        self.version += 1

    def answered(self, answer: Answered) -> None:
        """The agent has told something."""
        match answer:
            case StationStatus():
                self.status = answer
            case HealthStatus():
                self.health = answer
            case LogLine():
                self.log.append(answer)
                self.logged += 1
            case OcppMessage():
                self.messages.append(answer)
                self.messaged += 1
            case _:
                return
        self.version += 1

    def gone(self, program: str, reason: str) -> None:
        """A program is not reached."""
        if self.absent.get(program) != reason:
            self.absent[program] = reason
            self.version += 1

    def met(self, program: str) -> None:
        if self.absent.pop(program, None) is not None:
            self.version += 1


class Feed:
    """Keeps `picture` up to date until it is cancelled. `shown`: the EVSE on the screen."""

    def __init__(self, config: Config, picture: Picture, shown: Callable[[], int]) -> None:
        self._config = config
        self._picture = picture
        self._shown = shown
        self._agent = config.agent_socket()

    async def run(self) -> None:
        """Ends by cancellation only."""
        async with asyncio.TaskGroup() as group:
            for bus in self._config.safety_buses():
                group.create_task(self._safety_program(bus))
            group.create_task(self._look(GetStatus(), STATUS_EVERY_S))
            group.create_task(self._look(GetHealth(), SLOW_EVERY_S))
            group.create_task(self._alerts())
            group.create_task(self._pilot())
            group.create_task(self._follow(lambda last: GetLog(last=last, follow=True)))
            group.create_task(self._follow(lambda last: GetMessages(last=last, follow=True)))

    # --- Safety programs --------------------------------------------------------------------------

    async def _safety_program(self, bus: str) -> None:
        session = ControlSession("watch", observer=True)
        program = f"safety program of {bus}"
        while True:
            with contextlib.suppress(_Gone):
                async for line in _lines(
                    self._config.control_socket(bus), encode(session.hello()), None
                ):
                    fact = _decoded(decode_fact, line)
                    session.seen(fact)
                    self._picture.met(program)
                    self._picture.heard(bus, fact)
            self._picture.gone(program, "not reached")
            self._picture.loops.pop(bus, None)
            await asyncio.sleep(RETRY_S)

    # --- Agent ------------------------------------------------------------------------------------

    async def _look(self, request: Request, every_s: float) -> None:
        while True:
            for answer in await self._ask(request):
                self._picture.answered(answer)
            await asyncio.sleep(every_s)

    async def _alerts(self) -> None:
        while True:
            answers = await self._ask(GetAlerts(closed=0))
            found = tuple(one for one in answers if isinstance(one, AlertStatus))
            if found != self._picture.alerts:
                self._picture.alerts = found
                self._picture.version += 1
            await asyncio.sleep(SLOW_EVERY_S)

    async def _follow(self, make: Callable[[int], Request]) -> None:
        """Lines or messages, also those from before each connection; none twice."""
        heard: deque[bytes] = deque(maxlen=LAST)
        while True:
            with contextlib.suppress(_Gone):
                async for line in _lines(self._agent, encode(make(LAST)), None):
                    if line not in heard:
                        heard.append(line)
                        self._picture.answered(_decoded(decode_answer, line))
            await asyncio.sleep(RETRY_S)

    async def _pilot(self) -> None:
        while True:
            evse = self._shown()
            requests = self._level_requests(evse)
            values: dict[str, float] = {}
            for name, register, request in requests:
                for answer in await self._ask(request):
                    if isinstance(answer, BusAnswer) and len(answer.values) == register.count:
                        values[name] = register.decode(answer.values)
            found = None
            if {"pilot_high", "pilot_low"} <= values.keys():
                found = Levels(
                    evse=evse,
                    high_v=values["pilot_high"],
                    low_v=values["pilot_low"],
                    duty_ratio=values.get("duty"),
                )
            if found != self._picture.levels:
                self._picture.levels = found
                self._picture.version += 1
            await asyncio.sleep(SLOW_EVERY_S)

    def _level_requests(self, number: int) -> list[tuple[str, Any, TransactBus]]:
        """Reads of the levels, where the board's map has them."""
        evse = next((one for one in self._config.evse if one.id == number), None)
        device = None if evse is None else self._config.device_named(evse.board)
        found = map_of(device)
        if device is None or found is None:
            return []
        return [
            (
                name,
                found.reading[name],
                TransactBus(
                    bus=device.bus,
                    unit=device.unit,
                    function=READ_FUNCTION[found.reading[name].table],
                    address=found.reading[name].address,
                    count=found.reading[name].count,
                ),
            )
            for name in ("pilot_high", "pilot_low", "duty")
            if name in found.reading
        ]

    async def _ask(self, request: Request) -> list[Answered]:
        answers: list[Answered] = []
        try:
            async for line in _lines(self._agent, encode(request), ANSWER_WAIT_S):
                answers.append(_decoded(decode_answer, line))
        except _Gone:
            self._picture.gone("agent", "not reached")
            return []
        self._picture.met("agent")
        return answers


class _Gone(Exception):
    """Nobody listens, or it went away."""


async def _lines(path: Path, first: bytes, within_s: float | None) -> AsyncIterator[bytes]:
    """Lines until the other side closes; raises _Gone when there is none."""
    writer: asyncio.StreamWriter | None = None
    until_s = None if within_s is None else time.monotonic() + within_s
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_MAX_BYTES)
        writer.write(first)
        while True:
            left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
            async with asyncio.timeout(left_s):
                line = await reader.readline()
            if not line:
                return
            yield line
    except (OSError, ValueError, TimeoutError) as error:
        raise _Gone(str(error)) from error
    finally:
        if writer is not None:
            writer.close()


def _decoded(decode: Callable[[bytes], Any], line: bytes) -> Any:
    try:
        return cleaned(decode(line))
    except BadLine as error:
        raise _Gone(str(error)) from error
