"""A running station with four real receivers, for `tests.alerts_provoked`.

A webhook, a broker (mosquitto), a mail server and a modem on its line; beside them a CSMS and a
service that expects signs of life. Everything is a process of its own or speaks over a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from chargepoint.catalog import entries
from chargepoint.ipc.care import AlertStatus, GetAlerts, ReportProblem
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.service import GetStatus
from hil.csms.central import Behaviour
from hil.sim_rig import METER
from hil.stage import changed, example, to_toml
from tests.agent.authorities import authority
from tests.agent.notify.brokers import broker, listening
from tests.agent.notify.mail_servers import mail_server
from tests.agent.notify.receivers import receiver
from tests.system.stage_csms import CARD, Scene, scene

ROOT = Path(__file__).resolve().parents[1]
WITHIN_S = 10.0
CHANNELS = 4
NUMBER = "+4915112345678"
READERS = {1: "cards", 2: "nfc2"}
QUICK = {"raise_after_s": 0.0, "clear_after_s": 0.5}
FAST = {
    "safety.retry_waits_s": [2.0],
    "safety.mains_good_s": 5.0,
    "safety.over_current_grace_s": 1.0,
    "safety.lock_attempts": 1,
}


class World:
    """A running station and what its receivers have got."""

    def __init__(self, made: Scene, hook: Any, topics: Any, mail: Any, pings: Any) -> None:
        self.scene, self.stage, self.pings = made, made.stage, pings
        self._hook, self._topics, self._mail = hook, topics, mail
        self._before = [0] * CHANNELS
        self.agent: subprocess.Popen[bytes] | None = None
        self.csms_url = made.csms.url
        self._boots = 0

    # --- what is seen -----------------------------------------------------------------------------

    def begin(self) -> None:
        """What has come until now does not count."""
        self._before = [len(found) for found in self._found()]

    def _found(self) -> tuple[list[Any], list[Any], list[str], list[str]]:
        """Everything that has come: by webhook, MQTT, e-mail, SMS."""
        hook = [json.loads(body) for *_, body in list(self._hook.requests)]
        mqtt = [
            json.loads(text)
            for topic, texts in list(self._topics.messages.items())
            for text in (texts if topic.endswith("/alerts/Ann") else ())
        ]
        subjects = [str(mail["Subject"]) for mail in self._mail.mails]
        sms = [one["text"] for one in self.stage.state()["modem"]["gsm"]["sent"]]
        return hook, mqtt, subjects, sms

    def seen(self, condition: str, about: str) -> set[str]:
        """Channels that have brought it since `begin`."""
        title = entries()[condition].title
        over = about == "cleared"
        came = [found[before:] for found, before in zip(self._found(), self._before, strict=True)]
        seen = set()
        for channel, data in (("webhook", came[0]), ("MQTT", came[1])):
            if any((one.get("condition"), one["about"]) == (condition, about) for one in data):
                seen.add(channel)
        for channel, lines in (("e-mail", came[2]), ("SMS", came[3])):
            if any(title in line and ("ver: " in line) == over for line in lines):
                seen.add(channel)
        return seen

    async def until(self, condition: str, about: str, within_s: float) -> set[str]:
        """Wait until every channel has brought it, or long enough."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while len(await asyncio.to_thread(self.seen, condition, about)) < CHANNELS:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
        return await asyncio.to_thread(self.seen, condition, about)

    async def calm(self, condition: str) -> None:
        """Wait until nothing of an earlier cause, or of the start, is open or on its way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHIN_S):
                while await self._open(condition):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)

    async def _open(self, condition: str) -> bool:
        answers = await self.asked(GetAlerts(closed=0))
        opened = [one for one in answers if isinstance(one, AlertStatus)]
        status = await self.asked(GetStatus())
        waiting = any(one.alerts is None or one.alerts.waiting for one in status)
        still = any(one.condition == condition for one in opened)
        return not answers or not status or waiting or still

    # --- the plant and the CSMS -------------------------------------------------------------------

    async def post(self, path: str, **body: Any) -> None:
        await asyncio.to_thread(self.stage.post, path, body)

    async def fault(self, name: str, active: bool, evse: int = 1) -> None:
        await self.post(f"/evse/{evse}/fault", fault=name, active=active)

    async def plug(self, evse: int = 1) -> None:
        await asyncio.to_thread(self.stage.plug_in, evse)
        await asyncio.to_thread(self.stage.card, CARD, READERS[evse])

    async def unplug(self, evse: int = 1) -> None:
        await asyncio.to_thread(self.stage.unplug, evse)

    async def session(self, evse: int = 1) -> None:
        await self.plug(evse)
        await self.scene.status(evse, "Charging")

    async def end_session(self, evse: int = 1) -> None:
        await self.unplug(evse)
        await self.scene.status(evse, "Available")

    async def rest(self) -> None:
        """Nothing is plugged in, and no EVSE is out of order."""
        for evse in READERS:
            await self.unplug(evse)
        for answer in await self.asked(GetStatus()):
            for evse in answer.evses:
                for hazard in evse.control.hazards if evse.control else ():
                    await self.command("evse", str(evse.evse), "reset-hazard", hazard, "--yes")
        for number in READERS:
            await self.scene.status(number, "Available")

    # --- the programs -----------------------------------------------------------------------------

    async def command(self, *arguments: str) -> str:
        """What `chargepoint …` prints."""
        line = [sys.executable, "-m", "chargepoint.cli.main", *arguments]
        line += ["--config", str(self.stage.config_path)]
        done = await asyncio.to_thread(
            subprocess.run, line, capture_output=True, timeout=60, check=False, cwd=ROOT
        )
        return done.stdout.decode()

    async def asked(self, request: Any) -> list[Any]:
        """What the agent answers; nothing while it is not there."""

        def ask() -> list[Any]:
            with ServiceClient(self.stage.config.agent_socket(), timeout_s=5) as client:
                return list(client.ask(request))

        try:
            return await asyncio.to_thread(ask)
        except (Unreachable, OSError):
            return []

    async def report(self) -> None:
        await self.asked(ReportProblem(text="The cable is torn", evse=1))

    def host(self, **facts: Any) -> None:
        """What the host is read to be, beside what it is."""
        self.stage.config_path.with_name("host.json").write_text(json.dumps(facts))

    async def start_agent(self, boot: str = "") -> None:
        line = [sys.executable, "-m", "tests.alerts_agent", "--config", str(self.stage.config_path)]
        environment = {**os.environ, "CHARGEPOINT_TEST_BOOT": boot}
        log = (self.stage.directory / "agent.log").open("ab")
        self.agent = await asyncio.to_thread(
            subprocess.Popen, line, stdout=log, stderr=log, env=environment, cwd=ROOT
        )

    async def end_agent(self, number: int = signal.SIGTERM) -> None:
        assert self.agent is not None
        self.agent.send_signal(number)
        await asyncio.to_thread(self.agent.wait, 30)

    async def restart(self, boot: str = "") -> None:
        await self.end_agent(signal.SIGKILL)
        await self.start_agent(boot)

    async def reconfigure(self, changes: Mapping[str, Any], boot: str = "") -> None:
        """As an operator does it: stop in order, change the file, start."""
        await self.end_agent()
        self._boots = len(self.scene.central.boots)
        path = self.stage.config_path
        path.write_text(to_toml(changed(tomllib.loads(path.read_text()), changes)), "utf-8")
        await self.start_agent(boot)

    async def ready(self) -> None:
        """The agent of now has been accepted and has told the states of its connectors."""
        boots = self.scene.central.boots
        await self.scene.until(lambda: len(boots) > self._boots, "another BootNotification")
        await asyncio.sleep(2.0)  # until its readers are open
        for evse in READERS:
            await self.scene.status(evse, "Available")

    async def restart_control(self, times: int = 1, away_s: float = 0.0) -> None:
        for _ in range(times):
            await asyncio.to_thread(self.stage.end, "control", signal.SIGKILL)
            await asyncio.sleep(away_s)
            self.stage.start("control")
            await asyncio.sleep(2.5)

    async def stop_control(self, stopped_s: float) -> None:
        """It stands still for so long."""
        control = self.stage.processes["control"]
        control.send_signal(signal.SIGSTOP)
        await asyncio.sleep(stopped_s)
        control.send_signal(signal.SIGCONT)

    async def last_used(self, days_ago: float) -> None:
        """The station knows that nobody was here for so long."""
        await self.end_agent()
        used = round((datetime.now(UTC) - timedelta(days=days_ago)).timestamp())
        with contextlib.closing(
            sqlite3.connect(self.stage.config.state_dir / "ledger.sqlite")
        ) as db:
            db.execute(
                "INSERT OR REPLACE INTO spaces (space, key, value, revision) VALUES (?, ?, ?, "
                "COALESCE((SELECT revision FROM spaces WHERE space = ?1 AND key = ?2), 0) + 1)",
                ("alert_settings", "used", str(used)),
            )
            db.commit()
        await self.start_agent()

    def certificate(self, days: float) -> None:
        """The certificate of the pages ends in so many days."""
        write_certificate(self.stage.config_path.parent, days)


def write_certificate(directory: Path, days: float) -> None:
    ends = datetime.now(UTC) + timedelta(days=days)
    authority("charger.local", ends=ends).files(directory, "page")


@contextlib.asynccontextmanager
async def world(directory: Path, wanted: list[str]) -> AsyncIterator[World]:
    """A station whose contact Ann is told of the conditions `wanted`, without waiting."""
    write_certificate(directory, 400.0)
    with broker(directory) as mqtt, receiver() as hook, receiver() as pings:
        async with (
            mail_server() as mail,
            listening(mqtt.port) as topics,
            scene(
                directory,
                Behaviour(),
                _changes(directory, mqtt, hook, mail, pings, wanted),
                strict=False,
            ) as made,
        ):
            await asyncio.to_thread(made.stage.start_simulator)
            made.stage.start("control")
            found = World(made, hook, topics, mail, pings)
            found.host()
            await found.start_agent()
            try:
                await made.booted()
                yield found
            finally:
                await found.end_agent()


def _board(directory: Path) -> str:
    """A register map with contacts for breaker and water, beside what the reference board has."""
    text = files("hal").joinpath("devices", "reference_pilot_board.toml").read_text("utf-8")
    path = directory / "board_with_contacts.toml"
    bits = "internal = 2, breaker_tripped = 3, water_detected = 4 }"
    path.write_text(text.replace("internal = 2 }", bits), "utf-8")
    return str(path)


def _changes(
    directory: Path, mqtt: Any, hook: Any, mail: Any, pings: Any, wanted: list[str]
) -> dict[str, Any]:
    serial = [
        {"name": name, "kind": "serial", "port": f"{name}.tty", "baud": 115_200}
        for name in ("gsm", "nfc", "nfc2")
    ]
    readers = [{"name": name, "driver": "pn532", "bus": name} for name in ("nfc", "nfc2")]
    ann = {"name": "Ann", "email": "ann@example.com", "sms": NUMBER, "mqtt": True}
    return {
        **FAST,
        "bus": [*example()["bus"], *serial],
        "device": [*example()["device"], *readers],
        "device.0.map": _board(directory),
        "device.2.map": str(METER),
        "device.4.options": {"absent_s": 0.5},
        "evse.0.phase_switching": True,
        "evse.0.simplified_pilot": "refuse",
        "evse.1.reader": READERS[2],
        "ocpp.v16.TransactionMessageAttempts": 1,
        "mqtt": {"host": "127.0.0.1", "port": mqtt.port},
        "web": {"tls": "files", "cert_file": "page.pem", "key_file": "page.key"},
        "alerts.contact": [
            {
                **ann,
                "webhook": f"{hook.url}/alerts",
                "severity_min": "info",
                "conditions": wanted,
            }
        ],
        "alerts.modem": {"bus": "gsm", "pin": "4711"},
        "alerts.email": {
            "server": "127.0.0.1",
            "port": mail.port,
            "security": "none",
            "sender": "charger@example.com",
        },
        "alerts.dead_man": {"url": f"{pings.url}/alive", "every_s": 10.0},
        "alerts.limits": {
            "sms_per_minute": 600,
            "sms_per_day": 10_000,
            "per_minute": 600,
            "per_day": 10_000,
        },
        "alerts.rule": dict.fromkeys(wanted, QUICK),
    }
