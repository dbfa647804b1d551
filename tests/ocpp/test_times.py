"""Times: every dialect of central systems in, one spelling out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from chargepoint.ocpp.times import Timestamps, parsed, spelled
from chargepoint.station.records import Stamp
from tests.ocpp.fakes import START, Clock

NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

# fmt: off
DIALECTS = [
    ("2026-11-24T12:00:00Z",              NOON),
    ("2026-11-24T12:00:00z",              NOON),
    ("2026-11-24T12:00:00.000Z",          NOON),
    ("2026-11-24T12:00:00+00:00",         NOON),
    ("2026-11-24T13:00:00+01:00",         NOON),
    ("2026-11-24T14:00:00+02",            NOON),
    ("2026-11-24T12:00:00",               NOON),
    (" 2026-11-24T12:00:00Z ",            NOON),
    ("2026-11-24T12:00:00.876446300Z",    NOON.replace(microsecond=876446)),
    ("2026-11-24T13:00:00.2973429+01:00", NOON.replace(microsecond=297342)),
    ("2199-12-31T00:00:00+01:00",         datetime(2199, 12, 30, 23, tzinfo=UTC)),
]
NO_TIMES = ["", "now", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "12:00", "z", "9" * 99]
# fmt: on


@pytest.mark.parametrize(("text", "instant"), DIALECTS)
def test_times_are_read_in_every_dialect(text: str, instant: datetime) -> None:
    """R13; central systems, 6: nanoseconds, local offsets, far-off dates, no zone."""
    assert parsed(text) == instant


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parsed(text) is None


def test_our_times_are_utc_with_a_z() -> None:
    """R13: milliseconds or none."""
    instant = datetime(2026, 11, 24, 13, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    assert spelled(instant) == "2026-11-24T12:00:00.123Z"
    assert spelled(instant, milliseconds=False) == "2026-11-24T12:00:00Z"


def test_a_stamp_gets_the_time_that_is_known_when_it_is_sent() -> None:
    """B2: records made before the first synchronisation get the right time later."""
    times = Timestamps(Clock(), milliseconds=False)
    assert times.of(Stamp(boot="boot-1", at_s=90.0), 100.0) == "2026-11-24T10:01:30Z"
    assert times.at(40.0, 100.0) == "2026-11-24T10:00:40Z"


def test_a_stamp_of_a_boot_without_a_clock_gets_the_present() -> None:
    """central systems, 6: times of 1970 hide newer data."""
    times = Timestamps(Clock(), milliseconds=False)
    assert times.of(Stamp(boot="boot-0", at_s=5.0), 100.0) == "2026-11-24T10:01:40Z"


def test_what_the_csms_said_stands_in_for_a_clock_that_is_not_set() -> None:
    clock = Clock()
    clock.known = False
    times = Timestamps(clock, milliseconds=False)
    assert times.now(5.0) is None
    times.heard(START, 10.0)
    assert times.now(15.0) == "2026-11-24T10:00:05Z"
