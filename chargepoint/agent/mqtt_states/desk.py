"""Keeps the broker's picture of the station true, and carries out commands one by one.

Once a second what should stand at the broker is compared with what was sent; the difference goes
out. After a reconnection, and when Home Assistant has restarted, everything goes out again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from chargepoint import log
from chargepoint.agent.audit import Audit, line_of
from chargepoint.agent.mqtt.link import MqttLink
from chargepoint.agent.mqtt.topics import topics
from chargepoint.agent.mqtt_states.commands import Refused, command_of, refusal
from chargepoint.agent.mqtt_states.discovery import discovery
from chargepoint.agent.mqtt_states.states import states
from chargepoint.agent.requests.caller import Caller
from chargepoint.config import Config
from chargepoint.ipc.care import SetEvseEnabled, SetLocalLimit
from chargepoint.ipc.service import Done, StationStatus

LOOK_S = 1.0
COMMANDS_MAX = 8
"""Commands that may wait; further ones are refused."""

PER_MINUTE = 60
"""Commands that are carried out: each may be written to the disk, and a broker never tires."""

MINUTE_S = 60.0
BROKEN_PAUSE_S = 60.0

CALLER = Caller(user="mqtt")


class Evses(Protocol):
    """What `requests.evse` does."""

    async def enable(self, evse: int, enabled: bool) -> Done: ...
    async def limit(self, evse: int, current_a: float | None) -> Done: ...


class MqttStates:
    """Publishes over `link`, which it joins before it is started."""

    def __init__(
        self,
        config: Config,
        link: MqttLink,
        status: Callable[[], StationStatus],
        evses: Evses,
        audit: Audit | None = None,
        now: Callable[[], float] = time.monotonic,
        look_s: float = LOOK_S,
    ) -> None:
        assert config.mqtt is not None
        self._config = config
        self._settings = config.mqtt
        self._topics = topics(config)
        self._link = link
        self._status = status
        self._evses = evses
        self._audit = audit
        self._now = now
        self._look_s = look_s
        self._announced: dict[str, str] | None = None
        self._sent: dict[str, str] = {}
        self._sent_s: dict[str, float] = {}
        self._changed = asyncio.Event()
        self._commands: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(COMMANDS_MAX)
        self._crowded = False
        self._done_s: deque[float] = deque(maxlen=PER_MINUTE)
        self._hasty = False
        self._bounds_a = {evse.id: evse.current_max_a for evse in config.evse}
        self._tasks: list[asyncio.Task[None]] = []
        self._log = log.get("mqtt")
        self._birth = f"{self._settings.discovery.strip('/')}/status"
        link.watchers.append(self._link_changed)
        link.readers.append(self._received)
        if self._settings.discovery:
            link.subscriptions.append(self._birth)
        if self._settings.commands:
            link.subscriptions.append(self._topics.commands)

    def start(self) -> None:
        """Begin; belongs to the running loop."""
        self._tasks = [
            asyncio.create_task(self._publish(), name="mqtt-states"),
            asyncio.create_task(self._carry_out(), name="mqtt-commands"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    # --- States -----------------------------------------------------------------------------------

    async def _publish(self) -> None:
        while True:
            if self._link.connected:
                try:
                    self._look()
                except Exception as error:  # the picture may be missing, the station goes on
                    self._log.error("channel.broken", channel="mqtt states", exc_info=error)
                    await asyncio.sleep(BROKEN_PAUSE_S)
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._changed.wait()

    def _look(self) -> None:
        """Send what has changed, as far as the link takes it; the rest with the next look."""
        status, now_s = self._status(), self._now()
        if self._announced is None:
            self._announced = discovery(self._config, self._topics, status.version)
        wanted = [(topic, payload, False) for topic, payload in self._announced.items()]
        for topic, state in states(status, self._topics).items():
            wanted.append((topic, state.payload, state.steady))
        for topic, payload, steady in wanted:
            if self._sent.get(topic) == payload:
                continue
            if steady and now_s < self._sent_s.get(topic, -1e9) + self._settings.every_s:
                continue
            if not self._link.post(topic, payload):
                return
            self._sent[topic] = payload
            self._sent_s[topic] = now_s

    def _link_changed(self, connected: bool, error: str) -> None:
        if connected:
            self._afresh()

    def _afresh(self) -> None:
        self._sent.clear()
        self._sent_s.clear()
        self._changed.set()

    # --- Commands ---------------------------------------------------------------------------------

    def _received(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic == self._birth:
            if payload == b"online" and not retained:
                self._afresh()
            return
        if not self._settings.commands or not topic.startswith(f"{self._topics.base}/evse/"):
            return
        if retained:
            self._refuse(topic, "it was kept at the broker; send it without the retain flag")
            return
        if self._commands.empty():
            self._crowded = False
        try:
            self._commands.put_nowait((topic, payload))
        except asyncio.QueueFull:
            if not self._crowded:
                self._refuse(topic, "too many commands at once")
            self._crowded = True

    async def _carry_out(self) -> None:
        while True:
            topic, payload = await self._commands.get()
            if self._too_many(topic):
                continue
            try:
                action = command_of(topic, payload, self._topics, self._bounds_a)
            except Refused as error:
                self._refuse(topic, str(error))
                continue
            self._done_s.append(self._now())
            done = await self._act(action)
            await self._note(action, done)
            if not done.ok:
                self._refuse(topic, done.detail)
            # Said again in any case, so that a switch that was refused falls back.
            for name in ("enabled", "local_limit"):
                self._sent.pop(self._topics.evse(action.evse, name), None)
            self._changed.set()

    def _too_many(self, topic: str) -> bool:
        """Whether there were enough within the last minute; said once."""
        times = self._done_s
        if len(times) < PER_MINUTE or self._now() - times[0] >= MINUTE_S:
            self._hasty = False
            return False
        if not self._hasty:
            self._refuse(topic, f"more than {PER_MINUTE} commands within a minute")
        self._hasty = True
        return True

    async def _act(self, action: SetEvseEnabled | SetLocalLimit) -> Done:
        if isinstance(action, SetEvseEnabled):
            return await self._evses.enable(action.evse, action.enabled)
        return await self._evses.limit(action.evse, action.current_a)

    async def _note(self, action: SetEvseEnabled | SetLocalLimit, done: Done) -> None:
        line = line_of(action, CALLER, done)
        self._log.info(
            "mqtt.commanded", action=line.action, given=line.detail, ok=done.ok, outcome=done.detail
        )
        if self._audit is not None:
            await asyncio.to_thread(self._audit.write, line)

    def _refuse(self, topic: str, error: str) -> None:
        self._log.warning("mqtt.command_refused", topic=topic[:200], error=error)
        self._link.post(self._topics.error, refusal(topic, error), retain=False)
