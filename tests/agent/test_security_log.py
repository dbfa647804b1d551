"""The security log: lines, size, rights."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

from chargepoint.agent.security.journal import SecurityLog
from chargepoint.agent.security.worker import WAITING_MAX, SecurityWorker
from chargepoint.station.effects import LogSecurityEvent
from chargepoint.station.records import Stamp


def event(info: str = "why", wall: datetime | None = None) -> LogSecurityEvent:
    stamp = Stamp(boot="boot-1", at_s=12.3456)
    return LogSecurityEvent(kind="InvalidMessages", info=info, sent=False, stamp=stamp, wall=wall)


def test_a_line_tells_event_time_and_whether_the_csms_hears_of_it(tmp_path: Path) -> None:
    SecurityLog(tmp_path).write(event(wall=datetime(2026, 11, 24, 8, 0, tzinfo=UTC)))
    assert json.loads((tmp_path / "security.log").read_text()) == {
        "time": "2026-11-24T08:00:00.000Z",
        "boot": "boot-1",
        "at_s": 12.346,
        "event": "InvalidMessages",
        "sent_to_csms": False,
        "info": "why",
    }


def test_without_a_clock_a_line_has_no_time_but_an_order(tmp_path: Path) -> None:
    SecurityLog(tmp_path).write(event())
    line = json.loads((tmp_path / "security.log").read_text())
    assert (line["time"], line["at_s"]) == (None, 12.346)


def test_the_log_is_bounded_and_keeps_the_file_before(tmp_path: Path) -> None:
    log = SecurityLog(tmp_path, size_max=2000)
    for number in range(200):
        log.write(event(info=f"{number:>400}"))
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 2000
    assert json.loads((tmp_path / "security.log").read_text().splitlines()[-1])["info"].endswith(
        "199"
    )


def test_a_line_break_in_a_foreign_text_makes_no_second_line(tmp_path: Path) -> None:
    SecurityLog(tmp_path).write(event(info='a\n{"event": "StartupOfTheDevice"}'))
    assert (tmp_path / "security.log").read_text().count("\n") == 1


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    SecurityLog(tmp_path).write(event())
    assert stat.S_IMODE((tmp_path / "security.log").stat().st_mode) == 0o600


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "security.log").symlink_to(tmp_path / "elsewhere")
    failures: list[BaseException] = []
    worker = SecurityWorker(SecurityLog(tmp_path), failures.append)
    worker.start()
    worker.write(event())
    assert worker.stop(5.0)
    assert (tmp_path / "elsewhere").read_text() == ""
    assert failures == [], "told in the program's log, and no reason to end"


def test_a_disk_that_stands_still_costs_lines_and_no_memory(tmp_path: Path) -> None:
    worker = SecurityWorker(SecurityLog(tmp_path), lambda error: None)  # never started
    taken = [worker.do(lambda: None) for _ in range(WAITING_MAX + 50)]
    assert taken.count(True) == WAITING_MAX


def test_a_mistake_of_ours_is_handed_on(tmp_path: Path) -> None:
    failures: list[BaseException] = []
    worker = SecurityWorker(SecurityLog(tmp_path), failures.append)
    worker.start()

    def wrong() -> None:
        raise AssertionError("a mistake")

    worker.do(wrong)
    worker.stop(5.0)
    assert [str(each) for each in failures] == ["a mistake"]
