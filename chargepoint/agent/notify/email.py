"""E-mail by SMTP: text, and the HTML of a report as an attachment.

A connection that breaks after the message was handed over leaves open whether it arrived. It is
sent again then, with the same Message-ID, by which mail systems and readers know it for the same.
"""

from __future__ import annotations

import email.policy
import hashlib
import re
import ssl
from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from chargepoint.agent.notify import reach
from chargepoint.agent.notify.trust import Roots, tls_words
from chargepoint.agent.notify.way import Place, Undelivered
from chargepoint.config.alerts import Email
from chargepoint.station.alerts.values import Channel, Message

STEP_S = 15.0
"""Longest silence of the server within the dialogue."""

LIMIT_S = 45.0
SUBJECT_MAX = 150
ID_MAX = 60
MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,80}@[!-;=?A-~]{1,255}>")
"""As `message_id` makes them."""


class EmailWay:
    """Sends through the server of `settings` in the name of `station`."""

    channel = Channel.EMAIL
    limit_s = LIMIT_S

    def __init__(self, settings: Email, station: str) -> None:
        self._settings = settings
        self._station = station
        self._roots = Roots(settings.ca_file)
        self._place = Place((settings.server, settings.port))

    async def send(self, message: Message) -> str:
        try:
            mail = composed(message, self._settings.sender, self._station)
        except ValueError as error:
            raise Undelivered(f"{message.address}: {error}", retry=False) from error
        try:
            await self._transmit(mail)
        except ssl.SSLError as error:
            raise Undelivered(f"{self._place[0]}: {tls_words(error)}", retry=True) from error
        except aiosmtplib.SMTPException as error:
            raise _undelivered(error, self._place) from error
        return str(mail["Message-ID"])

    async def _transmit(self, mail: EmailMessage) -> None:
        settings = self._settings
        encrypted = settings.security != "none"
        context = await self._roots.context() if encrypted else None
        connection = await reach.connect(self._place)
        client = aiosmtplib.SMTP(
            hostname=settings.server,
            port=None,
            sock=connection,
            local_hostname=_literal(connection.getsockname()[0]),
            timeout=STEP_S,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=context,
            username=settings.user or None,
            password=settings.password if settings.user else None,
        )
        try:
            await client.connect()
            await client.send_message(mail)
        finally:
            # No QUIT: the message is taken, and a server that hangs now would make it look lost.
            client.close()
            connection.close()


def composed(message: Message, sender: str, station: str) -> EmailMessage:
    """The mail, complete. Raises ValueError for an address that no mail can go to."""
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["From"] = _address(sender)
    mail["To"] = _address(message.address)
    mail["Subject"] = _line(message.subject)[:SUBJECT_MAX]
    mail["Date"] = formatdate()
    mail["Message-ID"] = message_id(message, sender, station)
    if MESSAGE_ID.fullmatch(message.thread):
        mail["In-Reply-To"] = mail["References"] = message.thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Chargepoint-Alert"] = _line(str(message.data.get("alert") or message.about))[:ID_MAX]
    mail["X-Chargepoint-Station"] = _ascii(station)
    if message.severity == "critical" and message.about != "cleared":
        mail["Importance"] = "high"
    mail.set_content(message.text, charset="utf-8", cte="quoted-printable")
    if message.attachment:
        mail.add_attachment(
            message.attachment.encode(),
            maintype="text",
            subtype="html",
            filename="report.html",
            params={"charset": "utf-8"},
        )
    return mail


def message_id(message: Message, sender: str, station: str) -> str:
    """The same for each attempt of one delivery, and no other's."""
    said = "\0".join((station, str(message.delivery), message.address, message.subject))
    mark = hashlib.sha256(said.encode()).hexdigest()[:16]
    return f"<{message.delivery}.{mark}@{sender.rpartition('@')[2]}>"


def _address(text: str) -> str:
    if not re.fullmatch(r"[!-?A-~]{1,64}@[A-Za-z0-9.\-\[\]:]{1,255}", text):
        raise ValueError("not an address that mail can be sent to")
    return text


def _literal(address: str) -> str:
    """Who we are in EHLO: our own address (RFC 5321, 4.1.3), as a charger has no public name."""
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"


def _line(text: str) -> str:
    return " ".join(text.split())


def _ascii(text: str) -> str:
    return re.sub(r"[^ -~]", "?", text)[:ID_MAX]


def _undelivered(error: aiosmtplib.SMTPException, place: Place) -> Undelivered:
    """4xx passes; so does what is wrong with the account or the server, once somebody mends it."""
    host = place[0]
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        refused = error.recipients[0]
        return _refused(host, refused.code, refused.message, about_us=False)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return _refused(host, error.code, f"login refused: {error.message}", about_us=True)
    if isinstance(error, aiosmtplib.SMTPConnectResponseError | aiosmtplib.SMTPHeloError):
        return _refused(host, error.code, error.message, about_us=True)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _refused(host, error.code, error.message, about_us=False)
    if isinstance(error, aiosmtplib.SMTPTimeoutError):
        return Undelivered(f"{host} does not answer: {error.message}", retry=True, place=place)
    return Undelivered(f"{host}: {error.message}", retry=True)


def _refused(host: str, code: int, said: str, about_us: bool) -> Undelivered:
    return Undelivered(f"{host} says {code} {said}", retry=about_us or 400 <= code <= 499)
