"""The simulator as a bench: stimuli over its HTTP interface, the plant's events as instruments.

The contactor is judged by its main contact and the pilot by its levels, each with the plant's own
instant; what a board or a station says of itself is not looked at.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from hil.bench import Closed, Draws, Offers, Open, Sight, SignalsFault, Unmet

POLL_S = 0.02
REQUEST_WAIT_S = 5.0


class SimBench:
    """Satisfies `hil.bench.Bench` for a running simulator."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stimulus_s = 0.0

    @property
    def name(self) -> str:
        return f"simulator {self.state()['station']['id']}"

    # --- stimuli ---------------------------------------------------------------------------------

    def plug_in(self, evse: int, cable_a: int | None = None) -> float:
        return self._post(f"/evse/{evse}/plug_in", {} if cable_a is None else {"cable_a": cable_a})

    def request_power(self, evse: int, current_a: float, phases: int = 3) -> float:
        wish = {"request": "charge", "current_a": current_a, "phases": phases}
        return self._post(f"/evse/{evse}/ev", wish)

    def stop_request(self, evse: int) -> float:
        return self._post(f"/evse/{evse}/ev", {"request": "pause"})

    def unplug(self, evse: int) -> float:
        return self._post(f"/evse/{evse}/unplug", {})

    def present_token(self, token: str, reader: str) -> float:
        return self._post(f"/rfid/{reader}/present", {"token": token})

    def inject(self, evse: int, fault: str, active: bool = True) -> float:
        return self._post(f"/evse/{evse}/fault", {"fault": fault, "active": active})

    # --- instruments -----------------------------------------------------------------------------

    def draw_a(self, evse: int) -> tuple[float, ...]:
        return tuple(self._evse(evse)["current_a"])

    def state(self) -> dict[str, Any]:
        """`GET /state`"""
        found: dict[str, Any] = self._request("GET", "/state")
        return found

    def expect(self, sight: Sight, within_s: float, since_s: float | None = None) -> float:
        begin_s = self._stimulus_s if since_s is None else since_s
        while True:
            state = self.state()
            evse = state["evse"][str(sight.evse)]
            if holds(sight, evse):
                at_s = self._moved_s(sight, evse, state["now_s"], begin_s)
                if at_s - begin_s > within_s:
                    late = f"came after {at_s - begin_s:.3f} s, allowed {within_s:g} s"
                    raise Unmet(f"{sight}: {late}")
                return at_s
            if state["now_s"] - begin_s > within_s:
                raise Unmet(f"{sight}: not within {within_s:g} s; the plant shows {evse}")
            time.sleep(POLL_S)

    def _moved_s(
        self, sight: Sight, evse: Mapping[str, Any], now_s: float, begin_s: float
    ) -> float:
        """When the contact moved, from the plant itself; for the rest, when it was first seen."""
        if isinstance(sight, Closed | Open) and evse["contactor_changed_s"] is not None:
            changed_s: float = evse["contactor_changed_s"]
            return max(changed_s, begin_s)
        return now_s

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
