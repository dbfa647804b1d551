"""What people, pages and brokers at the station may do to one EVSE."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import msgspec

from chargepoint.agent.control_link import ControlLinks
from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.ipc import messages as m
from chargepoint.ipc.care import DrivePilot, SetEvseEnabled, SetLocalLimit, UnlockHere
from chargepoint.ipc.service import Answered, Done
from chargepoint.station.local_requests import EnableAsked, LimitAsked, UnlockHereAsked

STATION_WAIT_S = 10.0
"""The station answers when what was asked for is on the disk."""

UNLOCK_WAIT_S = 30.0
"""A transaction ends first, and the lock takes its time."""

HOLD_MAX_S = 120.0
"""Of a signal on the pilot; the safety program allows no more either."""

CONTROL_WAIT_S = 3.0
"""The safety program answers within a tick or two."""


class EvseDesk(msgspec.Struct, frozen=True, kw_only=True):
    """The actions, for whoever has the right to ask: the socket's handlers, MQTT."""

    answers: LocalAnswers
    controls: ControlLinks
    now: Callable[[], float]

    async def enable(self, evse: int, enabled: bool) -> Done:
        """Take an EVSE (0: all) out of service here, or give it back."""
        return await self.answers.ask(
            lambda request: EnableAsked(
                request=request, at_s=self.now(), evse=evse, enabled=enabled
            ),
            STATION_WAIT_S,
        )

    async def limit(self, evse: int, current_a: float | None) -> Done:
        """Set the local upper bound of an EVSE, or of all together (0); None: none."""
        return await self.answers.ask(
            lambda request: LimitAsked(
                request=request, at_s=self.now(), evse=evse, current_a=current_a
            ),
            STATION_WAIT_S,
        )

    async def unlock(self, evse: int) -> Done:
        """Free the plug; ends a transaction first."""
        return await self.answers.ask(
            lambda request: UnlockHereAsked(request=request, at_s=self.now(), evse=evse),
            UNLOCK_WAIT_S,
        )

    async def drive_pilot(self, evse: int, duty_ratio: float, hold_s: float) -> Done:
        """Put a signal on the pilot; the safety program decides whether it may."""
        if not 0.0 < hold_s <= HOLD_MAX_S:
            return Done(ok=False, detail=f"{hold_s:g} s: expected up to {HOLD_MAX_S:g} s")
        until_s = self.now() + hold_s
        replied = await self.controls.ask(
            evse,
            lambda request: m.DrivePilot(
                evse=evse, duty_ratio=duty_ratio, until_s=until_s, request=request
            ),
            CONTROL_WAIT_S,
        )
        return Done(ok=replied.ok, detail=replied.detail)


class EvseRequests:
    """Serves `desk` on the socket."""

    def __init__(self, desk: EvseDesk) -> None:
        self._desk = desk

    def handlers(self) -> Handlers:
        return {
            SetEvseEnabled: self._enable,
            SetLocalLimit: self._limit,
            UnlockHere: self._unlock,
            DrivePilot: self._drive_pilot,
        }

    async def _enable(self, request: SetEvseEnabled, caller: Caller) -> AsyncIterator[Answered]:
        yield await self._desk.enable(request.evse, request.enabled)

    async def _limit(self, request: SetLocalLimit, caller: Caller) -> AsyncIterator[Answered]:
        yield await self._desk.limit(request.evse, request.current_a)

    async def _unlock(self, request: UnlockHere, caller: Caller) -> AsyncIterator[Answered]:
        yield await self._desk.unlock(request.evse)

    async def _drive_pilot(self, request: DrivePilot, caller: Caller) -> AsyncIterator[Answered]:
        yield await self._desk.drive_pilot(request.evse, request.duty_ratio, request.hold_s)
