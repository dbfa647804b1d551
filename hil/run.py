"""Plays the scenarios on a bench and writes the report: `python -m hil.run --bench sim`, or `rig`.

Exit codes: 0 all passed or skipped, 1 something failed, 2 usage.
"""

from __future__ import annotations

import argparse
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from chargepoint.config import ConfigError
from hal.loader import BAUD_MIN
from hil.report import Run, commit, host, summary_line, write
from hil.report_record import keep
from hil.rig.config import load_rig
from hil.rig.play import HardwareRig, RigFailed
from hil.scenarios.plan import CASES, CLASSES
from hil.scenarios.scenario import Case
from hil.sim_rig import Outcome, SimRig

OUT = Path("var/hil")
RIG = Path(__file__).with_name("rig.toml")
WORKERS = 4
"""Rigs side by side; each has its own plant, lines and programs."""
BOARDS = {"alone": "boards open by themselves", "plain": "boards do not open by themselves"}
BAUDS = (9600, 19200, 38400, 57600, 115200)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    wish = parser.parse_args(arguments)
    if wish.board == "plain" and wish.baud < BAUD_MIN:
        parser.error(f"boards that do not open by themselves need {BAUD_MIN} baud or more")
    cases = chosen(wish.classes or (), wish.only or (), wish.repeat)
    run = _on_hardware(wish.rig, cases) if wish.bench == "rig" else _simulated(wish, cases)
    wish.out.mkdir(parents=True, exist_ok=True)
    write(run, wish.out)
    if wish.record is not None:
        keep(run, wish.record)
    print(summary_line(run))
    print(f"report: {wish.out / 'report.html'}")
    return 0 if all(one.verdict in ("passed", "skipped") for one in run.outcomes) else 1


def chosen(classes: Sequence[str], only: Sequence[str], repeat: int = 1) -> list[Case]:
    """Cases to play, in the order of the report, each `repeat` times; all when none are named."""
    if not (classes or only):
        classes = tuple(CLASSES)
    names = {case.name for name in classes for case in CLASSES[name][1]} | set(only)
    return [case for case in CASES.values() if case.name in names for _ in range(repeat)]


def _on_hardware(path: Path, cases: Sequence[Case]) -> Run:
    """All cases, one after another, on the rig of this file. Exits with 2 when there is none."""
    started_at = datetime.now(UTC)
    begin_s = time.monotonic()
    outcomes: list[Outcome] = []
    # An ordinary end, so that the outputs are switched off.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with HardwareRig(load_rig(path)) as rig:
            for case in cases:
                outcomes.append(rig.play(case))
                _tell(outcomes[-1])
    except (ConfigError, RigFailed) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error
    finally:
        signal.signal(signal.SIGTERM, before)
    return Run(
        bench=rig.bench.name,
        baud=rig.baud,
        commit=commit(),
        host=host(),
        started_at=started_at,
        duration_s=time.monotonic() - begin_s,
        configuration=rig.configuration,
        instruments={one.value: words for one, words in rig.instruments.items()},
        outcomes=outcomes,
    )


def _simulated(wish: argparse.Namespace, cases: Sequence[Case]) -> Run:
    started_at = datetime.now(UTC)
    begin_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hil") as directory:
        rigs = [
            SimRig(Path(directory) / str(number), wish.baud, plain=wish.board == "plain")
            for number in range(min(wish.workers, len(cases)))
        ]
        outcomes = _play(rigs, cases)
        order = {case.name: number for number, case in enumerate(cases)}
        outcomes.sort(key=lambda outcome: order[outcome.case.name])
        return Run(
            bench=f"simulator, {BOARDS[wish.board]}, {wish.baud} baud",
            baud=wish.baud,
            commit=commit(),
            host=host(),
            started_at=started_at,
            duration_s=time.monotonic() - begin_s,
            configuration=rigs[0].configuration,
            instruments={one.value: words for one, words in rigs[0].instruments.items()},
            outcomes=outcomes,
        )


def _play(rigs: Sequence[SimRig], cases: Sequence[Case]) -> list[Outcome]:
    """All cases, by as many threads as there are rigs; the long ones first."""
    waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in sorted(cases, key=lambda one: not one.long):
        waiting.put(case)
    outcomes: list[Outcome] = []
    failures: list[BaseException] = []

    def work(rig: SimRig) -> None:
        try:
            with rig:
                while not waiting.empty():
                    try:
                        case = waiting.get_nowait()
                    except queue.Empty:
                        return
                    outcome = rig.play(case)
                    outcomes.append(outcome)
                    _tell(outcome)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(rig,)) for rig in rigs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return outcomes


def _tell(outcome: Outcome) -> None:
    line = f"{outcome.verdict:8}{outcome.case.name:36}{outcome.duration_s:6.1f} s"
    print(f"{line}  {outcome.detail}".rstrip(), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hil.run", description=__doc__)
    parser.add_argument("--bench", choices=("sim", "rig"), default="sim")
    parser.add_argument(
        "--rig",
        type=Path,
        default=RIG,
        metavar="FILE",
        help="its wiring; default hil/rig.toml",
    )
    parser.add_argument("--baud", type=int, choices=BAUDS, default=115200)
    parser.add_argument("--board", choices=tuple(BOARDS), default="alone")
    parser.add_argument(
        "--only", action="append", choices=sorted(CASES), metavar="NAME", help="may be repeated"
    )
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        choices=tuple(CLASSES),
        help="all of a class; may be repeated",
    )
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="each case N times")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="keep the worst times of each case at this baud rate in a TOML file",
    )
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--workers", type=int, default=WORKERS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
