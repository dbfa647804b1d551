"""A mail server on loopback (aiosmtpd) that takes, refuses or delays as told."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "station", "geheim"


@dataclass
class MailServer:
    """`rcpt`, `data`: answers instead of 250, in turn; the last one for good."""

    port: int = 0
    rcpt: list[str] = field(default_factory=lambda: ["250 OK"])
    data: list[str] = field(default_factory=lambda: ["250 taken"])
    mails: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.rcpt.pop(0) if len(self.rcpt) > 1 else self.rcpt[0]
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self.data.pop(0) if len(self.data) > 1 else self.data[0]
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.to.append(list(envelope.rcpt_tos))
        self.encrypted.append(session.ssl is not None)
        return answer

    def check(
        self, server: SMTP, session: Session, envelope: Envelope, how: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        good = data.login.decode() == USER and data.password.decode() == PASSWORD
        return AuthResult(success=good, handled=good)


@contextlib.asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None,
    implicit: bool = False,
    auth: bool = False,
    host: str = "127.0.0.1",
) -> AsyncIterator[MailServer]:
    """`tls`: by STARTTLS, required; with `implicit` from the first byte. In the test's own loop."""
    found = MailServer()
    options: dict[str, Any] = {"authenticator": found.check, "auth_required": True} if auth else {}
    if tls is not None and not implicit:
        options |= {"tls_context": tls, "require_starttls": True}
    serving = await asyncio.get_running_loop().create_server(
        lambda: SMTP(found, hostname="localhost", **options),
        host,
        0,
        ssl=tls if implicit else None,
    )
    found.port = serving.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        serving.close()
