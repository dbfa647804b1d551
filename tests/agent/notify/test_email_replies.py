"""Replies by e-mail: what a person wrote, from whom; nothing that a machine sent."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import structlog

from chargepoint.agent.notify.email_replies import EmailReplies
from chargepoint.agent.notify.reply_text import reply_of
from chargepoint.config.alerts import Email
from chargepoint.station.alerts.values import Channel, Replied
from tests.agent.notify.imap_servers import PASSWORD, USER, mailbox
from tests.agent.notify.samples import Told

OWN = "charger@example.com"


def mail(body: str, *headers: str, subject: str = "Re: CP-7: RCD (K7QF)") -> bytes:
    lines = ["From: Olga <olga@example.com>", f"Subject: {subject}", *headers, "", body]
    return "\r\n".join(lines).encode()


HTML = (
    "<html><style>p {color: red}</style><body><p>OK&nbsp;K7QF</p><p>M&uuml;ller</p>"
    "<blockquote>CP-7 Q4ZZ</blockquote></body></html>"
)

TEXTS = [
    (mail("K7QF done"), "K7QF done"),
    (mail("K7QF\r\n\r\n> CP-7: Q4ZZ"), "K7QF"),
    (mail("K7QF\r\nOn Tue, 3 Feb 2026 at 10:11, CP-7 <a@b> wrote:\r\n> Q4ZZ"), "K7QF"),
    (mail("K7QF\r\nAm 03.02.2026 um 10:11 schrieb CP-7:\r\n> Q4ZZ"), "K7QF"),
    (mail("K7QF\r\n-----Original Message-----\r\nQ4ZZ"), "K7QF"),
    (mail("K7QF\r\n________________________________\r\nVon: CP-7\r\nQ4ZZ"), "K7QF"),
    (mail("K7QF\r\n-- \r\nOlga, Q4ZZ GmbH"), "K7QF"),
    (mail("OK"), "OK Re: CP-7: RCD (K7QF)"),
    (mail("ok, fahre hin", subject="=?utf-8?q?AW=3A_K7QF_=C3=BC?="), "ok, fahre hin AW: K7QF ü"),
    (mail(HTML, "Content-Type: text/html; charset=utf-8"), "OK K7QF Müller Re: CP-7: RCD (K7QF)"),
    (mail("T0sgSzdRRg==", "Content-Transfer-Encoding: base64"), "OK K7QF Re: CP-7: RCD (K7QF)"),
    (mail("K7QF", "Content-Type: text/plain; charset=no-such"), "K7QF"),
]


@pytest.mark.parametrize(("content", "text"), TEXTS)
def test_only_what_the_person_wrote_counts(content: bytes, text: str) -> None:
    assert reply_of(content, OWN) == ("olga@example.com", text)


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-replied", "Precedence: bulk", "Precedence: auto_reply",
     "X-Autoreply: yes", "Return-Path: <>",
     'Content-Type: multipart/report; boundary="x"; report-type=delivery-status'],
)  # fmt: skip
def test_an_automatic_answer_is_nobodys(header: str) -> None:
    assert reply_of(mail("OK K7QF", header), OWN) is None


def test_a_person_may_say_that_the_mail_is_not_automatic() -> None:
    assert reply_of(mail("K7QF", "Auto-Submitted: no"), OWN) is not None


def test_our_own_mail_is_no_reply() -> None:
    content = mail("OK K7QF").replace(b"olga@", b"Charger@")
    assert reply_of(content, OWN) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"From: a@b\r\n\r\n", b"From: \r\n\r\nOK",
     b"From: a@b\r\nContent-Type: multipart/mixed; boundary=\"\r\n\r\nOK",
     b"From: a@b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"],
)  # fmt: skip
def test_what_nobody_wrote_is_no_reply(content: bytes) -> None:
    assert reply_of(content, OWN) is None


@pytest.mark.parametrize(
    "content",
    [
        b"From: a@b\r\nContent-Type: text/html\r\n\r\n" + b"<script" * 9000,
        b"From: a@b\r\nContent-Type: text/html\r\n\r\n" + b"<" * 60000,
        b"From: a@b\r\n\r\n" + b"on " * 20000,
        b"From: " + b"<a@b>, (" * 8000 + b"\r\n\r\nOK",
        b"Subject: " + b"=?utf-8?q?" * 6000 + b"\r\nFrom: a@b\r\n\r\nOK",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n)
            for n in range(1200)
        ),
    ],
)
def test_a_message_made_to_take_long_does_not(content: bytes) -> None:
    began_s = time.process_time()
    reply_of(content, OWN)
    assert time.process_time() - began_s < 0.5


def settings(port: int, **changed: object) -> Email:
    values = {"reply_password": PASSWORD, **changed}
    return Email(
        server="127.0.0.1", sender=OWN, reply_server="127.0.0.1", reply_port=port,
        reply_security="none", reply_user=USER, **values,  # type: ignore[arg-type]
    )  # fmt: skip


@contextlib.asynccontextmanager
async def looking(found: Email, told: Told) -> AsyncIterator[EmailReplies]:
    replies = EmailReplies(found, told, now=lambda: 50.0)
    replies.start()
    try:
        yield replies
    finally:
        replies.stop()
        await asyncio.to_thread(replies._thread.join, 5.0)


async def test_unseen_mails_are_told_and_marked() -> None:
    told = Told()
    with mailbox() as box:
        box.mails = {4: mail("K7QF"), 7: mail("OK K7QF", "Auto-Submitted: auto-replied")}
        async with looking(settings(box.port), told):
            assert await asyncio.to_thread(box.wait_seen, 2)
            await told.until(lambda: bool(told.events))
    assert told.events == [
        Replied(at_s=50.0, channel=Channel.EMAIL, address="olga@example.com", text="K7QF")
    ]


async def test_a_wrong_password_is_logged_without_it() -> None:
    with mailbox() as box, structlog.testing.capture_logs() as lines:
        async with looking(settings(box.port, reply_password="oops"), Told()):
            assert await asyncio.to_thread(box.wait_logins, 1)
    (line,) = [line for line in lines if line["event"] == "replies.failed"]
    assert "wrong password" in line["error"]
    assert "oops" not in str(line)


async def test_a_literal_that_would_fill_the_memory_is_not_read() -> None:
    told = Told()
    with mailbox() as box, structlog.testing.capture_logs() as lines:
        box.mails, box.huge = {1: mail("K7QF")}, True
        async with looking(settings(box.port), told):
            assert await asyncio.to_thread(box.wait_logins, 1)
    (line,) = [line for line in lines if line["event"] == "replies.failed"]
    assert "1000000000 bytes at once" in line["error"]
    assert told.events == []


async def test_a_server_that_answers_what_nobody_expects_does_not_end_the_looking() -> None:
    told = Told()
    with mailbox() as box, structlog.testing.capture_logs() as lines:
        box.mails, box.found = {4: mail("K7QF")}, b"{5}\r\nabcde"
        async with looking(settings(box.port, reply_every_s=0.05), told) as replies:
            assert await asyncio.to_thread(box.wait_logins, 2)
            box.found = b""
            assert await asyncio.to_thread(box.wait_seen, 1)
            assert replies._thread.is_alive()
    errors = [line["error"] for line in lines if line["event"] == "replies.failed"]
    assert errors == ["the server says what is no IMAP: AttributeError"]
