"""The disk of the state directory: room, wear, and what is on it."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence

FULL_BYTES, FULL_RATIO = 32 * 2**20, 0.01
LOW_BYTES, LOW_RATIO = 256 * 2**20, 0.05
"""Less than either: the alarm's bounds, in bytes for small disks and as a share for large ones."""

WORN_RATIO, WORN_OUT_RATIO = 0.8, 1.0


def check(evidence: Evidence) -> Iterator[Mark]:
    host = evidence.host
    if host.disk_read_only:
        yield fail("room", "doctor.disk_read_only", found=str(evidence.config.state_dir))
    elif host.disk_free_bytes is None or not host.disk_size_bytes:
        yield unknown("room", why="the disk does not tell its size")
    else:
        yield _room(host.disk_free_bytes, host.disk_size_bytes)
    yield _wear(host.disk_life_used)
    if evidence.store_problem:
        yield fail("store", "doctor.store_damaged", found=evidence.store_problem)
    elif evidence.store_problem is not None:
        yield good("store", found="the ledger is whole")
    else:
        yield unknown("store", why="there is no ledger yet, or it cannot be read by this user")


def _room(free_bytes: int, size_bytes: int) -> Mark:
    text = f"{free_bytes / 1e6:.0f} MB free of {size_bytes / 1e6:.0f}"
    if free_bytes < max(FULL_BYTES, min(FULL_RATIO * size_bytes, LOW_BYTES)):
        return fail("room", "doctor.disk_full", found=text)
    if free_bytes < max(LOW_BYTES, min(LOW_RATIO * size_bytes, 4 * LOW_BYTES)):
        return warn("room", "doctor.disk_low", found=text)
    return good("room", found=text)


def _wear(used: float | None) -> Mark:
    if used is None:
        return unknown("wear", why="this disk does not tell its wear (cards do not)")
    text = f"{used:.0%} of its life used"
    if used >= WORN_OUT_RATIO:
        return fail("wear", "doctor.disk_worn", found=text)
    if used >= WORN_RATIO:
        return warn("wear", "doctor.disk_worn", found=text)
    return good("wear", found=text)
