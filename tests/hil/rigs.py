"""A rig without hardware for tests: a station's files, and a rig file with ptys as ports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hil.sim_rig import CHANGES
from hil.stage import Stage, StageError, changed, example, to_toml

ANSWER_WAIT_S = 60.0
SIGNALS = ("plug", "s2", "ventilation", "diode_bypass", "pilot_short", "emergency_stop")
INVERTED = "emergency_stop"
LOADS_A = (6.0, 4.0, 6.0)


def rig_raw(directory: Path, config: str = "station.toml") -> dict[str, Any]:
    """A rig file as raw TOML data: two relay boards, an input, an analyser, a tap."""
    ports = directory / "rig"
    power = {"relay": "power"}
    outputs = [
        {"does": does, "relay": "signals", "channel": channel, "inverted": does == INVERTED}
        for channel, does in enumerate(SIGNALS, start=1)
    ]
    outputs.append({"does": "residual_current", **power, "channel": 1})
    outputs.append({"does": "mains", **power, "channel": 2})
    loads = [
        {**power, "channel": channel, "current_a": current_a}
        for channel, current_a in enumerate(LOADS_A, start=3)
    ]
    live = {"sees": "outlet_live", "relay": "signals", "channel": 1, "doubt_s": 0.005}
    return {
        "rig": {"name": "test", "rest_s": 1.2},
        "station": {"config": config, "evse": 1},
        "bus": [
            {"name": "outputs", "port": str(ports / "outputs.tty"), "baud": 115200},
            {"name": "analyser", "port": str(ports / "analyser.tty"), "baud": 19200},
        ],
        "relay": [
            {"name": "signals", "bus": "outputs", "unit": 1, "inputs": 8, "operate_s": 0.002},
            {"name": "power", "bus": "outputs", "unit": 2, "operate_s": 0.002, "hold_s": 2.0},
        ],
        "output": outputs,
        "load": loads,
        "input": [live],
        "analyser": {"bus": "analyser", "map": "eastron_sdm630", "doubt_s": 0.05},
        "tap": {"port": str(ports / "tap.tty")},
    }


def rig_file(directory: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """The rig file in `directory`, beside a station's configuration."""
    path = directory / "rig.toml"
    path.write_text(to_toml(changed(rig_raw(directory), changes or {})), "utf-8")
    return path


def station_stage(directory: Path) -> Stage:
    """The demo station with short leases, as the simulator's own rig has it."""
    return Stage(directory, changes=CHANGES, raw=example())


def start_simulated(stage: Stage, rig: Path) -> None:
    """Start plant and rig as a process of its own. Raises StageError."""
    (stage.directory / "rig").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "hil.rig.simulated", str(rig)]
    with (stage.directory / "simulate.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
    stage.processes["simulate"] = process
    stage.wait_until(lambda: _answers(stage), ANSWER_WAIT_S, "the plant to answer", "simulate")


def _answers(stage: Stage) -> bool:
    try:
        stage.state()
    except StageError:
        return False
    return True
