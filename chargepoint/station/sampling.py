"""Readings as sampled values: which measurand comes from what, phase by phase.

A measurand that cannot be read now is left out, never sent as zero (E14). All phases that the
meter has are reported unless the list asks for one (E7). Registers are whole Wh, rounded down like
meter start and stop, so that no sample is above the stop that follows it (E16).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chargepoint.station.events import EvseView
from chargepoint.station.records import Measurand, SampledValue
from chargepoint.station.settings import EvseSettings
from hal.values import MeterReading

Wanted = tuple[Measurand, str | None]
"""A measurand and the one phase that is wanted, or None for everything there is."""

Found = list[tuple[float, str | None]]
"""Values with their phase; empty when it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What values can come from at one instant; None where there is nothing fresh."""

    reading: MeterReading | None = None
    register_wh: float | None = None
    """The import register, if it is believed."""
    interval_wh: float | None = None
    """What flowed since the value before it in the same series."""
    view: EvseView | None = None
    evse: EvseSettings | None = None


def sampled_values(wanted: Iterable[Wanted], source: Source) -> tuple[SampledValue, ...]:
    """One SampledValue for each wanted measurand and phase that can be read."""
    values = []
    for measurand, only in wanted:
        for value, phase in _FOUND[measurand](source):
            if math.isfinite(value) and only in (None, phase):
                location = "Body" if measurand is Measurand.TEMPERATURE else "Outlet"
                values.append(
                    SampledValue(measurand=measurand, value=value, phase=phase, location=location)
                )
    return tuple(values)


def _total(value: float | None) -> Found:
    return [] if value is None else [(value, None)]


def _phases(values: tuple[float, ...], suffix: str = "") -> Found:
    return [(value, f"L{place}{suffix}") for place, value in enumerate(values, start=1)]


def _of_reading(read: Callable[[MeterReading], Found]) -> Callable[[Source], Found]:
    return lambda source: [] if source.reading is None else read(source.reading)


def _floored(value: float | None) -> Found:
    return [] if value is None else [(float(math.floor(value)), None)]


def _power(reading: MeterReading) -> Found:
    return _total(reading.power_w) + _phases(reading.power_phase_w)


def _offered_a(source: Source) -> Found:
    return [] if source.view is None else [(source.view.offered_a, None)]


def _offered_w(source: Source) -> Found:
    if source.view is None or source.evse is None:
        return []
    return [(source.view.offered_a * source.evse.voltage_v * source.evse.phases, None)]


def _temperature(source: Source) -> Found:
    return [] if source.view is None else _total(source.view.temperature_c)


# fmt: off
_FOUND: dict[Measurand, Callable[[Source], Found]] = {
    Measurand.ENERGY_ACTIVE_IMPORT_REGISTER: lambda source: _floored(source.register_wh),
    Measurand.ENERGY_ACTIVE_EXPORT_REGISTER: _of_reading(lambda r: _floored(r.energy_export_wh)),
    Measurand.ENERGY_ACTIVE_IMPORT_INTERVAL: lambda source: _floored(source.interval_wh),
    Measurand.POWER_ACTIVE_IMPORT:           _of_reading(_power),
    Measurand.POWER_REACTIVE_IMPORT:         _of_reading(lambda r: _total(r.reactive_power_var)),
    Measurand.POWER_FACTOR:                  _of_reading(lambda r: _total(r.power_factor)),
    Measurand.POWER_OFFERED:                 _offered_w,
    Measurand.CURRENT_IMPORT:                _of_reading(lambda r: _phases(r.current_a)),
    Measurand.CURRENT_OFFERED:               _offered_a,
    Measurand.VOLTAGE:                       _of_reading(lambda r: _phases(r.voltage_v, "-N")),
    Measurand.FREQUENCY:                     _of_reading(lambda r: _total(r.frequency_hz)),
    Measurand.TEMPERATURE:                   _temperature,
}
# fmt: on
