"""Notes reach the log as they come, and no central system can make them endless."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from chargepoint.agent.notes import AT_ONCE, EVERY_S, Notes
from chargepoint.station.effects import Note

NONSENSE = Note(name="csms.sent_unreadable", fields=(("reason", "no JSON"),))


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def written(notes: Notes, count: int, note: Note = NONSENSE) -> list[Any]:
    """The log entries of so many notes."""
    with structlog.testing.capture_logs() as lines:
        for _ in range(count):
            notes.write(note)
    return list(lines)


def test_a_note_is_written_with_its_fields_as_loud_as_the_catalogue_says(clock: Clock) -> None:
    (line,) = written(Notes(clock), 1)
    assert line["event"] == "csms.sent_unreadable"
    assert line["log_level"] == "warning"
    assert line["reason"] == "no JSON"
    assert "left_out" not in line


def test_of_a_flood_a_few_are_written_and_the_next_one_tells_of_the_rest(clock: Clock) -> None:
    """CQ8: ten thousand remarks about nonsense are thirty lines."""
    notes = Notes(clock)
    assert len(written(notes, 10_000)) == AT_ONCE
    clock.now_s += EVERY_S
    (line,) = written(notes, 1)
    assert line["left_out"] == 10_000 - AT_ONCE
    assert written(notes, 1) == []


def test_a_flood_of_one_name_silences_no_other(clock: Clock) -> None:
    notes = Notes(clock)
    written(notes, 1_000)
    other = Note(name="transaction.started", fields=(("evse", 1),))
    assert [line["event"] for line in written(notes, 1, other)] == ["transaction.started"]


def test_what_comes_seldom_is_always_written(clock: Clock) -> None:
    notes = Notes(clock)
    for _ in range(200):
        clock.now_s += EVERY_S
        assert len(written(notes, 1)) == 1
