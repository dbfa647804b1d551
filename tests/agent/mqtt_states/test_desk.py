"""The station's picture at a real broker, and commands from there."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chargepoint.agent.audit import Audit
from chargepoint.agent.mqtt.link import MqttLink
from chargepoint.agent.mqtt_states.desk import COMMANDS_MAX, PER_MINUTE, MqttStates
from chargepoint.ipc.service import Done, StationStatus
from tests.agent.mqtt_states.samples import BASE, TOPICS, charging, config, status
from tests.agent.notify.brokers import Broker, Listener, broker, listening

POWER = f"{BASE}/evse/1/power"
WAITING = f"{BASE}/records_waiting"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path) as found:
        yield found


class Evses:
    """Does what is asked, or refuses all."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, object]] = []
        self.answer = Done(ok=True, detail="done")
        self.hold = asyncio.Event()
        self.hold.set()

    async def enable(self, evse: int, enabled: bool) -> Done:
        await self.hold.wait()
        self.asked.append(("enable", evse, enabled))
        return self.answer

    async def limit(self, evse: int, current_a: float | None) -> Done:
        await self.hold.wait()
        self.asked.append(("limit", evse, current_a))
        return self.answer


class Station:
    """A running desk whose clock and status belong to the test."""

    def __init__(self, port: int, audit: Audit | None, commands: bool) -> None:
        self.now_s = 0.0
        self.status: StationStatus = status()
        self.evses = Evses()
        self.looks = 0
        found = config(port=port, commands=commands, every_s=10.0)
        assert found.mqtt is not None
        self.link = MqttLink(found.mqtt, "CP-7", TOPICS, retry_min_s=0.05)
        self.states = MqttStates(
            found, self.link, self._look, self.evses, audit, lambda: self.now_s, look_s=0.02
        )

    def _look(self) -> StationStatus:
        self.looks += 1
        return self.status

    async def look(self) -> None:
        """Until the state of now has been looked at twice."""
        seen = self.looks
        async with asyncio.timeout(5):
            while self.looks < seen + 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def station(
    port: int, audit: Audit | None = None, commands: bool = False
) -> AsyncIterator[Station]:
    found = Station(port, audit, commands)
    found.link.start()
    found.states.start()
    try:
        yield found
    finally:
        await found.states.stop()
        await found.link.stop()


async def at(listener: Listener, topic: str, payload: str) -> None:
    await listener.until(lambda: listener.last(topic) == payload)


async def test_the_whole_picture_stands_at_the_broker_for_who_comes_later(served: Broker) -> None:
    key = "homeassistant/sensor/chargepoint_CP-7/evse1_power/config"
    last = f"{BASE}/evse/2/local_limit"
    async with station(served.port):
        async with listening(served.port, last) as listener:
            await at(listener, last, "None")
        async with listening(served.port, POWER, f"{BASE}/version", key) as late:
            await at(late, POWER, "7360")
            await at(late, f"{BASE}/version", "0.1.0")
            await late.until(lambda: key in late.messages)
    assert late.retained[POWER]
    assert late.retained[key]


async def test_what_changes_goes_out_at_once_and_what_changes_steadily_now_and_then(
    served: Broker,
) -> None:
    async with station(served.port) as here, listening(served.port, f"{BASE}/#") as listener:
        await at(listener, POWER, "7360")
        here.status = status(charging(power_w=7000.0), waiting=4)
        await at(listener, WAITING, "4")
        assert listener.last(POWER) == "7360"
        here.now_s = 9.9
        await here.look()
        here.status = status(charging(power_w=6000.0), waiting=5)
        await at(listener, WAITING, "5")
        assert listener.last(POWER) == "7360"
        here.now_s = 10.0
        await at(listener, POWER, "6000")
    assert listener.messages[POWER] == ["7360", "6000"]


async def test_nothing_goes_out_when_nothing_changes(served: Broker) -> None:
    async with station(served.port) as here, listening(served.port, f"{BASE}/#") as listener:
        await at(listener, POWER, "7360")
        here.now_s = 100.0
        await here.look()
        await here.look()
        here.status = status(waiting=8)
        await at(listener, WAITING, "8")
    assert listener.messages[POWER] == ["7360"]


async def test_everything_goes_out_again_when_home_assistant_has_started(served: Broker) -> None:
    key = "homeassistant/sensor/chargepoint_CP-7/evse1_power/config"
    async with station(served.port), listening(served.port, "#") as listener:
        await at(listener, POWER, "7360")
        listener.publish("homeassistant/status", "online")
        await listener.until(lambda: len(listener.messages[key]) == 2)
        await listener.until(lambda: len(listener.messages[POWER]) == 2)


async def test_everything_goes_out_again_to_a_broker_that_has_forgotten(served: Broker) -> None:
    async with station(served.port):
        async with listening(served.port, POWER) as listener:
            await at(listener, POWER, "7360")
        served.stop()
        served.start()
        async with listening(served.port, POWER) as listener:
            await at(listener, POWER, "7360")


async def test_a_command_is_carried_out_and_audited(served: Broker, tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    async with (
        station(served.port, audit, commands=True) as here,
        listening(served.port, f"{BASE}/#") as listener,
    ):
        await at(listener, POWER, "7360")
        listener.publish(f"{BASE}/evse/1/enabled/set", "OFF")
        listener.publish(f"{BASE}/evse/2/local_limit/set", "10")
        await listener.until(lambda: len(here.evses.asked) == 2 and len(audit.last(9)) == 2)
    assert here.evses.asked == [("enable", 1, False), ("limit", 2, 10.0)]
    first, second = audit.last(9)
    assert (first.user, first.action, first.detail, first.ok) == (
        "mqtt", "SetEvseEnabled", "evse=1 enabled=False", True,
    )  # fmt: skip
    assert second.action == "SetLocalLimit"


async def test_a_command_that_is_none_is_refused_loudly(served: Broker) -> None:
    async with (
        station(served.port, commands=True) as here,
        listening(served.port, f"{BASE}/#") as listener,
    ):
        await at(listener, POWER, "7360")
        topic = f"{BASE}/evse/1/local_limit/set"
        listener.publish(topic, "3")
        await listener.until(lambda: f"{BASE}/error" in listener.messages)
    assert json.loads(listener.messages[f"{BASE}/error"][0]) == {
        "topic": topic,
        "error": "local_limit: found `3`, expected 0, 6 to 32, or None",
    }
    assert not listener.retained[f"{BASE}/error"]
    assert here.evses.asked == []


async def test_a_refusal_of_the_station_is_told_and_the_switch_falls_back(served: Broker) -> None:
    async with (
        station(served.port, commands=True) as here,
        listening(served.port, f"{BASE}/#") as listener,
    ):
        await at(listener, f"{BASE}/evse/1/enabled", "ON")
        here.evses.answer = Done(ok=False, detail="not now")
        listener.publish(f"{BASE}/evse/1/enabled/set", "OFF")
        await listener.until(lambda: f"{BASE}/error" in listener.messages)
        await listener.until(lambda: listener.messages[f"{BASE}/evse/1/enabled"] == ["ON", "ON"])
    assert "not now" in listener.messages[f"{BASE}/error"][0]


async def test_a_command_that_the_broker_had_kept_is_refused(served: Broker) -> None:
    async with listening(served.port, f"{BASE}/#") as listener:
        listener.publish(f"{BASE}/evse/1/enabled/set", "OFF", retain=True)
        await listener.until(lambda: f"{BASE}/evse/1/enabled/set" in listener.messages)
        async with station(served.port, commands=True) as here:
            await listener.until(lambda: f"{BASE}/error" in listener.messages)
            assert here.evses.asked == []
    assert "retain" in listener.messages[f"{BASE}/error"][0]


async def test_without_leave_commands_are_not_even_listened_to(served: Broker) -> None:
    async with station(served.port) as here, listening(served.port, f"{BASE}/#") as listener:
        await at(listener, POWER, "7360")
        listener.publish(f"{BASE}/evse/1/enabled/set", "OFF")
        here.status = status(waiting=9)
        await at(listener, WAITING, "9")
        assert here.evses.asked == []


async def test_a_flood_of_commands_is_bounded_and_refused_once(served: Broker) -> None:
    async with (
        station(served.port, commands=True) as here,
        listening(served.port, f"{BASE}/#") as listener,
    ):
        await at(listener, POWER, "7360")
        here.evses.hold.clear()
        arrived: list[str] = []
        here.link.readers.append(lambda topic, payload, retained: arrived.append(topic))
        for _ in range(30):
            listener.publish(f"{BASE}/evse/1/enabled/set", "OFF")
        await listener.until(lambda: len(arrived) == 30)
        await listener.until(lambda: f"{BASE}/error" in listener.messages)
        here.evses.hold.set()
        await listener.until(lambda: len(here.evses.asked) == COMMANDS_MAX + 1)
    errors = [json.loads(one)["error"] for one in listener.messages[f"{BASE}/error"]]
    assert errors == ["too many commands at once"]


async def test_a_broker_that_never_tires_does_not_wear_out_the_disk(served: Broker) -> None:
    async with (
        station(served.port, commands=True) as here,
        listening(served.port, f"{BASE}/#") as listener,
    ):
        await at(listener, POWER, "7360")
        for number in range(PER_MINUTE + 5):
            listener.publish(f"{BASE}/evse/1/enabled/set", ("OFF", "ON")[number % 2])
            wanted = min(number + 1, PER_MINUTE)
            await listener.until(lambda wanted=wanted: len(here.evses.asked) == wanted)  # type: ignore[misc]
        await listener.until(lambda: f"{BASE}/error" in listener.messages)
        here.now_s += 61.0
        listener.publish(f"{BASE}/evse/1/enabled/set", "ON")
        await listener.until(lambda: len(here.evses.asked) == PER_MINUTE + 1)
    errors = [json.loads(one)["error"] for one in listener.messages[f"{BASE}/error"]]
    assert errors == ["more than 60 commands within a minute"]


async def test_a_status_that_cannot_be_had_does_not_end_the_picture(
    served: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chargepoint.agent.mqtt_states.desk.BROKEN_PAUSE_S", 0.01)
    async with station(served.port) as here, listening(served.port, f"{BASE}/#") as listener:
        await at(listener, POWER, "7360")
        good, here.status = here.status, None  # type: ignore[assignment]
        await here.look()
        here.status = good
        here.now_s = 50.0
        here.status = status(charging(power_w=1.0))
        await at(listener, POWER, "1")
