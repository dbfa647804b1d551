"""The way over the CSMS, Apprise in its child process, the sign of life."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog

from chargepoint.agent.notify import apprise as apprise_module
from chargepoint.agent.notify.apprise import AppriseWay
from chargepoint.agent.notify.apprise_child import MISSING, answered
from chargepoint.agent.notify.csms import CsmsWay, data_of
from chargepoint.agent.notify.dead_man import SignOfLife
from chargepoint.agent.notify.way import Undelivered
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.config.alerts import DeadMan, ToCsms
from chargepoint.station.alerts.values import Channel
from chargepoint.station.effects import AnswerHere
from chargepoint.station.events import Event
from chargepoint.station.local_requests import TransferAsked
from tests.agent.notify.receivers import Receiver, receiver
from tests.agent.notify.samples import message

# --- CSMS -----------------------------------------------------------------------------------------


class Station:
    """Answers what is asked with one word."""

    def __init__(self, ok: bool, detail: str) -> None:
        self.asked: list[TransferAsked] = []
        self.answers = LocalAnswers(self._asked)
        self._said = (ok, detail)

    def _asked(self, event: Event) -> None:
        assert isinstance(event, TransferAsked)
        self.asked.append(event)
        ok, detail = self._said
        answer = AnswerHere(request=event.request, ok=ok, detail=detail)
        asyncio.get_running_loop().call_soon(self.answers.take, answer)


async def test_the_csms_gets_the_data_under_our_vendor() -> None:
    station = Station(True, "the CSMS answers Accepted")
    await CsmsWay(ToCsms(vendor_id="com.example"), station.answers).send(
        message(Channel.CSMS, "csms")
    )
    (asked,) = station.asked
    assert (asked.vendor_id, asked.message_id) == ("com.example", "alert.raised")
    assert json.loads(asked.data)["condition"] == "rcd_tripped"


@pytest.mark.parametrize(
    ("detail", "retry"),
    [("the CSMS answers UnknownVendorId", False), ("the CSMS answers Rejected", False),
     ("the CSMS is not connected", True), ("the CSMS did not answer, or is not there", True)],
)  # fmt: skip
async def test_what_the_csms_refuses_is_not_repeated_and_what_it_missed_is(
    detail: str, retry: bool
) -> None:
    way = CsmsWay(ToCsms(vendor_id="com.example"), Station(False, detail).answers)
    with pytest.raises(Undelivered) as caught:
        await way.send(message(Channel.CSMS, "csms"))
    assert (caught.value.retry, caught.value.detail) == (retry, detail)


def test_a_long_subject_is_left_out_of_the_data() -> None:
    assert "subject" not in json.loads(data_of(message(Channel.CSMS, "", subject="x" * 3000)))


# --- Apprise --------------------------------------------------------------------------------------


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


async def test_apprise_delivers_in_a_child_process(there: Receiver) -> None:
    pytest.importorskip("apprise")
    url = there.url.replace("http://", "json://")
    await AppriseWay().send(message(Channel.APPRISE, f"{url}/in"))
    ((_, path, _, body),) = there.requests
    told = json.loads(body)
    assert path == "/in"
    assert (told["title"], told["type"]) == ("CP-7: Fehlerstromschutz ausgelöst (K7QF)", "failure")
    assert "Antworten Sie mit OK K7QF." in told["message"]


async def test_apprise_tells_a_failure_without_the_secrets_of_the_address(there: Receiver) -> None:
    pytest.importorskip("apprise")
    there.statuses = [500]
    url = there.url.replace("http://", "json://olga:geheim@")
    with pytest.raises(Undelivered) as caught:
        await AppriseWay().send(message(Channel.APPRISE, url))
    assert caught.value.retry
    assert "geheim" not in caught.value.detail
    assert caught.value.detail


def test_an_address_that_apprise_does_not_know_is_refused_for_good() -> None:
    pytest.importorskip("apprise")
    asked = {"urls": ["nonsense:secret"], "title": "t", "body": "b", "severity": "info"}
    answer = answered(asked)
    assert (answer["ok"], answer["retry"]) == (False, False)
    assert "secret" not in answer["detail"]


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    asked = {"urls": ["json://x"], "title": "t", "body": "b", "severity": "info"}
    assert answered(asked) == {"ok": False, "retry": False, "detail": MISSING}


def child(tmp_path: Path, program: str) -> tuple[str, ...]:
    (tmp_path / "child.py").write_text(program)
    return (sys.executable, "-S", str(tmp_path / "child.py"))


async def test_a_child_that_hangs_is_killed_and_the_next_message_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise_module, "TIMEOUT_S", 0.3)
    way = AppriseWay(child(tmp_path, "import time\ntime.sleep(60)"))
    for _ in range(2):
        with pytest.raises(Undelivered) as caught:
            await way.send(message(Channel.APPRISE, "json://x"))
        assert caught.value.detail == "no outcome within 0.3 s"


@pytest.mark.parametrize("program", ["raise SystemExit(3)", "print('nonsense')", "print('{}')"])
async def test_a_child_that_says_nothing_useful_is_a_failure_that_may_pass(
    tmp_path: Path, program: str
) -> None:
    with pytest.raises(Undelivered) as caught:
        await AppriseWay(child(tmp_path, program)).send(message(Channel.APPRISE, "json://x"))
    assert caught.value.retry
    assert "without an answer" in caught.value.detail


async def test_addresses_are_not_on_the_command_line_of_the_child(tmp_path: Path) -> None:
    program = (
        "import json, sys\n"
        "asked = json.load(sys.stdin)\n"
        "seen = any('geheim' in one for one in sys.argv)\n"
        "print(json.dumps({'ok': not seen and 'geheim' in asked['urls'][0],"
        " 'retry': False, 'detail': ''}))\n"
    )
    await AppriseWay(child(tmp_path, program)).send(message(Channel.APPRISE, "json://geheim@x"))


# --- Sign of life ---------------------------------------------------------------------------------


class Life:
    """A sign of life whose waits are steps of the test."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.alive = True
        self.waits: list[float] = []
        self._go = asyncio.Semaphore(0)
        self._waiting = asyncio.Event()
        monkeypatch.setattr("chargepoint.agent.notify.dead_man.asyncio.sleep", self._sleep)
        self.sign = SignOfLife(
            DeadMan(url=url, every_s=300.0), lambda: self.alive, chance=lambda: 1.0
        )

    async def _sleep(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        self._waiting.set()
        await self._go.acquire()

    async def step(self) -> None:
        """Until it waits, then on."""
        async with asyncio.timeout(30):
            await self._waiting.wait()
        self._waiting.clear()
        self._go.release()

    async def rest(self) -> None:
        async with asyncio.timeout(30):
            await self._waiting.wait()


@pytest.fixture
async def lives(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], Life]]:
    tasks: list[asyncio.Task[None]] = []

    def make() -> Life:
        life = Life(f"{there.url}/ping/7", monkeypatch)
        tasks.append(asyncio.create_task(life.sign.run()))
        return life

    yield make
    for task in tasks:
        task.cancel()


async def test_a_sign_of_life_goes_out_at_once_and_then_about_every_interval(
    there: Receiver, lives: Callable[[], Life]
) -> None:
    life = lives()
    await life.step()
    await life.rest()
    assert [(request[0], request[1]) for request in there.requests] == [("GET", "/ping/7")] * 2
    assert life.waits == pytest.approx([330.0, 330.0])


async def test_none_goes_out_while_the_station_does_not_do_its_work(
    there: Receiver, lives: Callable[[], Life]
) -> None:
    life = lives()
    life.alive = False
    await life.step()
    await life.rest()
    assert there.requests == []


async def test_three_failures_in_a_row_are_a_problem_and_one_success_ends_it(
    there: Receiver, lives: Callable[[], Life]
) -> None:
    there.statuses = [500, 500, 500, 200]
    with structlog.testing.capture_logs() as lines:
        life = lives()
        await life.step()
        await life.step()
        await life.rest()
        assert "HTTP 500" in life.sign.problem
        await life.step()
        await life.rest()
    assert life.sign.problem == ""
    assert [line["event"] for line in lines] == ["dead_man.failed", "dead_man.recovered"]


async def test_two_failures_are_no_problem_yet(there: Receiver, lives: Callable[[], Life]) -> None:
    there.statuses = [500]
    life = lives()
    await life.step()
    await life.rest()
    assert life.sign.problem == ""
