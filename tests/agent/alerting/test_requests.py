"""Alerts on the service socket, without the rest of the agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chargepoint.agent.alerting.desk import Outcome
from chargepoint.agent.alerting.settings import alert_settings
from chargepoint.agent.requests.alerts import REPORT_MAX, REPORTS_PER_HOUR, AlertRequests
from chargepoint.agent.requests.caller import Caller
from chargepoint.config import Config, parse, read
from chargepoint.ipc.care import (
    AcknowledgeAlert,
    AlertStatus,
    GetAlerts,
    MuteAlert,
    ReportProblem,
    SetMaintenanceMode,
    Subscribe,
    TryChannels,
)
from chargepoint.ipc.service import Done
from chargepoint.station.alerts.desk import AlertDesk
from chargepoint.station.alerts.values import AlertEffect, AlertEvent, Condition, Looked
from tests.station.alerts.stand import Stand

DEMO = Path(__file__).resolve().parents[3] / "config/examples/demo.toml"
PHONE = "+4915112345678"


def configured() -> Config:
    raw: dict[str, Any] = dict(read(DEMO))
    raw["bus"] = [*raw["bus"], {"name": "gsm", "kind": "serial", "port": "gsm.tty"}]
    raw["web"] = {"subscribe": ["sms"]}
    raw["alerts"] = {
        "modem": {"bus": "gsm"},
        "contact": [{"name": "Ann", "sms": PHONE, "webhook": "http://h/"}],
    }
    return parse(raw, str(DEMO))


class Alerting:
    """The engine with nothing behind it."""

    def __init__(self, config: Config) -> None:
        self.now_s = 1000.0
        self.stand = Stand()
        self.engine = AlertDesk(alert_settings(config), self.stand.moment, {}, self.now_s)
        self.told: list[AlertEvent] = []

    def do(self, effects: list[AlertEffect]) -> None:
        self.stand.perform(effects)

    def tell(self, event: AlertEvent) -> None:
        self.told.append(event)
        self.do(self.engine.handle(event, self.now_s))

    async def test(self, contact: str, channel: str, by: str) -> AsyncIterator[Outcome]:
        effects, numbers = self.engine.test(contact, channel, by, self.now_s)
        self.do(effects)
        for way in numbers.values():
            yield Outcome(way, way.channel.value != "webhook", "said so")


class Desk:
    def __init__(self) -> None:
        config = configured()
        self.alerting = Alerting(config)
        requests = AlertRequests(config, self.alerting, now=lambda: self.alerting.now_s)  # type: ignore[arg-type]
        self._handlers = requests.handlers()

    async def ask(self, request: Any) -> list[Any]:
        handler = self._handlers[type(request)]
        return [answer async for answer in handler(request, Caller(user="root"))]

    async def done(self, request: Any) -> Done:
        last = (await self.ask(request))[-1]
        assert isinstance(last, Done)
        return last

    async def opened(self) -> list[AlertStatus]:
        answers = await self.ask(GetAlerts())
        return [one for one in answers if isinstance(one, AlertStatus) and one.open]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_an_alert_is_listed_with_its_messages_and_acknowledged_by_its_code(
    desk: Desk,
) -> None:
    rcd = Condition(id="rcd_tripped", place="EVSE 1", detail="32 mA")
    desk.alerting.tell(Looked(at_s=1000.0, conditions=(rcd,)))
    (found,) = await desk.opened()
    assert (found.condition, found.place, found.detail) == ("rcd_tripped", "EVSE 1", "32 mA")
    assert {one.channel for one in found.deliveries} == {"sms", "webhook"}
    assert (await desk.done(AcknowledgeAlert(alert=found.alert.lower()))).ok
    assert (await desk.opened())[0].acknowledged_by == "root"


async def test_an_unknown_code_and_condition_are_refused(desk: Desk) -> None:
    assert (await desk.done(AcknowledgeAlert(alert="NONE"))).detail == "no alert `NONE` is open"
    assert not (await desk.done(MuteAlert(condition="nonsense", minutes=5))).ok
    assert not (await desk.done(MuteAlert(condition="rcd_tripped", minutes=-1))).ok
    assert not (await desk.done(SetMaintenanceMode(minutes=float("nan")))).ok
    assert (await desk.done(MuteAlert(condition="rcd_tripped", minutes=5))).ok


async def test_the_list_tells_that_somebody_keeps_messages_back(desk: Desk) -> None:
    assert (await desk.done(GetAlerts())).detail == ""
    assert (await desk.done(SetMaintenanceMode(minutes=30))).ok
    assert (await desk.done(MuteAlert(condition="rcd_tripped", minutes=5))).ok
    told = (await desk.done(GetAlerts())).detail
    assert told == "maintenance mode is on for 30 min more; muted: rcd_tripped"


async def test_a_test_says_what_became_of_each_channel(desk: Desk) -> None:
    *outcomes, done = await desk.ask(TryChannels(contact="Ann"))
    assert [(one.channel, one.ok) for one in outcomes] == [("sms", True), ("webhook", False)]
    assert (done.ok, done.detail) == (False, "1 of 2 work")
    assert not (await desk.done(TryChannels(contact="Bob"))).ok
    assert not (await desk.done(TryChannels(contact="Ann", channel="email"))).ok


async def test_a_report_becomes_an_alert_with_its_words_and_without_control_characters(
    desk: Desk,
) -> None:
    assert (await desk.done(ReportProblem(text="Cable\x1b[31m torn\n", evse=1, answer_to="a@b"))).ok
    (found,) = await desk.opened()
    assert found.condition == "problem_reported"
    assert found.place.startswith("EVSE 1, report ")
    assert found.detail == "Cable [31m torn (answer to: a@b)"


async def test_reports_are_limited_in_length_place_and_number(desk: Desk) -> None:
    for wrong in (
        ReportProblem(text="  \n"),
        ReportProblem(text="x" * (REPORT_MAX + 1)),
        ReportProblem(text="x", evse=9),
    ):
        assert not (await desk.done(wrong)).ok
    taken = [(await desk.done(ReportProblem(text="again"))).ok for _ in range(20)]
    assert taken.count(True) == REPORTS_PER_HOUR
    assert len(await desk.opened()) == REPORTS_PER_HOUR


async def test_drivers_subscribe_only_to_what_is_offered_and_with_a_right_address(
    desk: Desk,
) -> None:
    def wish(**changes: Any) -> Subscribe:
        given = {"evse": 1, "wanted": "done", "channel": "sms", "address": PHONE, "language": "xx"}
        return Subscribe(**{**given, **changes})

    assert (await desk.done(wish())).ok
    for wrong in (
        wish(channel="email", address="a@b.c"),
        wish(channel="nonsense"),
        wish(address="0151 1234567"),
        wish(address=PHONE + "\r\nAT"),
        wish(evse=7),
    ):
        assert not (await desk.done(wrong)).ok, wrong
