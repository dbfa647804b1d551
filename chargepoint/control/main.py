"""The safety program of one bus: `run(config, bus)`.

Ends in exactly one of these ways, each with the safe state commanded to every board:

    SIGTERM, SIGINT      orderly: oscillator off, the vehicle may ramp down, contactor open; exit 0
    a second signal      at once: contactor open; exit 0
    a doubt              an exception that nobody expected; logged; exit 1
    a wrong start        the configuration or a socket cannot be used; exit 2

What cannot command anything any more (SIGKILL, SIGSTOP, a dead host) is the board's watchdog's
business, and that of `safe_state`, which the service manager runs afterwards.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable

from chargepoint import log
from chargepoint.config import Config
from chargepoint.control.loop import Loop
from chargepoint.control.wiring import Wired, wire
from chargepoint.service_manager import ServiceManager
from hal.errors import ConfigurationError

QUIET_TICKS = 2.5
"""With nothing plugged in a tick takes this many periods: there is nothing to open."""

STOP_EXTRA_S = 3.0
"""On top of the ramp-down time, for the last openings to be confirmed."""

ALIVE_EVERY_S = 0.5
PRIORITY = 10
"""SCHED_FIFO priority, where the unit grants it."""


def run(config: Config, bus: str) -> int:
    """Run until a signal or a doubt; the exit code."""
    output = log.QueuedOutput(sys.stdout)
    log.set_up(config.log.level, config.log.format, output, journal="JOURNAL_STREAM" in os.environ)
    logger = log.get("control")
    try:
        wired = wire(config, bus)
    except (ConfigurationError, OSError) as error:
        print(f"control {bus}: {error}", file=sys.stderr)
        output.close()
        return 2
    for warning in wired.warnings:
        logger.warning("board.watchdog_missing", detail=warning)
    program = Program(config, wired, logger)
    try:
        return program.run()
    finally:
        output.close()


class Program:
    """Runs a wired loop with signals, pace and a safe end."""

    def __init__(self, config: Config, wired: Wired, logger: log.Logger) -> None:
        self._config = config
        self._wired = wired
        self._loop: Loop = wired.loop
        self._log = logger
        self._manager = ServiceManager()
        self._signals = 0
        self._alive_s = 0.0

    def run(self) -> int:
        """The exit code; the safe state was commanded when it returns."""
        self._prepare_process()
        self._log.info("control.started", bus=self._wired.bus.name, evses=len(self._loop.units))
        code = 1
        try:
            self._pace(lambda: self._signals > 0)
            self._stop()
            code = 0
        except Exception:
            self._log.exception("control.failed")
        finally:
            safe = self._loop.make_safe()
            self._wired.server.close()
            self._wired.bus.close()
            self._log.info("control.stopped", code=code, safe_state_confirmed=safe)
        return code

    def _prepare_process(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._signalled)
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        except OSError:
            self._log.debug("control.priority_refused")
        gc.collect()
        gc.freeze()

    def _signalled(self, number: int, frame: object) -> None:
        self._signals += 1

    def _pace(self, done: Callable[[], bool]) -> None:
        """Tick at absolute instants until `done`; back to back where the bus is slower."""
        next_s = time.monotonic()
        while not done():
            self._loop.tick()
            now_s = time.monotonic()
            self._tell_alive(now_s)
            period_s = self._config.safety.tick_s * (QUIET_TICKS if self._loop.quiet else 1.0)
            next_s = max(next_s + period_s, now_s)
            with contextlib.suppress(InterruptedError):
                time.sleep(next_s - now_s)

    def _tell_alive(self, now_s: float) -> None:
        """Kick the service manager's watchdog: only while every board is being read."""
        if now_s - self._alive_s >= ALIVE_EVERY_S and self._loop.boards_read:
            if not self._alive_s:
                self._manager.ready()
            self._alive_s = now_s
            self._manager.alive()

    def _stop(self) -> None:
        self._manager.stopping()
        self._log.info("control.stopping")
        signals = self._signals
        self._loop.shut_down()
        until_s = time.monotonic() + self._config.safety.ramp_down_s + STOP_EXTRA_S
        self._pace(
            lambda: self._loop.at_rest or self._signals > signals or time.monotonic() > until_s
        )
        self._loop.shut_down(immediate=True)
        self._loop.tick()
