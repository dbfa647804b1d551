"""The plant as a process of its own: the simulator, or one whose boards do not open by themselves.

A plain board still has its watchdog; leaving state C, a residual current and the emergency stop are
left to the program that steers it. `python -m hil.instruments.plant FILE` runs that one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from chargepoint.config import Config, load
from hil.plant.board import BoardOptions
from hil.simulator import SWITCH_INTERVAL_S, Simulator
from hil.stage import Stage, StageError

ANSWER_WAIT_S = 15.0
CURRENT_MAX_A = 32.0


def start_plant(stage: Stage, plain: bool) -> None:
    """Start the plant of `stage` and wait until it answers. Raises StageError."""
    if not plain:
        stage.start_simulator(ANSWER_WAIT_S)
        return
    command = [sys.executable, "-m", "hil.instruments.plant", str(stage.config_path)]
    with (stage.directory / "simulate.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
    stage.processes["simulate"] = process
    stage.wait_until(lambda: _answers(stage), ANSWER_WAIT_S, "the plant to answer", "simulate")


def plain_boards(config: Config) -> dict[str, BoardOptions]:
    """Options of each board by name: as the simulator's own, without opening alone."""
    return {
        evse.board: BoardOptions(
            opens_alone=False,
            has_lock=evse.connector == "socket",
            has_proximity=evse.connector == "socket",
            current_max_a=max(evse.current_max_a, CURRENT_MAX_A),
        )
        for evse in config.evse
    }


def main(path: str) -> int:
    """Serve until SIGTERM."""
    config = load(Path(path))
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with Simulator(config, boards=plain_boards(config), urgent=True):
        done.wait()
    return 0


def _answers(stage: Stage) -> bool:
    try:
        stage.state()
    except StageError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
