"""The computer: temperature, memory, throttling."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence

HOT_C, TOO_HOT_C = 75.0, 85.0
"""A Raspberry Pi slows down from 80 °C on."""

MEMORY_LOW_BYTES = 64 * 2**20


def check(evidence: Evidence) -> Iterator[Mark]:
    host = evidence.host
    yield _temperature(host.cpu_temperature_c)
    if host.memory_free_bytes is None:
        yield unknown("memory", why="not known here")
    elif host.memory_free_bytes < MEMORY_LOW_BYTES:
        found = f"{host.memory_free_bytes / 1e6:.0f} MB free"
        yield warn("memory", "doctor.memory_low", found=found)
    else:
        yield good("memory", found=f"{host.memory_free_bytes / 1e6:.0f} MB free")
    if host.throttled:
        yield warn("speed", "doctor.throttled", found="the firmware slows the processor down")


def _temperature(temperature_c: float | None) -> Mark:
    if temperature_c is None:
        return unknown("temperature", why="this computer has no sensor")
    text = f"{temperature_c:.0f} °C"
    if temperature_c >= TOO_HOT_C:
        return fail("temperature", "doctor.cpu_hot", found=text)
    if temperature_c >= HOT_C:
        return warn("temperature", "doctor.cpu_hot", found=text)
    return good("temperature", found=text)
