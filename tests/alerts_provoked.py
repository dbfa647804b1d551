"""Each condition of docs/alerts.md provoked by its cause: `python -m tests.alerts_provoked`.

Real programs on the simulator, and four real receivers: a webhook, a broker (mosquitto), a mail
server and a modem. What they saw raised and cleared goes into `docs/alerts.toml` and from there
into the table of docs/alerts.md; `--table` only writes the table again. Takes some minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from chargepoint.catalog import entries
from chargepoint.evse.hazards import HAZARDS
from chargepoint.ipc.care import AlertStatus, GetAlerts, ReportProblem
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.station.alerts.rules import BY_KIND, RULES, Rules
from hil.csms.central import Behaviour
from hil.stage import StageError, example
from tests.agent.notify.brokers import broker, listening
from tests.agent.notify.mail_servers import mail_server
from tests.agent.notify.receivers import receiver
from tests.system.stage_csms import CARD, Scene, scene

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "alerts.md"
RECORD = ROOT / "docs" / "alerts.toml"
WITHIN_S = 10.0
SLOW = ("meter_lost", "restarts_unusual", "agent_late", "csms_offline")
"""The station itself waits before it says so."""

SLOW_S = 30.0
QUICK = {"raise_after_s": 0.0, "clear_after_s": 0.5}
NUMBER = "+4915112345678"
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

Step = Callable[["World"], Awaitable[None]]


class World:
    """A running station and what its receivers have got."""

    def __init__(self, made: Scene, hook: Any, topics: Any, mail: Any) -> None:
        self.scene, self.stage = made, made.stage
        self._hook, self._topics, self._mail = hook, topics, mail
        self._before = [0, 0, 0, 0]
        self.agent: subprocess.Popen[bytes] | None = None

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

    async def until(self, condition: str, about: str) -> set[str]:
        """Wait until at least three channels have brought it, or long enough."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SLOW_S if condition in SLOW else WITHIN_S):
                while len(self.seen(condition, about)) < 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
        return await asyncio.to_thread(self.seen, condition, about)

    # --- what is done -----------------------------------------------------------------------------

    async def post(self, path: str, **body: Any) -> None:
        await asyncio.to_thread(self.stage.post, path, body)

    async def command(self, *arguments: str) -> None:
        line = [sys.executable, "-m", "chargepoint.cli.main", *arguments]
        line += ["--config", str(self.stage.config_path)]
        await asyncio.to_thread(subprocess.run, line, capture_output=True, timeout=60, check=False)

    def host(self, **facts: Any) -> None:
        self.stage.config_path.with_name("host.json").write_text(json.dumps(facts))

    async def start_agent(self, boot: str = "") -> None:
        line = [sys.executable, "-m", "tests.alerts_agent", "--config", str(self.stage.config_path)]
        environment = {**os.environ, "CHARGEPOINT_TEST_BOOT": boot}
        log = (self.stage.directory / "agent.log").open("ab")
        self.agent = await asyncio.to_thread(
            subprocess.Popen, line, stdout=log, stderr=log, env=environment, cwd=ROOT
        )

    async def end_agent(self, number: int) -> None:
        assert self.agent is not None
        self.agent.send_signal(number)
        await asyncio.to_thread(self.agent.wait, 20)

    async def restart(self, boot: str = "") -> None:
        await self.end_agent(signal.SIGKILL)
        await self.start_agent(boot)

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

    async def calm(self, condition: str) -> None:
        """Wait until nothing of an earlier cause, or of the start, is open."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHIN_S):
                while await self._open(condition):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)

    async def _open(self, condition: str) -> bool:
        answers = await self.asked(GetAlerts(closed=0))
        opened = [one for one in answers if isinstance(one, AlertStatus)]
        return not answers or any(one.condition == condition for one in opened)

    async def restart_control(self, times: int = 1) -> None:
        for _ in range(times):
            await asyncio.to_thread(self.stage.end, "control", signal.SIGKILL)
            self.stage.start("control")
            await asyncio.sleep(2.5)

    async def session(self) -> None:
        await asyncio.to_thread(self.stage.plug_in)
        await asyncio.to_thread(self.stage.card, CARD)
        await self.scene.status(1, "Charging")

    async def end_session(self) -> None:
        await asyncio.to_thread(self.stage.unplug)
        await self.scene.status(1, "Available")

    async def failing_sessions(self, hazard: bool) -> None:
        for _ in range(3 if hazard else 1):
            await self.session()
            if hazard:
                await self.post("/evse/1/fault", fault="emergency_stopped", active=True)
                await asyncio.sleep(2.0)
            else:
                await asyncio.sleep(65.0)
            await self.end_session()
            await self.post("/evse/1/fault", fault="emergency_stopped", active=False)
            await self.scene.status(1, "Available")


def fault(name: str) -> tuple[str, Step, Step]:
    """A fault of the EVSE, and its end; a technician resets what waits for one."""

    async def begin(world: World) -> None:
        await world.post("/evse/1/fault", fault=name, active=True)

    async def end(world: World) -> None:
        await world.post("/evse/1/fault", fault=name, active=False)
        await asyncio.sleep(1.0)
        await world.command("evse", "1", "reset-hazard", name, "--yes")

    return f"simulator: {name.replace('_', ' ')} at EVSE 1", begin, end


def device(name: str, what: str) -> tuple[str, Step, Step]:
    async def begin(world: World) -> None:
        await world.post(f"/device/{name}/fault", fault=what, active=True)

    async def end(world: World) -> None:
        await world.post(f"/device/{name}/fault", fault=what, active=False)

    return f"simulator: `{name}` {what.replace('_', ' ')}", begin, end


def read(**facts: Any) -> tuple[str, Step, Step]:
    """A reading of the host that says so."""

    async def begin(world: World) -> None:
        world.host(**facts)

    async def end(world: World) -> None:
        world.host()

    said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in facts.items())
    return f"reading of the host: {said}", begin, end


def steps(cause: str, begin: Step, end: Step) -> tuple[str, Step, Step]:
    return cause, begin, end


async def _waits(world: World) -> None:
    await world.session()
    await world.command("ocpp", "disconnect")


async def _waits_no_more(world: World) -> None:
    await world.command("ocpp", "connect")
    await world.end_session()


async def _refused(world: World) -> None:
    world.scene.csms.behaviour.refuse["StopTransaction"] = "InternalError"
    await world.session()
    await world.end_session()


async def _sent_again(world: World) -> None:
    world.scene.csms.behaviour.refuse.clear()
    records = ROOT  # the number is found in the ledger's own answer
    line = [sys.executable, "-m", "chargepoint.cli.main", "ocpp", "transactions", "--json"]
    line += ["--config", str(world.stage.config_path)]
    done = await asyncio.to_thread(
        subprocess.run, line, capture_output=True, timeout=60, check=True, cwd=records
    )
    for row in done.stdout.splitlines():
        for number in json.loads(row)["refused"]:
            await world.command("ocpp", "resend", str(number))


async def _stopped(world: World) -> None:
    assert world.agent is not None
    world.agent.send_signal(signal.SIGSTOP)
    await asyncio.sleep(3.0)
    world.agent.send_signal(signal.SIGCONT)


async def _nothing(world: World) -> None:
    await asyncio.sleep(0.0)


async def _blocked(world: World) -> None:
    await world.session()
    await world.post("/evse/1/ev", request="pause")


async def _warmer(world: World) -> None:
    for degrees in range(40, 58, 2):
        await world.post("/evse/1/temperature", celsius=degrees)
        await asyncio.sleep(0.6)


async def _cooler(world: World) -> None:
    await world.post("/evse/1/temperature", celsius=25)


CAUSES: dict[str, tuple[str, Step, Step]] = {
    **{hazard: fault(hazard) for hazard in HAZARDS},
    "csms_offline": steps(
        "`chargepoint ocpp disconnect`",
        lambda world: world.command("ocpp", "disconnect"),
        lambda world: world.command("ocpp", "connect"),
    ),
    "records_waiting": steps("a session without the CSMS", _waits, _waits_no_more),
    "records_refused": steps("the CSMS refuses StopTransaction", _refused, _sent_again),
    "problem_reported": steps(
        "a report on the service socket",
        lambda world: world.report(),
        lambda world: world.command("alerts", "ack", "all"),
    ),
    "program_failed": steps("SIGKILL of the agent", lambda world: world.restart(), _nothing),
    "power_lost": steps(
        "SIGKILL, and another boot of the host", lambda world: world.restart("boot-2"), _nothing
    ),
    "restarts_unusual": steps(
        "SIGKILL of the safety program, three times",
        lambda world: world.restart_control(3),
        _nothing,
    ),
    "control_lost": steps(
        "SIGKILL of the safety program", lambda world: world.restart_control(), _nothing
    ),
    "agent_late": steps("SIGSTOP of the agent for 3 s", _stopped, _nothing),
    "device_lost": device("nfc", "silent"),
    "meter_lost": device("meter1", "silent"),
    "bus_errors": device("board2", "crc"),
    "modem_failed": device("gsm", "no_network"),
    "station_blocked": steps("a vehicle that only rests", _blocked, World.end_session),
    "sessions_failing": steps(
        "three sessions ended by an emergency stop",
        lambda world: world.failing_sessions(True),
        lambda world: world.failing_sessions(False),
    ),
    "temperature_rising": steps("simulator: 2 degrees more every 0.6 s", _warmer, _cooler),
    "tampered": fault("door_open"),
    "disk_full_soon": read(disk_free_bytes=10_000_000, disk_size_bytes=32_000_000_000),
    "disk_worn": read(disk_life_used=0.95),
    "disk_read_only": read(disk_read_only=True),
    "host_hot": read(cpu_temperature_c=85.0),
    "host_under_voltage": read(under_voltage=True),
}


async def provoke(world: World, condition: str) -> dict[str, Any]:
    """What the receivers saw of one condition."""
    cause, begin, end = CAUSES[condition]
    result: dict[str, Any] = {"cause": cause}
    try:
        await world.calm(condition)
        await asyncio.to_thread(world.begin)
        await begin(world)
        result["raised"] = sorted(await world.until(condition, "raised"))
        await end(world)
        if Rules({}).of(condition).ends:
            result["cleared"] = sorted(await world.until(condition, "cleared"))
    except (StageError, AssertionError, OSError) as error:
        result["problem"] = str(error).splitlines()[0][:120]
        with contextlib.suppress(Exception):
            await end(world)
    return result


@contextlib.asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    with broker(directory) as mqtt, receiver() as hook:
        async with (
            mail_server() as mail,
            listening(mqtt.port) as topics,
            scene(directory, Behaviour(), _changes(mqtt, hook, mail), strict=False) as made,
        ):
            await asyncio.to_thread(made.stage.start_simulator)
            made.stage.start("control")
            found = World(made, hook, topics, mail)
            await found.start_agent()
            try:
                await made.booted()
                yield found
            finally:
                await found.end_agent(signal.SIGTERM)


def _changes(mqtt: Any, hook: Any, mail: Any) -> dict[str, Any]:
    ann = {"name": "Ann", "email": "ann@example.com", "sms": NUMBER, "mqtt": True}
    wanted = sorted({*CAUSES})
    return {
        "bus": [
            *example()["bus"],
            {"name": "gsm", "kind": "serial", "port": "gsm.tty", "baud": 115_200},
            {"name": "nfc", "kind": "serial", "port": "nfc.tty", "baud": 115_200},
        ],
        "device": [*example()["device"], {"name": "nfc", "driver": "pn532", "bus": "nfc"}],
        "ocpp.v16.TransactionMessageAttempts": 1,
        "mqtt": {"host": "127.0.0.1", "port": mqtt.port},
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
        "alerts.limits": {
            "sms_per_minute": 600,
            "sms_per_day": 10_000,
            "per_minute": 600,
            "per_day": 10_000,
        },
        "alerts.rule": dict.fromkeys(wanted, QUICK),
    }


async def run(conditions: list[str]) -> dict[str, dict[str, Any]]:
    """Provoke one after another; what was seen."""
    with tempfile.TemporaryDirectory() as directory:
        async with world(Path(directory)) as found:
            results = {}
            for condition in conditions:
                results[condition] = await provoke(found, condition)
                _write(results)
                print(condition, results[condition], flush=True)
            return results


# --- The table ------------------------------------------------------------------------------------


def recorded() -> Mapping[str, Any]:
    return tomllib.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}


def conditions_table() -> str:
    """Every condition with its treatment, the ones of the station first."""
    rules = Rules({})
    lines = ["| condition | severity | held for | gone for | to |", "|---|---|---|---|---|"]
    ids = [one for one in RULES if entries()[one].kind == "alert"]
    for one in sorted(ids):
        rule = rules.of(one)
        roles = ", ".join(sorted(rule.audience - {"csms"})).replace("_", " ")
        held, gone = _time(rule.raise_after_s), _time(rule.clear_after_s)
        lines.append(
            f"| `{one}`: {entries()[one].title} | {rule.severity} | {held} | {gone} | {roles} |"
        )
    for kind, said in (("hazard", "every hazard"), ("fault", "every fault of a device")):
        row = BY_KIND[kind]
        roles = ", ".join(sorted(row.audience - {"csms"}))
        times = f"{_time(row.raise_after_s)} | {_time(row.clear_after_s)}"
        lines.append(f"| {said} | as the catalogue says | {times} | {roles} |")
    return "\n".join(lines)


def provoked_table() -> str:
    """What was provoked, and who saw it."""
    lines = ["| condition | provoked by | raised seen on | cleared seen on |", "|---|---|---|---|"]
    for one, row in sorted(recorded().items()):
        raised, cleared = ", ".join(row.get("raised", ())), ", ".join(row.get("cleared", ()))
        if "problem" in row:
            raised = f"not provoked: {row['problem']}"
        ends = Rules({}).of(one).ends
        raised = raised or "not reached by this cause alone"
        lines.append(
            f"| `{one}` | {row['cause']} | {raised} | {cleared if ends else 'by design none'} |"
        )
    return "\n".join(lines)


BLOCKS = {"conditions": conditions_table, "provoked": provoked_table}


def renewed(text: str) -> str:
    """`text` with each generated block as it is now."""
    return BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[3]}", text)


def _time(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _write(results: Mapping[str, Mapping[str, Any]]) -> None:
    kept = {**recorded(), **results}
    lines = []
    for one in sorted(kept):
        lines.append(f"[{one}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in kept[one].items()]
        lines.append("")
    RECORD.write_text("\n".join(lines), "utf-8")


def main(arguments: list[str]) -> None:
    """Provoke the named conditions, or all."""
    if arguments != ["--table"]:
        asyncio.run(run(arguments or list(CAUSES)))
    DOCUMENT.write_text(renewed(DOCUMENT.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
