"""`chargepoint run`, `control` and `agent`: the programs of the station in the foreground.

`run` is a small supervisor for places without a service manager: it starts one control per safety
bus, one agent and, where `[web]` is configured, the pages; passes signals on, and starts again what
ends. An agent that ends with EXIT_RESTART asks for a fresh start of everything (a reset by the
CSMS). The pages are an extra: whatever becomes of them, the station runs on.
"""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import click

from chargepoint.cli.station import chosen_bus, config_option, loaded
from chargepoint.config import Log

if TYPE_CHECKING:
    from chargepoint.log import Logger

EXIT_RESTART = 75
"""Exit code with which the agent asks for a restart of all programs."""

STOP_WAIT_S = 40.0
"""Longest wait for an orderly end; covers the longest ramp-down that can be configured."""

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Waits before a program that ended unexpectedly is started again."""

STEADY_S = 60.0
"""A program that ran this long starts again without a wait next time."""


@click.command()
@config_option
@click.option("--bus", help="Safety bus to own; needed when there is more than one.")
def control(config_path: str, bus: str | None) -> None:
    """Run the safety program of one bus in the foreground."""
    config = loaded(config_path)
    name = chosen_bus(config, bus)
    with loading():
        from chargepoint.control.main import run as run_control

    sys.exit(run_control(config, name))


@click.command()
@config_option
def agent(config_path: str) -> None:
    """Run the agent in the foreground."""
    config = loaded(config_path)
    with loading():
        from chargepoint.agent.main import run as run_agent

    sys.exit(run_agent(config))


@contextmanager
def loading() -> Iterator[None]:
    """Imports without garbage collection: it finds nothing to free, and takes 4 % of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@click.command()
@config_option
def run(config_path: str) -> None:
    """Run the whole station in the foreground; SIGTERM stops it in order."""
    config = loaded(config_path)
    config.state_dir.mkdir(parents=True, exist_ok=True)
    config.run_dir.mkdir(parents=True, exist_ok=True)
    base = [sys.executable, "-m", "chargepoint.cli.main"]
    programs = [
        Program(f"control-{bus}", [*base, "control", "--config", config_path, "--bus", bus])
        for bus in config.safety_buses()
    ]
    programs.append(Program("agent", [*base, "agent", "--config", config_path]))
    if config.web is not None:
        programs.append(Program("web", [*base, "web", "--config", config_path], extra=True))
    sys.exit(Supervisor(programs, config.log).run())


@cache
def logger(settings: Log) -> Logger:
    """The supervisor's log. Loaded at its first word, which an undisturbed station never says."""
    from chargepoint import log

    log.set_up(settings.level, settings.format)
    return log.get("run")


@dataclass
class Program:
    """One child, and how often it has ended lately."""

    name: str
    command: list[str]
    extra: bool = False
    """The station works without it: it cannot end or restart the others."""
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    again_s: float = 0.0
    failures: int = 0
    given_up: bool = False

    def start(self) -> None:
        self.process = subprocess.Popen(self.command)
        self.started_s = time.monotonic()


@dataclass
class Supervisor:
    """Keeps the programs running until a signal says stop."""

    programs: list[Program]
    settings: Log = field(default_factory=Log)
    stopping: bool = False

    def run(self) -> int:
        """Exit code: 0 after an orderly stop, 2 when a program cannot work as configured."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            for program in self.programs:
                program.start()
            while not self.stopping:
                code = self._look_after()
                if code is not None:
                    return code
                time.sleep(0.05)
            return 0
        finally:
            self._end_all()

    def _stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def _look_after(self) -> int | None:
        for program in self.programs:
            process = program.process
            if process is None:
                if time.monotonic() >= program.again_s and not program.given_up:
                    program.start()
                continue
            code = process.poll()
            if code is None:
                continue
            program.process = None
            if code == EXIT_RESTART and not program.extra:
                self._restart_all()
                return None
            if code == 2 and not program.extra:
                return 2
            self._ended(program, code)
        return None

    def _ended(self, program: Program, code: int) -> None:
        if code == 2:
            program.given_up = True
            logger(self.settings).error("program.given_up", program=program.name, code=code)
            return
        now_s = time.monotonic()
        steady = now_s - program.started_s >= STEADY_S
        program.failures = 1 if steady else program.failures + 1
        pause_s = PAUSES_S[min(program.failures, len(PAUSES_S)) - 1]
        program.again_s = now_s + pause_s
        logger(self.settings).error(
            "program.ended", program=program.name, code=code, again_in_s=pause_s
        )

    def _restart_all(self) -> None:
        logger(self.settings).info("station.restarted", reason="asked by the agent")
        self._end_all()
        for program in self.programs:
            program.given_up = False
            program.start()

    def _end_all(self) -> None:
        """SIGTERM to all; SIGKILL to what is still there after the wait. The agent goes first."""
        deadline_s = time.monotonic() + STOP_WAIT_S
        for program in reversed(self.programs):
            if program.process is not None:
                program.process.terminate()
        for program in self.programs:
            if program.process is None:
                continue
            try:
                program.process.wait(max(0.1, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                logger(self.settings).error("program.killed", program=program.name)
                program.process.kill()
                program.process.wait()
            program.process = None
