"""From evidence to findings: which checks there are, and the words for what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from chargepoint import catalog
from chargepoint.doctor.checks import (
    alerts,
    bus,
    cards,
    certificate,
    clock,
    configuration,
    contactor,
    csms,
    device,
    disk,
    host,
    lock,
    meter,
    permission,
    pilot,
    programs,
    rcd,
    reader,
    services,
    supply,
    web,
)
from chargepoint.doctor.checks.mark import Mark
from chargepoint.doctor.evidence import Evidence

Level = Literal["pass", "warn", "fail", "skip"]

CHECKS: Mapping[str, Callable[[Evidence], Iterator[Mark]]] = {
    "configuration": configuration.check,
    "programs": programs.check,
    "services": services.check,
    "bus": bus.check,
    "device": device.check,
    "pilot": pilot.check,
    "contactor": contactor.check,
    "rcd": rcd.check,
    "meter": meter.check,
    "reader": reader.check,
    "cards": cards.check,
    "lock": lock.check,
    "supply": supply.check,
    "csms": csms.check,
    "clock": clock.check,
    "certificate": certificate.check,
    "disk": disk.check,
    "host": host.check,
    "permission": permission.check,
    "alerts": alerts.check,
    "web": web.check,
}
"""In the order of the list; each has a phrase `doctor.part.NAME`."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the doctor's list."""

    part: str
    check: str
    """Stable word within the part."""
    subject: str
    """Which one: a bus, a device, `EVSE 1`; empty: the station."""
    level: Level
    title: str
    found: str
    """What was measured or read."""
    cause: str
    """Empty unless something is wrong."""
    next_step: str
    catalogue: tuple[str, ...]
    """Ids of the catalogue: what is wrong, and what belongs to it."""


def parts() -> tuple[str, ...]:
    """Names of all parts, in order."""
    return tuple(CHECKS)


def judge(
    evidence: Evidence, language: str = catalog.ENGLISH, only: str = ""
) -> tuple[Finding, ...]:
    """All findings, part by part; `only`: of that part."""
    return tuple(
        _worded(mark, part, language)
        for part, check in CHECKS.items()
        if only in ("", part)
        for mark in check(evidence)
    )


def _worded(mark: Mark, part: str, language: str) -> Finding:
    title = catalog.phrase(f"doctor.check.{part}.{mark.check}", language)
    cause = step = ""
    if mark.problem:
        entry = catalog.entry(mark.problem, language)
        title, cause, step = entry.title, entry.cause, entry.remedy
    return Finding(
        part=part,
        check=mark.check,
        subject=mark.subject,
        level=mark.level,
        title=title,
        found=mark.found,
        cause=cause,
        next_step=step,
        catalogue=(mark.problem, *mark.related) if mark.problem else mark.related,
    )
