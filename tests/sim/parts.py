"""The parts of the simulated world that are neither station nor plant: board, disk, CSMS link."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field

from chargepoint.station.effects import Append, Delete, Put, Quarantine, Remove
from chargepoint.station.records import Record
from chargepoint.station.settings import Restored
from hal.errors import NoReply
from hal.values import (
    BoardCommand,
    BoardReading,
    BoardTraits,
    MeterReading,
    PilotMode,
)
from hil.csms.central import Central, Refusal
from hil.plant.board import ReferenceBoard
from hil.plant.evse import PlantEvse

WATCHDOG_S = 10.0
"""The longest that a board may have: energy flows on for so long while it is silent."""

TRAITS = BoardTraits(
    watchdog_s=WATCHDOG_S,
    opens_alone=True,
    runs_pilot=False,
    current_max_a=32.0,
    has_contactor_feedback=True,
    has_rcd=True,
    has_proximity=False,
    has_lock=False,
    has_temperature=True,
)


class SimBoard:
    """The plant's reference board, read and told without a wire."""

    def __init__(self, evse: PlantEvse) -> None:
        self._evse = evse
        self.silent = False

    def read(self, now_s: float) -> BoardReading:
        """Raises NoReply while silent."""
        if self.silent:
            raise NoReply("board", "read", "no reply")
        board = self._board
        board.hear(now_s)
        senses = board.senses
        assert senses is not None
        return BoardReading(
            taken_s=now_s,
            pilot=senses.pilot,
            oscillating=0.0 < board.duty_ratio < 1.0,
            duty_ratio=board.duty_ratio,
            contactor_closed=senses.contactor_closed,
            contactor_commanded=board.coil,
            rcd_tripped=board.rcd_tripped,
            emergency_stopped=senses.emergency_stopped,
            temperature_c=senses.temperature_c,
            watchdog_expired=board.watchdog_expired,
        )

    def command(self, command: BoardCommand, now_s: float) -> None:
        """Raises NoReply while silent."""
        if self.silent:
            raise NoReply("board", "command", "no reply")
        board = self._board
        board.hear(now_s)
        duty = {PilotMode.STEADY: 1.0, PilotMode.FAULT: 0.0}.get(command.pilot)
        if not command.closed and (board.told_closed or board.watchdog_expired):
            board.set_contactor(False)
        board.set_duty(command.duty_ratio if duty is None else duty)
        if command.closed and not board.told_closed:
            board.set_contactor(True)

    @property
    def _board(self) -> ReferenceBoard:
        board = self._evse.board
        assert isinstance(board, ReferenceBoard)
        return board


def meter_reading(evse: PlantEvse, now_s: float) -> MeterReading:
    """What a meter driver would give."""
    values = evse.meter.values
    return MeterReading(
        taken_s=now_s,
        energy_import_wh=values.energy_import_wh,
        voltage_v=values.voltage_v,
        current_a=values.current_a,
        power_w=values.power_w,
        power_phase_w=values.power_phase_w,
        frequency_hz=values.frequency_hz,
    )


@dataclass
class Disk:
    """What the store keeps: one tier survives the power, the other only the agent."""

    durable: dict[int, Record] = field(default_factory=dict)
    volatile: dict[int, Record] = field(default_factory=dict)
    spaces: dict[str, dict[str, str]] = field(default_factory=dict)
    loose: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """Values put without `durable`; None: deleted."""
    quarantined: list[int] = field(default_factory=list)
    last: int = 0

    def apply(self, effect: Append | Remove | Quarantine | Put | Delete) -> None:
        match effect:
            case Append(record=record, durable=durable):
                self.last = max(self.last, record.sequence)
                (self.durable if durable else self.volatile)[record.sequence] = record
            case Remove(sequence=sequence):
                self.durable.pop(sequence, None)
                self.volatile.pop(sequence, None)
            case Quarantine(sequence=sequence):
                self.apply(Remove(sequence=sequence))
                self.quarantined.append(sequence)
            case Put(space=space, key=key, value=value, durable=True):
                self.spaces.setdefault(space, {})[key] = value
                self.loose.get(space, {}).pop(key, None)
            case Put(space=space, key=key, value=value):
                self.loose.setdefault(space, {})[key] = value
            case Delete(space=space, key=None):
                self.spaces.pop(space, None)
                self.loose.pop(space, None)
            case Delete(space=space, key=str(key), durable=True):
                self.spaces.get(space, {}).pop(key, None)
                self.loose.get(space, {}).pop(key, None)
            case Delete(space=space, key=str(key)):
                self.loose.setdefault(space, {})[key] = None

    def fetch(self, after: int, limit: int) -> tuple[Record, ...]:
        both = {**self.durable, **self.volatile}
        return tuple(both[number] for number in sorted(both) if number > after)[:limit]

    def restored(self) -> Restored:
        """What the next start of the agent finds."""
        spaces = {space: dict(values) for space, values in self.spaces.items()}
        for space, values in self.loose.items():
            for key, value in values.items():
                if value is None:
                    spaces.get(space, {}).pop(key, None)
                else:
                    spaces.setdefault(space, {})[key] = value
        return Restored(
            spaces=spaces,
            last_sequence=self.last,
            waiting=len(self.durable) + len(self.volatile),
        )

    def lose_power(self) -> None:
        """Only what was written durably is left."""
        self.volatile.clear()
        self.loose.clear()


class Link:
    """The line to a CSMS with latency, and a CSMS at its end that keeps books."""

    def __init__(self, central: Central, latency_s: float = 0.05) -> None:
        self.central = central
        self.latency_s = latency_s
        self.up = True
        """Whether the CSMS can be reached."""
        self.heard: list[tuple[float, str]] = []
        self.answers: list[str] = []
        self.calls = 0
        self._arriving: deque[tuple[float, str]] = deque()

    def send(self, text: str, now_s: float) -> None:
        """A frame of the station arrives, and is answered after the latency."""
        frame = json.loads(text)
        if frame[0] != 2:
            self.answers.append(text)
            return
        _, message_id, action, payload = frame
        self.heard.append((now_s, action))
        if action in self.central.behaviour.mute:
            return
        try:
            answer = [3, message_id, self.central.handle("SIM", action, payload)]
        except Refusal as refusal:
            answer = [4, message_id, refusal.code, refusal.description, {}]
        self._arriving.append((now_s + self.latency_s, json.dumps(answer)))

    def call(self, action: str, payload: dict[str, object], now_s: float) -> None:
        """The CSMS asks something of the station."""
        self.calls += 1
        frame = json.dumps([2, f"csms-{self.calls}", action, payload])
        self._arriving.append((now_s + self.latency_s, frame))

    def due_s(self) -> float | None:
        return self._arriving[0][0] if self._arriving else None

    def take(self, now_s: float) -> list[str]:
        """Frames that have arrived at the station."""
        found = []
        while self._arriving and self._arriving[0][0] <= now_s:
            found.append(self._arriving.popleft()[1])
        return found

    def cut(self) -> None:
        """What was under way is lost."""
        self._arriving.clear()
