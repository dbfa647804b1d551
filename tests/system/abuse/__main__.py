"""Real programs, abused in real time: `python -m tests.system.abuse --cycles 500 --stations 2`.

Each station is a plant, a safety program and an agent of its own on ptys; all talk to one CSMS. An
accelerated car plugs in and out while the abuses of `troubles` rotate. `judge` reads the plant.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections import Counter

from tests.sim.cycles import commit
from tests.system.abuse.campaign import Result, campaign


def main() -> int:
    parser = argparse.ArgumentParser(description="Plug cycles of real programs under abuse.")
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--stations", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # The stations end with us.
    began_s = time.monotonic()
    results = asyncio.run(campaign(asked.cycles, asked.stations, asked.seed, asked.minutes))
    return report(results, time.monotonic() - began_s)


def report(results: list[Result], took_s: float) -> int:
    """Print what was done and found; 1 when something was violated."""
    violations = [one for result in results for one in result.violations]
    for violation in violations:
        print(f"VIOLATION {violation}\n")
    prompt_s = [one for result in results for one in result.prompt_s]
    loose_s = [one for result in results for one in result.loose_s]
    cycles = sum(result.cycles for result in results)
    charged = sum(result.charged for result in results)
    restarts = sum(result.restarts for result in results)
    print(f"commit {commit()}: {cycles} plug cycles, {len(violations)} violations")
    print(f"{charged} of them charged; {took_s / 60:.1f} minutes, load {os.getloadavg()[1]:.1f}")
    print(f"programs that ended by themselves and were started again: {restarts}")
    for what, found in (("undisturbed", prompt_s), ("disturbed", loose_s)):
        if found:
            middle, worst = sorted(found)[len(found) // 2], max(found)
            print(f"closed contact to open, {what}: {len(found)} times, ", end="")
            print(f"median {middle * 1000:.0f} ms, worst {worst * 1000:.0f} ms")
    phases: Counter[str] = sum((result.phases for result in results), Counter())
    for name, count in sorted(phases.items()):
        print(f"  {name}: {count} phases")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
