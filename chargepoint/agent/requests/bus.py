"""Raw Modbus requests of technicians, and of signals on relays: one door for all buses.

On a safety bus the safety program serves them in its slack and decides what may be written; on a
field bus its thread serves them between two polls. Nothing is retried.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from chargepoint.agent.bus_queue import Asked, BusBusy
from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.config import Bus, Config
from chargepoint.config.station_file import RTU_UNIT_MAX
from chargepoint.ipc import messages as m
from chargepoint.ipc.care import BusAnswer, TransactBus
from chargepoint.ipc.service import Answered, Done
from hal.errors import DeviceError

WAIT_S = 3.0
"""One request, with those of others before it; the wire itself takes at most some tenths."""

UNIT_MAX_TCP = 255
FUNCTIONS = (1, 2, 3, 4, 5, 6, 15, 16)
VALUES_MAX = 2000
"""No Modbus request has more; what is longer would not even fit on the safety program's socket."""

WORD_MAX = 0xFFFF


class SafetyPrograms(Protocol):
    """The part of `ControlLinks` that is needed."""

    async def ask_bus(
        self, bus: str, make: Callable[[str], m.Command], within_s: float = ...
    ) -> m.Replied: ...


class FieldBuses(Protocol):
    """The part of `Field` that is needed."""

    def transact(self, bus: str, asked: Asked) -> Future[tuple[int, ...]]: ...


class BusDesk:
    """The door itself, for whoever has the right to ask."""

    def __init__(
        self,
        config: Config,
        controls: SafetyPrograms,
        field: FieldBuses,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._controls = controls
        self._field = field
        self._now = now
        self._safety = config.safety_buses()

    async def transact(
        self,
        bus: str,
        unit: int,
        function: int,
        address: int,
        count: int = 1,
        values: Sequence[int] = (),
    ) -> BusAnswer | Done:
        """The values that the unit read or confirmed; Done says why there are none."""
        found = next((one for one in self._config.bus if one.name == bus), None)
        refusal = _refusal(found, bus, unit, function) or _misfit(address, count, values)
        if refusal:
            return Done(ok=False, detail=refusal)
        asked = Asked(
            unit=unit, function=function, address=address, count=count, values=tuple(values)
        )
        began_s = self._now()
        try:
            read = await (self._safety_bus if bus in self._safety else self._field_bus)(bus, asked)
        except (DeviceError, ValueError, BusBusy) as error:
            return Done(ok=False, detail=str(error))
        except TimeoutError:
            return Done(ok=False, detail=f"{bus}: no answer within {WAIT_S:g} s; it may be done")
        return BusAnswer(values=read, took_s=round(self._now() - began_s, 4))

    async def _safety_bus(self, bus: str, asked: Asked) -> tuple[int, ...]:
        replied = await self._controls.ask_bus(
            bus,
            lambda request: m.Transact(
                request=request,
                unit=asked.unit,
                function=asked.function,
                address=asked.address,
                count=asked.count,
                values=asked.values,
            ),
            WAIT_S,
        )
        if not replied.ok:
            raise ValueError(replied.detail)
        return replied.values

    async def _field_bus(self, bus: str, asked: Asked) -> tuple[int, ...]:
        outcome = self._field.transact(bus, asked)
        async with asyncio.timeout(WAIT_S):
            return await asyncio.wrap_future(outcome)


class BusRequests:
    """Serves `desk` on the socket."""

    def __init__(self, desk: BusDesk) -> None:
        self._desk = desk

    def handlers(self) -> Handlers:
        return {TransactBus: self._transact}

    async def _transact(self, request: TransactBus, caller: Caller) -> AsyncIterator[Answered]:
        yield await self._desk.transact(
            request.bus,
            request.unit,
            request.function,
            request.address,
            request.count,
            request.values,
        )


def _refusal(bus: Bus | None, name: str, unit: int, function: int) -> str:
    """Why the request cannot be sent at all; empty: it can."""
    if bus is None:
        return f"there is no bus `{name[:40]}`"
    if bus.kind == "serial":
        return f"{name} is a serial line; it carries no Modbus requests"
    unit_max = RTU_UNIT_MAX if bus.kind == "modbus-rtu" else UNIT_MAX_TCP
    if not 1 <= unit <= unit_max:
        return f"unit: found {unit}, expected 1 to {unit_max}"
    if function not in FUNCTIONS:
        return f"function: found {function}, expected one of {', '.join(map(str, FUNCTIONS))}"
    return ""


def _misfit(address: int, count: int, values: Sequence[int]) -> str:
    """What no frame can carry; the rest is judged where the frame is made."""
    if len(values) > VALUES_MAX or count > VALUES_MAX:
        return f"found {max(len(values), count)} values, expected at most {VALUES_MAX}"
    for name, number in (("address", address), *(("value", one) for one in values)):
        if not 0 <= number <= WORD_MAX:
            return f"{name}: found {str(number)[:20]}, expected 0 to {WORD_MAX}"
    return ""
