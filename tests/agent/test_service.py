"""The agent's own socket, asked by the client that the commands use."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chargepoint.agent.messages import FOLLOWER_MAX, KEPT, Messages
from chargepoint.agent.service import CLIENTS_MAX, Service
from chargepoint.ipc.client import ServiceClient
from chargepoint.ipc.codec import decode_answer
from chargepoint.ipc.service import (
    Answered,
    ArchivePart,
    Connect,
    CsmsStatus,
    Disconnect,
    Done,
    GetConfiguration,
    GetMessages,
    GetRecords,
    GetStatus,
    GetTransactions,
    LedgerStatus,
    LiftHazard,
    MakeDiagnostics,
    OcppMessage,
    Request,
    Resend,
    StationStatus,
    Variables,
)
from chargepoint.ocpp.adapter import Trace

STATUS = StationStatus(
    station="CP",
    version="0",
    uptime_s=1.0,
    clock="none",
    csms=CsmsStatus(
        configured=False,
        url="",
        state="off",
        version="",
        since_s=0.0,
        last_error="",
        next_attempt_s=None,
    ),
    ledger=LedgerStatus(waiting=0, quarantined=0, oldest_waiting_s=None, acknowledged=0),
    evses=(),
)


class Books:
    """A ledger with one refused record."""

    async def transactions(self, last: int) -> AsyncIterator[Answered]:
        yield Done(ok=True, detail=f"the last {last}")

    async def records(self, first: int) -> AsyncIterator[Answered]:
        yield Done(ok=True)

    async def resend(self, sequence: int) -> Done:
        return Done(ok=False, detail=f"no record {sequence} was refused")


class Desk:
    def __init__(self) -> None:
        self.messages = Messages()
        self.bookkeeping = Books()
        self.turned: list[bool] = []

    def status(self) -> StationStatus:
        return STATUS

    def variables(self) -> Variables:
        return Variables(variables=())

    def turn_csms(self, on: bool) -> Done:
        self.turned.append(on)
        return Done(ok=True)

    async def lift_hazard(self, evse: int, hazard: str) -> Done:
        return Done(ok=False, detail=f"{evse} {hazard}: the cause is still there")

    async def diagnostics(self) -> AsyncIterator[Answered]:
        yield ArchivePart(data=b"\0\xff" * 15_000)
        yield Done(ok=True)


def trace(number: int) -> Trace:
    return Trace(outgoing=True, kind="call", action=f"A{number}", message_id="m", text="[]")


class Socket:
    def __init__(self, path: Path) -> None:
        self.path, self.desk = path, Desk()
        self.service = Service(path, self.desk)

    async def ask(self, request: Request) -> list[Answered]:
        def asked() -> list[Answered]:
            with ServiceClient(self.path) as client:
                return list(client.ask(request))

        return await asyncio.to_thread(asked)

    async def raw(self, line: bytes) -> Answered:
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(line)
        answer = decode_answer(await reader.readline())
        writer.close()
        return answer


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Socket]:
    served = Socket(tmp_path / "run" / "agent.sock")
    await served.service.start()
    yield served
    await served.service.stop()


async def test_requests_are_answered(served: Socket) -> None:
    assert await served.ask(GetStatus()) == [STATUS]
    assert await served.ask(GetConfiguration()) == [Variables(variables=())]
    assert await served.ask(Disconnect()) == [Done(ok=True)]
    assert await served.ask(Connect()) == [Done(ok=True)]
    assert served.desk.turned == [False, True]


async def test_an_archive_comes_in_parts(served: Socket) -> None:
    assert await served.ask(MakeDiagnostics()) == [
        ArchivePart(data=b"\0\xff" * 15_000),
        Done(ok=True),
    ]


async def test_only_owner_and_group_may_ask(served: Socket) -> None:
    assert stat.S_IMODE(served.path.stat().st_mode) == 0o660


async def test_the_last_messages_are_told_oldest_first(served: Socket) -> None:
    for number in range(5):
        served.desk.messages.add(trace(number))
    answers = await served.ask(GetMessages(last=2))
    assert [a.action for a in answers if isinstance(a, OcppMessage)] == ["A3", "A4"]
    assert await served.ask(GetMessages(last=0)) == []


async def test_further_messages_follow(served: Socket) -> None:
    served.desk.messages.add(trace(1))
    reader, writer = await asyncio.open_unix_connection(str(served.path))
    writer.write(b'{"type":"GetMessages","last":1,"follow":true}\n')
    first = decode_answer(await reader.readline())
    served.desk.messages.add(trace(2))
    second = decode_answer(await reader.readline())
    assert isinstance(first, OcppMessage)
    assert isinstance(second, OcppMessage)
    assert (first.action, second.action) == ("A1", "A2")
    writer.close()


def test_who_follows_at_the_end_of_the_program_leaves_no_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def one_life() -> None:
        socket = Socket(tmp_path / "agent.sock")
        socket.desk.messages.add(trace(1))
        await socket.service.start()
        reader, writer = await asyncio.open_unix_connection(str(socket.path))
        writer.write(b'{"type":"GetMessages","last":1,"follow":true}\n')
        assert await reader.readline()
        await socket.service.stop()

    asyncio.run(one_life())
    assert [one.getMessage() for one in caplog.records if one.name == "asyncio"] == []


@pytest.mark.parametrize("line", [b"{}\n", b"noise\n", b'{"type":"Reboot"}\n'])
async def test_what_is_no_request_is_refused(served: Socket, line: bytes) -> None:
    answer = await served.raw(line)
    assert isinstance(answer, Done)
    assert not answer.ok


async def test_too_many_clients_are_turned_away(served: Socket) -> None:
    waiting = [await asyncio.open_unix_connection(str(served.path)) for _ in range(CLIENTS_MAX)]
    await asyncio.sleep(0)
    answer = await served.raw(b'{"type":"GetStatus"}\n')
    assert answer == Done(ok=False, detail="too many clients")
    for _, writer in waiting:
        writer.close()


async def test_a_stale_socket_file_does_not_stop_the_start(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    path.write_text("left behind")
    service = Service(path, Desk())
    await service.start()
    await service.stop()
    assert not path.exists()


def test_only_so_many_messages_are_kept() -> None:
    messages = Messages()
    for number in range(KEPT + 1):
        messages.add(trace(number))
    kept = messages.last(KEPT + 10)
    assert (len(kept), kept[0].number, kept[-1].number) == (KEPT, 2, KEPT + 1)


def test_a_slow_follower_loses_messages_and_nobody_waits_for_it() -> None:
    messages = Messages()
    with messages.followed() as follower:
        for number in range(FOLLOWER_MAX + 5):
            messages.add(trace(number))
        assert follower.qsize() == FOLLOWER_MAX
    messages.add(trace(0))
    assert follower.qsize() == FOLLOWER_MAX


async def test_questions_about_the_ledger_reach_the_books(served: Socket) -> None:
    assert await served.ask(GetTransactions(last=3)) == [Done(ok=True, detail="the last 3")]
    assert await served.ask(GetRecords()) == [Done(ok=True)]
    refused = Done(ok=False, detail="no record 7 was refused")
    assert await served.ask(Resend(sequence=7)) == [refused]


async def test_lifting_a_hazard_is_answered_by_the_safety_program(served: Socket) -> None:
    answers = await served.ask(LiftHazard(evse=2, hazard="tilted"))
    assert answers == [Done(ok=False, detail="2 tilted: the cause is still there")]
