"""Programs of the real-time campaign: a plant with quick vehicles, an agent whose wall clock leaps.

python -m tests.system.abuse.programs plant FILE
python -m tests.system.abuse.programs agent FILE
"""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from chargepoint.config import load
from hil.instruments.plant import plain_boards
from hil.plant import vehicle
from hil.simulator import SWITCH_INTERVAL_S, Simulator

S2_DELAY_S = 0.15
OFF_REACTION_S = 1.0
PLAIN_BOARD = "board1"
"""This board leaves opening to the program; the others open by themselves as well."""
LEAPS_S = (-86_400.0 * 400, -3600.0, -2.0, 0.5, 61.0, 7200.0, 86_400.0 * 365 * 12)
LEAP_EVERY_S = 1.5


def plant(path: str) -> int:
    """Serve until SIGTERM: S2 closes at once, chargers start at once."""
    config = load(Path(path))
    vehicle.CHARGER_START_S = 0.1
    vehicle.RAMP_UP_A_PER_S = 60.0
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    boards = {PLAIN_BOARD: plain_boards(config)[PLAIN_BOARD]}
    with Simulator(config, boards=boards, urgent=True) as simulator:
        for evse in simulator.plant.evses.values():
            quick = {"s2_delay_s": S2_DELAY_S, "off_reaction_s": OFF_REACTION_S}
            evse.vehicle.traits = replace(evse.vehicle.traits, **quick)
        done.wait()
    return 0


class LeapingClock(datetime):
    """`datetime` whose `now` leaps by up to twelve years, every `LEAP_EVERY_S`."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        leap = random.Random(int(time.monotonic() / LEAP_EVERY_S)).choice(LEAPS_S)
        return datetime.now(tz) + timedelta(seconds=leap)


def agent(path: str) -> int:
    """The agent as it is, but for the clock of its host."""
    from chargepoint.agent import clock

    clock.READ_EVERY_S = 0.5
    clock.datetime = LeapingClock  # type: ignore[misc, attr-defined]
    from chargepoint.agent import main

    return main.run(load(Path(path)))


if __name__ == "__main__":
    sys.exit({"plant": plant, "agent": agent}[sys.argv[1]](sys.argv[2]))
