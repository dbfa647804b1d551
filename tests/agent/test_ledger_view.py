"""The ledger as people see it: the same with and without a running agent, tokens masked."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from chargepoint.agent import ledger_view
from chargepoint.agent.bookkeeping import Bookkeeping
from chargepoint.agent.reading import opened
from chargepoint.agent.store import Opened, Store
from chargepoint.agent.writer import Writer
from chargepoint.ipc.codec import decode_answer, encode
from chargepoint.ipc.service import (
    Answered,
    Done,
    GetRecords,
    GetTransactions,
    LedgerTransaction,
    RecordPart,
    Request,
)
from chargepoint.station.effects import Delete, Quarantine, Release, Remove
from chargepoint.station.events import Event, ResendRequested
from chargepoint.station.records import Sample
from chargepoint.station.settings import Restored, StationSettings
from chargepoint.station.station import Station
from tests.agent.samples import TRANSACTION, ended, kept, loose, put, started, updated

CLOCK = put("b3a1c0de", '{"zero":"2026-11-24T08:00:00+00:00","trust":"ntp"}', space="clock")


def store_in(place: Path) -> Store:
    store = Store(place / "state", place / "run", lambda: 1000.0)
    store.open()
    store.apply([CLOCK])
    return store


def shown(store: Store) -> LedgerTransaction:
    (only,) = ledger_view.transactions(store.reading(), 10, alone=False)
    return only


def offline(place: Path, request: Request, *alone: str) -> list[Answered]:
    """What the program says that reads the store of a station that does not run."""
    command = [sys.executable, "-m", "chargepoint.agent.offline"]
    directories = [str(place / "state"), str(place / "run"), *alone]
    done = subprocess.run([*command, *directories], input=encode(request), capture_output=True)
    return [decode_answer(line) for line in done.stdout.splitlines()]


def test_a_start_that_waits_makes_a_waiting_transaction(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply([kept(started(1))])
    one = shown(store)
    assert (one.state, one.running, one.energy_wh) == ("waiting", False, None)
    assert (one.id_token, one.started_at) == ("…B2C3", "2026-11-24T08:00:10Z")
    store.close()


def test_a_refused_end_is_shown_with_its_number_and_what_the_csms_said(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply([kept(started(1)), kept(ended(3))])
    store.apply([Remove(sequence=1), Quarantine(sequence=3, code="GenericError", description="no")])
    one = shown(store)
    assert (one.state, one.refused, one.problem) == ("refused", (3,), "GenericError: no")
    assert (one.ended_at, one.reason) == ("2026-11-24T08:00:30Z", "Local")
    store.close()


def test_a_delivered_transaction_is_known_from_the_history(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    past = {
        "transaction": TRANSACTION, "evse": 1, "token": "…B2C3",
        "started": {"boot": "b3a1c0de", "at_s": 10.0}, "ended": {"boot": "b3a1c0de", "at_s": 30.0},
        "meter_start_wh": 1000, "meter_stop_wh": 1500, "reason": "Local",
        "trigger": "StopAuthorized", "number": 2, "csms_id": 77,
    }  # fmt: skip
    store.apply([put("3", json.dumps(past), space="history", durable=False)])
    one = shown(store)
    assert (one.state, one.csms_id, one.energy_wh) == ("acknowledged", 77, 500)
    store.apply([kept(ended(3))])
    assert shown(store).state == "waiting"
    store.close()


def test_an_own_card_has_the_name_that_it_has_now_until_it_is_forgotten(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    card = {
        "token": started(1).id_token.value.lower(), "kind": "ISO14443", "name": "Änne",
        "since": {"boot": "b3a1c0de", "at_s": 1.0},
    }  # fmt: skip
    store.apply([put("4", json.dumps(card), space="own_cards"), kept(started(1))])
    assert shown(store).card == "Änne"
    past = {
        "transaction": TRANSACTION, "evse": 1, "token": "…B2C3", "card": 4,
        "started": {"boot": "b3a1c0de", "at_s": 10.0}, "ended": {"boot": "b3a1c0de", "at_s": 30.0},
        "meter_start_wh": 1000, "meter_stop_wh": 1500, "reason": "Local",
        "trigger": "StopAuthorized", "number": 2, "csms_id": 77,
    }  # fmt: skip
    store.apply([Remove(sequence=1), put("3", json.dumps(past), space="history", durable=False)])
    assert shown(store).card == "Änne"
    store.apply([put("4", json.dumps({**card, "name": "Bea"}), space="own_cards")])
    assert shown(store).card == "Bea"
    store.apply([Delete(space="own_cards", key="4", durable=True)])
    assert shown(store).card == ""
    store.close()


def test_the_last_transactions_are_the_last(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply([kept(started(1))])
    assert ledger_view.transactions(store.reading(), 0, alone=False) == []
    store.close()


def test_a_record_is_exported_whole_and_with_a_masked_token(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply([kept(started(1))])
    (row,) = store.reading().owed(0, 10)
    walls = ledger_view.wall_clock(store.reading())
    (part,) = ledger_view.parts(row, "waiting", walls)
    assert part.last
    assert json.loads(part.text)["id_token"]["value"] == "…B2C3"
    assert "04A1B2C3" not in part.text
    store.close()


def test_a_long_record_comes_in_parts_that_fit_a_line(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    (sample,) = updated(2).samples
    many = Sample(stamp=sample.stamp, context=sample.context, values=sample.values * 100)
    store.apply([loose(replace(updated(2), samples=(many,)))])
    (row,) = store.reading().owed(0, 10)
    parts = list(ledger_view.parts(row, "waiting", ledger_view.wall_clock(store.reading())))
    assert len(parts) > 1
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert len(json.loads("".join(part.text for part in parts))["samples"][0]["values"]) == 800
    store.close()


def test_a_stopped_station_is_read_from_both_tiers(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply([kept(started(1)), loose(updated(2))])
    # killed, not closed: a part is in the volatile tier, the rest in the write-ahead log
    answers = offline(tmp_path, GetTransactions())
    assert [type(answer) for answer in answers] == [LedgerTransaction, Done]
    parts = [a for a in offline(tmp_path, GetRecords()) if isinstance(a, RecordPart)]
    assert [part.sequence for part in parts] == [1, 2]
    store.close()
    parts = [a for a in offline(tmp_path, GetRecords()) if isinstance(a, RecordPart)]
    assert [part.sequence for part in parts] == [1, 2]


def test_reading_a_stopped_station_changes_nothing(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply([kept(started(1))])
    store.close()
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.sqlite*")}
    with opened(tmp_path / "state", tmp_path / "run") as reading:
        assert [row[0] for row in reading.owed(0, 10)] == [1]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.sqlite*")} == files


def test_a_station_that_never_ran_has_no_ledger(tmp_path: Path) -> None:
    (answer,) = offline(tmp_path, GetTransactions())
    assert isinstance(answer, Done)
    assert not answer.ok
    assert "there is no ledger yet" in answer.detail


def test_a_released_record_is_gone_from_the_quarantine_for_good(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply([kept(ended(3))])
    store.apply([Quarantine(sequence=3, code="X", description="")])
    store.apply([kept(ended(4)), Release(sequence=3)])
    assert (store.quarantined, store.quarantine()) == (0, [])
    store.close()
    again = Store(tmp_path / "state", tmp_path / "run", lambda: 1000.0)
    assert (again.open().quarantined, again.waiting()) == (0, 1)
    again.close()


# --- Through the running agent --------------------------------------------------------------------


def deliver(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(call)


class Agent:
    """The store in its thread, a station, and what it was told."""

    def __init__(self, place: Path) -> None:
        loop = asyncio.get_running_loop()
        self.open: asyncio.Future[Opened] = loop.create_future()
        self.told: list[Event] = []
        self.writer = Writer(
            Store(place / "state", place / "run"),
            deliver=partial(deliver, loop),
            on_open=self.open.set_result,
            on_note=lambda note: None,
            on_failure=self.open.set_exception,
        )
        restored = Restored(spaces={"clock": {CLOCK.key: CLOCK.value}})
        station = Station(StationSettings(id="CP"), restored, "b3a1c0de")
        self.books = Bookkeeping(
            alone=False,
            writer=self.writer,
            station=station,
            tell=self.told.append,
            now=lambda: 5.0,
        )


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    agent = Agent(tmp_path)
    agent.writer.start()
    await agent.open
    agent.writer.write([CLOCK, kept(started(1)), kept(ended(3)), kept(started(4))])
    agent.writer.write([Quarantine(sequence=n, code="X", description="") for n in (1, 3)])
    yield agent
    assert agent.writer.stop(5.0)


def test_without_a_csms_nothing_waits_and_the_newest_are_shown(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply([kept(started(n)) for n in (1, 2, 3)])
    assert shown(store).state == "waiting"
    (alone,) = ledger_view.transactions(store.reading(), 10, alone=True)
    assert alone.state == "kept"
    newest = store.reading().newest(2, ["TransactionStarted"])
    assert [sequence for sequence, _, _ in newest] == [2, 3]
    store.close()
    (told, _) = offline(tmp_path, GetTransactions(), "alone")
    assert isinstance(told, LedgerTransaction)
    assert told.state == "kept"


async def test_the_first_of_the_records_can_be_asked_for(agent: Agent) -> None:
    parts = [part async for part in agent.books.records(1) if isinstance(part, RecordPart)]
    assert [(part.place, part.sequence) for part in parts] == [
        ("waiting", 4), ("refused", 1), ("refused", 3),
    ]  # fmt: skip


async def test_a_running_agent_shows_its_ledger(agent: Agent) -> None:
    answers = [answer async for answer in agent.books.transactions(10)]
    assert [type(answer) for answer in answers] == [LedgerTransaction, Done]
    parts = [a async for a in agent.books.records() if isinstance(a, RecordPart)]
    assert [(part.sequence, part.place) for part in parts] == [
        (4, "waiting"),
        (1, "refused"),
        (3, "refused"),
    ]


async def test_with_a_start_goes_what_else_of_its_transaction_was_refused(agent: Agent) -> None:
    done = await agent.books.resend(1)
    assert done == Done(ok=True, detail="2 records put at the end of the queue")
    assert agent.told == [ResendRequested(records=(started(1), ended(3)), at_s=5.0)]


async def test_an_end_goes_alone(agent: Agent) -> None:
    await agent.books.resend(3)
    assert agent.told == [ResendRequested(records=(ended(3),), at_s=5.0)]


async def test_what_was_not_refused_is_not_sent_again(agent: Agent) -> None:
    assert await agent.books.resend(4) == Done(ok=False, detail="no record 4 was refused")
    assert agent.told == []
