"""Plug cycles in virtual time under abuse: the real safety program on a virtual line.

    abused_line      the serial line between the real bus and the real slaves, and what it does
    abuse_agent      what the safety program hears over its real socket
    abuse_site       the station: real loop, units, drivers, bus and server; plant; judges
    abuse_rules      the judge: what must never be
    abuse_campaign   rounds of cycles, each with abuses of its own

    python -m tests.sim.cycles --cycles 10000 --seed 1 --jobs 2

A violation names commit, seed and step; `--seed N --cycles 1` plays that world again. Such a seed
joins `cycles` in seeds.toml.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from tests.sim.abuse_campaign import CYCLES_PER_ROUND, Campaign
from tests.sim.abuse_rules import Violation
from tests.sim.abuse_site import EVSES, Site
from tests.sim.abuse_tally import Tally

ROUNDS_PER_WORLD = 5


def world(seed: int, rounds: int = ROUNDS_PER_WORLD) -> Tally:
    """One site with `rounds` rounds; raises Violation that names commit, seed and step."""
    with quiet(), tempfile.TemporaryDirectory(prefix="cp") as place:
        site = Site(seed, Path(place))
        try:
            return Campaign(site, rounds).play()
        except Exception as error:
            where = f"commit {commit()}, seed {seed}, step {site.tally.ticks}"
            raise Violation(f"{where}, {site.clock.now_s:.3f} s: {error!r}") from error
        finally:
            site.agent.close()
            site.kill()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No log of the programs: there would be a line for every frame that was lost."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def commit() -> str:
    run = subprocess.run(
        ("git", "describe", "--always", "--dirty"),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return run.stdout.strip() or "unknown"


def _attempt(seed: int) -> tuple[int, Tally | str]:
    try:
        return seed, world(seed)
    except Violation as violation:
        return seed, str(violation)


def main() -> int:
    parser = argparse.ArgumentParser(description="Plug cycles in virtual time under abuse.")
    parser.add_argument("--cycles", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    per_world = ROUNDS_PER_WORLD * (CYCLES_PER_ROUND + len(EVSES))
    seeds = range(asked.seed, asked.seed + math.ceil(asked.cycles / per_world))
    total, failed, began_s = Tally(), [], time.monotonic()
    with multiprocessing.Pool(asked.jobs) as pool:
        for seed, found in pool.imap_unordered(_attempt, seeds):
            if isinstance(found, str):
                failed.append(found)
                print(f"VIOLATION {found}", flush=True)
            else:
                total.add(found)
                print(f"seed {seed}: {total.cycles} cycles", file=sys.stderr, flush=True)
    _report(total, len(failed), time.monotonic() - began_s)
    return 1 if failed else 0


def _report(total: Tally, failed: int, took_s: float) -> None:
    print(f"commit {commit()}: {total.cycles} plug cycles, {failed} violations")
    print(
        f"{total.charged} of them charged, {total.closings} closings, {total.restarts} restarts of "
        f"control, {total.virtual_s / 3600:.1f} virtual hours in {took_s / 60:.1f} minutes"
    )
    print(
        f"{total.ticks} ticks, {total.frames} requests on the line, {total.spoiled} spoiled frames"
    )
    print(
        f"worst: contact open {total.prompt_s:.3f} s after it had to be on a calm line "
        f"({total.openings} times), "
        f"{total.loose_s:.3f} s under abuse; command open {total.leave_s:.2f} s after leave ended"
    )
    for name, count in sorted(total.abuses.items()):
        print(f"  {name}: {count}")


if __name__ == "__main__":
    sys.exit(main())
