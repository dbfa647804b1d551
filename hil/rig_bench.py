"""Real hardware as a bench: relays and resistors as stimuli; a tap, inputs and a meter to see.

Every instant that this bench gives is known to within a doubt that `doubt_s` tells; a run counts a
time as met only when it is so with the doubt added (docs/rig.md). A verb whose hardware is missing
raises `Missing` with the reason, or asks the operator where there is one.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

from hil.bench import (
    Instrument,
    Missing,
    Open,
    Sight,
)
from hil.instruments.relay_outputs import OutputFailed, RelayOutputs, Switched
from hil.instruments.sightings import Quantity
from hil.instruments.worker import Worker
from hil.plant.pilot import current_from_duty
from hil.rig.config import PROXIMITY
from hil.rig.hands import Hands
from hil.rig.judge import Judge
from hil.rig.vehicle import Drive, EmulatedVehicle, Wish
from hil.rig.wiring import Wired, card_name, instruments, load_name

STEP_S = 0.02
REST_WAIT_S = 30.0
CABLE_USUAL_A = 32
OVERDRAW_LEAST_A = 4.0
"""An overdraw must be at least this much above the smallest offer to be one."""

# fmt: off
FAULT_OUTPUTS = {  #  catalogue id: output that causes it
    "pilot_shorted":     "pilot_short",
    "diode_missing":     "diode_bypass",
    "proximity_invalid": "proximity_short",
    "rcd_tripped":       "residual_current",
    "emergency_stopped": "emergency_stop",
}
# fmt: on


class RigBench:
    """Satisfies `hil.bench.Bench`. `start` and `stop` the thread that steers the vehicle."""

    def __init__(
        self, wired: Wired, hands: Hands | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wired = wired
        self._hands = hands
        self._clock = clock
        self._outputs = wired.outputs
        self._sightings = wired.sightings
        self._vehicle = EmulatedVehicle([one.current_a for one in wired.setup.file.load])
        self._instruments = instruments(wired, hands is not None)
        self._evse = wired.setup.file.station.evse
        self._stimulus_s = 0.0
        self._doubts_s: dict[float, float] = {}
        self._releases: list[tuple[float, str]] = []
        """Outputs that are switched off at an instant."""
        self._steering = threading.RLock()
        self._worker = Worker("vehicle", self._run)
        self._failure = ""
        self._judge = Judge(
            wired.sightings,
            self._instruments,
            # Looked up each time: each scenario has a lease holder of its own.
            lambda evse, hazard: wired.leases.told_s(evse, hazard),
            self._check,
            clock,
        )

    @property
    def name(self) -> str:
        return f"rig {self._wired.setup.file.rig.name}"

    @property
    def instruments(self) -> Mapping[Instrument, str]:
        return self._instruments

    @property
    def outputs(self) -> RelayOutputs:
        """For a look at what is switched."""
        return self._outputs

    def doubt_s(self, at_s: float) -> float:
        """How well an instant that this bench gave is known; 0 for one that it did not give."""
        return self._doubts_s.get(at_s, 0.0)

    # --- the vehicle's thread --------------------------------------------------------------------

    def start(self) -> None:
        self._worker.start()

    def stop(self) -> None:
        self._worker.stop()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.wait(STEP_S):
            try:
                self.steer()
            except OutputFailed as failed:
                self._failure = str(failed)

    def steer(self) -> None:
        """One step of the vehicle, and of what falls off by itself. Raises OutputFailed."""
        with self._steering:
            self._step()
        self._outputs.refresh()

    def _step(self) -> None:
        now_s = self._clock()
        for due in [one for one in self._releases if one[0] <= now_s]:
            self._releases.remove(due)
            self._outputs.switch(due[1], False)
        offer = self._sightings.latest(Quantity.OFFER)
        live = self._sightings.latest(Quantity.CONTACT)
        offered_a = 0.0 if offer is None else current_from_duty(offer.value)
        drive = self._vehicle.step(now_s, offered_a, live is not None and bool(live.value))
        self._drive(drive)

    def _drive(self, drive: Drive) -> None:
        """Loads off first and on last; between C and D the resistors overlap."""
        loads = [(load_name(number), on) for number, on in enumerate(drive.loads)]
        resistors = [("s2", drive.s2), ("ventilation", drive.ventilation)]
        self._outputs.switch_some(one for one in loads if not one[1])
        self._outputs.switch_some([("plug", drive.plug)])
        moved = self._outputs.switch_some(sorted(resistors, key=lambda one: not one[1]))
        self._outputs.switch_some(one for one in loads if one[1])
        if "s2" not in self._outputs:
            return  # A real vehicle: the tap sees what it does.
        if moved is not None or self._sightings.latest(Quantity.S2) is None:
            moved = moved or Switched(self._clock(), 0.0)
            asks = drive.s2 or drive.ventilation
            self._sightings.happened(Quantity.S2, asks, moved.at_s, moved.doubt_s)

    # --- stimuli ---------------------------------------------------------------------------------

    def plug_in(self, evse: int, cable_a: int | None = None) -> float:
        """At a socket the cable is coded first, as its contact leads."""
        self._own(evse)
        with self._steered("plug"):
            self._code_cable(cable_a)
            at_s = self._act("plug", True, "plugged in")
            self._vehicle.plug_in()
        return at_s

    def request_power(self, evse: int, current_a: float, phases: int = 3) -> float:
        """The load is wired as it is: `phases` has no effect."""
        return self._wish(evse, Wish.CHARGE, "s2", True, current_a)

    def request_ventilation(self, evse: int) -> float:
        self._own(evse)
        if "ventilation" not in self._outputs:
            return self._act("ventilation", True, "vehicle: ventilation")
        return self._wish(evse, Wish.VENTILATION, "ventilation", True)

    def stop_request(self, evse: int) -> float:
        return self._wish(evse, Wish.PAUSE, "s2", False)

    def unplug(self, evse: int) -> float:
        self._own(evse)
        with self._steered("plug"):
            at_s = self._act("plug", False, "unplugged")
            self._vehicle.unplug(self._clock())
            for output in ("s2", "ventilation", *PROXIMITY.values()):
                self._outputs.switch_some([(output, False)])
            self._sightings.happened(Quantity.S2, False, at_s, self.doubt_s(at_s))
        return at_s

    def present_token(self, token: str, reader: str) -> float:
        name = card_name(token, reader)
        card = next(
            (
                one
                for one in self._wired.setup.file.card
                if (one.token, one.reader) == (token, reader)
            ),
            None,
        )
        with self._steering:
            if card is not None:
                self._releases.append((self._clock() + card.hold_s, name))
            return self._act(name, True, f"card {token}", hand="card", detail=token)

    def inject(self, evse: int, fault: str, active: bool = True) -> float:
        self._own(evse)
        words = f"fault {'set' if active else 'cleared'}: {fault}"
        if fault == "vehicle_ignores_pilot":
            return self._misbehave("ignores_pilot", active, words)
        if fault == "over_current":
            self._needs_overdraw()
            return self._misbehave("overdraws", active, words)
        if fault not in FAULT_OUTPUTS:
            raise Missing(f"nothing on this rig causes {fault}")
        with self._steered(FAULT_OUTPUTS[fault]):
            return self._act(FAULT_OUTPUTS[fault], active, words)

    def supply(self, on: bool) -> float:
        with self._steered("mains"):
            return self._act("mains", on, f"mains {'on' if on else 'off'}")

    def rest(self) -> None:
        """Everything off but the mains, nothing permitted, until the contact is open.

        Raises RecorderBroken, OutputFailed or Unmet.
        """
        self.let_go()
        self._check()
        if "mains" in self._outputs:
            self._outputs.switch_some([("mains", True)])
        self.expect(Open(self._evse), REST_WAIT_S, self._clock())
        self.keeps(self._wired.setup.file.rig.rest_s, Open(self._evse))

    def let_go(self) -> None:
        """Everything off but the mains, now; what fails is told by the next look."""
        self._wired.leases.revoke(self._evse)
        with self._steering:
            self._vehicle.unplug(self._clock())
            self._vehicle.ignores_pilot = self._vehicle.overdraws = False
            self._releases.clear()
            try:
                self._outputs.all_off(["plug", "s2"], but=("mains",))
            except OutputFailed as failed:
                self._failure = str(failed)

    def temperature(self, evse: int, celsius: float | None) -> float:
        raise Missing(Instrument.HEAT.value)

    # --- in place of an agent --------------------------------------------------------------------

    def permit(self, evse: int, current_a: float) -> float:
        return self._given(self._wired.leases.permit(evse, current_a))

    def limit(self, evse: int, current_a: float, phases: int | None = None) -> float:
        return self._given(self._wired.leases.limit(evse, current_a, phases))

    def revoke(self, evse: int) -> float:
        return self._given(self._wired.leases.revoke(evse))

    def lapse(self, evse: int, lease: Literal["limit", "permission"]) -> float:
        return self._given(self._wired.leases.lapse(evse, lease))

    def reset_hazard(self, evse: int, hazard: str) -> float:
        return self._given(self._wired.leases.reset_hazard(evse, hazard))

    def latch(self, evse: int, hazard: str) -> float:
        return self._given(self._wired.leases.latch(evse, hazard))

    def signal(self, number: int) -> float:
        if self._wired.programs is None:
            raise Missing(Instrument.PROGRAMS.value)
        return self._given(self._wired.programs.signal(number))

    def restart(self) -> float:
        if self._wired.programs is None:
            raise Missing(Instrument.PROGRAMS.value)
        return self._given(self._wired.programs.restart())

    # --- instruments -----------------------------------------------------------------------------

    def draw_a(self, evse: int) -> tuple[float, ...]:
        self._own(evse)
        latest = self._sightings.latest(Quantity.CURRENT)
        if latest is None:
            raise Missing(Instrument.CURRENT.value)
        found: tuple[float, ...] = latest.value
        return found

    def expect(self, sight: Sight, within_s: float, since_s: float | None = None) -> float:
        self._own(sight.evse)
        begin_s = self._stimulus_s if since_s is None else since_s
        seen = self._judge.expect(sight, within_s, begin_s)
        return self._noted(seen.at_s, seen.doubt_s)

    def keeps(self, for_s: float, *sights: Sight) -> float:
        """What does not hold yet may begin a moment later; the time counts from then."""
        for sight in sights:
            self._own(sight.evse)
        return self._judge.keeps(for_s, sights)

    # --- private ---------------------------------------------------------------------------------

    def _check(self) -> None:
        """Raises OutputFailed for what went wrong in the vehicle's thread."""
        if self._failure:
            failure, self._failure = self._failure, ""
            raise OutputFailed(failure)

    def _own(self, evse: int) -> None:
        if evse != self._evse:
            raise Missing(f"this rig is wired to EVSE {self._evse}, not {evse}")

    def _steered(self, output: str) -> AbstractContextManager[object]:
        """The vehicle stands still while `output` is switched; it does not wait for a person."""
        return self._steering if output in self._outputs else nullcontext()

    def _act(
        self, output: str, on: bool, words: str, hand: str | None = None, detail: str = ""
    ) -> float:
        """Switch an output, or have it done by hand. Raises Missing."""
        hand = output if hand is None else hand
        if output in self._outputs:
            moved = self._outputs.switch(output, on)
        elif self._hands is not None and self._hands.can(hand):
            moved = self._hands.do(hand, on, detail)
        else:
            raise Missing(f"no relay for {hand.replace('_', ' ')}, and no operator")
        self._sightings.happened(Quantity.ACT, words, moved.at_s, moved.doubt_s)
        return self._noted(self._given(moved.at_s), moved.doubt_s)

    def _wish(
        self, evse: int, wish: Wish, hand: str, on: bool, current_a: float = math.inf
    ) -> float:
        """What the emulated vehicle wants from now on; without one a person sees to it."""
        self._own(evse)
        words = f"vehicle: {wish.value}"
        if "s2" not in self._outputs:
            return self._act(hand, on, words)
        with self._steering:
            now_s = self._clock()
            self._vehicle.wish = wish
            self._vehicle.current_max_a = current_a
            self._step()
            # What moved at once is the stimulus; what follows by itself is seen later.
            moved = self._sightings.latest(Quantity.S2)
            at_s = moved.at_s if moved is not None and moved.at_s > now_s else now_s
            self._sightings.happened(Quantity.ACT, words, at_s, 0.0)
            return self._noted(self._given(at_s), STEP_S / 2)

    def _misbehave(self, vice: str, active: bool, words: str) -> float:
        if "s2" not in self._outputs:
            raise Missing("a real vehicle cannot be told to misbehave")
        with self._steering:
            setattr(self._vehicle, vice, active)
            at_s = self._clock()
            self._sightings.happened(Quantity.ACT, words, at_s, 0.0)
            return self._given(at_s)

    def _needs_overdraw(self) -> None:
        loads_a = sum(one.current_a for one in self._wired.setup.file.load)
        least_a = 6.0 + OVERDRAW_LEAST_A
        if loads_a < least_a:
            raise Missing(f"loads of {loads_a:g} A together cannot overdraw, {least_a:g} A can")

    def _code_cable(self, cable_a: int | None) -> None:
        evse = next(one for one in self._wired.setup.station.evse if one.id == self._evse)
        if evse.connector != "socket" or (self._hands is not None and "plug" not in self._outputs):
            return
        output = PROXIMITY.get(cable_a or CABLE_USUAL_A, "")
        if output not in self._outputs:
            raise Missing(f"no resistor for a cable of {cable_a or CABLE_USUAL_A} A")
        self._outputs.switch_some([(output, True)])

    def _given(self, at_s: float) -> float:
        self._stimulus_s = at_s
        return at_s

    def _noted(self, at_s: float, doubt_s: float) -> float:
        self._doubts_s[at_s] = doubt_s
        return at_s
