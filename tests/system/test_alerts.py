"""A station that is provoked on the simulator, and four real receivers of its alerts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hil.stage import Stage, example
from tests.agent.notify.brokers import Broker, broker, listening
from tests.agent.notify.mail_servers import MailServer, mail_server
from tests.agent.notify.receivers import Receiver, receiver
from tests.system.stage_csms import WAIT_S, Scene, scene

pytestmark = pytest.mark.system

NUMBER = "+4915112345678"
CHANNELS = ("webhook", "mqtt", "email", "sms")
SHORT = {"raise_after_s": 0.0, "clear_after_s": 1.0}
RULES = {
    "emergency_stopped": SHORT,
}
ENOUGH = {"sms_per_minute": 600, "sms_per_day": 1000, "per_minute": 600, "per_day": 1000}
Told = tuple[str, str]
"""Condition and what about it."""


class Receivers:
    """What each channel has brought; for mail and SMS the alert is known by its code."""

    def __init__(self, stage: Stage, mail: MailServer, hook: Receiver, topics: Any) -> None:
        self._stage, self._mail, self._hook, self._topics = stage, mail, hook, topics

    def told(self, channel: str) -> list[Told]:
        return {"webhook": self._by_webhook, "mqtt": self._by_mqtt}.get(channel, self._by_text)(
            channel
        )

    def _by_webhook(self, channel: str) -> list[Told]:
        return [_told(json.loads(body)) for *_, body in self._hook.requests]

    def _by_mqtt(self, channel: str) -> list[Told]:
        found = [
            json.loads(text)
            for topic, texts in self._topics.messages.items()
            if topic.endswith("/alerts/Ann")
            for text in texts
        ]
        return [_told(one) for one in found]

    def _by_text(self, channel: str) -> list[Told]:
        """Texts for people: the title says which condition it is."""
        texts = self.texts(channel)
        return [
            (condition, "cleared" if re.search(r"[Oo]ver: ", text) else "raised")
            for text in texts
            for condition, title in TITLES.items()
            if title in text
        ]

    def texts(self, channel: str) -> list[str]:
        if channel == "email":
            return [str(mail["Subject"]) for mail in self._mail.mails]
        return [one["text"] for one in self._stage.state()["modem"]["gsm"]["sent"]]


TITLES = {
    "emergency_stopped": "Emergency stop",
}


def _told(data: dict[str, Any]) -> Told:
    return data["condition"], data["about"]


class World:
    """The scene and its receivers."""

    def __init__(
        self, scene: Scene, receivers: Receivers, mail: MailServer, hook: Receiver
    ) -> None:
        self.scene, self.receivers, self.mail, self.hook = scene, receivers, mail, hook

    async def fault(self, active: bool) -> None:
        fault = {"fault": "emergency_stopped", "active": active}
        await self.scene.do(self.scene.stage.post, "/evse/1/fault", fault)

    async def told(self, told: Told, channels: tuple[str, ...] = CHANNELS) -> None:
        """Wait until each of the channels has brought it."""
        for channel in channels:
            await self.until(partial(self._brought, channel, told), f"{told} by {channel}")

    def _brought(self, channel: str, told: Told) -> bool:
        return told in self.receivers.told(channel)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                while not await asyncio.to_thread(condition):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        except TimeoutError:
            log = self.scene.stage.log("run")[-4000:]
            raise AssertionError(f"waited for {what} in vain\n{log}") from None

    async def command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "chargepoint.cli.main", *arguments]
        command += ["--config", str(self.scene.stage.config_path)]

        def run() -> str:
            done = subprocess.run(command, capture_output=True, timeout=60, check=False)
            return (done.stdout + done.stderr).decode()

        return str(await self.scene.do(run))


@contextlib.asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    with broker(directory) as mqtt, receiver() as hook:
        async with (
            mail_server() as mail,
            listening(mqtt.port) as topics,
            scene(directory, changes=_changes(mqtt, hook, mail)) as made,
        ):
            await made.start()
            stage = made.stage
            found = World(made, Receivers(stage, mail, hook, topics), mail, hook)
            await found.until(lambda: "modem.ready" in stage.log("run"), "a modem")
            yield found


def _changes(mqtt: Broker, hook: Receiver, mail: MailServer) -> dict[str, Any]:
    gsm = {"name": "gsm", "kind": "serial", "port": "gsm.tty", "baud": 115_200}
    return {
        "bus": [*example()["bus"], gsm],
        "mqtt": {"host": "127.0.0.1", "port": mqtt.port},
        "alerts.contact": [
            {
                "name": "Ann",
                "email": "ann@example.com",
                "sms": NUMBER,
                "webhook": f"{hook.url}/alerts",
                "mqtt": True,
            }
        ],
        "alerts.modem": {"bus": "gsm", "pin": "4711"},
        "alerts.email": {
            "server": "127.0.0.1",
            "port": mail.port,
            "security": "none",
            "sender": "charger@example.com",
        },
        "alerts.limits": ENOUGH,
        "alerts.rule": RULES,
    }


async def test_each_channel_tells_once_as_soon_as_it_can(tmp_path: Path) -> None:
    """While mail and webhook are out of order, SMS and MQTT arrive; mail follows, once."""
    async with world(tmp_path) as found:
        stage = found.scene.stage
        found.mail.rcpt = ["451 try later"]
        found.hook.statuses = [503]
        await found.fault(True)
        await found.told(("emergency_stopped", "raised"), ("mqtt", "sms"))
        await found.until(lambda: "451" in _deliveries(stage), "a mail that waits")
        assert found.receivers.told("email") == []
        assert "emergency_stopped" in await found.command("alerts", "list")

        found.mail.rcpt = ["250 OK"]
        found.hook.statuses = [204]
        await found.told(("emergency_stopped", "raised"))
        refused = found.hook.requests.copy()
        await found.fault(False)
        await found.told(("emergency_stopped", "cleared"))

        assert len(refused) >= 2  # refused once at least, then taken
        for channel in ("mqtt", "email", "sms"):
            # Of the board alone a crowded machine may tell as well.
            told = [one for one in found.receivers.told(channel) if one[0] != "board_lost"]
            assert len(told) == len(set(told)) == 2, (channel, told)
        assert NUMBER not in stage.log("run")
        tested = await found.command("alerts", "test", "Ann")
        assert tested.count("sent") == 4, tested


def _deliveries(stage: Stage) -> str:
    command = [sys.executable, "-m", "chargepoint.cli.main", "alerts", "list", "--json"]
    command += ["--config", str(stage.config_path)]
    return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()
