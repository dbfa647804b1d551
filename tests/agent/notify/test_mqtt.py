"""The MQTT link and alerts over it, against a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chargepoint.agent.mqtt import link as link_module
from chargepoint.agent.mqtt.link import MqttLink
from chargepoint.agent.mqtt.topics import Topics, level
from chargepoint.agent.notify.mqtt import MqttWay, summary
from chargepoint.agent.notify.way import Undelivered
from chargepoint.config.people import Mqtt
from chargepoint.ipc.service import AlertCounts
from chargepoint.station.alerts.values import Channel
from tests.agent import authorities
from tests.agent.notify.brokers import Broker, broker, listening
from tests.agent.notify.receivers import dead_port, silent_server
from tests.agent.notify.samples import message

TOPICS = Topics(base="chargepoint/CP-7")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path) as found:
        yield found


class Seen:
    """What the link has told."""

    def __init__(self) -> None:
        self.changes: list[tuple[bool, str]] = []
        self.received: list[tuple[str, bytes, bool]] = []
        self._news = asyncio.Event()

    def changed(self, connected: bool, error: str) -> None:
        self.changes.append((connected, error))
        self._news.set()

    def take(self, topic: str, payload: bytes, retained: bool) -> None:
        self.received.append((topic, payload, retained))
        self._news.set()

    async def until_changes(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.changes) < count:
                self._news.clear()
                await self._news.wait()

    async def until_received(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.received) < count:
                self._news.clear()
                await self._news.wait()


@contextlib.asynccontextmanager
async def linked(settings: Mqtt, seen: Seen, *subscriptions: str) -> AsyncIterator[MqttLink]:
    link = MqttLink(settings, "CP-7", TOPICS, retry_min_s=0.05)
    link.watchers.append(seen.changed)
    link.readers.append(seen.take)
    link.subscriptions.extend(subscriptions)
    link.start()
    try:
        yield link
    finally:
        await link.stop()


def on(port: int, **changed: object) -> Mqtt:
    return Mqtt(host="127.0.0.1", port=port, **changed)  # type: ignore[arg-type]


async def test_an_alert_arrives_under_the_name_of_the_contact_and_is_not_kept(
    served: Broker,
) -> None:
    seen = Seen()
    async with listening(served.port) as listener, linked(on(served.port), seen) as link:
        await seen.until_changes(1)
        await MqttWay(link, TOPICS).send(message(Channel.MQTT, "olga"))
        await listener.until(lambda: "chargepoint/CP-7/alerts/olga" in listener.messages)
    told = json.loads(listener.messages["chargepoint/CP-7/alerts/olga"][0])
    assert (told["alert"], told["contact"], told["about"]) == ("K7QF", "olga", "raised")
    async with listening(served.port) as late:
        await late.until(lambda: late.last(TOPICS.online) is not None)
        assert "chargepoint/CP-7/alerts/olga" not in late.messages


async def test_the_station_is_online_while_it_lives_and_offline_after_an_orderly_end(
    served: Broker,
) -> None:
    seen = Seen()
    async with listening(served.port, TOPICS.online) as listener:
        async with linked(on(served.port), seen):
            await listener.until(lambda: listener.last(TOPICS.online) == "online")
        await listener.until(lambda: listener.last(TOPICS.online) == "offline")
    async with listening(served.port, TOPICS.online) as late:
        await late.until(lambda: late.last(TOPICS.online) == "offline")
        assert late.retained[TOPICS.online]


async def test_the_broker_says_offline_when_the_station_is_gone_without_a_word(
    served: Broker,
) -> None:
    """Another client with our identity makes the broker cut us off: no DISCONNECT is sent."""
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    seen = Seen()
    async with listening(served.port, TOPICS.online) as listener:
        link = MqttLink(on(served.port), "CP-7", TOPICS, retry_min_s=60.0)
        link.watchers.append(seen.changed)
        link.start()
        await seen.until_changes(1)
        thief = paho.Client(CallbackAPIVersion.VERSION2, client_id="chargepoint-CP-7")
        thief.connect("127.0.0.1", served.port)
        thief.loop_start()
        await listener.until(lambda: listener.last(TOPICS.online) == "offline")
        thief.disconnect()
        thief.loop_stop()
        await link.stop()


async def test_it_connects_again_after_the_broker_was_away_and_alerts_go_out(
    served: Broker,
) -> None:
    seen = Seen()
    async with linked(on(served.port), seen) as link:
        await seen.until_changes(1)
        served.stop()
        await seen.until_changes(2)
        assert seen.changes[1][0] is False
        with pytest.raises(Undelivered) as caught:
            await link.publish("a/b", b"1")
        assert caught.value.retry
        served.start()
        async with asyncio.timeout(30):
            while not link.connected:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await link.publish("a/b", b"1")


async def test_what_is_under_way_when_the_broker_dies_is_given_back(served: Broker) -> None:
    """Stopped, it takes bytes and answers nothing; killed, it confirms no more."""
    import os
    import signal

    seen = Seen()
    async with linked(on(served.port), seen) as link:
        await seen.until_changes(1)
        assert served._process is not None
        os.kill(served._process.pid, signal.SIGSTOP)
        under_way = asyncio.create_task(link.publish("a/b", b"1"))
        await asyncio.sleep(0)
        served.stop()
        with pytest.raises(Undelivered) as caught:
            await under_way
    assert caught.value.retry
    assert "the connection to the broker is lost" in caught.value.detail


async def test_a_broker_that_says_nothing_holds_up_neither_messages_nor_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "ANSWER_S", 0.3)
    monkeypatch.setattr(link_module, "WAKE_S", 0.05)
    seen = Seen()
    with silent_server() as port:
        async with linked(on(port), seen) as link:
            with pytest.raises(Undelivered):
                await link.publish("a/b", b"1")
            await seen.until_changes(1)
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 6.0
    assert seen.changes[0] == (False, "the broker says nothing within 0.3 s")


ACCEPTED = b"\x20\x02\x00\x00"
GARBAGE = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x20\x00",
    b"\x20\xff\xff\xff\xff\xff",
    ACCEPTED + b"\x30\x02\x00\xff",
    ACCEPTED + b"\x30\x05\x00\x02\xff\xfeA",
    ACCEPTED + b"\x90\x01\x00",
    ACCEPTED + b"\xf0\x00",
    ACCEPTED + b"\x30\xff\xff\xff\x7f" + b"x" * 1000,
    b"\x00" * 100,
]


@pytest.mark.parametrize("answer", GARBAGE)
async def test_a_broker_that_talks_nonsense_is_left_and_tried_again(answer: bytes) -> None:
    connections = 0
    again = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 2:
            again.set()
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with linked(on(port), Seen(), "a/#") as link:
        async with asyncio.timeout(30):
            await again.wait()
        assert not link.connected or answer.startswith(ACCEPTED)
    server.close()


async def test_a_broker_that_announces_a_packet_of_256_mb_is_left_at_once() -> None:
    seen, packet = Seen(), ACCEPTED + b"\x30\xff\xff\xff\x7f"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(packet + b"x" * 1000)
        await reader.read()  # until we are left
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with linked(on(server.sockets[0].getsockname()[1]), seen, "a/#"):
        await seen.until_changes(2)
    assert seen.changes[1] == (False, "the broker sends 268435455 bytes at once")
    server.close()


async def test_nobody_there_is_told_with_the_reason() -> None:
    seen = Seen()
    async with linked(on(dead_port()), seen):
        await seen.until_changes(1)
    assert seen.changes[0][0] is False
    assert "refused" in seen.changes[0][1]


async def test_a_host_name_that_does_not_exist_is_told() -> None:
    seen = Seen()
    async with linked(Mqtt(host="no-such-host.invalid"), seen):
        await seen.until_changes(1)
    assert seen.changes[0][0] is False


async def test_a_wrong_password_is_told(tmp_path: Path) -> None:
    lines = ["allow_anonymous false"]
    seen = Seen()
    with broker(tmp_path, lines) as served:
        async with linked(on(served.port, user="station", password="oops"), seen):
            await seen.until_changes(1)
    connected, error = seen.changes[0]
    assert not connected
    assert "the broker refuses us" in error
    assert "oops" not in error


async def test_it_speaks_tls_to_a_broker_with_a_trusted_certificate_only(tmp_path: Path) -> None:
    root = authorities.authority()
    chain, key = authorities.server(root).files(tmp_path, "server")
    trusted = tmp_path / "root.pem"
    trusted.write_text(root.pem)
    other = tmp_path / "other.pem"
    other.write_text(authorities.authority("Other").pem)
    lines = [f"certfile {chain}", f"keyfile {key}", "allow_anonymous true", "user root"]
    with broker(tmp_path, lines) as served:
        good, bad = Seen(), Seen()
        async with linked(on(served.port, tls=True, ca_file=str(trusted)), good) as link:
            await good.until_changes(1)
            assert good.changes == [(True, "")]
            await link.publish("a/b", b"1")
        async with linked(on(served.port, tls=True, ca_file=str(other)), bad):
            await bad.until_changes(1)
        assert "its certificate is not accepted" in bad.changes[0][1]


async def test_what_was_subscribed_is_received_also_after_a_reconnection(served: Broker) -> None:
    seen = Seen()
    async with linked(on(served.port), seen, "set/#"):
        await seen.until_changes(1)
        async with listening(served.port, "none") as other:
            other.publish("set/a", "1")
            await seen.until_received(1)
        served.stop()
        await seen.until_changes(2)
        served.start()
        async with listening(served.port, TOPICS.online) as other:
            await other.until(lambda: other.last(TOPICS.online) == "online")
            other.publish("set/a", "2")
            await seen.until_received(2)
    assert seen.received == [("set/a", b"1", False), ("set/a", b"2", False)]


async def test_a_huge_command_is_dropped(served: Broker) -> None:
    seen = Seen()
    async with linked(on(served.port), seen, "set/#"), listening(served.port, "none") as other:
        await seen.until_changes(1)
        other.publish("set/a", "x" * 2000)
        other.publish("set/a", "1")
        await seen.until_received(1)
    assert seen.received == [("set/a", b"1", False)]


async def test_more_states_than_may_wait_are_dropped(served: Broker) -> None:
    seen = Seen()
    async with linked(on(served.port), seen) as link:
        assert link.post("a/b", "1") is False  # not connected yet
        await seen.until_changes(1)
        taken = [link.post("a/b", str(number)) for number in range(2000)]
        await link_empty(link)
        await link.publish("a/b", b"last")
    assert taken.count(False) > 0
    assert taken.count(True) >= link_module.OUTBOX_MAX


async def link_empty(link: MqttLink) -> None:
    async with asyncio.timeout(30):
        while link._full:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_a_name_opens_no_level_and_no_wildcard() -> None:
    assert level("a/b#c+d e") == "a_b_c_d_e"


def test_the_summary_says_how_many_and_how_bad() -> None:
    counts = AlertCounts(open=2, unacknowledged=1, worst="error", waiting=3)
    assert json.loads(summary(counts)) == {"open": 2, "unacknowledged": 1, "worst": "error"}
    assert json.loads(summary(None)) == {"open": 0, "unacknowledged": 0, "worst": "none"}
