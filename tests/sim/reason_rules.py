"""Whether the station always knows why energy does not flow, and what bounds it when it does."""

from __future__ import annotations

from collections.abc import Callable

from chargepoint.ipc.messages import EvseSnapshot, Phase
from chargepoint.station.overview import EvseOverview
from chargepoint.station.station import Station

LOOK_EVERY_S = 10.0
PASSING_MAX_S = {"switching": 20.0, "limit_changing": 20.0, "pause": 120.0}
"""How long a reason that speaks of something in passing may be the binding one."""


class ReasonRules:
    """`expect` fails with a sentence when the first argument does not hold."""

    def __init__(self, expect: Callable[[bool, str], None]) -> None:
        self._expect = expect
        self._look_s = 0.0
        self._since: dict[int, tuple[str, float]] = {}
        self.looked = 0

    def check(self, station: Station, snapshots: dict[int, EvseSnapshot], now_s: float) -> None:
        if now_s < self._look_s:
            return
        self._look_s = now_s + LOOK_EVERY_S
        for evse in station.overview(now_s).evses:
            self.looked += 1
            self._check_evse(evse, snapshots[evse.evse], now_s)

    def _check_evse(self, evse: EvseOverview, snapshot: EvseSnapshot, now_s: float) -> None:
        name, reasons = f"EVSE {evse.evse}", evse.reasons
        told = [(reason.id, reason.current_a, reason.detail) for reason in reasons]
        self._expect([r.binding for r in reasons].count(True) == 1, f"{name}: {told}")
        self._expect(reasons[0].binding, f"{name}: {told}")
        blocked = [reason for reason in reasons if reason.kind != "limits"]
        heard = evse.view is not None and evse.view.phase.value == snapshot.phase.value
        if heard and snapshot.phase is Phase.ENERGISED:
            self._expect(not blocked, f"{name} has energy and {told}")
            limits = [reason for reason in reasons if reason.id != "limit_vehicle"]
            self._expect(
                (
                    limits[0].current_a is not None
                    and abs(limits[0].current_a - snapshot.limit_a) < 0.1
                )
                or abs(evse.view.limit_a - snapshot.limit_a) > 0.01,  # not told yet
                f"{name} is limited to {snapshot.limit_a} A and says {told}",
            )
        elif heard or evse.view is None:
            self._expect(bool(blocked), f"{name} in {snapshot.phase} has no reason but {told}")
        self._check_passing(evse.evse, reasons[0].id, now_s)

    def _check_passing(self, evse: int, reason: str, now_s: float) -> None:
        before, since_s = self._since.get(evse, ("", now_s))
        if before != reason:
            since_s = now_s
        self._since[evse] = (reason, since_s)
        longest_s = PASSING_MAX_S.get(reason)
        if longest_s is not None:
            self._expect(
                now_s - since_s <= longest_s, f"EVSE {evse}: {reason} for {now_s - since_s:.0f} s"
            )
