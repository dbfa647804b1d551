"""The agent with limits of time made short and the host's readings taken from a file.

`python -m tests.alerts_agent --config FILE`, for `tests.alerts_provoked` only: nobody waits four
hours for a record that waits, and no test makes a computer hot. Everything else is the agent.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.agent import clock, host, local, runtime
from chargepoint.agent import main as agent_main
from chargepoint.agent.alerting import conditions, desk, watches
from chargepoint.agent.notify import dead_man
from chargepoint.config import alert_limits, load
from chargepoint.station.alerts import book

CONSTANTS = {
    "SLOPE_WITHIN_C": 60.0,
    "BUS_REQUESTS_LEAST": 5,
}
LIMITS = {
    "records_waiting": {"limit_count": 3.0},
    "station_blocked": {"limit_h": 2.0 / 3600},
    "agent_late": {"limit_s": 1.0},
}
"""Below what a configuration may say."""


CLOCK = ("network_time", "clock_module")


def often(self: host.HostWatch) -> None:
    """Read the host twice a second."""
    while not self._ending.wait(0.5):
        self.read()


def main(config_path: str) -> int:
    """The exit code of the agent."""
    config = load(config_path)
    facts = Path(config_path).with_name("host.json")
    for name, value in CONSTANTS.items():
        setattr(conditions, name, value)
    for condition, limits in LIMITS.items():
        for key, value in limits.items():
            bounds = alert_limits.LIMITS[condition][key]
            alert_limits.LIMITS[condition][key] = bounds._replace(usual=value)
    host.LATE_OVER_S, watches.HOUR_S = 4.0, 20.0
    watches.FAILED_BEFORE_S, dead_man.FAILURES_MAX = 5.0, 1
    desk.MAINTENANCE_EVERY_S, book.RESTORED_WAIT_S = 1.0, 3.0
    setattr(runtime, "READ_EVERY_S", 1.0)  # noqa: B010
    watches.BUS_OVER_S, watches.BUS_EVERY_S = 3.0, 0.5
    watches.TREND_EVERY_S, watches.TREND_LEAST_S, watches.TREND_S = 0.5, 2.0, 6.0
    read = host.HostWatch.read

    def told() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(facts.read_text()) if facts.exists() else {}
        return found

    def spoilt(self: host.HostWatch) -> None:
        read(self)
        changes = {key: value for key, value in told().items() if key not in CLOCK}
        self.health = msgspec.structs.replace(self.health, **changes)

    host.HostWatch.read = spoilt  # type: ignore[method-assign]
    host.HostWatch._run = often  # type: ignore[method-assign]
    clock.synchronised = lambda marker=None: bool(told().get("network_time"))
    clock.has_rtc = lambda directory=None: bool(told().get("clock_module"))
    boot = os.environ.get("CHARGEPOINT_TEST_BOOT")
    if boot:
        for user in (local, agent_main):
            setattr(user, "host_boot_id", lambda: boot)  # noqa: B010
    return agent_main.run(config)


if __name__ == "__main__":
    sys.exit(main(sys.argv[sys.argv.index("--config") + 1]))
