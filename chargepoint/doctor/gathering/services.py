"""Our units, as systemd shows them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from chargepoint.config import Config
from chargepoint.doctor.evidence import ServiceFacts

WAIT_S = 5.0
PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "Result",
    "NRestarts",
    "WatchdogUSec",
)
Run = Callable[[tuple[str, ...]], str]


def run(command: tuple[str, ...]) -> str:
    """What the command prints; empty when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=WAIT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")


def look(config: Config, root: Path = Path("/"), run: Run = run) -> tuple[ServiceFacts, ...] | None:
    """Each unit that this station needs; None where systemd does not run."""
    if not (root / "run/systemd/system").is_dir():
        return None
    units = [f"chargepoint-control@{bus}.service" for bus in config.safety_buses()]
    units.append("chargepoint-agent.service")
    if config.web is not None:
        units.append("chargepoint-web.service")
    return tuple(_unit(unit, run) for unit in units)


def _unit(unit: str, run: Run) -> ServiceFacts:
    text = run(("systemctl", "show", unit, f"--property={','.join(PROPERTIES)}"))
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    restarts = found.get("NRestarts", "0")
    return ServiceFacts(
        unit=unit,
        installed=found.get("LoadState") == "loaded",
        active=found.get("ActiveState", ""),
        enabled=found.get("UnitFileState", ""),
        result=found.get("Result", ""),
        restarts=int(restarts) if restarts.isdigit() else 0,
        watchdog=found.get("WatchdogUSec", "0") not in ("", "0", "infinity"),
    )
