"""The programs: do they run, do they keep pace, are they of one version."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import ControlFacts, Evidence
from chargepoint.ipc.care import LoopHealth

TICK_SLOW_S = 0.1
"""The board must be read this often for opening within 100 ms (IEC 61851-1, Table A.6)."""

TICKS_MIN = 512
"""Before, the start itself still counts."""

LOOP_SLOW_S = 1.0


def check(evidence: Evidence) -> Iterator[Mark]:
    if not evidence.running:
        why = "the station does not run; it is looked at from outside"
        if "Permission denied" in evidence.agent_problem:
            why = f"not known whether it runs: {evidence.agent_problem}"
        yield unknown("agent", why=why)
        return
    for control in evidence.controls:
        yield from _control(control, evidence)
    status = evidence.status
    if status is None:
        yield fail("agent", "doctor.agent_missing", found=evidence.agent_problem)
        return
    if status.version != evidence.version:
        found = f"runs {status.version}, installed {evidence.version}"
        yield warn("version", "doctor.version_differs", found=found)
    else:
        yield good("version", found=status.version)
    yield from _agent(evidence)


def _control(control: ControlFacts, evidence: Evidence) -> Iterator[Mark]:
    if not control.reached:
        yield fail("control", "doctor.control_missing", control.bus, control.problem)
        return
    health = evidence.health
    loops = () if health is None else health.loops
    loop = next((one for one in loops if one.bus == control.bus), None)
    if loop is None or loop.ticks < TICKS_MIN:
        yield good("control", control.bus, "runs")
    elif loop.tick_p99_s > TICK_SLOW_S:
        yield warn("control", "doctor.control_slow", control.bus, _pace(loop))
    else:
        yield good("control", control.bus, _pace(loop))


def _pace(loop: LoopHealth) -> str:
    return f"tick 99 % within {loop.tick_p99_s * 1000:.0f} ms, longest {loop.tick_max_s * 1000:.0f}"


def _agent(evidence: Evidence) -> Iterator[Mark]:
    health = evidence.health
    if health is None:
        yield good("agent", found="runs")
        return
    late = f"at most {health.loop_late_max_s * 1000:.0f} ms late in the last minute"
    if health.loop_late_max_s > LOOP_SLOW_S:
        yield warn("agent", "doctor.agent_slow", found=late)
    elif health.inbox_dropped:
        dropped = f"{health.inbox_dropped} events dropped"
        yield warn("agent", "doctor.agent_overrun", found=dropped)
    else:
        yield good("agent", found=f"{late}, {health.agent_memory_bytes / 1e6:.0f} MB")
