"""Each device: does it answer, and is it the one that the configuration describes."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config import Bus, Device
from chargepoint.doctor.checks.mark import Mark, fail, good, unknown
from chargepoint.doctor.checks.reader import ONLY_LISTEN
from chargepoint.doctor.evidence import Evidence, Probe
from hal.values import DeviceIdentity

UNASKED = "its line is open; it cannot be asked"


def check(evidence: Evidence) -> Iterator[Mark]:
    for bus in evidence.config.bus:
        devices = [device for device in evidence.config.device if device.bus == bus.name]
        if _unreachable(evidence, bus):
            yield from (
                unknown("answer", device.name, f"bus {bus.name} cannot be used")
                for device in devices
            )
        elif len(devices) > 1 and all(_silent(evidence, device) for device in devices):
            yield _bus_silent(evidence, bus, devices)
        else:
            yield from (_device(evidence, device) for device in devices)


def _unreachable(evidence: Evidence, bus: Bus) -> bool:
    port = evidence.port(bus.name)
    return port is not None and not (
        port.exists and port.usable and not port.holders and not port.problem
    )


def _silent(evidence: Evidence, device: Device) -> bool:
    probe = evidence.probe(device.name)
    if probe is not None and probe.trouble != "unasked":
        return probe.trouble == "silent"
    return _told_lost(evidence, device) is not None


def _told_lost(evidence: Evidence, device: Device) -> str | None:
    """What the running station says of a device that does not answer; None: it does not say so."""
    if evidence.health is None:
        return None
    for told in evidence.health.devices:
        if told.device == device.name and told.answers is False:
            return told.detail
    return None


def _bus_silent(evidence: Evidence, bus: Bus, devices: list[Device]) -> Mark:
    for device in devices:
        probe = evidence.probe(device.name)
        if probe is not None and "baud" in probe.elsewhere:
            found = f"configured {bus.baud} baud, answers at {probe.elsewhere}"
            return fail("answer", "doctor.baud_wrong", bus.name, found)
    names = ", ".join(device.name for device in devices)
    return fail("answer", "doctor.bus_silent", bus.name, f"none of {names} answers")


def _device(evidence: Evidence, device: Device) -> Mark:
    probe, place = evidence.probe(device.name), _place(evidence, device)
    if probe is not None and probe.trouble == "":
        return good("answer", device.name, f"{place}{_identity(probe.identity)}")
    if probe is not None and probe.trouble != "unasked":
        return _troubled(evidence, device, probe)
    lost = _told_lost(evidence, device)
    if lost is not None:
        problem = "doctor.device_wrong" if "board_refused" in lost else "doctor.device_silent"
        return fail("answer", problem, device.name, f"{place}: {lost}")
    if evidence.health is not None:
        told = next((d for d in evidence.health.devices if d.device == device.name), None)
        if told is not None and told.answers and device.driver in ONLY_LISTEN:
            return unknown("answer", device.name, f"{place}: {UNASKED}")
        if told is not None and told.answers:
            return good("answer", device.name, place)
    if _seen(evidence, device):
        return good("answer", device.name, f"{place}, as the safety program says")
    return unknown("answer", device.name, probe.detail if probe is not None else "not asked")


def _seen(evidence: Evidence, device: Device) -> bool:
    """It is a board whose pilot the safety program reads."""
    for evse in evidence.config.evse:
        snapshot = evidence.snapshot(evse.id) if evse.board == device.name else None
        if snapshot is not None:
            gone = "board_lost" in snapshot.hazards or "board_refused" in snapshot.hazards
            return snapshot.pilot is not None and not gone
    return False


def _troubled(evidence: Evidence, device: Device, probe: Probe) -> Mark:
    found = f"{_place(evidence, device)}: {probe.detail}"
    if "unit" in probe.elsewhere:
        found = f"configured unit {device.unit}, answers at {probe.elsewhere}"
        return fail("answer", "doctor.device_elsewhere", device.name, found)
    if "baud" in probe.elsewhere:
        return fail("answer", "doctor.baud_wrong", device.name, f"answers at {probe.elsewhere}")
    match probe.trouble:
        case "wrong":
            return fail("answer", "doctor.device_wrong", device.name, found)
        case "refused":
            return fail("answer", "doctor.device_refuses", device.name, found)
        case "down" | "taken":
            return unknown("answer", device.name, probe.detail)
        case _:
            return fail("answer", "doctor.device_silent", device.name, found)


def _place(evidence: Evidence, device: Device) -> str:
    place = f"{device.driver} on {device.bus}"
    addressed = any(bus.name == device.bus and bus.kind != "serial" for bus in evidence.config.bus)
    return f"{place}, unit {device.unit}" if addressed else place


def _identity(identity: DeviceIdentity) -> str:
    known = (identity.vendor, identity.model, identity.serial, identity.firmware)
    text = " ".join(filter(None, known))
    return f": {text}" if text else ""
