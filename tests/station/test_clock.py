"""Wall time: which source counts, what a jump does, and records of earlier boots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.clock import BOOTS_MAX, Clock, ClockTrust
from chargepoint.station.desk import Desk
from chargepoint.station.records import SecurityEventHappened, Stamp
from chargepoint.station.settings import BUILT_AT
from tests.station.world import World

NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def clock(boot: str = "boot-1", kept: dict[str, str] | None = None) -> tuple[Clock, Desk]:
    desk = Desk(boot)
    return Clock(desk, kept or {}, BUILT_AT), desk


def test_trust_grows_from_none_to_ntp() -> None:
    it, _ = clock()
    trusts = [it.trust]
    for source in (ClockTrust.MONOTONIC, ClockTrust.RTC, ClockTrust.CSMS, ClockTrust.NTP):
        it.told(NOON, source, 100.0)
        trusts.append(it.trust)
    assert [trust.value for trust in trusts] == ["none", "monotonic", "rtc", "csms", "ntp"]


def test_without_a_source_that_can_be_trusted_there_is_no_wall_time() -> None:
    it, _ = clock()
    it.told(NOON, ClockTrust.MONOTONIC, 100.0)
    assert it.now(200.0) is None


def test_a_stamp_from_before_the_time_was_known_gets_its_time_later() -> None:
    """B2."""
    it, _ = clock()
    stamp = Stamp(boot="boot-1", at_s=40.0)
    assert it.wall(stamp) is None
    it.told(NOON, ClockTrust.CSMS, 100.0)
    assert it.wall(stamp) == NOON - timedelta(seconds=60)


def test_time_passes_also_while_nobody_knows_what_time_it_is() -> None:
    it, _ = clock()
    assert it.passed_s(Stamp(boot="boot-1", at_s=40.0), 100.0) == 60.0
    assert it.passed_s(Stamp(boot="boot-0", at_s=40.0), 100.0) is None


def test_time_since_an_earlier_boot_is_known_by_the_wall_clocks_of_both() -> None:
    before, desk = clock("boot-0")
    before.told(NOON, ClockTrust.NTP, 100.0)
    kept = {effect.key: effect.value for effect in desk.take() if isinstance(effect, ef.Put)}
    it, _ = clock("boot-1", kept)
    it.told(NOON + timedelta(hours=1), ClockTrust.NTP, 10.0)
    assert it.passed_s(Stamp(boot="boot-0", at_s=40.0), 20.0) == 3600 + 60 + 10


def test_a_weaker_source_changes_nothing() -> None:
    it, _ = clock()
    it.told(NOON, ClockTrust.NTP, 100.0)
    assert it.told(NOON + timedelta(hours=1), ClockTrust.CSMS, 100.0) is None
    assert it.now(100.0) == NOON


@pytest.mark.parametrize("year", [1970, 2100, 9999])
def test_a_time_before_the_build_or_far_away_is_refused(year: int) -> None:
    """csms-quirks Q13, CQ13: the last days of the calendar would even overflow it."""
    it, desk = clock()
    it.told(datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC), ClockTrust.CSMS, 100.0)
    assert it.now(100.0) is None
    assert [effect for effect in desk.take() if isinstance(effect, ef.Note)] != []


def test_a_small_difference_corrects_nothing_and_writes_nothing() -> None:
    """csms-quirks Q14."""
    it, desk = clock()
    it.told(NOON, ClockTrust.CSMS, 100.0)
    desk.take()
    it.told(NOON + timedelta(seconds=60.8), ClockTrust.CSMS, 160.0)
    assert desk.take() == []
    assert it.now(160.0) == NOON + timedelta(seconds=60)


def test_a_jump_is_a_security_event_and_moves_the_records_of_this_boot() -> None:
    """B2: SettingSystemTime."""
    world = World()
    started = Stamp(boot="host-1", at_s=world.now_s)
    before = world.station.clock.wall(started)
    wall = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)
    world.tell(ev.TimeGiven(wall=wall, at_s=world.now_s))
    kinds = [r.kind for r in world.csms.records if isinstance(r, SecurityEventHappened)]
    assert kinds == ["StartupOfTheDevice", "SettingSystemTime"]
    after = world.station.clock.wall(started)
    assert before is not None
    assert after is not None
    assert (after - before).total_seconds() == wall.timestamp() - before.timestamp()


def test_the_first_time_after_a_start_is_no_jump() -> None:
    world = World()
    kinds = [r.kind for r in world.csms.records if isinstance(r, SecurityEventHappened)]
    assert kinds == ["StartupOfTheDevice"]


def test_stamps_of_an_earlier_boot_keep_their_time() -> None:
    it, desk = clock()
    it.told(NOON, ClockTrust.CSMS, 100.0)
    (put,) = desk.take()
    assert isinstance(put, ef.Put)
    later, _ = clock("boot-2", {put.key: put.value})
    assert later.wall(Stamp(boot="boot-1", at_s=130.0)) == NOON + timedelta(seconds=30)
    assert later.now(5.0) is None
    assert later.trust is ClockTrust.NONE


def test_only_so_many_boots_are_kept() -> None:
    kept: dict[str, str] = {}
    for number in range(BOOTS_MAX + 5):
        it, desk = clock(f"boot-{number}", kept)
        it.told(NOON + timedelta(days=number), ClockTrust.NTP, 0.0)
        for effect in desk.take():
            if isinstance(effect, ef.Put):
                kept[effect.key] = effect.value
            elif isinstance(effect, ef.Delete):
                assert effect.key is not None
                del kept[effect.key]
    assert len(kept) == BOOTS_MAX
    assert "boot-0" not in kept


def test_the_host_clock_counts_as_what_it_is() -> None:
    world = World(online=False)
    for synchronised, rtc, trust in ((False, False, "monotonic"), (False, True, "rtc")):
        world.tell(ev.ClockRead(wall=NOON, synchronised=synchronised, rtc=rtc, at_s=world.now_s))
        assert world.station.clock.trust.value == trust
    world.tell(ev.ClockRead(wall=NOON, synchronised=True, rtc=True, at_s=world.now_s))
    assert world.station.clock.trust is ClockTrust.NTP
