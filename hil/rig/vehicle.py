"""The vehicle of a rig: resistors behind relays, steered as a vehicle steers them.

From what the pilot offers and whether the outlet is live to plug, S2, ventilation and load. Free of
I/O; time is an argument. It follows IEC 61851-1 Annex A unless told to misbehave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

S2_DELAY_S = 0.5
"""From offer to S2."""
LOAD_DELAY_S = 0.5
"""From voltage to load."""
FOLLOW_S = 1.0
"""From a new offer to the load that fits; Annex A allows 5 s."""
PAUSE_S = 0.3
"""From load off to S2 open when the vehicle wants to pause."""
OFF_S = 0.8
"""From the end of the offer to S2 open; Annex A allows 3 s."""
DUTY_STEP_A = 0.06
"""A duty of 0.1 % more or less: boards round 16 A down to 15.996 A."""
PULLED_LOAD_S = 0.5
"""A load stays on after the plug was pulled for this long, unless the outlet is dead before."""


class Wish(Enum):
    """What the driver wants."""

    CHARGE = "charge"
    PAUSE = "pause"
    VENTILATION = "ventilation"


@dataclass(frozen=True, slots=True)
class Drive:
    """What the relays should do."""

    plug: bool = False
    s2: bool = False
    """1.3 kΩ: state C."""
    ventilation: bool = False
    """270 Ω in its place: state D."""
    loads: tuple[bool, ...] = ()


class EmulatedVehicle:
    """One vehicle; `loads_a` are the resistances that can be switched on, by their current."""

    def __init__(self, loads_a: Sequence[float]) -> None:
        self.plugged = False
        self.wish = Wish.CHARGE
        self.current_max_a = math.inf
        self.ignores_pilot = False
        self.overdraws = False
        self._loads_a = tuple(loads_a)
        self._offered_a = 0.0
        self._followed_a = 0.0
        self._follow_s = math.inf
        self._offer_since_s = math.inf
        self._off_since_s = -math.inf
        self._live_since_s = math.inf
        self._pause_since_s = math.inf
        self._pulled_s = -math.inf
        self._s2 = False
        self._loaded_a = 0.0

    def plug_in(self) -> None:
        self.plugged = True
        self._offered_a = 0.0
        self._offer_since_s = math.inf

    def unplug(self, now_s: float) -> None:
        """It leaves; the next one wants to charge again."""
        self.plugged = False
        self._s2 = False
        self._pulled_s = now_s
        self.wish = Wish.CHARGE
        self.current_max_a = math.inf

    def step(self, now_s: float, offered_a: float, live: bool) -> Drive:
        """What the relays should do at `now_s`."""
        self._see(now_s, offered_a, live)
        if not self.plugged:
            stays = live and now_s - self._pulled_s < PULLED_LOAD_S
            return Drive(loads=self._loads(self._loaded_a if stays else 0.0))
        self._move_s2(now_s)
        self._loaded_a = self._wanted_a(now_s)
        ventilation = self.wish is Wish.VENTILATION
        return Drive(
            plug=True,
            s2=self._s2 and not ventilation,
            ventilation=self._s2 and ventilation,
            loads=self._loads(self._loaded_a),
        )

    def _see(self, now_s: float, offered_a: float, live: bool) -> None:
        if offered_a > 0.0:
            self._offer_since_s = min(self._offer_since_s, now_s)
            self._off_since_s = math.inf
        else:
            self._off_since_s = min(self._off_since_s, now_s)
            self._offer_since_s = math.inf
        if offered_a != self._offered_a:
            # A first offer is followed at once: S2 has its own delay.
            self._follow_s = now_s + (FOLLOW_S if self._offered_a > 0.0 else 0.0)
            self._offered_a = offered_a
        if now_s >= self._follow_s:
            self._followed_a, self._follow_s = self._offered_a, math.inf
        self._live_since_s = min(self._live_since_s, now_s) if live else math.inf
        paused = self.wish is Wish.PAUSE
        self._pause_since_s = min(self._pause_since_s, now_s) if paused else math.inf

    def _move_s2(self, now_s: float) -> None:
        if now_s - self._pause_since_s >= PAUSE_S or (
            now_s - self._off_since_s >= OFF_S and not self.ignores_pilot
        ):
            self._s2 = False
        elif self.wish is not Wish.PAUSE and now_s - self._offer_since_s >= S2_DELAY_S:
            self._s2 = True

    def _wanted_a(self, now_s: float) -> float:
        if not self._s2 or self.wish is Wish.PAUSE or now_s - self._live_since_s < LOAD_DELAY_S:
            return 0.0
        if self.overdraws:
            return math.inf
        if self._offered_a <= 0.0:
            return self._loaded_a if self.ignores_pilot else 0.0
        return min(self._followed_a, self.current_max_a)

    def _loads(self, wanted_a: float) -> tuple[bool, ...]:
        """The largest first, as long as they fit."""
        chosen = [False] * len(self._loads_a)
        left_a = wanted_a + DUTY_STEP_A
        for number in sorted(range(len(chosen)), key=lambda one: -self._loads_a[one]):
            if self._loads_a[number] <= left_a:
                chosen[number] = True
                left_a -= self._loads_a[number]
        return tuple(chosen)
