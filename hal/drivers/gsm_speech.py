"""How the script of a GSM modem speaks: a command and its answer, pauses, silence."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from hal.drivers.gsm_dialogue import COMMAND_S, Answer, Ask

QUIET_S = 0.5
"""After an escape: whatever comes is late."""

TIMEOUTS_MAX = 3
"""In a row: begin anew."""

ESCAPE = "\x1b"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to say for so long; 0: until the next step."""

    duration_s: float = 0.0


Script = Generator[Ask | Pause, Answer, T]
"""Hands out commands and pauses, is given the answers, and returns T."""


class StartedAgain(Exception):
    """Thrown into the script: the modem has forgotten what it was told."""


class Lost(Exception):
    """The modem does not answer, or not as it has to: begin anew."""


class Blocked(Exception):
    """The SIM does not let us, and trying again would not help."""


class Speech:
    """Counts the commands in a row that got no answer."""

    def __init__(self) -> None:
        self._timeouts = 0

    def begin(self) -> None:
        """A new attempt, with all its patience."""
        self._timeouts = 0

    def ask(
        self, text: str, answer: str = "", *, within_s: float = COMMAND_S, bare: bool = False
    ) -> Script[Answer]:
        """Say `text`. Raises Lost after TIMEOUTS_MAX time-outs in a row."""
        found = yield Ask(text=text, answer=answer, within_s=within_s, bare=bare)
        if found.silent:
            self.count_silence()
        else:
            self._timeouts = 0
        return found

    def escape(self) -> Script[None]:
        """Out of a text that may be open."""
        yield Ask(text=f"{ESCAPE}\r", within_s=QUIET_S, raw=True)

    def count_silence(self) -> None:
        """One more command without an answer. Raises Lost."""
        self._timeouts += 1
        if self._timeouts >= TIMEOUTS_MAX:
            raise Lost("the modem does not answer")
