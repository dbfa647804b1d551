"""Actions on one EVSE by the service socket's handlers: what reaches the station and control."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from chargepoint.agent.control_link import ControlLinks
from chargepoint.agent.requests.caller import Caller
from chargepoint.agent.requests.evse import EvseDesk, EvseRequests
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.ipc import messages as m
from chargepoint.ipc.care import DrivePilot, SetEvseEnabled, SetLocalLimit, UnlockHere
from chargepoint.ipc.service import Done, Request
from chargepoint.station import effects as ef
from chargepoint.station.events import Event
from chargepoint.station.local_requests import UnlockHereAsked
from tests.station.world import World


class Controls(ControlLinks):
    """A safety program that replies `reply` to whatever it is asked."""

    def __init__(self) -> None:
        super().__init__([], {}, lambda event: None, time.monotonic)
        self.asked: list[m.Command] = []
        self.reply = m.Replied(seq=0, at_s=0.0, request="", ok=True, detail="signal on the pilot")

    async def ask(
        self, evse: int, make: Callable[[str], m.Command], within_s: float = 3.0
    ) -> m.Replied:
        self.asked.append(make("r"))
        return self.reply


class Scene:
    """The handlers before a real station; its answers come back at once."""

    def __init__(self, **settings: bool) -> None:
        self.world = World(**settings)
        self.answers = LocalAnswers(self._tell)
        self.controls = Controls()
        desk = EvseDesk(answers=self.answers, controls=self.controls, now=lambda: 500.0)
        self.handlers = EvseRequests(desk).handlers()

    def _tell(self, event: Event) -> None:
        self.world.forget()
        self.world.tell(event)
        for answer in self.world.of(ef.AnswerHere):
            asyncio.get_running_loop().call_soon(self.answers.take, answer)

    async def ask(self, request: Request) -> Done:
        [answer] = [one async for one in self.handlers[type(request)](request, Caller())]
        assert isinstance(answer, Done)
        return answer


async def test_service_and_limits_reach_the_station() -> None:
    scene = Scene()
    assert await scene.ask(SetEvseEnabled(evse=1, enabled=False)) == Done(
        ok=True, detail="out of service"
    )
    [seen] = scene.world.station.overview(scene.world.now_s).evses
    assert (seen.enabled, seen.local_limit_a) == (False, None)
    assert (await scene.ask(SetLocalLimit(evse=1, current_a=10.0))).ok
    [seen] = scene.world.station.overview(scene.world.now_s).evses
    assert seen.local_limit_a == 10.0


async def test_what_the_station_refuses_is_told_with_its_words() -> None:
    scene = Scene()
    refused = await scene.ask(SetLocalLimit(evse=1, current_a=3.0))
    assert refused == Done(ok=False, detail="3 A: expected 0 (pause) or 6 to 80 A")
    assert "fixed cable" in (await scene.ask(UnlockHere(evse=1))).detail


async def test_a_signal_on_the_pilot_is_for_the_safety_program_to_allow() -> None:
    scene = Scene()
    assert (await scene.ask(DrivePilot(evse=1, duty_ratio=0.5, hold_s=60.0))).ok
    assert scene.controls.asked == [
        m.DrivePilot(evse=1, duty_ratio=0.5, until_s=560.0, request="r")
    ]
    scene.controls.reply = m.Replied(
        seq=0, at_s=0.0, request="", ok=False, detail="the EVSE is in service"
    )
    refused = await scene.ask(DrivePilot(evse=1, duty_ratio=0.5, hold_s=60.0))
    assert refused == Done(ok=False, detail="the EVSE is in service")


async def test_a_signal_of_no_length_or_too_long_is_refused_here() -> None:
    scene = Scene()
    for hold_s in (0.0, -1.0, 121.0):
        refused = await scene.ask(DrivePilot(evse=1, duty_ratio=0.5, hold_s=hold_s))
        assert "expected up to 120 s" in refused.detail
    assert scene.controls.asked == []


async def test_a_station_that_does_not_answer_is_not_waited_for_without_end() -> None:
    told: list[Event] = []
    answers = LocalAnswers(told.append)
    answer = await answers.ask(_unlock, 0.01)
    assert len(told) == 1
    assert not answer.ok
    assert "may still be done" in answer.detail
    answers.take(ef.AnswerHere(request="late", ok=True, detail=""))


def _unlock(request: str) -> UnlockHereAsked:
    return UnlockHereAsked(request=request, at_s=0.0, evse=1)
