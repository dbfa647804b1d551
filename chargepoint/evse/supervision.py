"""Which meter reading may be held against what is offered.

A meter is optional, and where it is silent nothing is concluded: the circuit breaker is the
protection, this only finds misbehaving vehicles.
"""

from __future__ import annotations

from chargepoint.evse.offer import Offer
from hal.values import MeterReading, PilotMode, Quality

BLIND_S = 5.0
"""After a reduction a vehicle has 5 s to follow (sequence 6)."""

METER_AGE_MAX_S = 5.0
"""An older meter reading says nothing of the current now."""


class MeterWatch:
    """Newest meter reading of one EVSE."""

    def __init__(self) -> None:
        self._reading: MeterReading | None = None

    def take(self, reading: MeterReading | None) -> None:
        """Take what one step brings."""
        if reading is not None:
            self._reading = reading

    def judged_a(self, offer: Offer, now_s: float) -> float | None:
        """Largest phase current in A; None where there is none to hold against the offer."""
        reading = self._reading
        if reading is None or not reading.current_a or reading.quality is not Quality.GOOD:
            return None
        if offer.mode is not PilotMode.OFFER or offer.reduced_s is None:
            return None
        old = now_s - reading.taken_s > METER_AGE_MAX_S
        blind = reading.taken_s - offer.reduced_s < BLIND_S
        return None if old or blind else max(reading.current_a)
