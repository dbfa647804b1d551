"""The log on the service socket: the agent's lines and the safety programs' story, in one order."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from chargepoint import log
from chargepoint.agent.log_lines import FACTS_KEPT, FactLog
from chargepoint.agent.requests import log as log_requests
from chargepoint.agent.requests.caller import Caller
from chargepoint.agent.requests.log import LogRequests
from chargepoint.agent.service import CLIENTS_MAX, Service
from chargepoint.ipc import messages as m
from chargepoint.ipc.care import GetLog, LogLine
from chargepoint.ipc.codec import decode_answer, encode
from chargepoint.ipc.log_text import parsed
from chargepoint.ipc.service import Done
from tests.agent.test_service import Desk

LINES = [
    (1000.0, '{"time":"T1","level":"info","part":"csms","url":"ws://x","event":"csms.connected"}'),
    (1010.0, '<4>{"time":"T2","level":"warning","part":"csms","event":"csms.disconnected"}'),
    (1020.0, '{"time":"T3","level":"debug","part":"x","event":"pilot.changed","evse":1}'),
]


class Bench:
    def __init__(self) -> None:
        self.lines = list(LINES)
        self.facts = FactLog(now=lambda: 50.0, wall=lambda: 1015.0)
        self.requests = LogRequests(
            lambda: self.lines, lambda: len(self.lines), self.facts, lambda: 1030.0
        )

    def ask(self, request: GetLog) -> list[LogLine]:
        async def asked() -> list[object]:
            [handler] = self.requests.handlers().values()
            return [answer async for answer in handler(request, Caller())]

        *lines, last = asyncio.run(asked())
        assert last == Done(ok=True)
        assert all(isinstance(line, LogLine) for line in lines)
        return lines  # type: ignore[return-value]


def events(lines: Sequence[LogLine]) -> list[str]:
    return [line.event for line in lines]


def test_lines_of_the_agent_and_of_the_safety_programs_stand_in_order_of_time() -> None:
    bench = Bench()
    opened = m.ContactorClosed(seq=1, at_s=40.0, evse=2, operations=7)
    bench.facts.heard("safety", opened)
    lines = bench.ask(GetLog())
    assert events(lines) == ["csms.connected", "contactor.closed", "csms.disconnected"]
    assert lines[1].part == "control"
    assert lines[1].fields == {"evse": "2", "operations": "7", "bus": "safety"}
    assert lines[1].at == "1970-01-01T00:16:45.000Z"
    assert lines[0].fields == {"url": "ws://x"}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (GetLog(level="debug"), ["csms.connected", "csms.disconnected", "pilot.changed"]),
        (GetLog(level="warning"), ["csms.disconnected"]),
        (GetLog(event="csms."), ["csms.connected", "csms.disconnected"]),
        (GetLog(event="csms.disconnected"), ["csms.disconnected"]),
        (GetLog(since_s=25.0), ["csms.disconnected"]),
        (GetLog(last=1), ["csms.disconnected"]),
        (GetLog(last=0), []),
        (GetLog(last=-5), []),
    ],
)
def test_only_what_was_asked_for_is_told(request_: GetLog, expected: list[str]) -> None:
    assert events(Bench().ask(request_)) == expected


def test_levels_and_readings_of_the_safety_programs_are_no_story() -> None:
    facts = FactLog()
    facts.heard("safety", m.Health(seq=1, at_s=1.0, ticks=1, tick_p99_s=0, tick_max_s=0, buses=()))
    assert facts.lines() == []


def test_few_facts_are_kept_however_many_come() -> None:
    facts = FactLog()
    for number in range(FACTS_KEPT + 10):
        facts.heard("b", m.ContactorClosed(seq=number, at_s=1.0, evse=1, operations=number))
    assert len(facts.lines()) == FACTS_KEPT
    assert facts.written == FACTS_KEPT + 10
    assert [kept.line.fields["operations"] for kept in facts.lines(2)] == ["508", "509"]


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_the_programs_log_is_taken_apart_again_in_either_form(form: str) -> None:
    output = log.QueuedOutput(io.StringIO())
    log.set_up("info", form, output)
    log.get("csms").warning("csms.disconnected", reason="no answer in 5 s", lost_s=1.5)
    output.close()
    [line] = [parsed(at, text) for at, text in output.recent]
    assert (line.level, line.part, line.event) == ("warning", "csms", "csms.disconnected")
    assert line.fields == {"reason": "no answer in 5 s", "lost_s": "1.5"}
    assert output.written == 1


def test_a_line_of_a_library_is_told_as_it_is() -> None:
    line = parsed(1000.0, "Task was destroyed but it is pending!")
    assert line.fields == {"text": "Task was destroyed but it is pending!"}
    assert line.level == "warning"


async def test_a_follower_sees_each_further_line_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_requests, "LOOK_EVERY_S", 0.01)
    bench = Bench()
    service = Service(tmp_path / "s.sock", Desk(), bench.requests.handlers())
    await service.start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s.sock"))
    writer.write(encode(GetLog(last=1, follow=True)))

    async def line() -> LogLine:
        async with asyncio.timeout(30.0):
            answer = decode_answer(await reader.readline())
        assert isinstance(answer, LogLine)
        return answer

    assert (await line()).event == "csms.disconnected"
    bench.lines.append((1031.0, '{"level":"info","event":"agent.stopping"}'))
    assert (await line()).event == "agent.stopping"
    bench.facts.heard("b", m.ContactorClosed(seq=1, at_s=50.0, evse=1, operations=1))
    assert (await line()).event == "contactor.closed"
    writer.close()
    await service.stop()


async def test_followers_that_have_left_take_no_place(tmp_path: Path) -> None:
    """Nothing is logged for hours; that a follower has left is seen all the same."""
    service = Service(tmp_path / "s.sock", Desk(), Bench().requests.handlers())
    await service.start()
    for _ in range(CLIENTS_MAX + 4):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s.sock"))
        writer.write(encode(GetLog(last=1, follow=True)))
        async with asyncio.timeout(30.0):
            assert isinstance(decode_answer(await reader.readline()), LogLine)
            writer.close()
            await writer.wait_closed()
            while service._clients:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    await service.stop()
