"""What a meter reading says about vehicle, contactor and supply, and when it may be believed.

A meter is optional, and where it is silent nothing is concluded: the circuit breaker is the
protection, this only finds misbehaving vehicles, contactors and grids.
"""

from __future__ import annotations

from dataclasses import replace

from chargepoint.evse.offer import Offer
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.words import said
from chargepoint.ipc.messages import Said
from hal.values import MeterReading, PilotMode, Quality

BLIND_S = 5.0
"""After a reduction a vehicle has 5 s to follow (sequence 6)."""

METER_AGE_MAX_S = 5.0
"""An older meter reading says nothing of the current now."""

SETTLED_S = 2.0
"""A meter averages; what it shows sooner after switching belongs to before."""

LEAK_A = 0.5
LIVE_V = 50.0
BEHIND_READINGS = 2
"""Readings in a row that must show current or voltage behind an open contactor."""


class MeterWatch:
    """Meter readings of one EVSE against what its contactor and pilot do."""

    def __init__(self, settings: EvseSettings) -> None:
        self._settings = settings
        self._reading: MeterReading | None = None
        self._leaks = 0
        self._lives = 0

    def take(self, reading: MeterReading | None, opened_s: float | None) -> None:
        """Take what one step brings; `opened_s`: since when the contactor must be open."""
        if opened_s is None:
            self._leaks = self._lives = 0
        if reading is None or reading.quality is not Quality.GOOD:
            return
        before, self._reading = self._reading, reading
        if before is not None and replace(before, taken_s=reading.taken_s) == reading:
            return  # A meter that stands still shows what was, not what is.
        if opened_s is None or reading.taken_s - opened_s < SETTLED_S:
            return
        leaking = max(reading.current_a, default=0.0) > LEAK_A
        self._leaks = self._leaks + 1 if leaking else 0
        behind = self._settings.meter_behind_contactor
        live = behind and max(reading.voltage_v, default=0.0) > LIVE_V
        self._lives = self._lives + 1 if live else 0

    def leaking(self, now_s: float) -> Said | None:
        """Current behind an open contactor."""
        reading = self._recent(now_s)
        if self._leaks < BEHIND_READINGS or reading is None:
            return None
        return said("current_behind", current_a=max(reading.current_a), limit_a=LEAK_A)

    def live(self, now_s: float) -> Said | None:
        """Voltage behind an open contactor."""
        reading = self._recent(now_s)
        if self._lives < BEHIND_READINGS or reading is None:
            return None
        return said("voltage_behind", voltage_v=max(reading.voltage_v), limit_v=LIVE_V)

    def mains(self, closed_s: float | None, now_s: float) -> MeterReading | None:
        """The newest reading that shows the supply; `closed_s`: since when it is closed."""
        reading = self._recent(now_s)
        if reading is None or not self._settings.meter_behind_contactor:
            return reading
        switched = closed_s is not None and reading.taken_s - closed_s >= SETTLED_S
        return reading if switched else None

    def judged_a(self, offer: Offer, now_s: float) -> float | None:
        """Largest phase current in A; None where there is none to hold against the offer."""
        reading = self._recent(now_s)
        if reading is None or not reading.current_a:
            return None
        if offer.mode is not PilotMode.OFFER or offer.reduced_s is None:
            return None
        blind = reading.taken_s - offer.reduced_s < BLIND_S
        return None if blind else max(reading.current_a)

    def _recent(self, now_s: float) -> MeterReading | None:
        """The newest reading, unless it is too old to say anything."""
        reading = self._reading
        if reading is None or now_s - reading.taken_s > METER_AGE_MAX_S:
            return None
        return reading
