"""The meter guard: which registers are believed, and what an exchanged meter does to a bill."""

from __future__ import annotations

import pytest

from chargepoint.station.meter_guard import MeterGuard, Plausibility, swapped
from chargepoint.station.records import StopReason
from hal.values import MeterReading, Quality
from tests.station.world import World

P = Plausibility
POWER_W = 11_040.0


class Meter:
    """Feeds a guard with one reading per second."""

    def __init__(self, first_wh: float = 50_000.0, speed: float = 1.0) -> None:
        self.guard = MeterGuard(POWER_W, speed)
        self.now_s = 0.0
        self.read(first_wh)

    def read(
        self,
        energy_wh: float | None,
        *,
        after_s: float = 1.0,
        closed: bool | None = True,
        power_w: float | None = None,
        quality: Quality = Quality.GOOD,
    ) -> Plausibility:
        self.now_s += after_s
        reading = MeterReading(
            taken_s=self.now_s, quality=quality, energy_import_wh=energy_wh, power_w=power_w
        )
        return self.guard.judge(reading, closed)

    @property
    def good_wh(self) -> float:
        assert self.guard.good is not None
        return self.guard.good.energy_wh


def test_what_the_fuse_can_pass_is_believed() -> None:
    meter = Meter()
    assert meter.read(50_000.0 + POWER_W, after_s=3600.0) is P.GOOD


@pytest.mark.parametrize(
    ("reading", "verdict"),
    [
        (None, P.MISSING),
        (51_000.0, P.JUMPED),
        (float(0xC350_0000), P.SWAPPED),
        (49_000.0, P.DECREASED),
    ],
)
def test_what_cannot_be_is_held_back(reading: float | None, verdict: Plausibility) -> None:
    """DESIGN 5, meter guard."""
    meter = Meter()
    assert meter.read(reading) is verdict
    assert meter.good_wh == 50_000.0
    assert meter.read(50_003.0) is P.GOOD


def test_a_reading_that_the_device_doubts_is_not_used() -> None:
    meter = Meter()
    assert meter.read(50_001.0, quality=Quality.SUSPECT) is P.MISSING


def test_a_register_that_starts_again_from_zero_is_told_apart() -> None:
    meter = Meter(999_990.0)
    assert meter.read(5.0, after_s=10.0) is P.ROLLED_OVER


def test_what_insists_is_how_the_meter_is_now() -> None:
    meter = Meter()
    verdicts = [meter.read(100.0 + number) for number in range(3)]
    assert verdicts == [P.DECREASED, P.DECREASED, P.REPLACED]
    assert meter.good_wh == 102.0


def test_readings_that_disagree_confirm_nothing() -> None:
    meter = Meter()
    verdicts = {meter.read(wh) for wh in (90_000.0, 20.0, 4e6, 70.0, 90_000.0)}
    assert P.REPLACED not in verdicts
    assert meter.good_wh == 50_000.0


def test_swapped_words_are_never_confirmed() -> None:
    meter = Meter()
    assert {meter.read(float(0xC350_0000)) for _ in range(10)} == {P.SWAPPED}


def test_energy_while_the_contactor_is_open_is_reported_and_still_counted() -> None:
    meter = Meter()
    meter.read(50_000.0, closed=False)
    assert meter.read(50_015.0, closed=False, after_s=10.0) is P.GOOD
    assert meter.read(50_030.0, closed=False, after_s=10.0) is P.FLOWING_WHILE_OPEN
    assert meter.good_wh == 50_030.0


def test_a_register_that_stands_still_while_power_flows_is_frozen() -> None:
    meter = Meter()
    verdicts = [meter.read(50_000.0, power_w=POWER_W, after_s=10.0) for _ in range(10)]
    assert verdicts[0] is P.GOOD
    assert verdicts[-1] is P.FROZEN


def test_a_register_that_stands_still_without_power_is_good() -> None:
    meter = Meter()
    verdicts = {meter.read(50_000.0, power_w=0.0, after_s=60.0) for _ in range(100)}
    assert verdicts == {P.GOOD}


def test_simulated_time_may_run_faster() -> None:
    meter = Meter(speed=60.0)
    assert meter.read(50_000.0 + POWER_W / 60.0, after_s=1.0) is P.GOOD


def test_the_words_of_common_encodings_are_exchanged() -> None:
    assert 50_000.0 in swapped(float(0xC350_0000))
    assert 120_000.0 in swapped(swapped(120_000.0)[0])


# --- In a transaction -----------------------------------------------------------------------------


def test_one_absurd_reading_does_not_reach_the_bill() -> None:
    world = World()
    world.charging()
    right = world.evses[1].energy_wh
    world.meter(1, 4_000_000.0)
    world.evses[1].energy_wh = right
    world.wait(3.0)
    world.card("04A1")
    world.wait(2.0)
    assert "meter.doubted" in world.notes
    assert world.ends[0].meter_stop_wh == int(world.evses[1].energy_wh)


def test_an_exchanged_meter_ends_the_transaction_with_the_last_good_value() -> None:
    """fault-codes, section 4; E16: meter stop is never below meter start."""
    world = World()
    world.charging()
    billed = int(world.evses[1].energy_wh)
    world.evses[1].energy_wh = 17.0
    world.wait(8.0)
    (end,) = world.ends
    assert end.reason is StopReason.OTHER
    assert billed <= end.meter_stop_wh <= billed + 20


def test_a_meter_that_leaps_is_not_billed_either() -> None:
    world = World()
    world.charging()
    billed = int(world.evses[1].energy_wh)
    world.evses[1].energy_wh += 1_000_000.0
    world.wait(8.0)
    assert billed <= world.ends[0].meter_stop_wh <= billed + 20


def test_the_raw_reading_is_kept_whatever_the_verdict() -> None:
    world = World()
    world.meter(1, 4_000_000.0)
    reading = world.station.overview(world.now_s).evses[0].reading
    assert reading is not None
    assert reading.energy_import_wh == 4_000_000.0
