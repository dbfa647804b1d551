"""A reboot of the host that is refused: tried as often as ResetRetries says, then given up."""

from __future__ import annotations

from pathlib import Path

from chargepoint.agent.main import RESET_RETRIES_MAX, _reboot_host


def refusing(place: Path, until: int) -> tuple[list[str], Path]:
    """A command that fails until it was called `until` times, and where it counts."""
    calls = place / "calls"
    script = f'echo x >> "{calls}"; [ "$(wc -l < "{calls}")" -ge {until} ]'
    return ["sh", "-c", script], calls


def count(calls: Path) -> int:
    return len(calls.read_text().splitlines())


def test_a_reboot_that_works_is_asked_for_once(tmp_path: Path) -> None:
    command, calls = refusing(tmp_path, until=1)
    assert _reboot_host(3, command, pause_s=0.0)
    assert count(calls) == 1


def test_a_refused_reboot_is_tried_again(tmp_path: Path) -> None:
    """Z4: ResetRetries."""
    command, calls = refusing(tmp_path, until=3)
    assert _reboot_host(2, command, pause_s=0.0)
    assert count(calls) == 3


def test_after_the_retries_it_is_given_up(tmp_path: Path) -> None:
    """Z4: ResetRetries; the programs are restarted instead."""
    command, calls = refusing(tmp_path, until=99)
    assert not _reboot_host(1, command, pause_s=0.0)
    assert count(calls) == 2


def test_a_huge_number_of_retries_does_not_keep_the_station_down(tmp_path: Path) -> None:
    command, calls = refusing(tmp_path, until=99)
    assert not _reboot_host(10**9, command, pause_s=0.0)
    assert count(calls) == 1 + RESET_RETRIES_MAX
