"""The desk over all channels: what is configured is there, the rest is not even loaded."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chargepoint.agent.notify import reach
from chargepoint.agent.notify.desk import NotifyDesk
from chargepoint.agent.notify.way import Place, Undelivered
from chargepoint.config import Config
from chargepoint.config.alerts import Alerts, Contact, DeadMan, Email
from chargepoint.config.people import Mqtt
from chargepoint.config.station_file import Station
from chargepoint.station.alerts.values import Channel, LinkUp
from tests.agent.notify.brokers import broker
from tests.agent.notify.mail_servers import mail_server
from tests.agent.notify.receivers import receiver, silent_server
from tests.agent.notify.samples import Told, message


def config(mqtt: Mqtt | None = None, **alerts: object) -> Config:
    return Config(
        station=Station(id="CP-7", vendor="ACME", model="Wallbox 11"),
        bus=(),
        device=(),
        evse=(),
        mqtt=mqtt,
        alerts=Alerts(**alerts),  # type: ignore[arg-type]
    )


def mail_settings(port: int) -> Email:
    return Email(server="127.0.0.1", sender="cp@example.com", port=port, security="none")


async def test_one_alert_goes_out_on_all_channels_at_once(tmp_path: Path) -> None:
    told = Told()
    with broker(tmp_path) as served, receiver() as there:
        async with mail_server() as mails:
            desk = NotifyDesk(
                config(
                    mqtt=Mqtt(host="127.0.0.1", port=served.port),
                    email=mail_settings(mails.port),
                    contact=(Contact(name="olga", webhook=there.url, ntfy=there.url),),
                ),
                told,
            )
            desk.start()
            await told.until(lambda: bool(told.links))
            desk.send(message(Channel.EMAIL, "olga@example.com", delivery=1))
            desk.send(message(Channel.MQTT, "olga", delivery=2))
            desk.send(message(Channel.WEBHOOK, there.url, delivery=3))
            desk.send(message(Channel.NTFY, there.url, delivery=4))
            settled = await told.outcomes(4)
            await desk.stop()
    assert {(one.delivery, one.state) for one in settled} == {(n, "sent") for n in (1, 2, 3, 4)}
    assert told.links[0].channels == frozenset({Channel.MQTT})
    assert isinstance(told.links[0], LinkUp)


async def test_servers_that_hang_hold_up_neither_other_channels_nor_the_end() -> None:
    told = Told()
    with silent_server() as port, receiver() as there:
        hung = f"http://127.0.0.1:{port}/"
        desk = NotifyDesk(
            config(
                mqtt=Mqtt(host="127.0.0.1", port=port),
                email=mail_settings(port),
                contact=(Contact(name="olga", webhook=hung, ntfy=there.url),),
                dead_man=DeadMan(url=hung),
            ),
            told,
        )
        desk.start()
        desk.send(message(Channel.EMAIL, "olga@example.com", delivery=1))
        desk.send(message(Channel.WEBHOOK, hung, delivery=2))
        desk.send(message(Channel.MQTT, "olga", delivery=3))
        desk.send(message(Channel.NTFY, there.url, delivery=4))
        settled = await told.outcomes(2)
        began_s = time.monotonic()
        await desk.stop()
        assert time.monotonic() - began_s < 8.0
    assert {(one.delivery, one.state) for one in settled} == {(3, "failed"), (4, "sent")}


def test_what_is_not_configured_is_not_loaded() -> None:
    program = (
        "import sys\n"
        "from chargepoint.agent.notify.desk import NotifyDesk\n"
        "heavy = {'aiosmtplib', 'paho', 'apprise', 'imaplib', 'email.message', 'h11'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert shown.stdout.strip() == "[]"


# --- Names ----------------------------------------------------------------------------------------


async def test_a_name_server_that_hangs_holds_up_a_few_threads_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def hang(host: str, port: int) -> OSError:
        release.wait(5)
        return OSError("too late")

    monkeypatch.setattr(reach, "_look_up", hang)
    before = threading.active_count()
    tries = [reach.connect(Place((f"h{n}.example", 1)), within_s=0.1) for n in range(20)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert threading.active_count() - before <= reach.RESOLVERS_MAX
    release.set()
    assert all(isinstance(one, Undelivered) and one.retry for one in outcomes)
    said = {str(one).partition(": ")[2] or str(one) for one in outcomes}
    assert said == {"no answer within 0.1 s", "the name server does not answer"}


async def test_a_name_that_does_not_exist_is_told_and_tried_again_later() -> None:
    with pytest.raises(Undelivered) as caught:
        await reach.connect(Place(("no-such-host.invalid", 80)))
    assert caught.value.retry
    assert caught.value.place == ("no-such-host.invalid", 80)


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b", ""])
async def test_what_is_no_host_name_is_told(host: str) -> None:
    with pytest.raises(Undelivered):
        await reach.connect(Place((host, 1)), within_s=2.0)


async def test_a_name_of_this_machine_is_reached() -> None:
    with silent_server() as port:
        connection = await reach.connect(Place(("localhost", port)))
        assert connection.getpeername()[1] == port
        connection.close()
