"""What the kernel says of a process: processor time, memory, how often it woke up."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a process has used since its start, all its threads together."""

    user_s: float
    system_s: float
    wakes: int
    """How often one of its living threads waited and was woken."""

    @property
    def cpu_s(self) -> float:
        return self.user_s + self.system_s

    def since(self, before: Used) -> Used:
        """What has been used since `before`."""
        return Used(
            user_s=self.user_s - before.user_s,
            system_s=self.system_s - before.system_s,
            wakes=self.wakes - before.wakes,
        )


def used(pid: int) -> Used:
    """What process `pid` has used so far, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Used(
        user_s=int(fields[11]) / TICKS,
        system_s=int(fields[12]) / TICKS,
        wakes=sum(map(_waits, Path(f"/proc/{pid}/task").iterdir())),
    )


def pss_mb(pid: int) -> float:
    """Proportional set size in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this kernel tells no PSS")


def _waits(thread: Path) -> int:
    try:
        lines = (thread / "status").read_text().splitlines()
    except OSError:
        return 0  # the thread has just ended
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))
