"""Alerts on the service socket: list, acknowledge, silence, test; reports and wishes of drivers."""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

from chargepoint.agent.alerting.desk import Alerting
from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.catalog import ENGLISH, entries, entry, languages
from chargepoint.catalog.details import detail
from chargepoint.config import Config
from chargepoint.ipc.care import (
    AcknowledgeAlert,
    AlertStatus,
    ChannelOutcome,
    DeliveryStatus,
    GetAlerts,
    MuteAlert,
    ReportProblem,
    SetMaintenanceMode,
    Subscribe,
    TryChannels,
)
from chargepoint.ipc.messages import Said
from chargepoint.ipc.service import Answered, Done
from chargepoint.station.alerts.book import Alert
from chargepoint.station.alerts.deliveries import Delivery
from chargepoint.station.alerts.values import Channel, Happened, WaitsFor, told

CLOSED_MAX = 100
MINUTES_MAX = 60.0 * 24 * 90
REPORT_MAX = 500
REPORTS_PER_HOUR = 10
REPORTS_PER_DAY = 40
"""Each is an alert for a day; strangers must not take all the room there is."""

TESTS_PER_MINUTE = 10
SUBSCRIPTIONS_PER_HOUR = 60
MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86_400.0

LETTER = r"[^@\s\x00-\x1f\x7f,;<>]"

# fmt: off
ADDRESSES = {
    Channel.SMS:     (re.compile(r"\+[1-9]\d{5,14}"), "a number such as +4915112345678"),
    Channel.EMAIL:   (re.compile(rf"{LETTER}{{1,64}}@{LETTER}{{1,190}}"), "an e-mail address"),
    Channel.NTFY:    (re.compile(r"https?://[^\s/]+/\S{1,100}"), "the address of a topic"),
    Channel.WEBHOOK: (re.compile(r"https?://[^\s/]+\S{0,200}"), "an address such as https://host/"),
}
# fmt: on


class AlertRequests:
    """Serves the alerts."""

    def __init__(
        self, config: Config, alerting: Alerting, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._alerting = alerting
        self._now = now
        self._evses = {evse.id for evse in config.evse}
        self._reports = _Pace(REPORTS_PER_HOUR, HOUR_S, now)
        self._reports_today = _Pace(REPORTS_PER_DAY, DAY_S, now)
        self._tests = _Pace(TESTS_PER_MINUTE, MINUTE_S, now)
        self._wishes = _Pace(SUBSCRIPTIONS_PER_HOUR, HOUR_S, now)
        self._reported = 0

    def handlers(self) -> Handlers:
        return {
            GetAlerts: self._list,
            AcknowledgeAlert: self._acknowledge,
            MuteAlert: self._mute,
            TryChannels: self._try,
            SetMaintenanceMode: self._maintain,
            ReportProblem: self._report,
            Subscribe: self._subscribe,
        }

    async def _list(self, request: GetAlerts, caller: Caller) -> AsyncIterator[Answered]:
        engine, now_s = self._alerting.engine, self._now()
        for alert in engine.alerts(min(max(0, request.closed), CLOSED_MAX)):
            yield self._status(alert, engine.deliveries(alert), now_s)
        yield Done(ok=True, detail="; ".join(self._held_back(now_s)))

    def _held_back(self, now_s: float) -> Iterator[str]:
        """What keeps messages from being sent at the moment, by somebody's will."""
        engine = self._alerting.engine
        left_s = engine.counted(now_s).maintenance_s
        if left_s > 0:
            yield f"maintenance mode is on for {math.ceil(left_s / MINUTE_S)} min more"
        if muted := [condition for condition in entries() if engine.muted(condition, now_s)]:
            yield f"muted: {', '.join(muted)}"

    async def _acknowledge(
        self, request: AcknowledgeAlert, caller: Caller
    ) -> AsyncIterator[Answered]:
        by = (request.by or caller.user)[:60]
        effects, outcome = self._alerting.engine.acknowledge(request.alert, by, self._now())
        self._alerting.do(effects)
        missing = f"no alert `{request.alert[:20]}` is open"
        yield Done(ok=bool(outcome), detail=outcome or missing)

    async def _mute(self, request: MuteAlert, caller: Caller) -> AsyncIterator[Answered]:
        problem = _minutes_problem(request.minutes)
        if request.condition not in entries():
            problem = f"the catalogue knows no `{request.condition[:60]}`"
        if problem:
            yield Done(ok=False, detail=problem)
            return
        effects = self._alerting.engine.mute(request.condition, request.minutes, self._now())
        self._alerting.do(effects)
        for_long = (
            f"muted for {request.minutes:g} min" if request.minutes > 0 else "no longer muted"
        )
        yield Done(ok=True, detail=f"{request.condition} is {for_long}")

    async def _maintain(
        self, request: SetMaintenanceMode, caller: Caller
    ) -> AsyncIterator[Answered]:
        problem = _minutes_problem(request.minutes)
        if problem:
            yield Done(ok=False, detail=problem)
            return
        self._alerting.do(self._alerting.engine.maintain(request.minutes, self._now()))
        on = f"on for {request.minutes:g} min" if request.minutes > 0 else "off"
        yield Done(ok=True, detail=f"maintenance mode is {on}")

    async def _try(self, request: TryChannels, caller: Caller) -> AsyncIterator[Answered]:
        contacts = self._alerting.engine.contacts
        if request.contact not in contacts:
            known = ", ".join(contacts) or "none is configured"
            missing = f"no contact `{request.contact[:60]}`; expected one of: {known}"
            yield Done(ok=False, detail=missing)
            return
        if not self._tests.may():
            yield Done(ok=False, detail="too many tests; wait a minute")
            return
        count = failed = 0
        by = request.by or caller.user
        async for one in self._alerting.test(request.contact, request.channel, by):
            count += 1
            failed += not one.ok
            yield ChannelOutcome(
                contact=one.way.contact,
                channel=one.way.channel.value,
                ok=one.ok,
                detail=one.detail,
            )
        if not count:
            wanted = request.channel[:20] or "usable channel"
            yield Done(ok=False, detail=f"{request.contact} has no {wanted}")
            return
        yield Done(ok=not failed, detail=f"{count - failed} of {count} work")

    async def _report(self, request: ReportProblem, caller: Caller) -> AsyncIterator[Answered]:
        text = _plain(request.text)
        problem = ""
        if not text:
            problem = "the report is empty"
        elif len(request.text) > REPORT_MAX:
            problem = f"the report is longer than {REPORT_MAX} characters"
        elif request.evse and request.evse not in self._evses:
            problem = f"no EVSE {request.evse}"
        elif not (self._reports.may() and self._reports_today.may()):
            problem = "too many reports; please call instead"
        if problem:
            yield Done(ok=False, detail=problem)
            return
        self._reported = max(self._reported + 1, round(self._now()))
        where = f"EVSE {request.evse}, " if request.evse else ""
        answer = _plain(request.answer_to)[:100]
        said = detail("report", text=text)
        if answer:
            said = detail("report_answer", text=text, answer=answer)
        condition = told("problem_reported", said, place=f"{where}report {self._reported}")
        self._alerting.tell(Happened(at_s=self._now(), condition=condition))
        yield Done(ok=True, detail="reported")

    async def _subscribe(self, request: Subscribe, caller: Caller) -> AsyncIterator[Answered]:
        problem = self._wish_problem(request)
        if not problem and not self._wishes.may():
            problem = "too many wishes; try again later"
        if problem:
            yield Done(ok=False, detail=problem)
            return
        language = request.language if request.language in languages() else "en"
        effects, problem = self._alerting.engine.subscribe(
            request.evse,
            request.wanted,
            Channel(request.channel),
            request.address,
            language,
            self._now(),
        )
        self._alerting.do(effects)
        yield Done(ok=not problem, detail=problem or "you will be told once")

    def _wish_problem(self, request: Subscribe) -> str:
        web = self._config.web
        if web is None or request.channel not in web.subscribe:
            return f"`{request.channel[:20]}` is not offered here"
        if request.evse not in self._evses:
            return f"no EVSE {request.evse}"
        pattern, wanted = ADDRESSES.get(Channel(request.channel), (None, ""))
        if pattern is None:
            return f"`{request.channel}` reaches no driver"
        if len(request.address) > 250 or not pattern.fullmatch(request.address):
            return f"expected {wanted}"
        return ""

    def _status(self, alert: Alert, rows: list[Delivery], now_s: float) -> AlertStatus:
        engine = self._alerting.engine
        cleared_at = "" if alert.cleared_s is None else engine.moment(alert.cleared_s).at
        return AlertStatus(
            alert=alert.code,
            condition=alert.condition,
            place=alert.place,
            severity=alert.severity,
            title=entry(alert.condition).title,
            detail=alert.told(ENGLISH),
            said=_said(alert),
            reminded=alert.reminded,
            raised_at=engine.moment(alert.raised_s).at,
            cleared_at=cleared_at,
            open=alert.open,
            age_s=round(max(0.0, now_s - alert.raised_s), 1),
            count=alert.count,
            acknowledged_by=alert.acknowledged_by,
            muted=engine.muted(alert.condition, now_s),
            deliveries=tuple(_delivery(row, engine.waits_for(row, now_s)) for row in rows),
        )


class _Pace:
    """So many within a time."""

    def __init__(self, count: int, within_s: float, now: Callable[[], float]) -> None:
        self._within_s = within_s
        self._now = now
        self._count = count
        self._times: deque[float] = deque()

    def may(self) -> bool:
        """Whether one more may be; counts it, if so."""
        now_s = self._now()
        while self._times and self._times[0] <= now_s - self._within_s:
            self._times.popleft()
        if len(self._times) >= self._count:
            return False
        self._times.append(now_s)
        return True


def _said(alert: Alert) -> Said | None:
    said = alert.said
    return None if said is None else Said(id=said.id, fields=said.fields)


def _delivery(row: Delivery, waits_for: WaitsFor) -> DeliveryStatus:
    return DeliveryStatus(
        contact=row.contact,
        channel=row.channel.value,
        about=row.about,
        state="waiting" if row.state == "sending" else row.state,
        attempts=row.attempts,
        detail=row.detail,
        waits_for=waits_for,
    )


def _minutes_problem(minutes: float) -> str:
    if not 0 <= minutes <= MINUTES_MAX:
        return f"minutes: found {minutes:g}, expected 0 to {MINUTES_MAX:g}"
    return ""


def _plain(text: str) -> str:
    """What a stranger wrote, as one line without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
