"""The meter of one EVSE as the station uses it: the last reading, and a register to bill from."""

from __future__ import annotations

from chargepoint.station.desk import Desk
from chargepoint.station.meter_guard import BELIEVED, MeterGuard, Plausibility, Register
from chargepoint.station.settings import EvseSettings
from hal.values import MeterReading

FRESH_S = 15.0
"""A reading that is older counts as missing."""

LOST_FAULT = "meter_lost"
"""Catalogue id of the warning while a meter is silent."""


class EvseMeter:
    """Readings come in with `take`; `register` is the last one that the guard believed."""

    def __init__(self, desk: Desk, settings: EvseSettings, speed: float) -> None:
        self._desk = desk
        self._evse = settings.id
        self._present = settings.has_meter
        power_max_w = settings.current_max_a * settings.voltage_v * settings.phases
        self._guard = MeterGuard(power_max_w, speed)
        self._reading: MeterReading | None = None
        self._verdict = Plausibility.GOOD
        self._remembered: Register | None = None
        """The register of an earlier run: to compare with, but nothing that the meter says now."""
        self._silent_since_s: float | None = None
        self._lost = False
        self.replaced_s: float | None = None
        """When the register was last found to count from another value."""

    @property
    def present(self) -> bool:
        """Whether this EVSE has a meter at all."""
        return self._present

    @property
    def latest(self) -> MeterReading | None:
        """The last reading as it came, believed or not, however old."""
        return self._reading

    @property
    def guard(self) -> MeterGuard:
        return self._guard

    @property
    def register(self) -> Register | None:
        """The last register that was believed, however old."""
        return self._guard.good

    @property
    def fresh(self) -> MeterReading | None:
        """The last reading, if it is of now."""
        reading = self._reading
        if reading is None or self._desk.now_s >= reading.taken_s + FRESH_S:
            return None
        return reading

    @property
    def fresh_register(self) -> Register | None:
        """A register of now; what is held back or old is missing."""
        register = self.register
        if register is None or register is self._remembered:
            return None
        return register if self._desk.now_s < register.taken_s + FRESH_S else None

    @property
    def silent_since_s(self) -> float | None:
        """Since when there is no usable register; None while there is one."""
        return self._silent_since_s

    @property
    def lost(self) -> bool:
        """Worth a warning: silent although it should speak."""
        return self._lost

    def remember(self, register: Register) -> None:
        """What an earlier run believed last; only readings of this host boot can be compared."""
        self._guard.remember(register)
        self._remembered = register

    def take(self, reading: MeterReading, closed: bool | None) -> Plausibility:
        """A reading arrived; `closed`: the contactor behind it."""
        self._present = True
        self._reading = reading
        verdict = self._guard.judge(reading, closed)
        if verdict is not self._verdict and verdict is not Plausibility.GOOD:
            self._desk.note(
                "meter.doubted",
                evse=self._evse,
                verdict=verdict.value,
                register_wh=reading.energy_import_wh,
                believed=verdict in BELIEVED,
            )
        if verdict is Plausibility.REPLACED:
            self.replaced_s = reading.taken_s
        self._verdict = verdict
        self.due()
        return verdict

    def due(self) -> None:
        """Notice silence and its end."""
        if not self._present:
            return
        if self.fresh_register is not None:
            self._silent_since_s = None
            if self._lost:
                self._lost = False
                self._desk.note("meter.returned", evse=self._evse)
            return
        if self._silent_since_s is None:
            # What an earlier run believed says nothing of when the meter fell silent.
            heard = self.register if self.register is not self._remembered else None
            self._silent_since_s = self._desk.now_s if heard is None else heard.taken_s
        if not self._lost and self._desk.now_s >= self._silent_since_s + FRESH_S:
            self._lost = True
            self._desk.note("meter.silent", evse=self._evse)

    def deadline_s(self) -> float | None:
        """When silence would have to be noticed."""
        if not self._present or self._lost:
            return None
        if self._silent_since_s is not None:
            return self._silent_since_s + FRESH_S
        register = self.register
        return None if register is None else register.taken_s + FRESH_S
