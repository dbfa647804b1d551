"""One EVSE with its board and meter, as the loop drives it: read, step, command, never raising.

A read error makes a missing reading; after LOST_AFTER of them in a row the board counts as lost and
is identified and prepared anew before it is believed again. What the board is told is given to the
driver in every tick: drivers write only what differs, so an opening command that failed is tried
again in the next tick.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chargepoint import log
from chargepoint.evse.evse import BoardLevel, Evse, Inputs, Outputs
from chargepoint.ipc.messages import DeviceBack, DeviceLost, Fact, Measured
from hal.errors import BadReply, DeviceError, DeviceRefused
from hal.interfaces import Meter, PilotBoard
from hal.values import SAFE_COMMAND, BoardCommand, BoardReading, MeterReading

LOST_AFTER = 3
"""Failed reads in a row after which a device counts as lost."""

LOST_AFTER_S = 0.25
"""And for at least so long: a reading of this age counts as none anyway (`stale_after_s`)."""

PREPARE_EVERY_S = 1.0
"""Pause between two attempts to prepare a board: each costs the other EVSEs a time-out."""

REFUSED_AFTER = 2
"""Attempts in a row with a wrong answer after which it is the wrong board, not a damaged frame."""


@dataclass(slots=True)
class Watched:
    """Whether a device answers; facts when that changes."""

    name: str
    failures: int = 0
    failing_s: float = 0.0
    """When the first of them failed."""
    lost_s: float | None = None
    facts: list[Fact] = field(default_factory=list)

    def answered(self, now_s: float) -> None:
        """The device answered."""
        self.failures = 0
        if self.lost_s is not None:
            self.facts.append(
                DeviceBack(seq=0, at_s=now_s, device=self.name, lost_s=now_s - self.lost_s)
            )
            self.lost_s = None

    def failed(self, error: DeviceError, now_s: float) -> bool:
        """The device did not answer; whether it counts as lost now."""
        if self.failures == 0:
            self.failing_s = now_s
        self.failures += 1
        enough = self.failures >= LOST_AFTER and now_s - self.failing_s >= LOST_AFTER_S
        if enough and self.lost_s is None:
            self.lost_s = now_s
            self.facts.append(DeviceLost(seq=0, at_s=now_s, device=self.name, detail=str(error)))
        return self.lost_s is not None

    def take(self) -> list[Fact]:
        facts, self.facts = self.facts, []
        return facts


class Unit:
    """Drives one EVSE. No method raises for anything that a device does."""

    def __init__(self, number: int, evse: Evse, board: PilotBoard, meter: Meter | None) -> None:
        self.number = number
        self.evse = evse
        self.board = board
        self.meter = meter
        self.level = BoardLevel.UNHEARD
        self.fresh = False
        """The board was read in this tick."""
        self._board_watch = Watched(board.name)
        self._meter_watch = Watched(meter.name if meter is not None else "")
        self._prepare_s = float("-inf")
        self._refusals = 0
        self._metered: MeterReading | None = None
        self._log = log.get("control")

    @property
    def looked_after(self) -> bool:
        """The board was read in this tick, or is known to be gone: nothing is left undone."""
        return self.fresh or self.level in (BoardLevel.LOST, BoardLevel.REFUSED)

    def read(self, now_s: float) -> BoardReading | None:
        """The board's reading of this tick, or None."""
        self.fresh = False
        if self.level is not BoardLevel.HEARD and not self._prepared(now_s):
            return None
        try:
            reading = self.board.read()
        except DeviceError as error:
            if self._board_watch.failed(error, now_s):
                self.level = BoardLevel.LOST
            return None
        self._board_watch.answered(now_s)
        self.fresh = True
        return reading

    def step(self, reading: BoardReading | None, now_s: float) -> Outputs:
        """What follows from the reading; a meter reading is handed on once."""
        metered, self._metered = self._metered, None
        return self.evse.step(Inputs(reading=reading, meter=metered, board=self.level), now_s)

    def command(self, command: BoardCommand) -> bool:
        """Tell the board; whether it has confirmed everything."""
        if self.level is BoardLevel.UNHEARD or self.level is BoardLevel.REFUSED:
            return False
        try:
            self.board.command(command)
        except DeviceError as error:
            self._log.debug("board.command_failed", evse=self.number, error=str(error))
            return False
        return True

    def read_meter_part(self, now_s: float) -> bool | None:
        """One transaction of a meter reading: True when complete, None in between, False failed."""
        assert self.meter is not None
        try:
            reading = self.meter.read_part()
        except DeviceError as error:
            self._meter_watch.failed(error, now_s)
            return False
        if reading is None:
            return None
        self._meter_watch.answered(now_s)
        self._metered = reading
        self._meter_watch.facts.append(
            Measured(seq=0, at_s=reading.taken_s, evse=self.number, meter=reading)
        )
        return True

    def take_facts(self) -> list[Fact]:
        """What became of the devices since the last call."""
        return self._board_watch.take() + self._meter_watch.take()

    def make_safe(self) -> str:
        """Command the safe state, whatever is known of the board; why it is not confirmed, or "".

        Catches everything: this is called when the program is in doubt about itself, and the next
        board has to be told too.
        """
        try:
            self.board.command(SAFE_COMMAND)
        except Exception as error:
            return (
                f"{self.board.name}: {error}" if not isinstance(error, DeviceError) else str(error)
            )
        return ""

    def doubt(self) -> None:
        """Somebody else wrote to the board: identify and prepare it anew before it is read."""
        self.level = BoardLevel.UNHEARD
        self._prepare_s = float("-inf")

    def _prepared(self, now_s: float) -> bool:
        if now_s < self._prepare_s:
            return False
        self._prepare_s = now_s + PREPARE_EVERY_S
        try:
            identity = self.board.prepare()
        except (BadReply, DeviceRefused) as error:
            self._refusals += 1
            self._board_watch.failed(error, now_s)
            if self._refusals >= REFUSED_AFTER:
                self._refused(error)
            return False
        except DeviceError as error:
            self._refusals = 0
            if self._board_watch.failed(error, now_s):
                self.level = BoardLevel.LOST
            return False
        self._refusals = 0
        self.evse.adopt(self.board.traits)
        self.level = BoardLevel.HEARD
        is_a = f"{identity.model} {identity.firmware}".strip()
        self._log.info("board.prepared", evse=self.number, board=self.board.name, is_a=is_a)
        return True

    def _refused(self, error: DeviceError) -> None:
        if self.level is not BoardLevel.REFUSED:
            self.level = BoardLevel.REFUSED
            board, reason = self.board.name, str(error)
            self._log.error("board.refused", evse=self.number, board=board, reason=reason)
