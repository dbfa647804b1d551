"""The story of a station whose way to the internet is cut: `python -m tests.system.cut_off DIR`.

To be run in a network namespace of its own, which has nothing but a loopback interface. One address
on it plays the internet, with the mail server; to cut it off, the address is taken away. The local
network, with the broker, is 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hil.stage import Stage, example
from tests.agent.notify.brokers import broker, listening
from tests.agent.notify.mail_servers import MailServer, mail_server

INTERNET = "10.231.0.1"
NUMBER = "+4915112345678"
WAIT_S = 60.0
RETRY_WAIT_S = 90.0
"""The first retry, or the first look whether the server is there again."""


def main(directory: Path) -> None:
    ip("link", "set", "lo", "up")
    internet("add")
    asyncio.run(story(directory))


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def internet(action: str) -> None:
    """`add` it, or `delete` it."""
    ip("address", action, f"{INTERNET}/32", "dev", "lo")


async def story(directory: Path) -> None:
    with broker(directory) as mqtt:
        async with mail_server(host=INTERNET) as mail, listening(mqtt.port) as topics:
            changes = _changes(mqtt.port, mail)
            with Stage(directory, changes=changes) as stage:
                await asyncio.to_thread(stage.start_simulator)
                stage.start("run")
                await _until(lambda: "modem.ready" in stage.log("run"), "a modem")
                await _cut_and_mended(stage, mail, topics)


async def _cut_and_mended(stage: Stage, mail: MailServer, topics: Any) -> None:
    def told() -> list[tuple[str, str]]:
        every = [(topic, text) for topic, texts in topics.messages.items() for text in texts]
        data = [json.loads(text) for topic, text in every if topic.endswith("/alerts/Ann")]
        return [(one["condition"], one["about"]) for one in data]

    def texts() -> list[str]:
        return [one["text"] for one in stage.state()["modem"]["gsm"]["sent"]]

    internet("delete")
    await _fault(stage, True)
    await _until(lambda: ("emergency_stopped", "raised") in told(), "the alert by MQTT")
    await _until(lambda: any("Emergency stop" in text for text in texts()), "the alert by SMS")
    await _until(lambda: bool(stage.state()["signal"]["lamp"]), "the lamp")
    await _until(lambda: bool(stage.state()["signal"]["buzzer"]), "the buzzer")
    assert mail.mails == []

    internet("add")
    await _until(lambda: len(mail.mails) == 1, "the mail", RETRY_WAIT_S)
    await _fault(stage, False)
    await _until(lambda: len(mail.mails) == 2, "the end by mail")
    await _until(lambda: ("emergency_stopped", "cleared") in told(), "the end by MQTT")
    assert len(told()) == 2, told()
    assert len({str(one["Message-ID"]) for one in mail.mails}) == 2


def _changes(port: int, mail: MailServer) -> dict[str, Any]:
    gsm = {"name": "gsm", "kind": "serial", "port": "gsm.tty", "baud": 115_200}
    contact = {"name": "Ann", "email": "ann@example.com", "sms": NUMBER, "mqtt": True}
    return {
        "bus": [*example()["bus"], gsm],
        "mqtt": {"host": "127.0.0.1", "port": port},
        "alerts.contact": [contact],
        "alerts.modem": {"bus": "gsm", "pin": "4711"},
        "alerts.signal": {"bus": "safety", "unit": 77, "lamp_coil": 0, "buzzer_coil": 3},
        "alerts.email": {
            "server": INTERNET,
            "port": mail.port,
            "security": "none",
            "sender": "charger@example.com",
        },
        "alerts.limits": {"sms_per_minute": 60, "per_minute": 60},
        "alerts.rule": {"emergency_stopped": {"clear_after_s": 2.0}},
    }


async def _fault(stage: Stage, active: bool) -> None:
    fault = {"fault": "emergency_stopped", "active": active}
    await asyncio.to_thread(stage.post, "/evse/1/fault", fault)


async def _until(condition: Callable[[], bool], what: str, within_s: float = WAIT_S) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not await asyncio.to_thread(condition):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"waited for {what} in vain") from None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
