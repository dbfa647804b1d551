"""The supply, as a meter on the safety bus sees it; without one nothing is concluded.

Ratios are of the nominal phase voltage (`voltage_v`). A phase that is all but gone is missing, not
low: a vehicle on L1 alone can still be charged. L1 itself is always needed.
"""

from __future__ import annotations

from chargepoint.evse.observation import Observation
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.words import said
from chargepoint.ipc.messages import Said

MISSING_RATIO = 0.2
"""Below this a phase is missing rather than low (our choice)."""


def over_voltage(o: Observation, settings: EvseSettings) -> Said | None:
    limit_v = settings.nominal_v * settings.over_voltage_ratio
    high = [one for one in _voltages(o) if one[1] > limit_v]
    return _voltage(high[0], limit_v) if high else None


def under_voltage(o: Observation, settings: EvseSettings) -> Said | None:
    limit_v = settings.nominal_v * settings.under_voltage_ratio
    missing_v = settings.nominal_v * MISSING_RATIO
    low = [
        (phase, voltage_v)
        for phase, voltage_v in _voltages(o)
        if voltage_v < limit_v and (phase == 1 or voltage_v >= missing_v)
    ]
    return _voltage(low[0], limit_v) if low else None


def phase_missing(o: Observation, settings: EvseSettings) -> Said | None:
    limit_v = settings.nominal_v * MISSING_RATIO
    voltages = _voltages(o)
    missing = [one for one in voltages if one[1] < limit_v]
    if not missing or len(missing) == len(voltages) or settings.phases == 1:
        return None
    return _voltage(missing[0], limit_v)


def frequency_out_of_range(o: Observation, settings: EvseSettings) -> Said | None:
    frequency_hz = o.mains.frequency_hz if o.mains is not None else None
    low_hz, high_hz = settings.frequency_min_hz, settings.frequency_max_hz
    # A meter without voltage has no frequency to show; that is the voltage's matter.
    if not frequency_hz or low_hz <= frequency_hz <= high_hz:
        return None
    return said("frequency", frequency_hz=frequency_hz, low_hz=low_hz, high_hz=high_hz)


def phase_rotation_wrong(o: Observation, _: EvseSettings) -> Said | None:
    wrong = o.mains is not None and o.mains.phase_sequence_ok is False
    return said("rotation") if wrong else None


def _voltages(o: Observation) -> tuple[tuple[int, float], ...]:
    return tuple(enumerate(o.mains.voltage_v, start=1)) if o.mains is not None else ()


def _voltage(found: tuple[int, float], limit_v: float) -> Said:
    return said("voltage", phase=found[0], voltage_v=found[1], limit_v=limit_v)
