"""A rig on hardware: one station, its instruments; plays one case after another.

The station runs as it is configured; a case that wants another configuration is skipped with the
reason. Between two cases everything is off. At the end everything is off, whatever happened.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from chargepoint.config import Config
from hal.bus.port import PortLost
from hil.bench import Instrument, Missing, Unmet
from hil.instruments.leases import Leases
from hil.instruments.recorder import RecorderBroken
from hil.instruments.relay_outputs import OutputFailed
from hil.rig.config import RigSetup
from hil.rig.hands import Hands
from hil.rig.trace import trace
from hil.rig.wiring import CommandFailed, Wired, wire
from hil.rig_bench import RigBench
from hil.scenarios.scenario import Case, Measured, Place, Settings, Trial
from hil.sim_rig import Outcome, lacking

CONNECT_WAIT_S = 10.0
UNVENTILATED = ("ventilation_missing", "ventilation_missing_from_the_start")
"""Cases that only a station without ventilation refuses to serve."""


class RigFailed(Exception):
    """The rig cannot be used; says what is missing."""


@dataclass(slots=True)
class RigTrial(Trial):
    """A trial whose times are as sure as the rig's instruments."""

    def doubt_s(self, *instants_s: float) -> float:
        """The doubts of all instants, added."""
        assert isinstance(self.bench, RigBench)
        return sum(self.bench.doubt_s(one) for one in instants_s)


class HardwareRig:
    """Use as a context manager."""

    def __init__(self, setup: RigSetup, hands: Hands | None = None) -> None:
        self._setup = setup
        self._wired: Wired = wire(setup)
        if setup.file.rig.operator and hands is None:
            hands = Hands(self._wired.sightings)
        self.bench = RigBench(self._wired, hands)

    def __enter__(self) -> HardwareRig:
        """Raises RigFailed; everything is off then."""
        try:
            self._wired.outputs.all_off(but=("mains",))
            if "mains" in self._wired.outputs:
                self._wired.outputs.switch("mains", True)
            self._wired.start()
            self._await_program()
            self.bench.start()
            time.sleep(self._setup.file.rig.warm_up_s)
        except (OutputFailed, PortLost) as error:
            self.__exit__()
            raise RigFailed(str(error)) from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.bench.stop()
        try:
            self._wired.outputs.all_off(["residual_current", "pilot_short", "plug"])
        finally:
            self._wired.stop()

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The rig file and the station's configuration; passwords are left out."""
        station = msgspec.to_builtins(self._setup.station)
        if station.get("csms"):
            station["csms"]["password"] = ""
        return {"rig": msgspec.to_builtins(self._setup.file), "station": station}

    @property
    def instruments(self) -> Mapping[Instrument, str]:
        return self.bench.instruments

    @property
    def baud(self) -> int:
        """Of the safety line; 0 when it is none."""
        bus = self._setup.station.bus_named(self._setup.station.device_named(self._setup.board).bus)
        return bus.baud if bus.kind == "modbus-rtu" else 0

    def play(self, case: Case) -> Outcome:
        """Play `case`; never raises for what station or rig do."""
        reason = lacking(case, self.instruments) or unfit(case, self._setup)
        if reason:
            return Outcome(case=case, verdict="skipped", detail=reason)
        place = Place(evse=self._setup.file.station.evse)
        trial = RigTrial(self.bench, place, Settings.of(self._setup.station, self._setup.board))
        try:
            self._meet_anew()
            self.bench.rest()
        except (RigFailed, OutputFailed, RecorderBroken, Unmet, Missing) as error:
            return Outcome(case=case, verdict="broken", detail=f"not at rest before: {error}")
        self._wired.sightings.begin()
        begin_s = time.monotonic()
        verdict, detail = self._perform(trial, case)
        end_s = time.monotonic()
        return Outcome(
            case=case,
            verdict=verdict,
            detail=detail,
            measured=trial.measured,
            trace=trace(self._wired.sightings, begin_s, end_s),
            begin_s=begin_s,
            duration_s=end_s - begin_s,
        )

    def _perform(self, trial: Trial, case: Case) -> tuple[str, str]:
        """Verdict and detail."""
        try:
            case.play(trial)
        except Unmet as unmet:
            return "failed", str(unmet)
        except Missing as missing:
            return "skipped", str(missing)
        except (OutputFailed, RecorderBroken, CommandFailed, LookupError, OSError) as error:
            return "broken", str(error)
        finally:
            # Not with what the scenario was in the middle of: off, at once.
            self.bench.let_go()
        late = [one for one in trial.measured if one.judged and not one.met]
        if late:
            return "failed", "; ".join(f"{one.what}: {_late(one)}" for one in late)
        untold = sorted(set(case.hazards) - self._wired.leases.told(trial.evse))
        if untold:
            return "failed", f"the station did not tell of {', '.join(untold)}"
        return "passed", ""

    def _meet_anew(self) -> None:
        """A lease holder that has not heard of anything yet. Raises RigFailed."""
        self._wired.leases.revoke(self._setup.file.station.evse)
        self._wired.leases.stop()
        self._wired.leases = Leases(self._setup.socket)
        self._wired.leases.start()
        self._await_program()

    def _await_program(self) -> None:
        deadline_s = time.monotonic() + CONNECT_WAIT_S
        while not self._wired.leases.connected:
            if time.monotonic() > deadline_s:
                raise RigFailed(f"{self._setup.socket}: no safety program answers")
            time.sleep(0.05)


IN_DOUBT = "met, but not by more than the doubt of the instruments"


def _late(measured: Measured) -> str:
    inside = measured.least_s <= measured.took_s <= measured.limit_s
    return IN_DOUBT if inside else "outside its limit"


def unfit(case: Case, setup: RigSetup) -> str:
    """Why the station under test is not one for `case`; empty when it is."""
    evse = next(one for one in setup.station.evse if one.id == setup.file.station.evse)
    if case.socket and evse.connector != "socket":
        return "the station has a fixed cable, no socket"
    if case.ventilated and not evse.ventilated:
        return "the station is not ventilated"
    if case.name in UNVENTILATED and evse.ventilated:
        return "the station is ventilated"
    number = setup.station.evse.index(evse)
    for key, value in case.changes.items():
        # A case speaks of its EVSE as the first one.
        key = key.replace("evse.0.", f"evse.{number}.")
        if _configured(setup.station, key) != value:
            return f"the station is not configured with {key} = {value}"
    return ""


def _configured(station: Config, key: str) -> Any:
    """The value at a dotted key; numbers index tables from 0. None: there is none."""
    place: Any = msgspec.to_builtins(station)
    for part in key.split("."):
        try:
            place = place[int(part)] if isinstance(place, (list, tuple)) else place[part]
        except (LookupError, ValueError, TypeError):
            return None
    return place
