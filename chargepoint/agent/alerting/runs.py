"""How the last run of the agent ended, and how often it did not end in order.

A mark is kept from start to orderly stop. One that is still there tells that the run was cut off:
by the power when the host has booted since, else by a crash, a watchdog or a signal.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chargepoint.station.alerts.values import Condition

SPACE = "alert_settings"
KEY = "run"
HOUR_S = 3600.0
STARTS_MAX = 20


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a run."""

    boot: str
    """Of the host."""
    clean: bool = False
    starts: tuple[float, ...] = ()
    """Starts after an end that was no orderly stop, in seconds of the host's clock."""


def begun(kept: Mapping[str, str], boot: str, epoch_s: float) -> tuple[Run, Condition | None]:
    """The run that begins now, and what the end of the last one was, if that was out of order."""
    last = _read(kept.get(KEY))
    if last is None:
        return Run(boot=boot), None
    recent = [at_s for at_s in last.starts if 0.0 <= epoch_s - at_s < HOUR_S]
    if last.clean:
        return Run(boot=boot, starts=tuple(recent)), None
    starts = (*recent, epoch_s)[-STARTS_MAX:]
    run = Run(boot=boot, starts=starts)
    return run, Condition(id="program_failed" if last.boot == boot else "power_lost")


def unclean_starts(run: Run, epoch_s: float) -> int:
    """Within the last hour."""
    return sum(1 for at_s in run.starts if 0.0 <= epoch_s - at_s < HOUR_S)


def _read(text: str | None) -> Run | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Run)
    except (msgspec.DecodeError, ValueError):
        return None
