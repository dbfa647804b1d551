"""A person at the terminal who does what no relay of the rig can do.

The person is asked, acts, and presses Enter. When it happened is taken from an instrument: the
first reading of the board that shows it, as the tap heard it. Enter counts only where nothing shows
it, and then anything between question and Enter is possible.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from hil.bench import Missing
from hil.instruments.bus_tap import BoardReading
from hil.instruments.relay_outputs import Switched
from hil.instruments.sightings import Quantity, Sightings

SHOWN_WAIT_S = 5.0
"""How long after Enter an instrument may take to show it."""
CONNECTED_BELOW_V = 10.5
ASKING_BELOW_V = 7.5
SHORTED_BELOW_V = 1.5
DIODE_ABOVE_V = -11.0
PROXIMITY_SHORT_OHM = 60.0

Shows = Callable[[BoardReading], bool]


@dataclass(frozen=True, slots=True)
class Handwork:
    """What a person can do, and the reading that shows that it was done."""

    words: str
    undone: str
    shows: Shows | None = None


def _below(limit_v: float) -> Shows:
    return lambda reading: reading.values.get("pilot_high", 12.0) < limit_v


def _flag(name: str) -> Shows:
    return lambda reading: reading.flags.get(name, False)


# fmt: off
HANDWORK = {
    "plug": Handwork("plug in", "pull the plug", _below(CONNECTED_BELOW_V)),
    "s2": Handwork("let the vehicle ask for energy", "let the vehicle pause",
                   _below(ASKING_BELOW_V)),
    "ventilation": Handwork("let the vehicle ask for ventilation (state D)",
                            "let it ask without ventilation", _below(4.5)),
    "mains": Handwork("switch the mains on", "switch the mains off"),
    "card": Handwork("hold card {detail} to the reader", "take the card away"),
    "pilot_short": Handwork("connect CP and PE", "part CP and PE", _below(SHORTED_BELOW_V)),
    "diode_bypass": Handwork(
        "bridge the diode", "take the bridge off the diode",
        lambda reading: reading.values.get("pilot_low", -12.0) > DIODE_ABOVE_V),
    "proximity_short": Handwork(
        "connect PP and PE", "part PP and PE",
        lambda reading: reading.values.get("proximity", 1e6) < PROXIMITY_SHORT_OHM),
    "residual_current": Handwork("press the residual-current test", "end the residual current",
                                 _flag("rcd_tripped")),
    "emergency_stop": Handwork("press the emergency stop", "release the emergency stop",
                               _flag("emergency_stopped")),
}
# fmt: on


def ask_at_terminal(question: str) -> None:
    """Show `question` and wait for Enter. Raises Missing when nobody can answer."""
    print(question, end=" ", flush=True)
    if not sys.stdin.readline():
        raise Missing("operator: the terminal is closed")


class Hands:
    """The person."""

    def __init__(
        self,
        sightings: Sightings,
        ask: Callable[[str], None] = ask_at_terminal,
        shown_wait_s: float = SHOWN_WAIT_S,
    ) -> None:
        self._sightings = sightings
        self._ask = ask
        self._shown_wait_s = shown_wait_s

    def can(self, act: str) -> bool:
        return act in HANDWORK

    def do(self, act: str, on: bool, detail: str = "") -> Switched:
        """Let the person do it; when it happened. Raises Missing when no instrument saw it."""
        work = HANDWORK[act]
        words = (work.words if on else work.undone).format(detail=detail)
        asked_s = time.monotonic()
        self._ask(f"→ {words} now, then press Enter:")
        entered_s = time.monotonic()
        if work.shows is None:
            half_s = (entered_s - asked_s) / 2
            return Switched(asked_s + half_s, half_s)
        while True:
            for one in self._sightings.since(Quantity.READING, asked_s):
                if work.shows(one.value) is on:
                    return Switched(one.at_s, one.doubt_s)
            if time.monotonic() > entered_s + self._shown_wait_s:
                raise Missing(f"operator: no instrument saw: {words}")
            self._sightings.wait(0.1)
