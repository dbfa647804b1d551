"""No energy after a stop, and none that no transaction has.

Once the end of a transaction is decided (a card, the CSMS, a vehicle gone) current may flow for as
long as a vehicle has to ramp down and the contactor to open; while the board is silent, until its
own watchdog opens it. Outside of transactions the register stands where the last end left it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from chargepoint.agent.core import ShellEffect
from chargepoint.station.effects import Append, Put
from chargepoint.station.records import TransactionEnded, TransactionStarted
from chargepoint.station.transaction import SPACE

RAMP_DOWN_S = 6.0
OPEN_S = 1.0
"""For the contactor, and for the steps in which the world goes."""
FLOWING_A = 0.5


class Kept(msgspec.Struct):
    """What matters here of a transaction as it is kept."""

    ending: dict[str, object] | None = None


@dataclass(slots=True)
class Stop:
    """What is known of one EVSE. Nothing may flow where there is no open transaction."""

    open: bool = False
    until_s: float = float("inf")
    """How long current may flow; endless: nobody has stopped it."""
    stop_wh: int | None = None
    """Where the last end left the register."""
    silent_s: float | None = None
    """Since when the board is silent."""


class StopRules:
    """`expect` fails with a sentence when its first argument does not hold."""

    def __init__(
        self, evses: tuple[int, ...], watchdog_s: float, expect: Callable[[bool, str], None]
    ) -> None:
        self._stops = {number: Stop() for number in evses}
        self._watchdog_s = watchdog_s
        self._expect = expect
        self.stopped = 0
        """Ends that were decided while a transaction was open."""

    def carried(self, effect: ShellEffect, now_s: float) -> None:
        """An effect of the agent: what was decided, what was written."""
        match effect:
            case Put(space=space, key=key, value=value) if space == SPACE:
                if msgspec.json.decode(value, type=Kept).ending is not None:
                    self._decided(self._stops[int(key)], now_s)
            case Append(record=TransactionStarted(evse=evse)):
                self._stops[evse].open, self._stops[evse].until_s = True, float("inf")
            case Append(record=TransactionEnded(evse=evse, meter_stop_wh=stop_wh)):
                self._stops[evse].open, self._stops[evse].stop_wh = False, stop_wh

    def check(
        self, evse: int, current_a: float, register_wh: float, *, silent: bool, now_s: float
    ) -> None:
        """After every step, with what the plant does."""
        stop, name = self._stops[evse], f"EVSE {evse}"
        self._follow_silence(stop, silent=silent, now_s=now_s)
        if current_a > FLOWING_A:
            late_s = now_s - stop.until_s
            self._expect(late_s <= 0, f"{name}: {current_a:.1f} A, {late_s:.1f} s after a stop")
        if not stop.open and stop.stop_wh is not None:
            more_wh = int(register_wh) - stop.stop_wh
            self._expect(more_wh == 0, f"{name}: {more_wh} Wh flowed in no transaction")

    def _decided(self, stop: Stop, now_s: float) -> None:
        if stop.open and stop.until_s == float("inf"):
            self.stopped += 1
            stop.until_s = now_s + RAMP_DOWN_S + OPEN_S

    def _follow_silence(self, stop: Stop, *, silent: bool, now_s: float) -> None:
        if not silent:
            if stop.silent_s is not None:
                stop.until_s = max(stop.until_s, now_s + OPEN_S)
            stop.silent_s = None
            return
        if stop.silent_s is None:
            stop.silent_s = now_s
        opened_s = stop.silent_s + self._watchdog_s + OPEN_S
        stop.until_s = max(stop.until_s, min(now_s + OPEN_S, opened_s))
