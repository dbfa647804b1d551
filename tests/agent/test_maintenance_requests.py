"""The maintenance book by the service socket's handlers."""

from __future__ import annotations

import asyncio

import pytest

from chargepoint.agent.requests.caller import Caller
from chargepoint.agent.requests.maintenance import MaintenanceRequests
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.ipc.care import GetMaintenance, MaintenanceStatus, RecordVisit
from chargepoint.ipc.codec import decode_answer, encode
from chargepoint.ipc.service import Answered, Done, Request
from chargepoint.station import effects as ef
from chargepoint.station.events import Event
from tests.station.world import World


class Scene:
    def __init__(self) -> None:
        self.world = World(evses=2)
        self.answers = answers = LocalAnswers(self._tell)
        requests = MaintenanceRequests(self.world.station, answers, lambda: self.world.now_s)
        self.handlers = requests.handlers()

    def _tell(self, event: Event) -> None:
        self.world.forget()
        self.world.tell(event)
        for answer in self.world.of(ef.AnswerHere):
            asyncio.get_running_loop().call_soon(self.answers.take, answer)

    async def ask(self, request: Request) -> Answered:
        caller = Caller(user="eva")
        [answer] = [one async for one in self.handlers[type(request)](request, caller)]
        return answer


async def test_items_uses_and_visits_are_shown_and_survive_the_wire() -> None:
    scene = Scene()
    assert await scene.ask(RecordVisit(note="all well", tasks=("inspection",))) == Done(
        ok=True, detail="recorded"
    )
    status = await scene.ask(GetMaintenance())
    assert isinstance(status, MaintenanceStatus)
    assert decode_answer(encode(status)) == status
    assert [item.task for item in status.items][:3] == ["inspection", "rcd_test", "contactor/1"]
    assert [use.evse for use in status.uses] == [0, 1, 2]
    [visit] = status.visits
    assert (visit.by, visit.at[:10]) == ("eva", "2026-11-24")


async def test_an_unknown_task_is_refused() -> None:
    answer = await Scene().ask(RecordVisit(note="", tasks=("lunch",)))
    assert isinstance(answer, Done)
    assert not answer.ok


@pytest.mark.parametrize("note", [" ", "x" * 1001])
async def test_a_visit_without_a_word_or_with_too_many_is_refused(note: str) -> None:
    scene = Scene()
    answer = await scene.ask(RecordVisit(note=note))
    assert isinstance(answer, Done)
    assert (answer.ok, answer.detail[:12]) == (False, "note: found ")
    status = await scene.ask(GetMaintenance())
    assert isinstance(status, MaintenanceStatus)
    assert status.visits == ()
