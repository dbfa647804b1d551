"""What the host says of time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chargepoint.agent import clock


def test_the_wall_clock_is_read_with_its_monotonic_instant() -> None:
    before_s = time.monotonic()
    read = clock.clock_read()
    assert before_s <= read.at_s <= time.monotonic()
    assert abs(datetime.now(UTC) - read.wall) < timedelta(seconds=5)
    assert read.wall.tzinfo is UTC


def test_a_marker_of_timesyncd_is_enough(tmp_path: Path) -> None:
    marker = tmp_path / "synchronized"
    marker.touch()
    assert clock.synchronised(marker)
    assert clock.synchronised(tmp_path / "none") == clock.kernel_synchronised()


def test_an_rtc_is_one_that_the_kernel_lists(tmp_path: Path) -> None:
    assert not clock.has_rtc(tmp_path)
    assert not clock.has_rtc(tmp_path / "none")
    (tmp_path / "rtc0").mkdir()
    assert clock.has_rtc(tmp_path)


def test_the_boot_id_stays_the_same_during_a_boot(tmp_path: Path) -> None:
    assert clock.host_boot_id() == clock.host_boot_id()
    assert clock.host_boot_id(tmp_path / "none") != clock.host_boot_id(tmp_path / "none")
