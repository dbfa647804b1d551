"""Samples as MeterValue objects."""

from __future__ import annotations

import math

import pytest

from chargepoint.ocpp.v16.meter_values import UNITS, meter_value, number, thinned
from chargepoint.station.effects import ReportMeterValues
from chargepoint.station.records import (
    Measurand,
    ReadingContext,
    Sample,
    SampledValue,
    Stamp,
    TransactionId,
)
from tests.ocpp.fakes import ACCEPTED, Line

# fmt: off
NUMBERS = [
    (0, "0"), (-0.0, "0"), (-0.0001, "0"), (16, "16"), (16.0, "16"), (0.1 + 0.2, "0.3"),
    (1234567.891, "1234567.891"), (1e-7, "0"), (1e15, "1000000000000000"), (-3.25, "-3.25"),
    (100, "100"), (1e21, "1000000000000000000000"),
]
# fmt: on


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_numbers_are_plain_decimals(value: float, text: str) -> None:
    """E6: no exponent."""
    assert number(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_left_out(value: float) -> None:
    """E14: rather than sending 0."""
    assert number(value) is None


def sample(*values: SampledValue, context: ReadingContext = ReadingContext.TRIGGER) -> Sample:
    return Sample(stamp=Stamp(boot="boot-1", at_s=0.0), context=context, values=values)


def test_a_signed_register_stands_beside_its_number() -> None:
    """E15: SignedData, in a value of its own; none where the meter gives none."""
    register = SampledValue(measurand=Measurand.ENERGY_ACTIVE_IMPORT_REGISTER, value=1500.0)
    plain = sample(register, context=ReadingContext.TRANSACTION_END)
    signed = Sample(
        stamp=plain.stamp, context=plain.context, values=plain.values, signed="AP;0;3;BLOB"
    )
    found = meter_value(signed, "t")
    assert found is not None
    assert found["sampledValue"][-1] == {
        "value": "AP;0;3;BLOB",
        "context": "Transaction.End",
        "format": "SignedData",
        "measurand": "Energy.Active.Import.Register",
        "location": "Outlet",
        "unit": "Wh",
    }
    raw = meter_value(plain, "t")
    assert raw is not None
    assert [value["format"] for value in raw["sampledValue"]] == ["Raw"]


def test_phases_and_totals_are_one_value_each() -> None:
    """E5, E7."""
    found = meter_value(
        sample(
            SampledValue(measurand=Measurand.VOLTAGE, value=230.1, phase="L1-N"),
            SampledValue(measurand=Measurand.CURRENT_IMPORT, value=15.98, phase="L1"),
            SampledValue(measurand=Measurand.POWER_ACTIVE_IMPORT, value=3680.0),
            SampledValue(measurand=Measurand.TEMPERATURE, value=41.0, location="Body"),
        ),
        "T",
    )
    assert found is not None
    common = {"context": "Trigger", "format": "Raw"}
    assert found["sampledValue"] == [
        {
            "value": "230.1",
            "measurand": "Voltage",
            "phase": "L1-N",
            "location": "Outlet",
            "unit": "V",
            **common,
        },
        {
            "value": "15.98",
            "measurand": "Current.Import",
            "phase": "L1",
            "location": "Outlet",
            "unit": "A",
            **common,
        },
        {
            "value": "3680",
            "measurand": "Power.Active.Import",
            "location": "Outlet",
            "unit": "W",
            **common,
        },
        {
            "value": "41",
            "measurand": "Temperature",
            "location": "Body",
            "unit": "Celsius",
            **common,
        },
    ]


def test_frequency_and_power_factor_have_no_unit() -> None:
    """Keys, measurands: there is no unit for them in 1.6."""
    assert {m for m in Measurand if m not in UNITS} == {
        Measurand.FREQUENCY,
        Measurand.POWER_FACTOR,
    }


def test_a_sample_without_any_value_is_none() -> None:
    """E14."""
    nothing = SampledValue(measurand=Measurand.VOLTAGE, value=math.nan)
    assert meter_value(sample(nothing), "T") is None


def test_thinning_keeps_order_and_ends() -> None:
    values = [{"n": n} for n in range(11)]
    assert [v["n"] for v in thinned(values, 7)] == [0, 2, 4, 6, 8, 10]
    assert [v["n"] for v in thinned(values, 2)] == [0, 10]
    assert thinned(values, 11) == values


def values_of(line: Line) -> ReportMeterValues:
    value = SampledValue(measurand=Measurand.VOLTAGE, value=230.0, phase="L1-N")
    return ReportMeterValues(evse=1, samples=(sample(value),))


def test_values_outside_a_transaction_are_sent_when_online() -> None:
    """Q11: without transactionId."""
    line = Line()
    line.effect(values_of(line))
    line.accept()
    line.forget()
    line.effect(values_of(line))
    assert line.actions() == ["MeterValues"]
    assert "transactionId" not in line.calls()[0]


def test_values_within_a_transaction_carry_its_id() -> None:
    """M3, E9; central systems, 9: a central system recovers a lost transaction from it."""
    line = Line()
    line.accept()
    line.forget()
    value = SampledValue(measurand=Measurand.VOLTAGE, value=230.0, phase="L1-N")
    line.effect(
        ReportMeterValues(
            evse=1,
            samples=(sample(value),),
            transaction=TransactionId("tx"),
            csms_transaction_id=0,
        )
    )
    assert line.calls()[0]["transactionId"] == 0


def test_only_triggered_values_leave_while_pending() -> None:
    """Section 2, state Pending."""
    line = Line()
    line.connect()
    line.answer(ACCEPTED | {"status": "Pending"})
    line.forget()
    value = SampledValue(measurand=Measurand.VOLTAGE, value=230.0)
    periodic = sample(value, context=ReadingContext.SAMPLE_CLOCK)
    line.effect(ReportMeterValues(evse=1, samples=(periodic,)))
    assert line.calls() == []
    line.effect(values_of(line))
    assert line.actions() == ["MeterValues"]


def test_values_that_pile_up_are_dropped() -> None:
    """central systems, 9: triggers every few seconds without end."""
    line = Line()
    line.accept()
    line.forget()
    for _ in range(50):
        line.effect(values_of(line))
    for _ in range(8):
        line.answer({})
    assert len(line.calls("MeterValues")) == 8
