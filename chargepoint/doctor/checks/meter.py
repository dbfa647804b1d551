"""Each meter: are its values possible, by themselves, together, and beside the contactor."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config import Evse
from chargepoint.doctor.checks.hazards import hazards
from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence
from hal.values import MeterReading

VOLTAGE_OFF_RATIO = 0.1
"""EN 50160: within 10 %."""

VOLTAGE_ABSURD_RATIO = 0.5
"""So far off that it is no voltage of this supply, or a phase without any."""

FREQUENCY_HZ = (45.0, 65.0)
CURRENT_OPEN_A = 0.5
APPARENT_MIN_VA = 500.0
"""Below, power factor and resolution say too little."""

POWER_LOW_RATIO = 0.3
POWER_HIGH_RATIO = 1.1
EXPECTED_MIN_WH = 5.0
"""Energy that must have been counted before a standing register is called frozen."""


def check(evidence: Evidence) -> Iterator[Mark]:
    told = list(hazards(evidence, "meter"))
    yield from told
    for evse in evidence.config.evse:
        if evse.meter and not any(mark.subject == f"EVSE {evse.id}" for mark in told):
            yield from _meter(evidence, evse)


def _meter(evidence: Evidence, evse: Evse) -> Iterator[Mark]:
    if evidence.trouble(evse.meter):
        yield unknown("values", evse.meter, "it does not answer")
        return
    readings = _readings(evidence, evse)
    if not readings:
        yield unknown("values", evse.meter, "no reading")
        return
    wrong = next(_wrong(evidence, evse, readings), None)
    yield good("values", evse.meter, described(readings[-1])) if wrong is None else wrong


def _readings(evidence: Evidence, evse: Evse) -> tuple[MeterReading, ...]:
    probe = evidence.probe(evse.meter)
    if probe is not None and probe.meters:
        return probe.meters
    if evidence.status is None:
        return ()
    return tuple(e.meter for e in evidence.status.evses if e.evse == evse.id and e.meter)


def _wrong(evidence: Evidence, evse: Evse, readings: tuple[MeterReading, ...]) -> Iterator[Mark]:
    """What is wrong, the most telling first."""
    name, last = evse.meter, readings[-1]
    text = described(last)
    low, high = FREQUENCY_HZ
    if any(v > evse.voltage_v * (1 + VOLTAGE_ABSURD_RATIO) or v < 0 for v in last.voltage_v):
        yield fail("values", "doctor.meter_values_impossible", name, text)
    if last.frequency_hz is not None and not low <= last.frequency_hz <= high:
        yield fail("values", "doctor.meter_values_impossible", name, text)
    if any(v < evse.voltage_v * VOLTAGE_ABSURD_RATIO for v in last.voltage_v):
        yield fail("values", "doctor.meter_phase_dead", name, text)
    if last.energy_import_wh is not None and last.energy_import_wh < 0:
        yield fail("values", "doctor.meter_values_impossible", name, text)
    yield from _power(name, last, text)
    yield from _energy(name, readings)
    yield from _beside_contactor(evidence, evse, last, text)
    if last.phase_sequence_ok is False:
        yield warn("values", "doctor.meter_phase_order", name, text)
    if evse.phases == 3 and len(last.voltage_v) == 1:
        yield warn("values", "doctor.meter_one_phase", name, text)
    if any(abs(v / evse.voltage_v - 1) > VOLTAGE_OFF_RATIO for v in last.voltage_v):
        yield warn("values", "doctor.meter_voltage_off", name, text)


def _power(name: str, last: MeterReading, text: str) -> Iterator[Mark]:
    if last.power_w is None or len(last.current_a) != len(last.voltage_v):
        return
    pairs = zip(last.voltage_v, last.current_a, strict=True)
    apparent_va = sum(voltage * abs(current) for voltage, current in pairs)
    if apparent_va < APPARENT_MIN_VA:
        if abs(last.power_w) > APPARENT_MIN_VA:
            yield fail("values", "doctor.meter_power_wrong", name, text)
        return
    if last.power_w < -POWER_LOW_RATIO * apparent_va:
        yield fail("values", "doctor.meter_reversed", name, text)
    elif not POWER_LOW_RATIO <= last.power_w / apparent_va <= POWER_HIGH_RATIO:
        yield fail("values", "doctor.meter_power_wrong", name, text)


def _energy(name: str, readings: tuple[MeterReading, ...]) -> Iterator[Mark]:
    first, last = readings[0], readings[-1]
    if first.energy_import_wh is None or last.energy_import_wh is None:
        return
    grown_wh = last.energy_import_wh - first.energy_import_wh
    took_s = last.taken_s - first.taken_s
    text = f"{grown_wh:+.1f} Wh in {took_s:.1f} s at {last.power_w or 0:.0f} W"
    if grown_wh < 0:
        yield fail("values", "doctor.meter_energy_falls", name, text)
    powers = [abs(reading.power_w or 0.0) for reading in readings]
    if grown_wh == 0 and min(powers) * took_s / 3600 > EXPECTED_MIN_WH:
        yield fail("values", "doctor.meter_frozen", name, text)


def _beside_contactor(
    evidence: Evidence, evse: Evse, last: MeterReading, text: str
) -> Iterator[Mark]:
    snapshot, probe = evidence.snapshot(evse.id), evidence.probe(evse.board)
    board = None if probe is None else probe.board
    closed = snapshot.contactor_closed if snapshot is not None else None
    if closed is None and board is not None:
        closed = board.contactor_closed or board.contactor_commanded
    if closed is False and any(abs(current) > CURRENT_OPEN_A for current in last.current_a):
        yield fail("values", "doctor.meter_current_when_open", evse.meter, text)


def described(reading: MeterReading) -> str:
    """The reading in one line."""
    parts = []
    if reading.energy_import_wh is not None:
        parts.append(f"{reading.energy_import_wh / 1000:.3f} kWh")
    if reading.power_w is not None:
        parts.append(f"{reading.power_w:.0f} W")
    if reading.voltage_v:
        parts.append("/".join(f"{value:.1f}" for value in reading.voltage_v) + " V")
    if reading.current_a:
        parts.append("/".join(f"{value:.2f}" for value in reading.current_a) + " A")
    if reading.frequency_hz is not None:
        parts.append(f"{reading.frequency_hz:.2f} Hz")
    return ", ".join(parts)
