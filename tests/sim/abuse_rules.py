"""The independent judge of the abuse campaign: what must never be, whatever was done.

It does not ask the station. What it holds against each other is
    the readings that were delivered and the command that came of them (`stepped`)
    the leases as they were delivered (`Leave.hear`)
    the plant: main contact, pilot, faults, lock, duty (`looked`)
Written from the design (clause 7: contactor closed ⇒ the vehicle asks, no hazard, leave or grace;
offered current ≤ every limit) and IEC 61851-1, with numbers of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chargepoint.ipc import messages as m
from hal.values import BoardCommand, BoardReading, PilotLevels, PilotMode, PilotState, Quality
from hil.plant.board import ReferenceBoard
from hil.plant.evse import PlantEvse
from hil.plant.pilot import Short, current_from_duty
from tests.sim.abuse_leave import Leave

# fmt: off
RAMP_DOWN_S    = 6.0     # what a vehicle gets to stop by itself
STALE_S        = 0.25    # an older reading is none
RECLOSE_S      = 5.0     # pause before a contactor closes again
WATCHDOG_S     = 1.0     # of the board
PROMPT_S       = 0.12    # open contact after the vehicle left, on a line that works
LOOSE_S        = 1.60    # the same whatever happens: watchdog, the last word heard before, movement
SLOW_S         = 0.60    # and this much more for tilt, door and a lock that springs open
CALM_S         = 1.5     # the line worked for this long before, so `PROMPT_S` holds
WELD_TOLD_S    = 1.0     # a contact that stays closed is told within this, on a line that works
ORDERLY        = {"over_temperature", "over_current", "under_voltage", "frequency_out_of_range",
                  "simplified_pilot"}
HARMLESS       = {"temperature_high", "temperature_raised", "temperature_sensor_lost", "lock_stuck",
                  "phase_missing", "phase_rotation_wrong"}
# fmt: on


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass
class Worst:
    """The longest times seen, for the report."""

    prompt_s: float = 0.0
    loose_s: float = 0.0
    leave_s: float = 0.0


@dataclass
class Judge:
    """Rules for one EVSE; raises Violation."""

    evse: PlantEvse
    leave: Leave
    config_a: float
    ventilated: bool = False
    disturbed_s: float = float("-inf")
    """Latest instant at which line, board or program were not whole."""
    worst: Worst = field(default_factory=Worst)
    closings: int = 0
    openings: int = 0
    """Of these, on a calm line, because the vehicle left or something was wrong."""
    charged: bool = False
    """Current flowed since this was cleared."""
    _reading: BoardReading | None = None
    _sample_s: float = float("-inf")
    _sound_s: float = float("-inf")
    """Latest reading without tilt, an open door or a live outlet."""
    _diode: bool = False
    _closed: bool = False
    _phases: int = 3
    _stuck: set[int] = field(default_factory=set)
    """Contactors that are closed because they are, or just were, welded: nobody can open them."""
    _slow_s: float | None = None
    _opened_s: float = float("-inf")
    _left_s: float | None = None
    _unsafe_s: float | None = None
    _unleft_s: float | None = None
    _stuck_s: float | None = None
    _excess_s: float | None = None

    # --- what the program knew and commanded ------------------------------------------------------

    def restarted(self) -> None:
        """The safety program begins anew: it knows nothing, and nobody has given leave."""
        self._reading, self._diode, self._closed, self._left_s = None, False, False, None
        self._sample_s = self._sound_s = self._opened_s = float("-inf")
        self.leave.until_s = self.leave.limit_until_s = float("-inf")
        self.leave.operative = True

    def stepped(
        self,
        reading: BoardReading | None,
        command: BoardCommand,
        snapshot: m.EvseSnapshot,
        now_s: float,
    ) -> None:
        if reading is not None and reading.quality is Quality.GOOD:
            self._take(reading)
        if command.closed:
            self._judge_closed(command, snapshot, now_s)
        elif self._closed:
            self._opened_s = now_s
        self._closed = command.closed
        if not command.closed:
            self._left_s = None
        self._judge_offer(command, now_s)

    def _take(self, reading: BoardReading) -> None:
        before = self._reading
        if before is None or reading.sample is None or reading.sample != before.sample:
            self._sample_s = reading.taken_s
        if not (reading.tilted or reading.door_open or reading.output_live):
            self._sound_s = reading.taken_s
        self._reading = reading
        levels = reading.pilot
        if isinstance(levels, PilotLevels):
            if reading.oscillating and levels.low_v <= -10.0:
                self._diode = True
            if levels.high_v > 11.0:
                self._diode = False

    def _judge_closed(self, command: BoardCommand, snapshot: m.EvseSnapshot, now_s: float) -> None:
        reading = self._reading
        _hold(reading is not None, "closed without any reading")
        assert reading is not None
        age_s = now_s - min(reading.taken_s, self._sample_s)
        _hold(age_s <= STALE_S + 1e-6, f"closed on a reading of {age_s:.3f} s before")
        _hold(self._asks(reading), f"closed with pilot {reading.pilot}")
        _hold(not reading.rcd_tripped, "closed with a residual current")
        _hold(not reading.emergency_stopped, "closed while the emergency stop is pressed")
        _hold(not reading.faults, f"closed while the board reports {set(reading.faults)}")
        _hold(self._diode, "closed though no diode was seen")
        opening = set(snapshot.hazards) - ORDERLY - HARMLESS
        _hold(not opening, f"closed with {opening}")
        if not self._closed:
            self._judge_closing(command, snapshot, reading, now_s)
        elif command.phases != self._phases:
            raise Violation(f"{self._phases} phases become {command.phases} under load")
        self._phases = command.phases
        if self.leave.holds(now_s):
            self._left_s = None
        elif self._left_s is None:
            self._left_s = now_s
        else:
            gone_s = now_s - self._left_s
            self.worst.leave_s = max(self.worst.leave_s, gone_s)
            _hold(gone_s <= RAMP_DOWN_S + 0.3, f"closed {gone_s:.2f} s after leave was gone")

    def _judge_closing(
        self,
        command: BoardCommand,
        snapshot: m.EvseSnapshot,
        reading: BoardReading,
        now_s: float,
    ) -> None:
        self.closings += 1
        _hold(self.leave.holds(now_s), "closes without leave")
        _hold(command.pilot is PilotMode.OFFER, f"closes with the pilot {command.pilot}")
        inhibiting = set(snapshot.hazards) - HARMLESS
        _hold(not inhibiting, f"closes with {inhibiting}")
        _hold(not reading.contactor_closed, "closes though the contact is closed already")
        _hold(not reading.pe_lost, "closes without protective earth")
        _hold(self._sound_s >= reading.taken_s, "closes though tilted, opened or live")
        _hold(not command.test_rcd, "closes during the test of the residual-current monitor")
        rest_s = now_s - self._opened_s
        _hold(rest_s >= RECLOSE_S - 0.05, f"closes {rest_s:.2f} s after it opened")
        if self._locks:
            _hold(reading.locked is True, "closes with an unlocked connector")
            _hold(command.locked, "closes and unlocks")

    def _judge_offer(self, command: BoardCommand, now_s: float) -> None:
        if command.pilot is not PilotMode.OFFER:
            return
        most_a = min(self.leave.most_a(now_s), self.config_a)
        if self.evse.connector == "socket" and self.evse.vehicle.plugged:
            most_a = min(most_a, float(self.evse.vehicle.cable_a))
        _hold(command.current_a <= most_a + 1e-6, f"offers {command.current_a} of {most_a} A")
        _hold(
            current_from_duty(command.duty_ratio) <= command.current_a + 1e-6,
            f"duty {command.duty_ratio} means more than {command.current_a} A",
        )

    def _asks(self, reading: BoardReading) -> bool:
        """State C, or D where it is served; the hysteresis bands belong to both sides."""
        levels = reading.pilot
        if isinstance(levels, PilotState):
            return levels is PilotState.C or (levels is PilotState.D and self.ventilated)
        floor_v = 2.0 if self.ventilated else 4.0
        return floor_v <= levels.high_v <= 8.0

    # --- what the plant did -----------------------------------------------------------------------

    def looked(self, now_s: float, hazards: tuple[str, ...], heard: bool) -> None:
        """Look at the plant, which stands at `now_s`. `heard`: the safety program runs."""
        evse = self.evse
        contact = evse.contactor
        carries = self._carries()
        self.charged = self.charged or evse.vehicle.current_a > 1.0
        unsafe = carries and not self._safe()
        if self._unsafe_s is not None and not unsafe:
            self._note(self._unsafe_s, max(self._unsafe_s, min(now_s, contact.changed_s)))
        self._unsafe_s = self._since(unsafe, self._unsafe_s, now_s)
        self._judge_lasting(self._unsafe_s, now_s, f"contact closed, {self._why()}")
        gone = carries and not self.leave.holds(now_s)
        self._unleft_s = self._since(gone, self._unleft_s, now_s)
        if self._unleft_s is not None:
            gone_s = now_s - self._unleft_s
            most_s = RAMP_DOWN_S + 0.3 + LOOSE_S
            _hold(gone_s <= most_s, f"contact closed {gone_s:.2f} s after leave was gone")
        slow = carries and not self._slowly_safe()
        self._slow_s = self._since(slow, self._slow_s, now_s)
        self._judge_lasting(self._slow_s, now_s, f"contact closed, {self._why()}", SLOW_S)
        excess = carries and evse.offered_a > min(self.leave.most_a(now_s), self.config_a) + 0.1
        self._excess_s = self._since(excess, self._excess_s, now_s)
        self._judge_lasting(self._excess_s, now_s, f"{evse.offered_a:.1f} A on the pilot", 0.2)
        stuck = contact.welded and contact.closed and not evse.board.coil and heard
        self._stuck_s = self._since(stuck, self._stuck_s, now_s)
        if self._stuck_s is not None and self._stuck_s > self.disturbed_s + CALM_S:
            told = "contactor_welded" in hazards or now_s - self._stuck_s < WELD_TOLD_S
            _hold(told, f"a welded contactor is not told; hazards are {hazards}")

    def _judge_lasting(
        self, since_s: float | None, now_s: float, what: str, more_s: float = 0.0
    ) -> None:
        if since_s is None:
            return
        lasted_s = now_s - since_s
        calm = self.disturbed_s < since_s - CALM_S
        most_s = (PROMPT_S if calm else LOOSE_S) + more_s
        _hold(lasted_s <= most_s, f"{what}, for {lasted_s:.3f} s of {most_s:g} s")

    def _note(self, since_s: float, until_s: float) -> None:
        """Keep how long a contact was closed that should not have been."""
        lasted_s, worst = until_s - since_s, self.worst
        if self.disturbed_s < since_s - CALM_S:
            worst.prompt_s = max(worst.prompt_s, lasted_s)
            self.openings += 1
        else:
            worst.loose_s = max(worst.loose_s, lasted_s)

    def _safe(self) -> bool:
        """A closed contact is right: the vehicle asks, and nothing is wrong."""
        evse = self.evse
        state = evse.pilot_state
        asks = state is PilotState.C or (state is PilotState.D and self.ventilated)
        sound = evse.short is Short.NONE and not evse.board_faults
        return asks and sound and not (evse.rcd_fault or evse.stop_pressed or evse.pe_lost)

    def _slowly_safe(self) -> bool:
        """As `_safe`, for what has to last a moment before it counts."""
        evse = self.evse
        return not (evse.tilted or evse.door_open) and self._locked

    def _carries(self) -> bool:
        """The outlet is live through contactors that could be opened.

        A board that somebody drives by hand takes no command.
        """
        if getattr(self.evse.board, "driven_by_hand", False):
            return False
        for number, contactor in enumerate(self.evse.contactors):
            if contactor.welded and not self.evse.board.coil:
                self._stuck.add(number)
            elif not contactor.closed:
                self._stuck.discard(number)
        free = len(self._stuck) < len(self.evse.contactors)
        return self.evse.chain_closed and free

    def _why(self) -> str:
        evse = self.evse
        return (
            f"pilot {evse.pilot_state.value}, residual current {evse.rcd_fault}, "
            f"stop {evse.stop_pressed}, faults {evse.faults}, locked {self._locked}"
        )

    @property
    def _locks(self) -> bool:
        board = self.evse.board
        return isinstance(board, ReferenceBoard) and board.options.has_lock

    @property
    def _locked(self) -> bool:
        lock = self.evse.lock
        return not self._locks or lock is None or lock.locked

    @staticmethod
    def _since(holds: bool, since_s: float | None, now_s: float) -> float | None:
        if not holds:
            return None
        return now_s if since_s is None else since_s


def _hold(holds: bool, what: str) -> None:
    if not holds:
        raise Violation(what)
