"""The simulator as a bench: stimuli over its HTTP interface, the plant's events as instruments.

The contactor is judged by its main contact and the pilot by its levels, each with the plant's own
instant; what a board or a station says of itself is not looked at.

With a `Recorder` it also sees commands on the wire, S2 and the lock at their own instants; with
`Leases` and a `Programs` it can stand in for an agent and for the service manager.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from hil.bench import (
    LIVE_V,
    Asks,
    Closed,
    Draws,
    Instrument,
    Live,
    Locked,
    Missing,
    Offers,
    Open,
    Says,
    Sight,
    SignalsFault,
    Told,
    ToldPhases,
    ToldTest,
    Unmet,
)
from hil.instruments.leases import Leases
from hil.instruments.recorder import Event, Recorder
from hil.plant.pilot import current_from_duty

POLL_S = 0.02
SHOWN = (
    "pilot_state",
    "pilot_mode",
    "offered_a",
    "s2_closed",
    "contactor_commanded",
    "contactor_closed",
    "current_a",
    "locked",
    "outlet_v",
    "faults",
)
REQUEST_WAIT_S = 5.0


BUILT_IN = {
    Instrument.VEHICLE: "simulated vehicle and cable",
    Instrument.CONTACT: "main contact of the simulated contactor",
    Instrument.PILOT: "levels and duty at the simulated outlet",
    Instrument.CURRENT: "simulated current of each phase",
    Instrument.FAULTS: "faults of the simulated plant",
    Instrument.SUPPLY: "simulated grid",
    Instrument.READER: "simulated card readers",
    Instrument.OUTLET: "voltages behind the simulated contactors",
    Instrument.HEAT: "temperature of the simulated enclosure",
}


# fmt: off
FAMILY: Mapping[type, tuple[str, ...]] = {  #  events that make a sight true, or false
    Offers:       ("pilot_commanded",),
    SignalsFault: ("pilot_commanded",),
    Asks:         ("s2_closed", "s2_opened"),
}
# fmt: on


class Programs(Protocol):
    """Who starts and ends the safety program."""

    def signal(self, number: int) -> float: ...

    def restart(self) -> float: ...


class SimBench:
    """Satisfies `hil.bench.Bench` for a running simulator."""

    def __init__(
        self,
        url: str,
        recorder: Recorder | None = None,
        leases: Leases | None = None,
        programs: Programs | None = None,
    ) -> None:
        self._url = url
        self._stimulus_s = 0.0
        self._recorder = recorder
        self._leases = leases
        self._programs = programs

    @property
    def name(self) -> str:
        return f"simulator {self.state()['station']['id']}"

    @property
    def instruments(self) -> Mapping[Instrument, str]:
        found = dict(BUILT_IN)
        if self._recorder is not None:
            found[Instrument.WIRE] = "commands as they arrive at the simulated board"
        if self._leases is not None:
            found[Instrument.LEASES] = "client of the safety program's socket"
            found[Instrument.WORDS] = "hazards that the safety program told of"
        if self._programs is not None:
            found[Instrument.PROGRAMS] = "signals to the safety program's process"
        return found

    # --- stimuli ---------------------------------------------------------------------------------

    def plug_in(self, evse: int, cable_a: int | None = None) -> float:
        return self._post(f"/evse/{evse}/plug_in", {} if cable_a is None else {"cable_a": cable_a})

    def request_power(self, evse: int, current_a: float, phases: int = 3) -> float:
        wish = {"request": "charge", "current_a": current_a, "phases": phases}
        return self._post(f"/evse/{evse}/ev", wish)

    def request_ventilation(self, evse: int) -> float:
        return self._post(f"/evse/{evse}/ev", {"request": "ventilation"})

    def stop_request(self, evse: int) -> float:
        return self._post(f"/evse/{evse}/ev", {"request": "pause"})

    def unplug(self, evse: int) -> float:
        return self._post(f"/evse/{evse}/unplug", {})

    def present_token(self, token: str, reader: str) -> float:
        return self._post(f"/rfid/{reader}/present", {"token": token})

    def inject(self, evse: int, fault: str, active: bool = True) -> float:
        return self._post(f"/evse/{evse}/fault", {"fault": fault, "active": active})

    def supply(self, on: bool) -> float:
        return self._post("/grid", {"supply": "on" if on else "off"})

    def temperature(self, evse: int, celsius: float | None) -> float:
        return self._post(f"/evse/{evse}/temperature", {"celsius": celsius})

    def permit(self, evse: int, current_a: float) -> float:
        return self._given(self._holder.permit(evse, current_a))

    def limit(self, evse: int, current_a: float, phases: int | None = None) -> float:
        return self._given(self._holder.limit(evse, current_a, phases))

    def revoke(self, evse: int) -> float:
        return self._given(self._holder.revoke(evse))

    def lapse(self, evse: int, lease: Literal["limit", "permission"]) -> float:
        return self._given(self._holder.lapse(evse, lease))

    def reset_hazard(self, evse: int, hazard: str) -> float:
        return self._given(self._holder.reset_hazard(evse, hazard))

    def latch(self, evse: int, hazard: str) -> float:
        return self._given(self._holder.latch(evse, hazard))

    def signal(self, number: int) -> float:
        return self._given(self._steered.signal(number))

    def restart(self) -> float:
        return self._given(self._steered.restart())

    @property
    def _holder(self) -> Leases:
        if self._leases is None:
            raise Missing(Instrument.LEASES.value)
        return self._leases

    @property
    def _steered(self) -> Programs:
        if self._programs is None:
            raise Missing(Instrument.PROGRAMS.value)
        return self._programs

    def _given(self, at_s: float) -> float:
        self._stimulus_s = at_s
        return at_s

    # --- instruments -----------------------------------------------------------------------------

    def draw_a(self, evse: int) -> tuple[float, ...]:
        return tuple(self._evse(evse)["current_a"])

    def state(self) -> dict[str, Any]:
        """`GET /state`, or the recorder's latest sample of it."""
        if self._recorder is not None:
            return self._recorder.fresh()
        found: dict[str, Any] = self._request("GET", "/state")
        return found

    def expect(self, sight: Sight, within_s: float, since_s: float | None = None) -> float:
        begin_s = self._stimulus_s if since_s is None else since_s
        while True:
            state = self.state()
            at_s = self._seen_s(sight, state, begin_s)
            if at_s is not None:
                if at_s - begin_s > within_s:
                    late = f"came after {at_s - begin_s:.3f} s, allowed {within_s:g} s"
                    raise Unmet(f"{sight}: {late}")
                return at_s
            if state["now_s"] - begin_s > within_s:
                shown = _shown(state["evse"][str(sight.evse)])
                raise Unmet(f"{sight}: not within {within_s:g} s; the plant shows {shown}")
            self._pause()

    def keeps(self, for_s: float, *sights: Sight) -> float:
        begin_s: float = self.state()["now_s"]
        while True:
            state = self.state()
            now_s: float = state["now_s"]
            for sight in sights:
                broken = self._broken(sight, begin_s)
                if broken is not None or not self._so(sight, state):
                    at_s = now_s if broken is None else broken.at_s
                    raise Unmet(f"{sight}: for {at_s - begin_s:.3f} s only, expected {for_s:g} s")
            if now_s - begin_s >= for_s:
                return now_s
            self._pause()

    def _so(self, sight: Sight, state: Mapping[str, Any]) -> bool:
        """It is so now."""
        if isinstance(sight, Says):
            return self._holder.told_s(sight.evse, sight.hazard) is not None
        return holds(sight, state["evse"][str(sight.evse)])

    def _seen_s(self, sight: Sight, state: Mapping[str, Any], begin_s: float) -> float | None:
        """When `sight` became true; None: it is not."""
        if isinstance(sight, Told | ToldPhases | ToldTest):
            told = self._wire.first(_mark(sight), begin_s)
            return None if told is None else told.at_s
        if isinstance(sight, Says):
            said_s = self._holder.told_s(sight.evse, sight.hazard)
            return None if said_s is None else max(said_s, begin_s)
        evse = state["evse"][str(sight.evse)]
        if not holds(sight, evse):
            return None
        return self._moved_s(sight, evse, float(state["now_s"]), begin_s)

    def _moved_s(
        self, sight: Sight, evse: Mapping[str, Any], now_s: float, begin_s: float
    ) -> float:
        """When the contact moved, or the command came, from the plant itself; else first seen."""
        if isinstance(sight, Closed | Open) and evse["contactor_changed_s"] is not None:
            changed_s: float = evse["contactor_changed_s"]
            return max(changed_s, begin_s)
        if self._recorder is None or type(sight) not in FAMILY:
            return now_s
        latest = self._recorder.last(sight.evse, FAMILY[type(sight)])
        # When the latest command says otherwise, the board did it by itself just now.
        return max(latest.at_s, begin_s) if latest and _mark(sight)(latest) else now_s

    def _broken(self, sight: Sight, begin_s: float) -> Event | None:
        """An event that contradicts `sight`, however short it was."""
        if self._recorder is None:
            return None
        match sight:
            case Open(evse=evse):
                return self._recorder.first(_mark(Closed(evse)), begin_s)
            case Closed(evse=evse):
                return self._recorder.first(_mark(Open(evse)), begin_s)
            case Offers(evse=evse, low_a=low_a, high_a=high_a) if low_a == high_a == 0.0:
                return self._recorder.first(_mark(Offers(evse, 6.0, 80.0)), begin_s)
        return None

    @property
    def _wire(self) -> Recorder:
        if self._recorder is None:
            raise Missing(Instrument.WIRE.value)
        return self._recorder

    def _pause(self) -> None:
        if self._recorder is None:
            time.sleep(POLL_S)

    def _evse(self, evse: int) -> dict[str, Any]:
        found: dict[str, Any] = self.state()["evse"][str(evse)]
        return found

    def _post(self, path: str, body: Mapping[str, Any]) -> float:
        self._stimulus_s = float(self._request("POST", path, body)["at_s"])
        return self._stimulus_s

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of the simulator. Raises LookupError with its words when it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_WAIT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise LookupError(error.read().decode("utf-8", "replace")) from error


def holds(sight: Sight, evse: Mapping[str, Any]) -> bool:
    """Whether the plant's state of one EVSE is what `sight` says."""
    match sight:
        case Closed():
            return bool(evse["contactor_closed"])
        case Open():
            return not evse["contactor_closed"]
        case Offers(low_a=low_a, high_a=high_a):
            return bool(low_a <= evse["offered_a"] <= high_a)
        case Draws(low_a=low_a, high_a=high_a):
            return bool(low_a <= max(evse["current_a"]) <= high_a)
        case SignalsFault():
            return bool(evse["pilot_mode"] == "fault")
        case Asks(asking=asking):
            return bool(evse["s2_closed"]) is asking
        case Locked(locked=locked):
            return bool(evse["locked"]) is locked
        case Live(phases=phases):
            return sum(1 for volts in evse["outlet_v"] if volts > LIVE_V) == phases
        case Told() | ToldPhases() | ToldTest():
            raise Missing(Instrument.WIRE.value)  # A command is an event, not a state.
        case Says():
            raise Missing(Instrument.WORDS.value)  # Nothing that the plant shows.


def _mark(sight: Sight) -> Callable[[Event], bool]:
    """Whether an event is the one at which `sight` becomes true."""

    def is_mark(event: Event) -> bool:
        if event.evse != sight.evse:
            return False
        match sight:
            case Closed():
                return event.type == "contactor_closed"
            case Open():
                return event.type == "contactor_opened"
            case Told(closed=closed):
                return event.type == "contactor_commanded" and event.fields["closed"] is closed
            case Asks(asking=asking):
                return event.type == ("s2_closed" if asking else "s2_opened")
            case ToldTest():
                return event.type == "rcd_tested"
            case ToldPhases(phases=phases):
                return event.type == "phases_commanded" and event.fields["phases"] == phases
            case Draws() | Locked() | Live() | Says():
                return False  # Seen in samples only, or said.
        if event.type != "pilot_commanded":
            return False
        duty_ratio: float = event.fields["duty_ratio"]
        if isinstance(sight, SignalsFault):
            return duty_ratio <= 0.0
        return sight.low_a <= current_from_duty(duty_ratio) <= sight.high_a

    return is_mark


def _shown(evse: Mapping[str, Any]) -> str:
    """The part of the state that a reader of a failure wants."""
    return ", ".join(f"{key} {evse[key]}" for key in SHOWN)
