"""The configured installer: a command that gets the downloaded and verified file.

It runs without a shell, in its own session, in the directory `firmware` of the state directory,
with little in its environment, and is killed as a group when it takes too long. Exit code 0 means
that the new software runs after the next start; anything else is a failure, and the last line of
its output is the reason.

Two files in that directory make a rollback possible: when the software that was started after an
installation has reached the CSMS, `confirmed` is written. An installer that went back to the former
software in the meantime leaves `rolled-back` with the reason.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from chargepoint.station.file_values import Problem, WorkOutcome

PLACEHOLDER = "{file}"
OUTPUT = "installer.log"
CONFIRMED = "confirmed"
ROLLED_BACK = "rolled-back"

OUTPUT_MAX = 1024 * 1024
"""Bytes of output after which an installer is taken for broken."""

REASON_MAX = 200
LOOK_EVERY_S = 0.2
KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR")


def install(
    command: Sequence[str],
    file: Path,
    directory: Path,
    timeout_s: float,
    cancelled: threading.Event,
) -> WorkOutcome:
    """Run `command` on `file`; blocks until it has ended. Raises OSError from the disk."""
    if not command:
        return _failed("no installer is configured ([firmware] installer)")
    for name in (CONFIRMED, ROLLED_BACK):
        (directory / name).unlink(missing_ok=True)
    spelled = [part.replace(PLACEHOLDER, str(file)) for part in command]
    output = directory / OUTPUT
    with output.open("wb") as written:
        try:
            running = subprocess.Popen(
                spelled,
                cwd=directory,
                env=_environment(directory),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return _failed(f"{spelled[0]}: {error.strerror or error}")
        problem = _waited(running, output, timeout_s, cancelled)
    if problem is None and running.returncode == 0:
        return WorkOutcome()
    return _failed(problem or f"exit code {running.returncode}: {_last_line(output)}")


def confirm(directory: Path) -> WorkOutcome:
    """Say that the running software is good, or learn that it is the former one again."""
    rolled_back = directory / ROLLED_BACK
    with contextlib.suppress(FileNotFoundError):
        reason = rolled_back.read_text("utf-8", errors="replace").strip()
        rolled_back.unlink()
        return _failed(f"rolled back: {reason[:REASON_MAX]}")
    (directory / CONFIRMED).touch()
    return WorkOutcome()


def _waited(
    running: subprocess.Popen[bytes], output: Path, timeout_s: float, cancelled: threading.Event
) -> str | None:
    """Wait for the end; why it was not waited for, if so."""
    until_s = time.monotonic() + timeout_s
    while True:
        try:
            running.wait(LOOK_EVERY_S)
            return None
        except subprocess.TimeoutExpired:
            if cancelled.is_set():
                return _killed(running, "interrupted")
            if time.monotonic() >= until_s:
                return _killed(running, f"took longer than {timeout_s:.0f} s")
            if output.stat().st_size > OUTPUT_MAX:
                return _killed(running, "writes without end")


def _killed(running: subprocess.Popen[bytes], reason: str) -> str:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return reason


def _environment(directory: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    return kept | {"CHARGEPOINT_FIRMWARE_DIR": str(directory)}


def _last_line(output: Path) -> str:
    lines = output.read_bytes()[-4096:].decode(errors="replace").strip().splitlines()
    return lines[-1][:REASON_MAX] if lines else "it says nothing"


def _failed(problem: str) -> WorkOutcome:
    return WorkOutcome(problem=Problem.FAILED, detail=problem)
