"""The safety program of one bus: `run(config, bus)`.

Ends in exactly one of these ways; from the first tick on each commands the safe state to every
board:

    SIGTERM, SIGINT      orderly: oscillator off, the vehicle may ramp down, contactor open; exit 0
    a second signal      at once: contactor open; exit 0
    a doubt              an exception that nobody expected; logged; exit 1
    another control      owns the bus; nothing was touched; exit 1
    a wrong start        the configuration or the socket cannot be used; exit 2

What cannot command anything any more (SIGKILL, SIGSTOP, a dead host) is the board's watchdog's
business, and that of `safe_state`, which the service manager runs afterwards.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import time
from collections.abc import Callable

from chargepoint import log
from chargepoint.config import Config
from chargepoint.control.loop import Loop
from chargepoint.control.wiring import BusTaken, Wired, wire
from chargepoint.service_manager import ServiceManager
from hal.errors import ConfigurationError

QUIET_TICK_S = 0.08
"""Pace with nothing plugged in anywhere: there is nothing to open, and readings stay fresh."""

STOP_EXTRA_S = 3.0
"""On top of the ramp-down time, for the last openings to be confirmed."""

SAFE_WITHIN_S = 1.5
"""How long the last command is repeated to boards that do not confirm it."""

SAFE_PAUSE_S = 0.05
ALIVE_EVERY_S = 0.5
PRIORITY = 10
"""SCHED_FIFO priority, where the unit grants it."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


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
    except BusTaken as error:
        print(f"control {bus}: {error}", file=sys.stderr)
        output.close()
        return 1
    for warning in wired.warnings:
        logger.warning("board.watchdog_missing", detail=warning)
    program = Program(config, wired, logger)
    for number in SIGNALS:
        signal.signal(number, program.signalled)
    settle_process(logger)
    try:
        return program.run()
    finally:
        output.close()


def settle_process(logger: log.Logger) -> None:
    """Real-time priority where it is granted; no more garbage collection of what start-up left.

    The service manager ends a hung program with SIGABRT, which leaves a traceback on stderr.
    """
    faulthandler.enable()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError:
        logger.debug("control.priority_refused")
    gc.collect()
    gc.freeze()


class Program:
    """Runs a wired loop with signals, pace and a safe end."""

    def __init__(
        self,
        config: Config,
        wired: Wired,
        logger: log.Logger,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        manager: ServiceManager | None = None,
    ) -> None:
        self._safety = config.safety
        self._wired = wired
        self._loop: Loop = wired.loop
        self._log = logger
        self._now = now
        self._sleep = sleep
        self._manager = manager or ServiceManager()
        self._signals = 0
        self._alive_s: float | None = None

    def signalled(self, number: int, frame: object) -> None:
        """A signal that asks for the end; for `signal.signal`."""
        self._signals += 1

    def run(self) -> int:
        """The exit code; the safe state was commanded when it returns or raises."""
        code = 1
        try:
            self._log.info("control.started", bus=self._wired.bus.name, evses=len(self._loop.units))
            self._pace(lambda: self._signals > 0)
            self._stop()
            code = 0
        except Exception:
            self._log.exception("control.failed")
        finally:
            unconfirmed = self._make_safe()
            if unconfirmed:
                self._log.critical("board.safe_state_failed", errors=unconfirmed)
            self._log.info("control.stopped", code=code, safe_state_confirmed=not unconfirmed)
            self._wired.server.close()
            self._wired.bus.close()
        return code

    def _pace(self, done: Callable[[], bool]) -> None:
        """Tick at absolute instants until `done`; back to back where the bus is slower."""
        next_s = self._now()
        while not done():
            self._loop.tick()
            now_s = self._now()
            self._tell_alive(now_s)
            period_s = self._safety.tick_s
            if self._loop.quiet:
                period_s = max(period_s, min(QUIET_TICK_S, self._safety.stale_after_s / 3))
            next_s = max(next_s + period_s, now_s)
            self._sleep(next_s - now_s)

    def _tell_alive(self, now_s: float) -> None:
        """Kick the service manager's watchdog: only after a tick that read every board there is."""
        if not self._loop.boards_read:
            return
        if self._alive_s is None:
            self._manager.ready()
        elif now_s - self._alive_s < ALIVE_EVERY_S:
            return
        self._alive_s = now_s
        self._manager.alive()

    def _stop(self) -> None:
        self._manager.stopping()
        self._log.info("control.stopping")
        signals = self._signals
        self._loop.shut_down()
        until_s = self._now() + self._safety.ramp_down_s + STOP_EXTRA_S
        self._pace(lambda: self._loop.at_rest or self._signals > signals or self._now() > until_s)
        self._loop.shut_down(immediate=True)
        self._loop.tick()

    def _make_safe(self) -> tuple[str, ...]:
        """Command the safe state until every board has confirmed it, or time is up; what is left.

        One lost frame must not be the last word; a board that is dead opens by its own watchdog.
        """
        until_s = self._now() + SAFE_WITHIN_S
        while (unconfirmed := self._loop.make_safe()) and self._now() < until_s:
            self._sleep(SAFE_PAUSE_S)
        return unconfirmed
