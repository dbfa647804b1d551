"""Replies to e-mails: the unseen messages of the sender's mailbox become `Replied`.

A thread of its own looks every few minutes; a mail server that hangs keeps nothing but this thread.
A message is marked as seen when it has been told. Automatic answers are marked and told to nobody:
an absence note must not acknowledge an alert.
"""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import threading
import time
from collections.abc import Callable
from typing import Any

from chargepoint import log
from chargepoint.agent.notify.reply_text import reply_of
from chargepoint.agent.notify.trust import Roots
from chargepoint.agent.notify.way import TellAlert, one_line
from chargepoint.config.alerts import Email
from chargepoint.station.alerts.values import Channel, Replied

STEP_S = 20.0
"""Longest silence of the server."""

SESSION_S = 120.0
MESSAGES_MAX = 20
"""Looked at in one go; the rest waits for the next."""

SIZE_MAX = 64 * 1024
"""Bytes of one message that are read; a reply stands at its beginning."""

LITERAL_MAX = 4 * SIZE_MAX


class _Plain(imaplib.IMAP4):
    """Keeps a server from filling the memory and from dripping for ever."""

    until_s = float("inf")

    def open(self, *where: Any, **how: Any) -> None:
        self.until_s = time.monotonic() + SESSION_S
        super().open(*where, **how)

    def read(self, size: int) -> bytes:
        _bounded(size, self.until_s)
        return super().read(size)

    def readline(self) -> bytes:
        _bounded(0, self.until_s)
        return super().readline()


class _Tls(_Plain, imaplib.IMAP4_SSL):
    """The same over TLS."""


def _bounded(size: int, until_s: float) -> None:
    if size > LITERAL_MAX:
        raise imaplib.IMAP4.abort(f"the server sends {size} bytes at once")
    if time.monotonic() > until_s:
        raise imaplib.IMAP4.abort(f"not done within {SESSION_S:g} s")


class EmailReplies:
    """Looks into the mailbox of `settings`. `tell` is called in the loop's thread."""

    def __init__(
        self, settings: Email, tell: TellAlert, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._tell = tell
        self._now = now
        self._roots = Roots(settings.ca_file)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replies", daemon=True)
        self._problem = ""
        self._since_s = 0.0
        self._log = log.get("notify")

    def start(self) -> None:
        """Begin; belongs to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Look no more. A look that is under way ends by itself, and tells nothing."""
        self._ending.set()

    # --- In the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ending.is_set():
            self._note(self._look())
            self._ending.wait(self._settings.reply_every_s)

    def _note(self, problem: str) -> None:
        """Log the change from working to failing and back."""
        if problem and not self._problem:
            self._since_s = time.monotonic()
            self._log.warning("replies.failed", error=problem)
        elif self._problem and not problem:
            lost_s = round(time.monotonic() - self._since_s, 1)
            self._log.info("replies.recovered", lost_s=lost_s)
        self._problem = problem

    def _look(self) -> str:
        """Read what is new; what went wrong, if anything."""
        try:
            mailbox = self._connected()
        except (OSError, imaplib.IMAP4.error, ValueError) as error:
            return one_line(str(error) or type(error).__name__)
        try:
            mailbox.login(self._settings.reply_user, self._settings.reply_password)
            mailbox.select("INBOX")
            self._take_new(mailbox)
        except (OSError, imaplib.IMAP4.error, ValueError) as error:
            return one_line(str(error) or type(error).__name__)
        except Exception as error:  # the library's parsers raise all sorts for what is no IMAP
            return one_line(f"the server says what is no IMAP: {type(error).__name__}")
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                mailbox.logout()
        return ""

    def _connected(self) -> _Plain | _Tls:
        settings = self._settings
        server, port = settings.reply_server, settings.reply_port
        mailbox: _Plain | _Tls
        if settings.reply_security == "tls":
            context = self._roots.load()
            mailbox = _Tls(server, port, ssl_context=context, timeout=STEP_S)
        else:
            mailbox = _Plain(server, port, timeout=STEP_S)
            if settings.reply_security == "starttls":
                mailbox.starttls(self._roots.load())
        return mailbox

    def _take_new(self, mailbox: imaplib.IMAP4) -> None:
        _, found = mailbox.uid("SEARCH", "UNSEEN")
        numbers = found[0].split() if found and found[0] else []
        for number in numbers[:MESSAGES_MAX]:
            _, parts = mailbox.uid("FETCH", number.decode(), f"(BODY.PEEK[]<0.{SIZE_MAX}>)")
            reply = reply_of(_content(parts), own=self._settings.sender)
            if self._ending.is_set():
                return
            if reply is not None:
                self._told(*reply)
            mailbox.uid("STORE", number.decode(), "+FLAGS", r"(\Seen)")

    def _told(self, address: str, text: str) -> None:
        assert self._loop is not None
        replied = Replied(at_s=self._now(), channel=Channel.EMAIL, address=address, text=text)
        with contextlib.suppress(RuntimeError):  # the loop has ended before us
            self._loop.call_soon_threadsafe(self._tell, replied)


def _content(parts: list[Any]) -> bytes:
    """The message in the answer to FETCH; empty where it holds none."""
    return next((part[1] for part in parts if isinstance(part, tuple)), b"")
