"""Buzzer and lamp: the pattern for each level and instant, and how often the coils are written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from chargepoint.agent.notify.signal import SignalDesk, picture, within_hours
from chargepoint.config.alerts import Signal
from chargepoint.ipc.care import BusAnswer
from chargepoint.ipc.service import Done
from chargepoint.station.alerts.values import Severity, SignalLevel

SETTINGS = Signal(bus="field", unit=9, lamp_coil=0, buzzer_coil=1, buzzer_severity="error")
NOTHING = SignalLevel(severity="", acknowledged=False)


def level(severity: Severity, acknowledged: bool = False) -> SignalLevel:
    return SignalLevel(severity=severity, acknowledged=acknowledged)


def shown(
    wanted: SignalLevel, seconds: float, settings: Signal = SETTINGS, quiet: bool = False
) -> list[tuple[float, bool, bool]]:
    """(instant, lamp, buzzer) of each change in the first `seconds`, as its own `next_s` says."""
    found: list[tuple[float, bool, bool]] = []
    now_s = 0.0
    while now_s < seconds:
        one = picture(wanted, settings, 0.0, now_s, quiet=quiet)
        if not found or found[-1][1:] != (one.lamp, one.buzzer):
            found.append((round(now_s, 3), one.lamp, one.buzzer))
        assert one.next_s > now_s
        now_s = one.next_s
    return found


def lit(wanted: SignalLevel, at_s: float, settings: Signal = SETTINGS) -> bool:
    return picture(wanted, settings, 0.0, at_s).lamp


def loud(wanted: SignalLevel, at_s: float, settings: Signal = SETTINGS) -> bool:
    return picture(wanted, settings, 0.0, at_s).buzzer


def test_nothing_open_is_dark_and_silent() -> None:
    assert shown(NOTHING, 100.0) == [(0.0, False, False)]


def test_what_is_below_both_limits_is_dark_and_silent() -> None:
    assert shown(level("info"), 100.0) == [(0.0, False, False)]


def test_a_warning_is_steady_light() -> None:
    assert shown(level("warning"), 100.0) == [(0.0, True, False)]


def test_an_error_blinks_fast_and_beeps_twice() -> None:
    changes = shown(level("error"), 2.0)
    assert changes[0] == (0.0, True, True)
    assert [lit(level("error"), at_s) for at_s in (0.1, 0.6, 1.1, 1.6)] == [
        True,
        False,
        True,
        False,
    ]
    assert [loud(level("error"), at_s) for at_s in (0.1, 0.4, 0.7, 1.0, 9.9, 10.1)] == [
        True,
        False,
        True,
        False,
        False,
        True,
    ]


def test_what_somebody_knows_of_blinks_slowly_and_is_silent() -> None:
    known = level("critical", acknowledged=True)
    assert shown(known, 8.0) == [
        (0.0, True, False),
        (0.5, False, False),
        (4.0, True, False),
        (4.5, False, False),
    ]


def test_the_buzzer_ends_after_its_time_and_comes_back_once_an_hour() -> None:
    wanted = level("critical")
    loud_at = [at_s for at_s in range(7300) if loud(wanted, at_s + 0.1)]
    assert max(at_s for at_s in loud_at if at_s < 3600) < 120
    again = [at_s for at_s in loud_at if 3600 <= at_s < 7200]
    assert (again[0], again[-1] < 3610) == (3600, True)
    assert 7200 in loud_at


def test_quiet_hours_silence_the_buzzer_and_leave_the_lamp() -> None:
    changes = shown(level("critical"), 3.0, quiet=True)
    assert not any(buzzer for _, _, buzzer in changes)
    assert any(lamp for _, lamp, _ in changes)


@pytest.mark.parametrize(
    ("hours", "clock", "inside"),
    [
        ("", "03:00", False),
        ("22:00-06:00", "22:00", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
        ("12:00-13:00", "12:30", True),
        ("12:00-13:00", "13:00", False),
    ],
)
def test_hours_may_pass_midnight(hours: str, clock: str, inside: bool) -> None:
    assert within_hours(hours, datetime.fromisoformat(f"2026-05-01T{clock}")) is inside


class Coils:
    """A relay board on the bus, and the virtual time in which it is written to."""

    def __init__(self) -> None:
        self.writes: list[tuple[float, int, int]] = []
        self.now_s = 0.0
        self.broken = ""
        self.wrote = asyncio.Semaphore(0)
        self.clock = datetime(2026, 5, 1, 12, 0)

    async def write(
        self,
        bus: str,
        unit: int,
        function: int,
        address: int,
        count: int = 1,
        values: Sequence[int] = (),
    ) -> BusAnswer | Done:
        assert (bus, unit, function) == ("field", 9, 5)
        if self.broken:
            return Done(ok=False, detail=self.broken)
        self.writes.append((round(self.now_s, 3), address, values[0]))
        self.wrote.release()
        return BusAnswer(values=tuple(values), took_s=0.01)

    def desk(self, settings: Signal = SETTINGS) -> SignalDesk:
        return SignalDesk(settings, self.write, now=lambda: self.now_s, local=lambda: self.clock)

    async def written(self, count: int) -> None:
        """Wait until so many writes were made in all."""
        async with asyncio.timeout(30.0):
            while len(self.writes) < count:
                await self.wrote.acquire()

    async def run(self, desk: SignalDesk, seconds: float) -> None:
        """What `run` does, with time that passes by itself."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = max(min(await desk._step(), until_s), self.now_s)


async def test_a_coil_is_written_once_for_each_change() -> None:
    coils = Coils()
    desk = coils.desk()
    desk.show(level("warning"))
    await coils.run(desk, 300.0)
    assert coils.writes == [(0.0, 0, 1), (0.0, 1, 0)]
    desk.show(level("error"))
    coils.writes.clear()
    await coils.run(desk, 2.0)
    lamp = [(at_s, value) for at_s, coil, value in coils.writes if coil == 0]
    assert lamp == [(300.5, 0), (301.0, 1), (301.5, 0)]


async def test_a_resting_coil_is_written_again_every_ten_minutes() -> None:
    coils = Coils()
    desk = coils.desk()
    desk.show(level("warning"))
    await coils.run(desk, 1801.0)
    assert [at_s for at_s, coil, _ in coils.writes if coil == 0] == [0.0, 600.0, 1200.0, 1800.0]


async def test_a_dead_relay_board_is_said_once_and_asked_seldom() -> None:
    coils = Coils()
    coils.broken = "no answer"
    desk = coils.desk()
    desk.show(level("error"))
    await coils.run(desk, 600.0)
    assert desk.problem == "no answer"
    coils.broken = ""
    await coils.run(desk, 61.0)
    assert desk.problem == ""
    assert {coil for _, coil, _ in coils.writes} == {0, 1}


async def test_a_failure_that_passes_at_once_is_not_said() -> None:
    coils = Coils()
    coils.broken = "the safety program is not reached"
    desk = coils.desk()
    with capture_logs() as said:
        await coils.run(desk, 2.0)
        coils.broken = ""
        await coils.run(desk, 10.0)
        assert said == []
        coils.broken = "no answer"
        desk.show(level("error"))
        await coils.run(desk, 600.0)
        coils.broken = ""
        await coils.run(desk, 61.0)
    assert [one["event"] for one in said] == ["signal.failed", "signal.recovered"]


async def test_only_the_coils_that_are_there_are_written() -> None:
    coils = Coils()
    desk = coils.desk(Signal(bus="field", unit=9, lamp_coil=4))
    desk.show(level("critical"))
    await coils.run(desk, 10.0)
    assert {coil for _, coil, _ in coils.writes} == {4}


async def test_a_new_level_shows_at_once_and_the_end_switches_off() -> None:
    coils = Coils()
    desk = coils.desk(Signal(bus="field", unit=9, lamp_coil=0))
    running = asyncio.create_task(desk.run())
    await coils.written(1)
    desk.show(level("warning"))
    await coils.written(2)
    running.cancel()
    await asyncio.wait((running,), timeout=30.0)
    assert coils.writes == [(0.0, 0, 0), (0.0, 0, 1), (0.0, 0, 0)]
