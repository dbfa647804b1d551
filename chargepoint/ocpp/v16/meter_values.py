"""Samples as MeterValue objects of OCPP 1.6: numbers as text, every field spelled out.

Section 7.33 (MeterValue) and its errata; the rules E3, E5 to E7, E11, E14 and E15 of the
rule matrix.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import msgspec

from chargepoint.ocpp.frames import Payload
from chargepoint.ocpp.times import Timestamps
from chargepoint.station.records import Measurand, Sample, SampledValue

SIZE_MAX = 60_000
"""Bytes of values in one message; several central systems refuse more than 64 KiB."""

# fmt: off
UNITS = {
    Measurand.ENERGY_ACTIVE_IMPORT_REGISTER: "Wh",
    Measurand.ENERGY_ACTIVE_EXPORT_REGISTER: "Wh",
    Measurand.ENERGY_ACTIVE_IMPORT_INTERVAL: "Wh",
    Measurand.POWER_ACTIVE_IMPORT:           "W",
    Measurand.POWER_REACTIVE_IMPORT:         "var",
    Measurand.POWER_OFFERED:                 "W",
    Measurand.CURRENT_IMPORT:                "A",
    Measurand.CURRENT_OFFERED:               "A",
    Measurand.VOLTAGE:                       "V",
    Measurand.TEMPERATURE:                   "Celsius",
}
"""Frequency and Power.Factor have no unit in 1.6; strict peers refuse the errata's word Hertz."""
# fmt: on


def number(value: float) -> str | None:
    """`value` as a plain decimal without exponent, up to three decimals; None for no number."""
    if not math.isfinite(value):
        return None
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def meter_value(sample: Sample, timestamp: str) -> Payload | None:
    """One MeterValue; None when nothing in `sample` can be expressed."""
    values = [field for value in sample.values if (field := _sampled(value, sample)) is not None]
    if sample.signed is not None:
        values.append(_signed(sample.signed, sample))
    return {"timestamp": timestamp, "sampledValue": values} if values else None


def meter_values(samples: Iterable[Sample], times: Timestamps, now_s: float) -> list[Payload]:
    """The MeterValues of `samples`, those left out that have no time or no value."""
    found = []
    for sample in samples:
        timestamp = times.of(sample.stamp, now_s)
        value = None if timestamp is None else meter_value(sample, timestamp)
        if value is not None:
            found.append(value)
    return found


def requests(
    connector: int, transaction_id: int | None, values: list[Payload]
) -> Iterator[Payload]:
    """MeterValues requests that carry `values`, each below `SIZE_MAX`."""
    head: Payload = {"connectorId": connector}
    if transaction_id is not None:
        head["transactionId"] = transaction_id
    for group in _groups(values):
        yield {**head, "meterValue": group}


def thinned(values: list[Payload], count_max: int) -> list[Payload]:
    """`values` for a StopTransaction: every second one in between left out until they fit.

    The first and the last stay (StopTransactionMaxMeterValues, errata 3.89).
    """
    while len(values) > 2 and (len(values) > count_max or _size(values) > SIZE_MAX):
        values = [values[0], *values[2:-1:2], values[-1]]
    return values


def _sampled(value: SampledValue, sample: Sample) -> Payload | None:
    text = number(value.value)
    if text is None:
        return None
    fields: Payload = {
        "value": text,
        "context": sample.context.value,
        "format": "Raw",
        "measurand": value.measurand.value,
        "location": value.location,
    }
    if value.phase is not None:
        fields["phase"] = value.phase
    if value.measurand in UNITS:
        fields["unit"] = UNITS[value.measurand]
    return fields


def _signed(blob: str, sample: Sample) -> Payload:
    """The meter's own word (note on signed meter values), beside the number that it signs (E15)."""
    register = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER
    return {
        "value": blob,
        "context": sample.context.value,
        "format": "SignedData",
        "measurand": register.value,
        "location": "Outlet",
        "unit": UNITS[register],
    }


def _groups(values: list[Payload]) -> Iterator[list[Payload]]:
    group: list[Payload] = []
    size = 0
    for value in values:
        added = _size(value)
        if group and size + added > SIZE_MAX:
            yield group
            group, size = [], 0
        group.append(value)
        size += added
    if group:
        yield group


def _size(values: Payload | list[Payload]) -> int:
    return len(msgspec.json.encode(values))
