"""What messages say: subject, text, short text and the same for machines.

Texts are made when a message goes, so that they say how things are then, in the language of whoever
gets them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

import msgspec

from chargepoint.catalog import entry, phrase
from chargepoint.catalog.details import place_text
from chargepoint.station.alerts.book import Alert
from chargepoint.station.alerts.deliveries import About, Delivery
from chargepoint.station.alerts.gsm_text import LIMIT, cut, gsm_text, length
from chargepoint.station.alerts.settings import Calendar
from chargepoint.station.alerts.values import Channel, EvseNews, Message

LISTED_MAX = 10
VALID_MIN_S = 60.0
SHORT_DETAIL_MAX = 60

ZONES = ("CET", "CEST")
"""Abbreviations that depend on the language."""


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when it is written."""

    station: str
    calendar: Calendar
    now_s: float
    answered: AbstractSet[Channel]
    """Channels whose answers are read; nobody is asked for one elsewhere."""


def alert_message(
    writing: Writing, row: Delivery, alert: Alert, others: Sequence[tuple[Delivery, Alert]] = ()
) -> Message:
    """The message of `row`; `others` go along in a line each."""
    told = _Told(writing, row, alert)
    subject, text, short = told.subject(), told.text(), told.short(len(others))
    if others:
        subject = phrase("alert.subject.more", row.language, subject=subject, count=len(others))
        text = f"{text}\n\n{_also(writing, others)}"
    data = told.data()
    if others:
        data["more"] = len(others)
    return _message(writing, row, (subject, text, short), data)


def plain_message(writing: Writing, row: Delivery) -> Message:
    """A message that is about no alert."""
    assert row.texts is not None
    data: dict[str, str | int | float | bool | None] = {
        "station": writing.station,
        "title": row.texts[0],
        "detail": row.texts[1],
    }
    return _message(writing, row, row.texts, data)


def test_texts(station: str, channel: str, by: str, language: str) -> tuple[str, str, str]:
    """Subject, text and short text of a test."""
    named = phrase(f"alert.channel.{channel}", language)
    fields = {"station": station, "channel": named, "by": by or "?"}
    return (
        phrase("alert.subject.test", language, **fields),
        phrase("alert.test.text", language, **fields),
        cut(phrase("alert.test.short", language, **fields)),
    )


def acknowledged_texts(station: str, alert: Alert, language: str) -> tuple[str, str, str]:
    """The answer to somebody's acknowledgement."""
    title = entry(alert.condition, language).title
    text = phrase(
        "alert.acknowledged.text", language, station=station, code=alert.code, title=title
    )
    return phrase("alert.acknowledged.subject", language, code=alert.code), text, cut(text)


def driver_texts(site: str, event: EvseNews, language: str) -> tuple[str, str, str]:
    """What a driver wanted to be told; `site` as drivers know it."""
    news = "unplugged" if event.unplugged else event.news
    text = phrase(f"alert.driver.{news}.text", language, site=site, evse=event.evse)
    return phrase(f"alert.driver.{event.news}.subject", language), text, cut(text)


def lasted(duration_s: float, language: str) -> str:
    """A duration in its weightiest unit."""
    for unit, length_s in (("days", 172_800.0), ("hours", 7200.0), ("minutes", 120.0)):
        if duration_s >= length_s:
            one_s = {"days": 86_400.0, "hours": 3600.0, "minutes": 60.0}[unit]
            return phrase(f"alert.duration.{unit}", language, count=round(duration_s / one_s))
    return phrase("alert.duration.seconds", language, count=round(max(0.0, duration_s)))


def time_text(wall: datetime | None, language: str) -> str:
    """Day, minute and zone: `2026-11-24 19:03 CET`; None: nobody knows the time."""
    if wall is None:
        return phrase("alert.unknown_time", language)
    day = {"day": f"{wall:%d}", "month": f"{wall:%m}", "year": f"{wall:%Y}"}
    return phrase("alert.time", language, **day, clock=f"{wall:%H:%M}", zone=_zone(wall, language))


def _zone(wall: datetime, language: str) -> str:
    """Its abbreviation, or the distance to UTC where it has none."""
    name = wall.tzname() or ""
    if name in ZONES:
        return phrase(f"alert.zone.{name}", language)
    offset = f"{wall:%z}"
    return name if name.isalpha() else f"UTC{offset[:3]}:{offset[3:5]}"


class _Told:
    """One alert as told to one address."""

    def __init__(self, writing: Writing, row: Delivery, alert: Alert) -> None:
        self._writing = writing
        self._row = row
        self._alert = alert
        self._entry = entry(alert.condition, row.language)
        self._detail = alert.told(row.language)
        self._place = place_text(alert.place, row.language)
        self._about = told_about(row.about)

    def subject(self) -> str:
        return self._say(f"alert.subject.{self._about}", **self._fields())

    def text(self) -> str:
        alert, about = self._alert, self._entry
        lines = [about.title, ""]
        lines.append(self._say("alert.line.station", station=self._writing.station))
        if alert.place:
            lines.append(self._say("alert.line.place", place=self._place))
        lines.append(self._say("alert.line.severity", severity=self._severity))
        lines += self._times()
        if alert.count > 1:
            lines.append(self._say("alert.line.count", count=alert.count))
        if self._detail:
            lines.append(self._say("alert.line.detail", detail=self._detail))
        if self._about != "cleared":
            lines += ["", self._say("alert.line.cause", cause=about.cause)]
            lines += [self._say("alert.line.remedy", remedy=about.remedy), ""]
            way = "answer" if self._answered else "acknowledge"
            lines.append(self._say(f"alert.line.{way}", code=alert.code))
        return "\n".join(lines)

    def short(self, others: int) -> str:
        answer = ""
        if self._about != "cleared" and self._answered:
            answer = gsm_text(self._say("alert.short.answer", code=self._alert.code))
        more = gsm_text(self._say("alert.short.more", count=others)) if others else ""
        fields = {**self._fields(), "detail": cut(self._detail, SHORT_DETAIL_MAX)}
        told = self._say(f"alert.short.{self._about}", **fields).rstrip(" .")
        end = more + answer
        return cut(told, LIMIT - length(end)) + end

    def data(self) -> dict[str, str | int | float | bool | None]:
        alert, calendar = self._alert, self._writing.calendar
        return {
            "station": self._writing.station,
            "alert": alert.code,
            "condition": alert.condition,
            "place": alert.place,
            "severity": alert.severity,
            "title": self._entry.title,
            "detail": self._detail,
            "count": alert.count,
            "raised_at": calendar(alert.raised_s).at,
            "cleared_at": "" if alert.cleared_s is None else calendar(alert.cleared_s).at,
            "state": self._about,
            "acknowledged_by": alert.acknowledged_by,
            "code_v16": self._entry.code_v16,
            "code_mrec": self._entry.code_mrec,
        }

    def _times(self) -> list[str]:
        alert, now_s = self._alert, self._writing.now_s
        raised = self._at(alert.raised_s)
        if alert.cleared_s is None:
            length = lasted(now_s - alert.raised_s, self._row.language)
            return [self._say("alert.line.since", at=raised, lasted=length)]
        length = lasted(alert.cleared_s - alert.raised_s, self._row.language)
        ended = self._say("alert.line.ended", at=self._at(alert.cleared_s), lasted=length)
        return [self._say("alert.line.began", at=raised), ended]

    def _at(self, at_s: float) -> str:
        return time_text(self._writing.calendar(at_s).wall, self._row.language)

    def _fields(self) -> Mapping[str, object]:
        alert = self._alert
        end_s = self._writing.now_s if alert.cleared_s is None else alert.cleared_s
        return {
            "severity": self._severity[:1].upper() + self._severity[1:],
            "title": self._entry.title,
            "place": self._say("alert.at", place=self._place) if alert.place else "",
            "station": self._writing.station,
            "code": alert.code,
            "count": alert.count,
            "detail": self._detail,
            "lasted": lasted(end_s - alert.raised_s, self._row.language),
        }

    @property
    def _answered(self) -> bool:
        return self._row.channel in self._writing.answered

    @property
    def _severity(self) -> str:
        return self._say(f"severity.{self._alert.severity}")

    def _say(self, key: str, **fields: object) -> str:
        return phrase(key, self._row.language, **fields)


def told_about(about: About) -> str:
    """Which of the four kinds of text it takes."""
    return about if about in ("escalated", "reminded", "cleared") else "raised"


def _also(writing: Writing, others: Sequence[tuple[Delivery, Alert]]) -> str:
    language = others[0][0].language
    lines = [phrase("alert.line.also", language)]
    lines += [f"- {_Told(writing, row, alert).subject()}" for row, alert in others[:LISTED_MAX]]
    if len(others) > LISTED_MAX:
        lines.append(phrase("alert.line.more", language, count=len(others) - LISTED_MAX))
    return "\n".join(lines)


def _message(
    writing: Writing,
    row: Delivery,
    texts: tuple[str, str, str],
    data: dict[str, str | int | float | bool | None],
) -> Message:
    return Message(
        delivery=row.number,
        channel=row.channel,
        address=row.address,
        contact=row.contact,
        about=row.about,
        severity=row.severity,
        subject=texts[0].replace("\n", " "),
        text=texts[1],
        short=texts[2],
        data=data,
        valid_s=max(VALID_MIN_S, row.expires_s - writing.now_s),
    )
