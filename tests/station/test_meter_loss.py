"""A meter that falls silent: what may start, what goes on, what the CSMS hears (fault-codes, 4)."""

from __future__ import annotations

import dataclasses
from typing import Any

from chargepoint.station import effects as ef
from chargepoint.station.effects import ConnectorReport, Verdict
from chargepoint.station.effects import ConnectorState as State
from chargepoint.station.evse_meter import FRESH_S
from chargepoint.station.records import Measurand, ReadingContext, Sample, StopReason
from tests.station.world import World

REGISTER = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER


class Station(World):
    """A world whose EVSEs have these settings."""

    def __init__(self, **evse: Any) -> None:
        self.evse_changes = evse
        super().__init__()

    def start(self) -> None:
        evses = tuple(
            dataclasses.replace(settings, **self.evse_changes) for settings in self.settings.evses
        )
        self.settings = dataclasses.replace(self.settings, evses=evses)
        super().start()


def lenient() -> Station:
    return Station(meter_required=False)


def silence(world: World, duration_s: float = 20.0) -> None:
    world.evses[1].metered = False
    world.wait(duration_s, step_s=5.0)


def speak(world: World, energy_wh: float | None = None) -> None:
    world.evses[1].metered = True
    world.meter(1, energy_wh)


def report(world: World) -> ConnectorReport:
    return world.of(ef.ReportConnector)[-1].report


def marked(world: World, context: ReadingContext) -> list[Sample]:
    return [
        sample for record in world.updates for sample in record.samples if sample.context is context
    ]


def register(sample: Sample) -> float:
    (value,) = [each.value for each in sample.values if each.measurand is REGISTER]
    return value


# --- Where metering is required -------------------------------------------------------------------


def test_nothing_starts_without_the_meter_and_the_connector_says_so() -> None:
    world = Station()
    silence(world)
    assert (report(world).state, report(world).fault) == (State.FAULTED, "meter_lost")
    assert world.remote_start("04A1") is Verdict.REJECTED
    world.plug_in()
    world.card("04A1")
    assert world.starts == []
    assert not world.grant().permitted


def test_the_connector_is_free_again_with_the_meter() -> None:
    world = Station()
    silence(world)
    speak(world)
    assert (report(world).state, report(world).fault) == (State.AVAILABLE, None)
    world.charging()
    assert len(world.starts) == 1


def test_a_meter_that_is_only_slow_after_a_start_is_waited_for() -> None:
    world = Station()
    world.evses[1].metered = False
    world.kill_agent()
    world.accept()
    world.plug_in()
    world.card("04A1")
    assert world.starts == []
    world.wait(5.0)
    speak(world)
    assert len(world.starts) == 1


def test_a_transaction_goes_on_for_a_while_and_ends_with_the_last_register() -> None:
    world = Station()
    world.charging()
    silence(world)
    shown = world.station.overview(world.now_s).evses[0].transaction
    assert shown is not None
    assert shown.energy_wh is None
    assert (report(world).state, report(world).fault) == (State.CHARGING, "meter_lost")
    world.wait(320.0, step_s=10.0)
    (end,) = world.ends
    assert end.reason is StopReason.OTHER
    (begin,) = marked(world, ReadingContext.INTERRUPTION_BEGIN)
    assert end.meter_stop_wh == register(begin)


def test_how_long_it_goes_on_is_set_for_each_evse() -> None:
    world = Station(meter_lost_stop_s=60.0)
    world.charging()
    silence(world, 90.0)
    assert [end.reason for end in world.ends] == [StopReason.OTHER]


def test_a_gap_is_marked_with_the_last_register_before_and_the_first_after_it() -> None:
    world = Station()
    world.charging()
    noticed_s = world.now_s + FRESH_S
    before_wh = world.evses[1].energy_wh
    silence(world, 60.0)
    speak(world)
    (begin,) = marked(world, ReadingContext.INTERRUPTION_BEGIN)
    (end,) = marked(world, ReadingContext.INTERRUPTION_END)
    assert (begin.stamp.at_s, register(begin)) == (noticed_s, int(before_wh))
    assert (end.stamp.at_s, register(end)) == (world.now_s, int(world.evses[1].energy_wh))
    assert report(world).fault is None
    assert world.ends == []


def test_samples_stay_in_order_over_a_gap() -> None:
    world = Station()
    world.charging()
    world.set("SampledDataCtrlr", "TxUpdatedInterval", "5")
    silence(world, 60.0)
    speak(world)
    world.wait(20.0)
    times = [sample.stamp.at_s for record in world.updates for sample in record.samples]
    assert times == sorted(times)


def test_an_agent_that_comes_back_late_does_not_take_its_old_checkpoint_for_a_silent_meter() -> (
    None
):
    world = Station()
    world.charging()
    world.wait(100.0)
    world.evses[1].metered = False
    world.forget()
    world.kill_agent()
    world.accept()
    world.wait(5.0)
    speak(world)
    assert "meter.silent" not in world.notes
    assert marked(world, ReadingContext.INTERRUPTION_BEGIN) == []


def test_no_value_is_invented_while_the_meter_is_silent() -> None:
    world = Station()
    world.charging()
    silence(world)
    world.csms.records.clear()
    world.wait(120.0, step_s=10.0)
    assert world.updates == []


def test_a_meter_that_comes_back_lower_ends_the_transaction_with_the_last_good_register() -> None:
    """An exchanged meter: its register is not this transaction's."""
    world = Station()
    world.charging()
    good_wh = world.evses[1].energy_wh
    silence(world, 60.0)
    world.evses[1].energy_wh = 5.0
    world.evses[1].metered = True
    world.wait(20.0)
    (end,) = world.ends
    assert end.meter_stop_wh == int(good_wh)


# --- Where nobody is billed -----------------------------------------------------------------------


def test_without_billing_a_transaction_outlasts_its_meter() -> None:
    world = lenient()
    world.charging()
    silence(world, 2000.0)
    assert world.ends == []
    assert (report(world).state, report(world).fault) == (State.CHARGING, "meter_lost")
    assert world.grant().permitted


def test_without_billing_a_charge_may_start_without_the_meter() -> None:
    world = lenient()
    last_wh = world.evses[1].energy_wh
    silence(world)
    assert (report(world).state, report(world).fault) == (State.AVAILABLE, "meter_lost")
    world.charging()
    assert [start.meter_start_wh for start in world.starts] == [int(last_wh)]
    assert world.grant().permitted


def test_a_charge_that_began_without_the_meter_stays_without_energy() -> None:
    """What the register has moved by since may belong to somebody else."""
    world = lenient()
    silence(world)
    world.charging()
    speak(world, world.evses[1].energy_wh + 7000.0)
    world.wait(200.0, step_s=10.0)
    world.kill_agent()
    world.accept()
    world.wait(200.0, step_s=10.0)
    world.card("04A1")
    world.wait(10.0)
    (start,), (end,) = world.starts, world.ends
    assert end.meter_stop_wh == start.meter_start_wh
    registers = [
        value.value
        for record in world.updates
        for sample in record.samples
        for value in sample.values
        if value.measurand is REGISTER
    ]
    assert registers == []


def test_the_next_charge_after_that_is_metered_again() -> None:
    world = lenient()
    silence(world)
    world.charging()
    world.unplug()
    world.wait(20.0)
    speak(world)
    world.wait(20.0)
    world.charging()
    world.card("04A1")
    world.wait(10.0)
    assert world.ends[1].meter_stop_wh > world.starts[1].meter_start_wh
