"""Each bus: the port and its traps, who else uses it, and how clean its traffic is."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config import Bus
from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence, PortFacts
from chargepoint.ipc.messages import BusHealth

BAUD_LOW = 19200
LATENCY_MAX_MS = 2
"""An FTDI adapter's default of 16 ms is more than a tick of the safety loop."""

REQUESTS_MIN = 100
"""Before, a share says nothing."""

BAD_RATIO = 0.01
UNSTABLE = ("ttyUSB", "ttyACM")
"""Numbered in the order of plugging."""


def check(evidence: Evidence) -> Iterator[Mark]:
    for bus in evidence.config.bus:
        port = evidence.port(bus.name)
        if port is None:
            yield unknown("port", bus.name, "not looked at")
        elif bus.kind == "modbus-tcp":
            yield _network(port)
        else:
            yield from _port(bus, port)
        yield from _traffic(bus, evidence)


def _network(port: PortFacts) -> Mark:
    if port.problem:
        return fail("port", "doctor.network_unreachable", port.bus, f"{port.path}: {port.problem}")
    return good("port", port.bus, port.path)


def _port(bus: Bus, port: PortFacts) -> Iterator[Mark]:
    wrong = _unusable(port)
    if wrong is not None:
        yield wrong
        return
    yield good("port", bus.name, f"{port.path}, {bus.baud} baud, parity {bus.parity}")
    yield from _traps(bus, port)


def _unusable(port: PortFacts) -> Mark | None:
    if not port.exists:
        return fail("port", "doctor.port_missing", port.bus, port.path)
    if port.console:
        return fail("port", "doctor.port_console", port.bus, f"{port.path}: {port.console}")
    if port.holders:
        found = f"{port.path}: {', '.join(port.holders)}"
        return fail("port", "doctor.port_taken", port.bus, found)
    if not port.usable:
        return fail("port", "doctor.port_forbidden", port.bus, f"{port.path}: {port.owner}")
    if port.problem:
        return fail("port", "doctor.port_broken", port.bus, f"{port.path}: {port.problem}")
    return None


def _traps(bus: Bus, port: PortFacts) -> Iterator[Mark]:
    name = bus.name
    if port.mini_uart and bus.parity != "none":
        found = f"{port.path} is the mini UART, parity {bus.parity} is configured"
        yield fail("uart", "doctor.mini_uart_parity", name, found)
    elif port.mini_uart:
        yield warn("uart", "doctor.mini_uart", name, port.path)
    if not port.pty and port.path.rpartition("/")[2].startswith(UNSTABLE):
        yield warn("name", "doctor.port_unstable", name, port.path)
    if port.latency_ms is not None and port.latency_ms > LATENCY_MAX_MS:
        yield warn("latency", "doctor.latency_timer", name, f"{port.latency_ms} ms")
    if port.modem_manager:
        yield warn("modem_manager", "doctor.modem_manager", name, port.path)
    if bus.kind == "modbus-rtu" and bus.baud < BAUD_LOW:
        yield warn("baud", "doctor.baud_low", name, f"{bus.baud} baud")


def _traffic(bus: Bus, evidence: Evidence) -> Iterator[Mark]:
    health = evidence.health
    if health is None:
        return
    found = next((one for one in health.buses if one.bus == bus.name), None)
    if found is None:
        return
    port = evidence.port(bus.name)
    if found.down:
        # A port that is gone or taken has been told already, and is the cause.
        if port is None or (port.exists and not port.holders and not port.problem):
            yield fail("traffic", "doctor.bus_down", bus.name)
        return
    silent = any(d.bus == bus.name and evidence.trouble(d.name) for d in evidence.config.device)
    if found.requests < REQUESTS_MIN or silent:
        return
    yield _share(found)


def _share(bus: BusHealth) -> Mark:
    bad, late = bus.bad_replies / bus.requests, bus.timeouts / bus.requests
    text = (
        f"{bus.requests} requests, {bus.bad_replies} bad replies, {bus.timeouts} unanswered, "
        f"99 % within {bus.latency_p99_s * 1000:.0f} ms"
    )
    if bad > BAD_RATIO:
        return warn("traffic", "doctor.bus_noisy", bus.bus, text)
    if late > BAD_RATIO:
        return warn("traffic", "doctor.bus_unanswered", bus.bus, text)
    return good("traffic", bus.bus, text)
