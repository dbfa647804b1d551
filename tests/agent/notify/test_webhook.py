"""Webhooks and ntfy against a real HTTP server: signed, idempotent, bounded, never redirected."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from chargepoint.agent.notify.ntfy import NtfyWay
from chargepoint.agent.notify.way import Undelivered
from chargepoint.agent.notify.webhook import WebhookWay, signature
from chargepoint.config.alerts import Webhook
from chargepoint.station.alerts.values import Channel, Message
from tests.agent import authorities
from tests.agent.notify.receivers import Receiver, dead_port, receiver, silent_server
from tests.agent.notify.samples import message


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def hook(url: str, **changed: object) -> Message:
    return message(Channel.WEBHOOK, url, **changed)


async def refused(url: str, settings: Webhook | None = None) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        await WebhookWay(settings or Webhook(timeout_s=1.0), "CP-7").send(hook(url))
    return caught.value


async def test_the_receiver_gets_data_and_texts_as_json(there: Receiver) -> None:
    await WebhookWay(Webhook(), "CP-7").send(hook(f"{there.url}/in?x=1"))
    ((method, path, headers, body),) = there.requests
    assert (method, path, headers["Content-Type"]) == ("POST", "/in?x=1", "application/json")
    told = json.loads(body)
    assert told["condition"] == "rcd_tripped"
    assert told["cleared_at"] is None
    assert told["subject"] == "CP-7: Fehlerstromschutz ausgelöst (K7QF)"
    assert (told["about"], told["contact"], told["delivery"]) == ("raised", "olga", 41)


async def test_the_signature_is_the_hmac_of_time_and_body(there: Receiver) -> None:
    await WebhookWay(Webhook(secret="s3cret"), "CP-7").send(hook(there.url))
    ((_, _, headers, body),) = there.requests
    time_part, mac = headers["X-Chargepoint-Signature"].split(",")
    at = time_part.removeprefix("t=")
    wanted = hmac.new(b"s3cret", at.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert mac == f"v1={wanted}"


def test_the_signature_of_a_recorded_body_is_known() -> None:
    """Reckoned with `printf '1700000000.{}' | openssl dgst -sha256 -hmac key`."""
    assert signature("key", b"{}", 1_700_000_000) == (
        "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
    )


async def test_a_repetition_carries_the_same_key(there: Receiver) -> None:
    way = WebhookWay(Webhook(), "CP-7")
    await way.send(hook(there.url))
    await way.send(hook(there.url))
    assert [request[2]["Idempotency-Key"] for request in there.requests] == ["CP-7-41", "CP-7-41"]


@pytest.mark.parametrize(
    ("status", "retry"),
    [(400, False), (401, False), (404, False), (410, False), (408, True), (425, True),
     (429, True), (500, True), (502, True), (503, True)],
)  # fmt: skip
async def test_a_refusal_is_repeated_only_where_it_may_pass(
    there: Receiver, status: int, retry: bool
) -> None:
    there.statuses, there.body = [status], b"out of\r\norder"
    error = await refused(there.url)
    assert (error.retry, error.detail) == (retry, f"127.0.0.1 answers HTTP {status}: out of order")


async def test_a_redirect_is_refused_and_not_followed(there: Receiver) -> None:
    with receiver() as elsewhere:
        there.statuses, there.headers = [307], {"Location": elsewhere.url}
        error = await refused(there.url)
        assert elsewhere.requests == []
    assert not error.retry
    assert "redirects (HTTP 307)" in error.detail


async def test_nobody_there_is_a_place_to_look_for() -> None:
    port = dead_port()
    error = await refused(f"http://127.0.0.1:{port}/")
    assert (error.retry, error.place) == (True, ("127.0.0.1", port))


async def test_a_server_that_says_nothing_is_given_up() -> None:
    with silent_server() as port:
        error = await refused(f"http://127.0.0.1:{port}/")
    assert error.retry
    assert "does not answer within 1 s" in error.detail


async def test_a_server_that_drips_is_given_up(there: Receiver) -> None:
    there.drip = True
    error = await refused(there.url)
    assert error.retry
    assert "does not answer within 1 s" in error.detail


async def test_an_endless_refusal_is_read_only_in_part(there: Receiver) -> None:
    there.statuses, there.body = [400], b"x" * 1_000_000
    assert len((await refused(there.url)).detail) < 300


async def test_credentials_of_the_address_become_a_header_and_stay_out_of_errors(
    there: Receiver,
) -> None:
    there.statuses = [403]
    error = await refused(there.url.replace("//", "//olga:p%40ss@"))
    assert there.requests[0][2]["Authorization"] == "Basic b2xnYTpwQHNz"
    assert "p@ss" not in error.detail
    assert "p%40ss" not in error.detail


async def test_an_own_authority_is_trusted_and_a_strange_one_is_not(tmp_path: Path) -> None:
    root = authorities.authority()
    chain, key = authorities.server(root).files(tmp_path, "server")
    trusted = tmp_path / "root.pem"
    trusted.write_text(root.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with receiver(context) as there:
        await WebhookWay(Webhook(ca_file=str(trusted)), "CP-7").send(hook(there.url))
        assert len(there.requests) == 1
        error = await refused(there.url)
        assert (error.retry, error.place) == (True, None)
        assert "its certificate is not accepted" in error.detail


async def test_a_certificate_for_another_name_is_not_accepted(tmp_path: Path) -> None:
    root = authorities.authority()
    chain, key = authorities.server(root, host="other.example").files(tmp_path, "server")
    trusted = tmp_path / "root.pem"
    trusted.write_text(root.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with receiver(context) as there:
        error = await refused(there.url, Webhook(ca_file=str(trusted), timeout_s=2.0))
        assert there.requests == []
    assert "its certificate is not accepted" in error.detail


async def test_a_file_of_authorities_that_is_missing_is_told(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pem")
    error = await refused("https://127.0.0.1:1/", Webhook(ca_file=missing))
    assert "none.pem cannot be used" in error.detail


async def test_ntfy_gets_title_priority_and_tags(there: Receiver) -> None:
    await NtfyWay().send(message(Channel.NTFY, f"{there.url}/charger-7"))
    ((_, path, headers, body),) = there.requests
    assert path == "/charger-7"
    title = str(make_header(decode_header(headers["Title"])))
    assert title == "CP-7: Fehlerstromschutz ausgelöst (K7QF)"
    assert (headers["Priority"], headers["Tags"]) == ("5", "rotating_light")
    assert body.decode().startswith("Der Fehlerstromschutz hat ausgelöst.")


async def test_ntfy_whispers_when_it_is_over(there: Receiver) -> None:
    await NtfyWay().send(message(Channel.NTFY, there.url, about="cleared"))
    headers = there.requests[0][2]
    assert (headers["Priority"], headers["Tags"]) == ("2", "white_check_mark")


async def test_ntfy_gets_at_most_what_is_no_attachment_and_no_half_letter(there: Receiver) -> None:
    await NtfyWay().send(message(Channel.NTFY, there.url, text="ä" * 5000))
    assert there.requests[0][3].decode() == "ä" * 2000


async def answered_with(answer: bytes) -> Undelivered | None:
    """What becomes of a message that a server answers with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        way = WebhookWay(Webhook(timeout_s=2.0), "CP-7")
        await way.send(hook(f"http://127.0.0.1:{port}/"))
    except Undelivered as error:
        return error
    finally:
        server.close()
    return None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.0 204\r\nA: b\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n",
    ],
)
async def test_an_answer_that_means_yes_is_one(answer: bytes) -> None:
    assert await answered_with(answer) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200,
        b"HTTP/1.1 200 " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000,
        b"\x00" * 50,
    ],
)
async def test_an_answer_that_is_none_may_pass(answer: bytes) -> None:
    error = await answered_with(answer)
    assert error is not None
    assert error.retry


async def test_a_refusal_counts_although_its_body_does_not_come() -> None:
    error = await answered_with(b"HTTP/1.1 410 Gone\r\nContent-Length: 5000\r\n\r\nmoved a")
    assert error is not None
    assert (error.retry, error.detail) == (False, "127.0.0.1 answers HTTP 410: moved a")


async def test_an_address_with_odd_letters_stays_one_request(there: Receiver) -> None:
    await WebhookWay(Webhook(), "CP\r\nX-Evil: 1").send(hook(f"{there.url}/a b/ü?q=1 2"))
    ((_, path, headers, _),) = there.requests
    assert path == "/a%20b/%C3%BC?q=1%202"
    assert "X-Evil" not in headers
