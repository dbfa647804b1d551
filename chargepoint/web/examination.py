"""The doctor, as a child of its own: its drivers and libraries do not stay in this program.

One at a time, killed when it takes too long. A station of which nothing answers is not examined
from here: the doctor would open its ports, just when its programs may want them back.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import msgspec

from chargepoint.web.work import Busy

WAIT_S = 90.0
OUTPUT_MAX_BYTES = 4 * 1024 * 1024
PROGRAM = (sys.executable, "-m", "chargepoint.cli.main", "doctor")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the doctor's list."""

    part: str
    check: str
    subject: str
    level: str
    """`pass`, `warn`, `fail` or `skip`."""
    title: str
    found: str
    cause: str
    next_step: str
    catalogue: tuple[str, ...]


class ExaminationFailed(Exception):
    """The doctor did not come to an end; the text is what it said last."""


class Examination:
    """Runs the doctor for the configuration file `source`."""

    def __init__(self, source: str, program: tuple[str, ...] = PROGRAM) -> None:
        self._command = (*program, "--config", source)
        self._running = asyncio.Lock()

    async def findings(self, language: str) -> list[Finding]:
        """Raises Busy, ExaminationFailed."""
        output = await self._run("--json", "--language", language)
        try:
            return msgspec.json.decode(output, type=list[Finding])
        except msgspec.DecodeError as error:
            raise ExaminationFailed(f"not a list of findings: {error}") from error

    async def report(self, language: str, by: str, note: str) -> bytes:
        """The signed report as HTML. Raises Busy, ExaminationFailed."""
        with tempfile.TemporaryDirectory(prefix="chargepoint-") as folder:
            path = Path(folder) / "report.html"
            said = (
                "--report",
                str(path),
                "--language",
                language,
                f"--by={by}",
                f"--note={_line(note)}",
            )
            await self._run("--json", *said)
            try:
                return path.read_bytes()
            except OSError as error:
                raise ExaminationFailed("no report was written") from error

    async def _run(self, *options: str) -> bytes:
        if self._running.locked():
            raise Busy
        async with self._running:
            child = await asyncio.create_subprocess_exec(
                *self._command,
                *options,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=OUTPUT_MAX_BYTES,
            )
            try:
                async with asyncio.timeout(WAIT_S):
                    output, errors = await child.communicate()
            except TimeoutError as error:
                raise ExaminationFailed(f"it took longer than {WAIT_S:g} s") from error
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
            # 0 and 1 tell whether something was found to be wrong.
            if child.returncode not in (0, 1) or not output:
                last = errors.decode("utf-8", "replace").strip().splitlines()[-1:]
                raise ExaminationFailed("".join(last)[:300] or f"exit code {child.returncode}")
            return output


def _line(text: str) -> str:
    """What a person wrote, as an argument can hold it: no NUL, and nothing unseen."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
