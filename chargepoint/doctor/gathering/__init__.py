"""Looking at a station: through its sockets while it runs, at its ports while it does not.

Nothing here changes anything: sockets are asked, registers read, files looked at. What cannot be
looked at becomes a value that says so; no function of this package raises for the world's state.
"""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from chargepoint.config import Config
from chargepoint.config.advice import advice
from chargepoint.doctor.evidence import Evidence
from chargepoint.doctor.gathering import (
    certificates,
    drivers,
    files,
    ports,
    probing,
    running,
    services,
    ways,
)
from chargepoint.ipc.care import HostHealth
from hal.host import Disk, Host, disk_of

PAUSE_S = 2.0
"""In which a charge of 11 kW counts 6 Wh: enough to tell a register that stands still."""


def gather(
    config: Config, *, root: Path = Path("/"), network: bool = True, pause_s: float = PAUSE_S
) -> Evidence:
    """Everything that can be found out now; takes some seconds, blocks.

    `root`: of the host's own files, for tests. `network`: also try the way to the CSMS, unless the
    station has it already. `pause_s`: between the two readings of each meter.
    """
    agent = running.agent(config, pause_s)
    controls = tuple(running.control(config, bus) for bus in config.safety_buses())
    runs = agent.status is not None or any(control.reached for control in controls)
    found = tuple(ports.look(config, bus, root, try_open=not runs) for bus in config.bus)
    if runs:
        probes = running.probes(config, agent)
    else:
        usable = {port.bus for port in found if ports.free(port)}
        probes = probing.probes(config, usable, pause_s)
    now = datetime.now(UTC)
    accepted = agent.status is not None and agent.status.csms.state == "accepted"
    return Evidence(
        config=config,
        version=version("chargepoint"),
        taken_at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        taken_by=f"{_user()}@{os.uname().nodename}",
        host=_host(config, root, agent),
        status=agent.status,
        agent_problem=agent.problem,
        health=agent.health,
        controls=controls,
        ports=found,
        probes=probes,
        refusals=drivers.refusals(config),
        advice=tuple(advice(config)),
        ways=ways.look(config) if network and not accepted else (),
        files=files.look(config),
        certificates=() if agent.health is not None else certificates.look(config, now),
        services=services.look(config, root),
        store_problem=files.store_problem(config),
        alerts=agent.alerts,
        audit=agent.audit,
        cards=agent.cards,
    )


def _host(config: Config, root: Path, agent: running.Agent) -> HostHealth:
    """Read here, because the programs may see less of the host than a person does."""

    def disk(place: Path) -> Disk | None:
        return disk_of(place)

    told = None if agent.health is None else agent.health.host
    reading = msgspec.structs.asdict(Host(config.state_dir, root, disk).read())
    if told is not None:
        # Read-only may be true for one of the two only: it is the programs that have to write.
        reading["disk_read_only"] = told.disk_read_only or reading["disk_read_only"]
    kept = None if told is None else told.clock_synchronised
    return HostHealth(**reading, clock_synchronised=_synchronised(root) if kept is None else kept)


def _synchronised(root: Path) -> bool | None:
    """What systemd-timesyncd leaves behind; None: another program, or none, keeps the clock."""
    if not (root / "run/systemd/timesync").is_dir():
        return None
    return (root / "run/systemd/timesync/synchronized").exists()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
