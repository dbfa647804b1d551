"""A card that is only looked at: who gets it, what leaves the agent, and that nothing starts."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from chargepoint.agent.requests.caller import Caller
from chargepoint.agent.requests.tokens import (
    WAITING_MAX,
    ReaderDesk,
    TokenDesk,
    TokenRequests,
    station_key,
)
from chargepoint.ipc.care import AwaitToken, TokenSeen
from chargepoint.ipc.service import Answered, Done
from chargepoint.station.events import TokenPresented
from chargepoint.station.records import IdToken
from hal.values import TokenKind
from tests.agent.test_runtime import scene


def presented(token: str = "04A1B2C3", reader: str = "cards") -> TokenPresented:
    return TokenPresented(reader=reader, id_token=IdToken(value=token), evses=(1, 2), at_s=1.0)


def verdict(id_token: IdToken, evses: Sequence[int]) -> str:
    return f"accepted for {evses}"


class Bench:
    def __init__(self, tmp_path: Path, readers: Sequence[str] = ("cards", "door")) -> None:
        self.desk = ReaderDesk()
        self.requests = TokenRequests(TokenDesk(self.desk, readers, tmp_path), verdict)

    async def ask(self, request: AwaitToken, *cards: TokenPresented) -> Answered:
        """What `request` is answered while `cards` are presented."""
        [handler] = self.requests.handlers().values()

        async def first() -> Answered:
            answers = [answer async for answer in handler(request, Caller(user="anna"))]
            return answers[-1]

        asking = asyncio.create_task(first())
        async with asyncio.timeout(30.0):
            while cards and not self.desk._waiting and not asking.done():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            for card in cards:
                self.desk.take(card)
            return await asking


async def test_a_card_is_told_masked_with_what_the_station_would_say(tmp_path: Path) -> None:
    answer = await Bench(tmp_path).ask(AwaitToken(), presented())
    assert isinstance(answer, TokenSeen)
    assert answer.token == "…B2C3"
    assert (answer.reader, answer.kind) == ("cards", TokenKind.ISO14443)
    assert answer.verdict == "accepted for (1, 2)"
    assert "04A1" not in str(answer)


async def test_the_same_card_has_the_same_digest_and_another_has_not(tmp_path: Path) -> None:
    digests = []
    for token in ("04A1B2C3", "04a1b2c3", "04A1B2C4"):
        answer = await Bench(tmp_path).ask(AwaitToken(), presented(token))
        assert isinstance(answer, TokenSeen)
        digests.append(answer.digest)
    assert digests[0] == digests[1] != digests[2]


async def test_another_station_has_another_digest_for_it(tmp_path: Path) -> None:
    digests = set()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        answer = await Bench(tmp_path / folder).ask(AwaitToken(), presented())
        assert isinstance(answer, TokenSeen)
        digests.add(answer.digest)
    assert len(digests) == 2


async def test_a_card_at_another_reader_is_left_to_the_station(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    answer = await bench.ask(
        AwaitToken(reader="door"), presented("04FF0001", "cards"), presented("04FF0002", "door")
    )
    assert isinstance(answer, TokenSeen)
    assert answer.token == "…0002"


async def test_without_a_card_the_wait_ends(tmp_path: Path) -> None:
    answer = await Bench(tmp_path).ask(AwaitToken(within_s=0.01))
    assert answer == Done(ok=False, detail="no card within 0.01 s")


@pytest.mark.parametrize(
    ("request_", "readers", "expected"),
    [
        (AwaitToken(), (), "the station has no reader"),
        (AwaitToken(reader="x"), ("cards",), "reader: found `x`, expected one of cards"),
        (AwaitToken(within_s=0), ("cards",), "within_s: found 0, expected up to 120"),
        (AwaitToken(within_s=1e9), ("cards",), "within_s: found 1e+09, expected up to 120"),
    ],
)
async def test_what_cannot_be_waited_for_is_refused(
    tmp_path: Path, request_: AwaitToken, readers: Sequence[str], expected: str
) -> None:
    assert await Bench(tmp_path, readers).ask(request_) == Done(ok=False, detail=expected)


async def test_few_can_wait_at_a_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    waiting = [asyncio.create_task(bench.desk.next("", 5.0)) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)
    answer = await bench.ask(AwaitToken())
    assert answer == Done(ok=False, detail="too many wait for a card already")
    for task in waiting:
        task.cancel()


def test_nobody_waits_and_the_station_gets_the_card() -> None:
    assert not ReaderDesk().take(presented())


def test_the_key_of_the_digests_is_kept_and_readable_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    key = station_key(path)
    assert station_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert station_key(tmp_path / "missing" / "token.key") != key


async def test_the_station_hears_nothing_of_a_card_that_is_only_looked_at() -> None:
    async with scene() as made:
        readers = made.runtime._parts.readers
        looking = asyncio.create_task(readers.next("", 5.0))
        await asyncio.sleep(0)
        made.inbox.put(presented("04FF0001"))
        made.inbox.put(presented("04FF0002"))
        found = await looking
        await made.until(lambda: [h for h in made.station.heard if isinstance(h, TokenPresented)])
    assert found is not None
    assert found.id_token.value == "04FF0001"
    heard = [h.id_token.value for h in made.station.heard if isinstance(h, TokenPresented)]
    assert heard == ["04FF0002"]
