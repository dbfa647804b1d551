"""What strangers wrote, as a terminal may show it."""

from __future__ import annotations

from chargepoint.cli.legible import cleaned
from chargepoint.ipc.care import AlertStatus, DeliveryStatus, LogLine
from chargepoint.ipc.messages import TokenRead
from chargepoint.ipc.service import ArchivePart
from hal.values import TokenKind

EVIL = "\x1b]0;owned\x07\x9b2J\u202eabc\r"
SEEN = r"\x1b]0;owned\x07\x9b2J\u202eabc\r"

DELIVERY = DeliveryStatus(
    contact="ada", channel="webhook", about="raised", state="failed", attempts=1, detail=EVIL
)
ALERT = AlertStatus(
    alert="KPT7", condition="problem_reported", place="EVSE 1", severity="warning",
    title="Ünïcödé …", detail=f"{EVIL}\nsecond line", raised_at="", cleared_at="",
    open=True, age_s=1.0, count=1, acknowledged_by=EVIL, muted=False, deliveries=(DELIVERY,),
)  # fmt: skip


def test_every_text_of_an_answer_is_made_legible_however_deep_it_stands() -> None:
    shown = cleaned(ALERT)
    assert shown.detail == f"{SEEN}\nsecond line"
    assert (shown.acknowledged_by, shown.deliveries[0].detail) == (SEEN, SEEN)
    assert shown.title == "Ünïcödé …"
    line = LogLine(at="", level="info", part="csms", event="x", fields={EVIL: EVIL})
    assert cleaned(line).fields == {SEEN: SEEN}


def test_a_card_cannot_speak_to_the_terminal_of_who_watches() -> None:
    fact = TokenRead(seq=1, at_s=0.0, reader="cards", token=EVIL, kind=TokenKind.ISO14443)
    assert cleaned(fact).token == SEEN


def test_what_is_no_text_stays_as_it_is() -> None:
    part = ArchivePart(data=b"\x1b\x00")
    assert cleaned(part) is part
