"""E-mail against a real SMTP server: taken, refused, encrypted, hanging; nothing is injected."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from chargepoint.agent.notify import email as email_module
from chargepoint.agent.notify.email import EmailWay, composed, message_id
from chargepoint.agent.notify.way import Undelivered
from chargepoint.config.alerts import Email
from chargepoint.station.alerts.values import Channel, Message
from tests.agent import authorities
from tests.agent.notify.mail_servers import PASSWORD, USER, mail_server
from tests.agent.notify.receivers import dead_port, silent_server
from tests.agent.notify.samples import message

SENDER = "charger@example.com"


def mail(address: str = "olga@example.com", **changed: object) -> Message:
    return message(Channel.EMAIL, address, **changed)


def settings(port: int, **changed: object) -> Email:
    values = {"security": "none", **changed}
    return Email(server="127.0.0.1", sender=SENDER, port=port, **values)  # type: ignore[arg-type]


async def refused(found: Email) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        await EmailWay(found, "CP-7").send(mail())
    return caught.value


async def test_the_mail_arrives_with_subject_text_and_marks() -> None:
    async with mail_server() as server:
        await EmailWay(settings(server.port), "CP-7").send(mail())
    (got,) = server.mails
    assert server.to == [["olga@example.com"]]
    assert got["From"] == SENDER
    assert got["Subject"] == "CP-7: Fehlerstromschutz ausgelöst (K7QF)"
    assert got.get_content().strip().splitlines() == [
        "Der Fehlerstromschutz hat ausgelöst.",
        "Antworten Sie mit OK K7QF.",
    ]
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["X-Chargepoint-Alert"] == "K7QF"
    assert got["Importance"] == "high"


async def test_a_report_goes_along_as_an_attachment() -> None:
    async with mail_server() as server:
        await EmailWay(settings(server.port), "CP-7").send(mail(attachment="<h1>Bericht ü</h1>"))
    (report,) = server.mails[0].iter_attachments()
    assert report.get_content_type() == "text/html"
    assert report.get_content().strip() == "<h1>Bericht ü</h1>"


async def test_a_repeated_delivery_has_the_same_message_id_and_another_one_has_not() -> None:
    async with mail_server() as server:
        way = EmailWay(settings(server.port), "CP-7")
        reference = await way.send(mail())
        await way.send(mail())
        await way.send(mail(delivery=42))
    first, second, other = (one["Message-ID"] for one in server.mails)
    assert first == second == reference
    assert other != first
    assert message_id(mail(), SENDER, "CP-8") != first


async def test_what_follows_about_an_alert_is_an_answer_to_the_first_mail_about_it() -> None:
    async with mail_server() as server:
        way = EmailWay(settings(server.port), "CP-7")
        first = await way.send(mail())
        await way.send(mail(delivery=42, about="cleared", thread=first))
    raised, cleared = server.mails
    assert (raised["References"], raised["In-Reply-To"]) == (None, None)
    assert (cleared["References"], cleared["In-Reply-To"]) == (first, first)
    assert raised["Message-ID"] == first


@pytest.mark.parametrize("thread", ["7", "<a@b>\r\nBcc: x@example.com", "<a b@c>", "<a@b> <c@d>"])
def test_what_is_no_message_id_is_no_thread(thread: str) -> None:
    made = composed(mail(thread=thread), SENDER, "CP-7")
    assert (made["References"], made["Bcc"]) == (None, None)


@pytest.mark.parametrize(
    ("answer", "retry"), [("450 busy", True), ("452 full", True), ("550 no such user", False)]
)
async def test_a_refused_recipient_is_repeated_only_where_it_may_pass(
    answer: str, retry: bool
) -> None:
    async with mail_server() as server:
        server.rcpt = [answer]
        error = await refused(settings(server.port))
    assert (error.retry, error.detail) == (retry, f"127.0.0.1 says {answer}")


@pytest.mark.parametrize(("answer", "retry"), [("451 later", True), ("554 spam", False)])
async def test_a_refused_message_is_repeated_only_where_it_may_pass(
    answer: str, retry: bool
) -> None:
    async with mail_server() as server:
        server.data = [answer]
        assert (await refused(settings(server.port))).retry is retry


def tls_files(tmp_path: Path, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, str]:
    root = authorities.authority()
    chain, key = authorities.server(root, host=host).files(tmp_path, "server")
    trusted = tmp_path / "root.pem"
    trusted.write_text(root.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context, str(trusted)


async def test_it_logs_in_over_starttls(tmp_path: Path) -> None:
    context, trusted = tls_files(tmp_path)
    async with mail_server(context, auth=True) as server:
        found = settings(
            server.port, security="starttls", ca_file=trusted, user=USER, password=PASSWORD
        )
        await EmailWay(found, "CP-7").send(mail())
    assert (server.encrypted, server.logins) == ([True], [USER])


async def test_it_speaks_tls_from_the_first_byte(tmp_path: Path) -> None:
    context, trusted = tls_files(tmp_path)
    async with mail_server(context, implicit=True) as server:
        found = settings(server.port, security="tls", ca_file=trusted)
        await EmailWay(found, "CP-7").send(mail())
    assert len(server.mails) == 1


async def test_a_wrong_password_is_told_and_tried_again_later(tmp_path: Path) -> None:
    context, trusted = tls_files(tmp_path)
    async with mail_server(context, auth=True) as server:
        error = await refused(
            settings(server.port, security="starttls", ca_file=trusted, user=USER, password="oops")
        )
    assert error.retry
    assert "login refused" in error.detail
    assert "oops" not in error.detail


async def test_no_mail_goes_to_a_server_with_another_name(tmp_path: Path) -> None:
    context, trusted = tls_files(tmp_path, host="other.example")
    async with mail_server(context) as server:
        error = await refused(settings(server.port, security="starttls", ca_file=trusted))
    assert error.retry
    assert "certificate" in error.detail
    assert server.mails == []


async def test_no_mail_goes_out_unencrypted_where_starttls_is_wanted() -> None:
    async with mail_server() as server:
        error = await refused(settings(server.port, security="starttls"))
    assert error.retry
    assert server.mails == []


async def test_nobody_there_is_a_place_to_look_for() -> None:
    port = dead_port()
    error = await refused(settings(port))
    assert (error.retry, error.place) == (True, ("127.0.0.1", port))


async def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(email_module, "STEP_S", 0.2)
    with silent_server() as port:
        error = await refused(settings(port))
        assert (error.retry, error.place) == (True, ("127.0.0.1", port))
    assert "does not answer" in error.detail


@pytest.mark.parametrize("subject", ["CP-7\r\nBcc: all@example.com", "CP-7\nX-Other: 1", "a\x00b"])
async def test_a_subject_adds_no_header(subject: str) -> None:
    async with mail_server() as server:
        await EmailWay(settings(server.port), "CP-7").send(mail(subject=subject, text=subject))
    assert server.mails[0]["Bcc"] is None
    assert server.mails[0]["X-Other"] is None
    assert server.to == [["olga@example.com"]]


@pytest.mark.parametrize(
    "address",
    ["olga@example.com\r\nBcc: x@example.com", "olga@exa mple.com", "olga", "a@b, c@d",
     "<olga@example.com>", "ölga@example.com", ""],
)  # fmt: skip
async def test_an_address_that_is_none_is_refused_for_good(address: str) -> None:
    with pytest.raises(Undelivered) as caught:
        await EmailWay(settings(1), "CP-7").send(mail(address))
    assert not caught.value.retry


def test_a_strange_station_name_stays_within_its_header() -> None:
    strange = composed(mail(data={"alert": "a\r\nB: c"}), SENDER, "CP\r\nEvil: ü")
    assert strange["Evil"] is None
    assert strange["B"] is None
    assert strange["X-Chargepoint-Station"] == "CP??Evil: ?"
