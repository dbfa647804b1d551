"""The simulator: the plant of a configuration on its wires, with its HTTP interface and page.

    with Simulator(config) as simulator:      # in this process, for tests and the demo
        simulator.operator.plug_in(1)

`run` is the whole program: it serves until SIGTERM or SIGINT.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

from chargepoint import log
from chargepoint.config import Config
from hal.errors import ConfigurationError
from hil.build import build
from hil.history import PowerHistory
from hil.http import HttpServer
from hil.operator import Operator
from hil.plant.board import BoardOptions
from hil.plant.plant import Plant
from hil.state import state
from hil.wire.rtu import TURNAROUND_S
from hil.wire.tcp import NotLoopback
from hil.world import World

TICK_S = 0.01
SWITCH_INTERVAL_S = 0.0005
"""How long a busy thread may keep the interpreter from the thread of a wire."""


class Simulator:
    """Everything that stands around a station. Use as a context manager, or start and stop."""

    def __init__(
        self,
        config: Config,
        *,
        boards: Mapping[str, BoardOptions] | None = None,
        turnaround_s: float = TURNAROUND_S,
        http: bool = True,
        urgent: bool = False,
    ) -> None:
        """`boards` replaces options of boards by device name; `http` off: no interface, no page;
        `urgent`: real-time priority for the lines, where the system grants it.

        Raises ConfigurationError for a device that cannot be simulated.
        """
        self.config = config
        self.built = build(config, boards=boards, turnaround_s=turnaround_s, urgent=urgent)
        self.operator = Operator(config, self.built)
        self._history = PowerHistory(self.built.world)
        self._http = HttpServer(config, self.built, self.operator, self._history) if http else None
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def world(self) -> World:
        return self.built.world

    @property
    def plant(self) -> Plant:
        """Lock it with `world` before touching it."""
        return self.built.world.plant

    @property
    def http_url(self) -> str:
        """Address of the page and the interface; empty without."""
        return self._http.url if self._http is not None else ""

    def state(self) -> dict[str, Any]:
        """What `GET /state` answers."""
        return state(self.config, self.built)

    def start(self) -> None:
        """Open all wires and serve. Raises OSError or NotLoopback; nothing stays open then."""
        self._stop.clear()
        try:
            for line in self.built.lines.values():
                line.start()
            for server in self.built.servers.values():
                server.start()
            if self._http is not None:
                self._http.start()
        except (OSError, NotLoopback):
            self.stop()
            raise
        self._ticker = threading.Thread(target=self._tick, name="plant", daemon=True)
        self._ticker.start()

    def stop(self) -> None:
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join(timeout=2.0)
            self._ticker = None
        if self._http is not None:
            self._http.stop()
        for server in self.built.servers.values():
            server.stop()
        for line in self.built.lines.values():
            line.stop()

    def _tick(self) -> None:
        """Keep events on time while nobody asks the plant anything."""
        while not self._stop.wait(TICK_S):
            with self.built.world:
                self._history.sample()


def run(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; 0 after an orderly end, 1 when it could not start."""
    log.set_up(config.log.level, config.log.format)
    logger = log.get("simulator")
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        simulator = Simulator(config, urgent=True)
        simulator.start()
    except (ConfigurationError, NotLoopback, OSError) as error:
        logger.error("simulator.failed", detail=str(error))
        return 1
    lines = {name: str(line.link) for name, line in simulator.built.lines.items()}
    logger.info("simulator.started", url=simulator.http_url, lines=lines)
    done.wait()
    simulator.stop()
    logger.info("simulator.stopped")
    return 0
