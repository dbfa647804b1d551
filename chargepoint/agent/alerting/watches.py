"""What has to be watched over time before it is a condition: trends, counts, durations.

Each watch looks at the status once a second and keeps little. They begin anew with the program,
except the day of the last use, which is kept with the alerts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal

from chargepoint.agent.alerting.view import Watched
from chargepoint.ipc.care import HealthStatus
from chargepoint.ipc.messages import BusHealth
from chargepoint.ipc.service import EvseStatus, StationStatus
from chargepoint.station.alerts.values import EvseNews

TREND_S = 600.0
TREND_EVERY_S = 30.0
TREND_LEAST_S = 120.0
BUS_OVER_S = 60.0
BUS_EVERY_S = 10.0
HOUR_S = 3600.0
DAY_S = 86_400.0
ENERGY_LEAST_WH = 100
FAILED_BEFORE_S = 60.0
"""A transaction that ends so soon after a hazard was ended by it."""

RESTING = ("SuspendedEV", "Finishing")
DONE = ("SuspendedEV", "Finishing")
CHARGES = ("Charging", "SuspendedEVSE")


class Watches:
    """`used_epoch_s`: the last use of the station, as far as it is known."""

    def __init__(self, used_epoch_s: float | None = None) -> None:
        self.used_epoch_s = used_epoch_s
        self._evses: dict[int, _Evse] = {}
        self._buses: dict[str, deque[tuple[float, int, int]]] = {}
        self._controls: deque[float] = deque(maxlen=50)
        self._ticks: dict[str, int] | None = None
        """Steps of the safety programs that are reached; None: none was met yet."""
        self.unclean_starts = 0
        """Set by whoever knows of earlier runs."""
        self.news: list[EvseNews] = []
        """What drivers may want to know since this was last emptied."""

    def look(
        self, status: StationStatus, health: HealthStatus, now_s: float, epoch_s: float | None
    ) -> Watched:
        """What is known by now."""
        for evse in status.evses:
            watch = self._evses.setdefault(evse.evse, _Evse(evse.evse))
            watch.look(evse, now_s)
            self.news += watch.news
            watch.news.clear()
        self._use(status, epoch_s)
        self._meet(health, now_s)
        return Watched(
            hazards={evse: watch.hazards for evse, watch in self._evses.items()},
            temperature_slopes={evse: watch.slope() for evse, watch in self._evses.items()},
            failed_sessions={evse: watch.failed for evse, watch in self._evses.items()},
            blocked_s={evse: watch.blocked_s(now_s) for evse, watch in self._evses.items()},
            bus_errors=self._errors(health.buses, now_s),
            unused_days=self._unused_days(epoch_s),
            unclean_starts=self.unclean_starts,
            control_starts=sum(1 for at_s in self._controls if at_s > now_s - HOUR_S),
        )

    def _use(self, status: StationStatus, epoch_s: float | None) -> None:
        """A vehicle that is connected uses the station; so does its first known day."""
        if epoch_s is None:
            return
        connected = any(one.control is not None and one.control.connected for one in status.evses)
        if connected or self.used_epoch_s is None or self.used_epoch_s > epoch_s:
            self.used_epoch_s = epoch_s

    def _unused_days(self, epoch_s: float | None) -> float:
        if epoch_s is None or self.used_epoch_s is None:
            return 0.0
        return (epoch_s - self.used_epoch_s) / DAY_S

    def _meet(self, health: HealthStatus, now_s: float) -> None:
        """Count the times at which a safety program was met again.

        One that was back between two looks shows by its steps, which count anew.
        """
        ticks = {loop.bus: loop.ticks for loop in health.loops if loop.connected}
        if self._ticks is None:
            if ticks:
                self._ticks = ticks
            return
        before = self._ticks
        again = [bus for bus in ticks if bus not in before or ticks[bus] < before[bus]]
        self._controls.extend([now_s] * len(again))
        self._ticks = ticks

    def _errors(self, buses: Iterable[BusHealth], now_s: float) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for bus in buses:
            points = self._buses.setdefault(bus.bus, deque())
            errors = bus.timeouts + bus.bad_replies
            if points and bus.requests < points[-1][1]:
                points.clear()  # the counters began anew
            if not points or now_s - points[-1][0] >= BUS_EVERY_S:
                points.append((now_s, bus.requests, errors))
            while len(points) > 1 and points[1][0] <= now_s - BUS_OVER_S:
                points.popleft()
            first = points[0]
            found[bus.bus] = (errors - first[2], bus.requests - first[1])
        return found


class _Evse:
    """One EVSE."""

    def __init__(self, evse: int) -> None:
        self.evse = evse
        self.hazards: tuple[str, ...] = ()
        self.failed = 0
        self.news: list[EvseNews] = []
        self._points: deque[tuple[float, float]] = deque()
        self._state = ""
        self._transaction = ""
        self._energy_wh: int | None = None
        self._hazard_s = float("-inf")
        self._rests_since_s: float | None = None

    def look(self, status: EvseStatus, now_s: float) -> None:
        control = status.control
        if control is not None:
            self.hazards = control.hazards
            if control.temperature_c is not None:
                self._measure(control.temperature_c, now_s)
        if self.hazards or status.fault:
            self._hazard_s = now_s
        self._session(status, now_s)
        self._rest(status, now_s)
        self._tell(status, now_s)

    def slope(self) -> float:
        """Degrees per minute; 0 until it can be told."""
        if len(self._points) < 2:
            return 0.0
        (first_s, first_c), (last_s, last_c) = self._points[0], self._points[-1]
        if last_s - first_s < TREND_LEAST_S:
            return 0.0
        return (last_c - first_c) / (last_s - first_s) * 60.0

    def blocked_s(self, now_s: float) -> float:
        return 0.0 if self._rests_since_s is None else now_s - self._rests_since_s

    def _measure(self, temperature_c: float, now_s: float) -> None:
        if not self._points or now_s - self._points[-1][0] >= TREND_EVERY_S:
            self._points.append((now_s, temperature_c))
        while self._points[0][0] < now_s - TREND_S:
            self._points.popleft()

    def _session(self, status: EvseStatus, now_s: float) -> None:
        running = status.transaction
        if self._transaction and (running is None or running.id != self._transaction):
            by_hazard = now_s - self._hazard_s < FAILED_BEFORE_S
            little = self._energy_wh is not None and self._energy_wh < ENERGY_LEAST_WH
            self.failed = self.failed + 1 if by_hazard or little else 0
        self._transaction = "" if running is None else running.id
        self._energy_wh = None if running is None else running.energy_wh

    def _rest(self, status: EvseStatus, now_s: float) -> None:
        if status.state not in RESTING:
            self._rests_since_s = None
        elif self._rests_since_s is None:
            self._rests_since_s = now_s

    def _tell(self, status: EvseStatus, now_s: float) -> None:
        before, self._state = self._state, status.state
        state = status.state
        if not before or state == before:
            return
        free = state == "Available"
        if (before in CHARGES and free) or (state in DONE and before not in DONE):
            gone = status.control is not None and not status.control.connected
            self._news("done", now_s, unplugged=free or gone)
        if free:
            self._news("free", now_s)

    def _news(
        self, news: Literal["done", "free"], now_s: float, *, unplugged: bool = False
    ) -> None:
        event = EvseNews(at_s=now_s, evse=self.evse, news=news, unplugged=unplugged)
        self.news.append(event)
