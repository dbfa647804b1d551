"""Meter values: when they are taken, what they hold, and what the end carries."""

from __future__ import annotations

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import Verdict
from chargepoint.station.records import Measurand, ReadingContext, Sample, Trigger
from chargepoint.station.sampling import Source, sampled_values
from chargepoint.station.variables import measurand
from hal.values import MeterReading
from tests.station.world import FIRST_CSMS_ID, World

M = Measurand
SAMPLED, ALIGNED = "SampledDataCtrlr", "AlignedDataCtrlr"


def values(sample: Sample) -> list[tuple[str, str | None, float]]:
    return [(value.measurand.value, value.phase, value.value) for value in sample.values]


def trigger(evse: int | None):  # type: ignore[no-untyped-def]
    return lambda call: ev.MeterValuesTriggered(call=call, evse=evse, at_s=0.0)


# --- Values ---------------------------------------------------------------------------------------


def test_every_phase_of_a_measurand_is_reported_and_the_register_is_floored() -> None:
    """E7, E16."""
    world = World(variables={(SAMPLED, "TxUpdatedMeasurands"): f"{M.VOLTAGE.value},{REGISTER}"})
    world.charging()
    (update,) = world.updates
    (sample,) = update.samples
    assert values(sample)[:3] == [
        ("Voltage", "L1-N", 230.0),
        ("Voltage", "L2-N", 231.0),
        ("Voltage", "L3-N", 232.0),
    ]
    name, phase, register = values(sample)[3]
    assert (name, phase) == (REGISTER, None)
    assert register == int(register) > 120_000


REGISTER = M.ENERGY_ACTIVE_IMPORT_REGISTER.value


def test_one_phase_may_be_asked_for() -> None:
    """Configuration keys: a measurand with a phase suffix."""
    wanted = measurand("Voltage.L2-N")
    assert wanted is not None
    reading = MeterReading(taken_s=0.0, voltage_v=(230.0, 231.0, 232.0))
    (value,) = sampled_values([wanted], Source(reading=reading))
    assert (value.value, value.phase) == (231.0, "L2-N")


def test_what_cannot_be_read_is_left_out() -> None:
    """E14: missing is never zero."""
    wanted = [(each, None) for each in M]
    assert sampled_values(wanted, Source()) == ()
    reading = MeterReading(taken_s=0.0, power_w=0.0, frequency_hz=float("nan"))
    assert [each.measurand for each in sampled_values(wanted, Source(reading=reading))] == [
        M.POWER_ACTIVE_IMPORT
    ]


def test_what_the_pilot_offers_is_a_measurand_too() -> None:
    """E12."""
    lists = "Current.Offered,Power.Offered,Temperature"
    world = World(variables={(SAMPLED, "TxUpdatedMeasurands"): lists})
    world.charging()
    assert values(world.updates[0].samples[0]) == [
        ("Current.Offered", None, 16.0),
        ("Power.Offered", None, 16.0 * 230.0 * 3),
        ("Temperature", None, 31.0),
    ]


def test_an_interval_is_the_energy_since_the_value_before() -> None:
    """E8."""
    lists = M.ENERGY_ACTIVE_IMPORT_INTERVAL.value
    world = World(variables={(SAMPLED, "TxUpdatedMeasurands"): lists})
    world.charging()
    world.wait(60.0)
    flowed = [update.samples[0].values[0].value for update in world.updates]
    assert flowed == [pytest.approx(183, abs=16), pytest.approx(183, abs=16)]


# --- Instants -------------------------------------------------------------------------------------


def test_samples_are_counted_from_the_start_of_the_transaction() -> None:
    """E1, E3, TC_070."""
    world = World()
    world.wait(17.0)
    world.plug_in()
    world.card("04A1")
    started_s = world.now_s
    world.wait(185.0)
    taken = [update.samples[0].stamp.at_s - started_s for update in world.updates]
    assert taken == [60.0, 120.0, 180.0]
    assert {update.trigger for update in world.updates} == {Trigger.METER_VALUE_PERIODIC}
    assert {update.samples[0].context for update in world.updates} == {
        ReadingContext.SAMPLE_PERIODIC
    }


def test_samples_are_not_flushed_to_the_disk() -> None:
    world = World()
    world.plug_in()
    world.card("04A1")
    world.forget()
    world.wait(200.0, step_s=10.0)
    stores = [effect for effect in world.effects if isinstance(effect, ef.Append | ef.Put)]
    assert stores
    assert not any(effect.durable for effect in stores)


def test_the_state_of_a_running_transaction_is_flushed_every_quarter_of_an_hour() -> None:
    world = World(variables={(SAMPLED, "TxUpdatedInterval"): "0"})
    world.plug_in()
    world.card("04A1")
    world.forget()
    world.wait(2705.0, step_s=10.0)
    puts = [put for put in world.of(ef.Put) if put.space == "transactions"]
    assert [put.durable for put in puts] == [True, True, True]


def test_aligned_values_stand_on_a_grid_from_midnight_also_without_a_transaction() -> None:
    """E1, E9, Q11, TC_071: the world's second 1000 is 08:16:40 UTC."""
    world = World(variables={(ALIGNED, "Interval"): "300"})
    world.wait(700.0, step_s=10.0)
    reports = world.of(ef.ReportMeterValues)
    walls = [world.station.clock.wall(each.samples[0].stamp) for each in reports]
    assert [wall.strftime("%H:%M:%S") for wall in walls if wall] == ["08:20:00", "08:25:00"]
    assert {each.transaction for each in reports} == {None}


def test_aligned_values_of_a_transaction_are_records() -> None:
    """E2, E13, Q1, E9, TC_071."""
    world = World(variables={(ALIGNED, "Interval"): "300", (SAMPLED, "TxUpdatedInterval"): "0"})
    world.charging()
    world.wait(300.0, step_s=10.0)
    (update,) = world.updates
    assert update.trigger is Trigger.METER_VALUE_CLOCK
    assert update.samples[0].context is ReadingContext.SAMPLE_CLOCK


def test_without_a_clock_there_is_no_grid() -> None:
    world = World(variables={(ALIGNED, "Interval"): "300"}, online=False)
    world.wait(700.0, step_s=10.0)
    world.accept()
    assert world.of(ef.ReportMeterValues) == []


def test_aligned_values_outside_a_transaction_are_dropped_while_offline() -> None:
    """Q11."""
    world = World(variables={(ALIGNED, "Interval"): "300"})
    world.away()
    world.wait(700.0, step_s=10.0)
    world.accept()
    assert world.of(ef.ReportMeterValues) == []


# --- The end --------------------------------------------------------------------------------------


def test_the_end_carries_begin_and_end_and_what_was_in_between() -> None:
    """E2, E4."""
    world = World()
    world.charging()
    world.wait(65.0)
    world.card("04A1")
    world.wait(2.0)
    (end,) = world.ends
    contexts = [sample.context.value for sample in end.samples]
    assert contexts == [
        "Transaction.Begin",
        "Sample.Periodic",
        "Sample.Periodic",
        "Transaction.End",
    ]
    assert end.samples[0].values[0].value == world.starts[0].meter_start_wh
    assert end.samples[-1].values[0].value == end.meter_stop_wh


def test_without_lists_the_end_carries_nothing() -> None:
    """E4."""
    world = World(variables={(SAMPLED, "TxEndedMeasurands"): ""})
    world.charging()
    world.card("04A1")
    world.wait(2.0)
    assert world.ends[0].samples == ()


def test_a_long_transaction_keeps_begin_and_end_and_thins_the_rest() -> None:
    """Q9, StopTransactionMaxMeterValues."""
    world = World(variables={(SAMPLED, "TxUpdatedInterval"): "10"})
    world.plug_in()
    world.card("04A1")
    world.wait(2500.0, step_s=10.0)
    world.card("04A1")
    world.wait(2.0)
    samples = world.ends[0].samples
    assert 50 <= len(samples) <= 100
    assert samples[0].context is ReadingContext.TRANSACTION_BEGIN
    assert samples[-1].context is ReadingContext.TRANSACTION_END
    stamps = [sample.stamp.at_s for sample in samples]
    assert stamps == sorted(stamps)
    assert world.store.spaces.get("samples", {}) == {}


# --- On request -----------------------------------------------------------------------------------


def test_triggered_values_carry_the_running_transaction() -> None:
    """M1, M3, csms-quirks 9."""
    world = World()
    world.charging()
    world.forget()
    assert world.ask(trigger(1)) is Verdict.ACCEPTED
    kinds = [type(each) for each in world.effects]
    assert kinds == [ef.Answer, ef.ReportMeterValues]
    (report,) = world.of(ef.ReportMeterValues)
    assert report.csms_transaction_id == FIRST_CSMS_ID
    assert report.samples[0].context is ReadingContext.TRIGGER


@pytest.mark.parametrize(
    ("evses", "asked", "verdict", "reported"),
    [
        (2, None, Verdict.ACCEPTED, [1, 2]),
        (2, 2, Verdict.ACCEPTED, [2]),
        (1, 0, Verdict.ACCEPTED, [1]),
        (2, 0, Verdict.REJECTED, []),
        (2, 9, Verdict.REJECTED, []),
    ],
)
def test_a_trigger_is_for_one_evse_or_for_all(
    evses: int, asked: int | None, verdict: Verdict, reported: list[int]
) -> None:
    """M2, csms-quirks 8."""
    world = World(evses=evses)
    assert world.ask(trigger(asked)) is verdict
    assert [each.evse for each in world.of(ef.ReportMeterValues)] == reported


def test_a_main_meter_is_evse_0() -> None:
    """E10."""
    world = World(evses=2)
    reading = MeterReading(taken_s=world.now_s, energy_import_wh=5_000_000.0)
    world.tell(ev.MeterRead(evse=0, reading=reading))
    assert world.ask(trigger(0)) is Verdict.ACCEPTED
    assert [each.evse for each in world.of(ef.ReportMeterValues)] == [0]
