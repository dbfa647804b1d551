"""The alerts of the running agent: looks once a second, sends, keeps, shows.

Everything of the engine happens in the loop's thread. A mistake in it ends neither the station nor
the alerts: it is logged, and the next look begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from chargepoint import log
from chargepoint.agent.alerting import conditions, runs, upkeep_report
from chargepoint.agent.alerting.overheard import Overheard
from chargepoint.agent.alerting.settings import alert_settings
from chargepoint.agent.alerting.view import View
from chargepoint.agent.alerting.watches import Watches
from chargepoint.agent.notify.desk import NotifyDesk
from chargepoint.agent.notify.signal import SignalDesk
from chargepoint.agent.requests.health import HealthDesk
from chargepoint.agent.requests.maintenance import items_of
from chargepoint.agent.status import ServiceDesk
from chargepoint.catalog import entries
from chargepoint.config import Config
from chargepoint.ipc import messages as m
from chargepoint.ipc.care import MaintenanceItem
from chargepoint.ipc.service import AlertCounts
from chargepoint.station.alerts.audience import Way
from chargepoint.station.alerts.desk import AlertDesk
from chargepoint.station.alerts.settings import Moment
from chargepoint.station.alerts.texts import time_text
from chargepoint.station.alerts.values import (
    AlertEffect,
    AlertEvent,
    Channel,
    Happened,
    Keep,
    LinkUp,
    Looked,
    Message,
    Send,
    Settled,
    Show,
    Tell,
)
from chargepoint.station.effects import Delete, Put

LOOK_EVERY_S = 1.0
BROKEN_PAUSE_S = 60.0
EVENTS_MAX = 1000
MAINTENANCE_EVERY_S = 60.0
USED_KEY = "used"
USED_EVERY_S = 3600.0
TEST_WAIT_S = 45.0
ALIVE_S = 30.0
"""Without a look for so long no sign of life goes out."""

Kept = Mapping[str, Mapping[str, str]]


class Outcome(msgspec.Struct, frozen=True):
    """What became of a test message."""

    way: Way
    ok: bool
    detail: str


class Alerting:
    """Owns the engine and the ways out, from `start` to `stop`."""

    def __init__(
        self,
        config: Config,
        desk: ServiceDesk,
        health: HealthDesk,
        boot: str,
        signal: SignalDesk | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._desk = desk
        self._health = health
        self._now = now
        self._signal = signal
        self._log = log.get("alerts")
        self._overheard = Overheard()
        self._events: deque[AlertEvent] = deque(maxlen=EVENTS_MAX)
        self._arrived = asyncio.Event()
        self._tests: dict[int, asyncio.Future[Settled]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._looked_s = now()
        self._maintenance: tuple[float, tuple[MaintenanceItem, ...]] = (-1e9, ())
        settings = desk.kept.get(runs.SPACE, {})
        self._run, self._last_end = runs.begun(settings, boot, time.time())
        used = settings.get(USED_KEY, "")
        self._watches = Watches(float(used) if _is_number(used) else None)
        self._used_epoch_s = self._watches.used_epoch_s
        self.notify = NotifyDesk(
            config, self.tell, answers=desk.evses.answers, alive=self._alive, now=now
        )
        health.modem = self.notify.modem
        self.engine = AlertDesk(alert_settings(config), self._moment, desk.kept, now())
        desk.glance.alerts = self.counts

    # --- Life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; belongs to the running loop. The run counts as cut off until `stop`."""
        self._write([self._mark(clean=False)])
        self._desk.controls.taps.append(self._heard)
        log.listen(self._overheard.hear)
        self.notify.start()
        if self._signal is not None:
            self._tasks.append(asyncio.create_task(self._signal.run(), name="signal"))
        self._tasks.append(asyncio.create_task(self._live(), name="alerts"))

    async def stop(self) -> None:
        """End in order."""
        log.unlisten(self._overheard.hear)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)
        await self.notify.stop()
        self._drain()
        self._write([self._mark(clean=True)])

    def tell(self, event: AlertEvent) -> None:
        """Something for the engine; in the loop's thread. Handled soon."""
        if isinstance(event, Settled):
            waiting = self._tests.pop(event.delivery, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(event)
        self._events.append(event)
        self._arrived.set()

    def do(self, effects: Sequence[AlertEffect]) -> None:
        """Carry out what a request led to."""
        self._perform(effects)

    async def test(self, contact: str, channel: str, by: str) -> AsyncIterator[Outcome]:
        """Send test messages; what becomes of each."""
        effects, numbers = self.engine.test(contact, channel, by, self._now())
        loop = asyncio.get_running_loop()
        waiting = {number: loop.create_future() for number in numbers}
        self._tests.update(waiting)
        self._perform(effects)
        until_s = self._now() + TEST_WAIT_S
        try:
            for number, way in numbers.items():
                yield await self._outcome(way, waiting[number], until_s)
        finally:
            for number in numbers:
                self._tests.pop(number, None)

    def counts(self) -> AlertCounts:
        """The alerts at a glance."""
        counted = self.engine.counted(self._now())
        return AlertCounts(
            open=counted.open,
            unacknowledged=counted.unacknowledged,
            worst=counted.worst,
            waiting=counted.waiting,
            maintenance_s=round(counted.maintenance_s, 1),
        )

    async def _outcome(self, way: Way, waiting: asyncio.Future[Settled], until_s: float) -> Outcome:
        try:
            async with asyncio.timeout(max(0.0, until_s - self._now())):
                settled = await waiting
        except TimeoutError:
            return Outcome(way, False, f"no outcome within {TEST_WAIT_S:g} s")
        return Outcome(way, settled.state != "failed", settled.detail or settled.state)

    def _alive(self) -> bool:
        return self._now() - self._looked_s < ALIVE_S

    # --- The task ---------------------------------------------------------------------------------

    async def _live(self) -> None:
        if self._last_end is not None:
            self.tell(Happened(at_s=self._now(), condition=self._last_end))
        due_s = self._now()
        while True:
            try:
                if self._now() >= due_s:
                    self._look()
                    due_s = self._now() + LOOK_EVERY_S
                self._drain()
            except Exception as error:
                self._log.error("alert.engine_failed", exc_info=error)
                await asyncio.sleep(BROKEN_PAUSE_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due_s - self._now())):
                    await self._arrived.wait()

    def _look(self) -> None:
        now_s = self._now()
        for condition, times in self._overheard.take():
            self._events.append(Happened(at_s=now_s, condition=condition, times=times))
        view = self._view(now_s)
        self._events.append(Looked(at_s=now_s, conditions=conditions.conditions(view)))
        self._events.extend(self._watches.news)
        self._watches.news.clear()
        self._looked_s = now_s
        self._keep_use()

    def _drain(self) -> None:
        """Handle what has arrived, in order."""
        self._arrived.clear()
        while self._events:
            event = self._events.popleft()
            if isinstance(event, LinkUp):
                self._log.debug("alert.link_back", channels=sorted(event.channels))
            self._perform(self.engine.handle(event, self._now()))

    def _perform(self, effects: Iterable[AlertEffect]) -> None:
        """Keep first: what goes out is known to the next run."""
        writes: list[Put | Delete] = []
        others: list[AlertEffect] = []
        for effect in effects:
            if isinstance(effect, Keep):
                writes.append(_stored(effect))
            else:
                others.append(effect)
        self._write(writes)
        for effect in others:
            match effect:
                case Send(message=message):
                    self.notify.send(self._with_report(message))
                case Show(level=level) if self._signal is not None:
                    self._signal.show(level)
                case Tell(name=name, fields=fields):
                    write = getattr(self._log, entries()[name].severity)
                    write(name, **fields)

    def _with_report(self, message: Message) -> Message:
        """What is to be maintained goes along with an e-mail about it."""
        about = message.data.get("condition")
        if message.channel is not Channel.EMAIL or about not in upkeep_report.ABOUT:
            return message
        now_s = self._now()
        language = self.engine.language(message.contact)
        items, at = self._items(now_s), time_text(self._moment(now_s).wall, language)
        made = upkeep_report.report(self._config.station.id, at, items, language)
        return msgspec.structs.replace(message, attachment=made)

    def _write(self, effects: Sequence[Put | Delete]) -> None:
        if effects:
            self._desk.write(effects)

    # --- What is seen -----------------------------------------------------------------------------

    def _heard(self, fact: m.AnyFact) -> None:
        """A hazard that comes and goes between two looks counts too."""
        if isinstance(fact, m.HazardRaised) and fact.hazard in entries():
            condition = conditions.raised(fact)
            self.tell(Happened(at_s=fact.at_s, condition=condition))

    def _view(self, now_s: float) -> View:
        config = self._config
        status, health = self._desk.status(), self._health.health()
        self._watches.unclean_starts = runs.unclean_starts(self._run, time.time())
        moment = self._moment(now_s)
        return View(
            status=status,
            health=health,
            maintenance=self._items(now_s),
            watched=self._watches.look(status, health, now_s, moment.epoch_s),
            sim_days_left=self._sim_days_left(moment.epoch_s),
            dead_man_problem=self.notify.dead_man_problem,
            derate_c=config.safety.temperature_derate_c,
            rules=config.alerts.rule,
            boards={evse.board: evse.id for evse in config.evse},
            meters={evse.meter: evse.id for evse in config.evse if evse.meter},
            readers=_readers(config),
        )

    def _items(self, now_s: float) -> tuple[MaintenanceItem, ...]:
        at_s, items = self._maintenance
        if now_s - at_s >= MAINTENANCE_EVERY_S:
            items = items_of(self._desk.station, now_s)
            self._maintenance = (now_s, items)
        return items

    def _sim_days_left(self, epoch_s: float | None) -> float | None:
        modem = self._config.alerts.modem
        if modem is None or not modem.sim_expires or epoch_s is None:
            return None
        ends = date.fromisoformat(modem.sim_expires) + timedelta(days=1)
        return (datetime(ends.year, ends.month, ends.day, tzinfo=UTC).timestamp() - epoch_s) / 86400

    def _moment(self, at_s: float) -> Moment:
        wall = self._desk.station.clock.now(at_s)
        if wall is None:
            return Moment()
        wall = wall.astimezone()
        return Moment(
            at=wall.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            wall=wall,
            epoch_s=wall.timestamp(),
            minute=wall.hour * 60 + wall.minute,
        )

    # --- What is kept -----------------------------------------------------------------------------

    def _mark(self, *, clean: bool) -> Put:
        run = msgspec.structs.replace(self._run, clean=clean)
        value = msgspec.json.encode(run).decode()
        return Put(space=runs.SPACE, key=runs.KEY, value=value, durable=True)

    def _keep_use(self) -> None:
        """The day of the last use, now and then."""
        used_s, kept_s = self._watches.used_epoch_s, self._used_epoch_s
        if used_s is None or (kept_s is not None and abs(used_s - kept_s) < USED_EVERY_S):
            return
        self._used_epoch_s = used_s
        value = str(round(used_s))
        self._write([Put(space=runs.SPACE, key=USED_KEY, value=value, durable=False)])


def _stored(keep: Keep) -> Put | Delete:
    if keep.value is None:
        return Delete(space=keep.space, key=keep.key, durable=True)
    return Put(space=keep.space, key=keep.key, value=keep.value, durable=True)


def _readers(config: Config) -> dict[str, tuple[int, ...]]:
    """Reader -> the EVSEs that it serves."""
    found: dict[str, tuple[int, ...]] = {}
    for evse in config.evse:
        if evse.reader:
            found[evse.reader] = (*found.get(evse.reader, ()), evse.id)
    return found


def _is_number(text: str) -> bool:
    return text.isdigit()
