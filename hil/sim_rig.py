"""The simulator as a whole rig: plant, safety program, instruments; plays one case after another.

The safety program is started anew for each case, with the configuration that the case asks for; the
plant stays and is put back to rest. Leases are held by the rig, no agent runs.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chargepoint.config import Config, load
from hil.bench import Instrument, Unmet
from hil.instruments.leases import Leases
from hil.instruments.plant import start_plant
from hil.instruments.programs import PROGRAM, SafetyProgram
from hil.instruments.recorder import Recorder, RecorderBroken
from hil.instruments.trace import Trace, trace
from hil.scenarios.scenario import Case, Measured, Place, Settings, Trial
from hil.sim_bench import SimBench
from hil.stage import Stage, StageError, changed, example, to_toml

CABLE, SOCKET = 1, 2
"""EVSEs of the rig."""

METER = Path(__file__).with_name("instruments") / "meter_with_rotation.toml"
"""Map of the meters: the usual one, and the order of the phases."""

# fmt: off
CHANGES = {
    "station.id":                  "RIG-SIM",
    "safety.limit_lease_s":        2.0,    # shortest allowed; 10 in service
    "safety.permission_lease_s":   10.0,   # shortest allowed; 120 in service
    "safety.over_current_grace_s": 2.0,    # 7 in service
    "safety.reclose_wait_s":       1.0,    # 5 in service
    "device.2.map":                str(METER),
    "device.3.map":                str(METER),
    "simulator.vehicle.2":         {"cable_a": 32},
}
MAINS = {
    "supply": "on", "voltage_v": [230, 230, 230], "frequency_hz": 50, "rotation": "clockwise",
}
# fmt: on
CONNECT_WAIT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one case."""

    case: Case
    verdict: str
    """`passed`, `failed`, `skipped` or `broken` (the rig could not play it)."""
    detail: str = ""
    measured: list[Measured] = field(default_factory=list)
    trace: Trace | None = None
    begin_s: float = 0.0
    duration_s: float = 0.0
    log: str = ""
    """What the safety program printed meanwhile, when the case did not pass."""


class SimRig:
    """Use as a context manager. Several may stand side by side, each in its own directory."""

    def __init__(self, directory: Path, baud: int, plain: bool = False) -> None:
        """`plain`: boards that do not open by themselves."""
        self._plain = plain
        alone = {f"device.{number}.options": {"opens_alone": not plain} for number in (0, 1)}
        changes = {**CHANGES, "bus.0.baud": baud, **alone}
        self.stage = Stage(directory, changes=changes, raw=example())
        self._base = tomllib.loads(self.stage.config_path.read_text("utf-8"))
        self.recorder = Recorder(self.stage.simulator_url)

    def __enter__(self) -> SimRig:
        try:
            start_plant(self.stage, self._plain)
            self.recorder.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.recorder.stop()
        self.stage.stop()

    @property
    def configuration(self) -> Mapping[str, Any]:
        """What the station runs on, before the changes of single cases."""
        return self._base

    @property
    def instruments(self) -> Mapping[Instrument, str]:
        config = self.stage.config
        program = SafetyProgram(self.stage, config.evse[0].board)
        leases = Leases(config.control_socket(config.bus[0].name))
        return SimBench(self.stage.simulator_url, self.recorder, leases, program).instruments

    def play(self, case: Case) -> Outcome:
        """Play `case`; never raises for what station or plant do."""
        reason = lacking(case, self.instruments)
        if reason:
            return Outcome(case=case, verdict="skipped", detail=reason)
        place = Place(evse=SOCKET if case.socket else CABLE)
        config = self._configure(case, place)
        program = SafetyProgram(self.stage, config.device_named(config.evse[0].board).name)
        leases = Leases(config.control_socket(config.bus[0].name))
        printed = len(self.stage.log(PROGRAM))
        try:
            self._rest()
            program.start()
            leases.start()
            self.stage.wait_until(lambda: leases.connected, CONNECT_WAIT_S, "the lease holder")
            bench = SimBench(self.stage.simulator_url, self.recorder, leases, program)
            outcome = self._perform(
                Trial(bench, place, Settings.of(config, config.evse[0].board)), case, leases
            )
            leases.stop()
            self._rest()
            program.stop()
        except (StageError, RecorderBroken, LookupError, OSError) as error:
            leases.stop()
            program.kill()
            outcome = Outcome(case=case, verdict="broken", detail=str(error))
        if outcome.verdict != "passed":
            return replace(outcome, log=self.stage.log(PROGRAM)[printed:])
        return outcome

    def _perform(self, trial: Trial, case: Case, leases: Leases) -> Outcome:
        self.recorder.begin()
        begin_s = time.monotonic()
        verdict, detail = "passed", ""
        try:
            case.play(trial)
        except Unmet as unmet:
            verdict, detail = "failed", str(unmet)
        late = [one for one in trial.measured if one.judged and not one.met]
        if late and not detail:
            verdict = "failed"
            detail = "; ".join(f"{one.what}: outside its limit" for one in late)
        told = leases.details(trial.evse)
        untold = sorted(set(case.hazards) - set(told))
        if untold and not detail:
            verdict, detail = "failed", f"the station did not tell of {', '.join(untold)}"
        if detail and told:
            words = (f"{hazard} ({why})" for hazard, why in sorted(told.items()))
            detail += f"; the station told of {', '.join(words)}"
        return Outcome(
            case=case,
            verdict=verdict,
            detail=detail,
            measured=trial.measured,
            trace=trace(self.recorder, trial.evse, begin_s),
            begin_s=begin_s,
            duration_s=time.monotonic() - begin_s,
        )

    def _configure(self, case: Case, place: Place) -> Config:
        """Write the configuration of this case."""
        changes = dict(case.changes)
        if case.ventilated:
            changes[f"evse.{place.evse - 1}.ventilated"] = True
        self.stage.config_path.write_text(to_toml(changed(self._base, changes)), "utf-8")
        return load(self.stage.config_path)

    def _rest(self) -> None:
        """The plant as at the beginning: mains on, no faults, no vehicles."""
        self.stage.post("/grid", MAINS)
        for number, evse in self.stage.state()["evse"].items():
            for fault in evse["faults"]:
                self.stage.post(f"/evse/{number}/fault", {"fault": fault, "active": False})
            if evse["temperature_held"]:
                self.stage.post(f"/evse/{number}/temperature", {"celsius": None})
            self.stage.unplug(int(number))


def lacking(case: Case, instruments: Collection[Instrument]) -> str:
    """Why `case` cannot be played with these instruments; empty when it can."""
    missing = sorted(one.value for one in case.needs if one not in instruments)
    return f"no {', '.join(missing)}" if missing else ""
