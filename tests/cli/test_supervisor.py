"""`chargepoint run`: what it does when one of its programs ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from chargepoint.cli.run import EXIT_RESTART, Program, Supervisor

WAITS = (
    "import signal, time; signal.signal(15, lambda *_: exit(0));"
    "open({0!r}, 'a').write('x'); time.sleep(60)"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def waiting(name: str, marks: Path) -> Program:
    """A program that marks its start in a file and waits for SIGTERM."""
    return Program(name, python(WAITS.format(str(marks))))


def stop_when(condition: object, supervisor: Supervisor) -> None:
    """Send ourselves SIGTERM once `condition()` holds, or after ten seconds in any case."""

    def watch() -> None:
        for _ in range(500):
            if condition():  # type: ignore[operator]
                break
            threading.Event().wait(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def started(marks: Path) -> int:
    return len(marks.read_text()) if marks.exists() else 0


def test_sigterm_ends_all_programs_and_exits_with_0(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    programs = [waiting("control", marks), waiting("agent", marks)]
    supervisor = Supervisor(programs)
    stop_when(lambda: started(marks) == 2, supervisor)
    assert supervisor.run() == 0
    assert all(program.process is None for program in programs)


def test_a_program_that_cannot_work_as_configured_ends_everything_with_2(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    programs = [waiting("control", marks), Program("agent", python("raise SystemExit(2)"))]
    assert Supervisor(programs).run() == 2
    assert programs[0].process is None


def test_an_agent_that_asks_for_a_restart_gets_one_for_all(tmp_path: Path) -> None:
    marks, once = tmp_path / "marks", tmp_path / "once"
    agent = python(
        "import pathlib, signal, time\n"
        "signal.signal(15, lambda *_: exit(0))\n"
        f"once = pathlib.Path({str(once)!r})\n"
        "if not once.exists():\n"
        f"    time.sleep(0.5); once.touch(); raise SystemExit({EXIT_RESTART})\n"
        "time.sleep(60)\n"
    )
    supervisor = Supervisor([waiting("control", marks), Program("agent", agent)])
    stop_when(lambda: started(marks) >= 2, supervisor)
    assert supervisor.run() == 0
    assert started(marks) == 2


def test_a_program_that_crashes_is_started_again_and_the_other_goes_on(tmp_path: Path) -> None:
    marks, crashes = tmp_path / "marks", tmp_path / "crashes"
    crash = python(f"open({str(crashes)!r}, 'a').write('x'); raise SystemExit(1)")
    supervisor = Supervisor([waiting("control", marks), Program("agent", crash)])
    stop_when(lambda: started(crashes) >= 2, supervisor)
    assert supervisor.run() == 0
    assert started(marks) == 1


def test_an_extra_that_cannot_work_as_configured_is_given_up_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    marks, tries = tmp_path / "marks", tmp_path / "tries"
    broken = python(f"open({str(tries)!r}, 'a').write('x'); raise SystemExit(2)")
    pages = Program("web", broken, extra=True)
    supervisor = Supervisor([waiting("control", marks), waiting("agent", marks), pages])
    stop_when(lambda: pages.given_up and started(marks) == 2, supervisor)
    assert supervisor.run() == 0
    assert (started(marks), started(tries)) == (2, 1)


def test_an_extra_restarts_nobody_but_comes_back_itself(tmp_path: Path) -> None:
    marks, tries = tmp_path / "marks", tmp_path / "tries"
    odd = python(f"open({str(tries)!r}, 'a').write('x'); raise SystemExit({EXIT_RESTART})")
    supervisor = Supervisor([waiting("agent", marks), Program("web", odd, extra=True)])
    stop_when(lambda: started(tries) >= 2 and started(marks) == 1, supervisor)
    assert supervisor.run() == 0
    assert started(marks) == 1
