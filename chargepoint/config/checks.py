"""Contradictions between values of the file that are each legal by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from chargepoint.config import alert_contacts, alert_wires, servers, shown_to_drivers, web_listen
from chargepoint.config.reading import Mistake, shown
from chargepoint.config.station_file import (
    PROXY_OF_ENVIRONMENT,
    RTU_UNIT_MAX,
    TEMPERATURES,
    Config,
    Csms,
    Safety,
    split_url,
)


def contradictions(config: Config) -> Iterator[Mistake]:
    """Everything in `config` that cannot be true together."""
    yield from _duplicates("bus", "name", [bus.name for bus in config.bus])
    yield from _duplicates("device", "name", [device.name for device in config.device])
    yield from _duplicates("evse", "id", [str(evse.id) for evse in config.evse])
    yield from _references(config)
    yield from _addresses(config)
    yield from _numbering(config)
    yield from _relay_contactors(config)
    yield from alert_contacts.contradictions(config)
    yield from alert_wires.contradictions(config)
    yield from servers.contradictions(config)
    yield from web_listen.contradictions(config)
    yield from shown_to_drivers.contradictions(config)
    if config.csms is not None:
        yield from _csms(config.csms)
    safety = config.safety
    yield from _ascending(safety, TEMPERATURES)
    yield from _ascending(safety, ("frequency_min_hz", "frequency_max_hz"))


def _ascending(safety: Safety, keys: tuple[str, ...]) -> Iterator[Mistake]:
    for lower, higher in pairwise(keys):
        if getattr(safety, lower) >= getattr(safety, higher):
            yield Mistake(
                f"safety.{higher}",
                f"found {getattr(safety, higher)}, expected more than {lower} "
                f"({getattr(safety, lower)})",
            )


def _duplicates(table: str, key: str, values: list[str]) -> Iterator[Mistake]:
    for number, value in enumerate(values, start=1):
        if value in values[: number - 1]:
            yield Mistake(f"{table}.{number}.{key}", f"`{value}` is used before")


def _references(config: Config) -> Iterator[Mistake]:
    buses = {bus.name for bus in config.bus}
    devices = {device.name for device in config.device}
    for number, device in enumerate(config.device, start=1):
        if device.bus not in buses:
            yield _unknown(f"device.{number}.bus", device.bus, buses)
    for number, evse in enumerate(config.evse, start=1):
        for key, name in (("board", evse.board), ("meter", evse.meter), ("reader", evse.reader)):
            if name and name not in devices:
                yield _unknown(f"evse.{number}.{key}", name, devices)
    ids = {str(evse.id) for evse in config.evse}
    for vehicle in config.simulator.vehicle:
        if vehicle not in ids:
            yield _unknown(f"simulator.vehicle.{vehicle}", vehicle, ids)


def _unknown(key: str, name: str, known: set[str]) -> Mistake:
    return Mistake(key, f"no such name: `{name}`; expected one of {', '.join(sorted(known))}")


def _addresses(config: Config) -> Iterator[Mistake]:
    seen: dict[tuple[str, int], str] = {}
    for number, device in enumerate(config.device, start=1):
        bus = next((bus for bus in config.bus if bus.name == device.bus), None)
        if bus is None:
            continue
        if bus.kind == "modbus-rtu" and device.unit > RTU_UNIT_MAX:
            yield Mistake(
                f"device.{number}.unit", f"found {device.unit}, expected 1 to {RTU_UNIT_MAX} on RTU"
            )
        place = (bus.name, device.unit if bus.kind != "serial" else 0)
        if place in seen:
            shared = "address" if bus.kind != "serial" else "serial line"
            yield Mistake(f"device.{number}.unit", f"same {shared} as `{seen[place]}`")
        seen[place] = device.name
    for number, bus in enumerate(config.bus, start=1):
        needed = "host" if bus.kind == "modbus-tcp" else "port"
        if not getattr(bus, needed):
            yield Mistake(f"bus.{number}.{needed}", f"missing, but required for {bus.kind}")


def _numbering(config: Config) -> Iterator[Mistake]:
    if not config.evse:
        yield Mistake("evse", "no [[evse]] table; expected at least one")
        return
    ids = sorted(evse.id for evse in config.evse)
    if len(set(ids)) == len(ids) and ids != list(range(1, len(ids) + 1)):
        yield Mistake("evse", f"ids are {ids}; expected 1 to {len(ids)} without gaps")
    boards = [evse.board for evse in config.evse]
    yield from _duplicates("evse", "board", boards)


def _relay_contactors(config: Config) -> Iterator[Mistake]:
    """Each is built around a pilot board of the same bus, which serves nothing else."""
    users = {evse.board: f"EVSE {evse.id}" for evse in config.evse}
    for number, device in enumerate(config.device, start=1):
        if device.driver != "relay-contactor":
            continue
        key, pilot = f"device.{number}.options.pilot", device.options.get("pilot", "")
        boards = {one.name: one for one in config.device if one.driver == "pilot-board"}
        if pilot not in boards:
            names = ", ".join(sorted(boards)) or "none is there"
            yield Mistake(key, f"found {shown(pilot)}, expected a pilot-board device: {names}")
        elif boards[pilot].bus != device.bus:
            yield Mistake(key, f"`{pilot}` is on bus `{boards[pilot].bus}`, not `{device.bus}`")
        elif pilot in users:
            yield Mistake(key, f"`{pilot}` belongs to {users[pilot]} already")
        else:
            users[pilot] = f"`{device.name}`"


def _csms(csms: Csms) -> Iterator[Mistake]:
    if not csms.addresses:
        yield Mistake("csms.url", "missing; expected ws://host/path or wss://host/path")
    for number, url in enumerate((csms.url, *csms.urls)):
        if url:
            yield from _csms_url(f"csms.urls.{number}" if number else "csms.url", url, csms)
    yield from _proxy(csms)
    if csms.security_profile in (1, 2) and not csms.password:
        yield Mistake(
            "csms.password", f"missing; security_profile {csms.security_profile} needs it"
        )
    if csms.security_profile == 3 and not (csms.client_cert and csms.client_key):
        yield Mistake("csms.client_cert", "security_profile 3 needs client_cert and client_key")
    if not csms.versions:
        yield Mistake("csms.versions", "is empty; expected at least one of 1.6, 2.0.1, 2.1")


def _csms_url(key: str, url: str, csms: Csms) -> Iterator[Mistake]:
    parts = split_url(url)
    if parts is None or parts.scheme not in ("ws", "wss") or not parts.hostname:
        yield Mistake(key, f"found `{url}`, expected ws://host/path or wss://host/path")
        return
    if parts.username or parts.password:
        yield Mistake(key, "holds credentials; put the password into csms.password")
    if csms.security_profile in (2, 3) and parts.scheme == "ws":
        yield Mistake(key, f"security_profile {csms.security_profile} needs wss://")


def _proxy(csms: Csms) -> Iterator[Mistake]:
    named = csms.proxy and csms.proxy != PROXY_OF_ENVIRONMENT
    if csms.proxy_user and not named:
        yield Mistake("csms.proxy_user", "there is no csms.proxy of its own to log in to")
    if not named:
        return
    parts = split_url(csms.proxy)
    if parts is None or parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
        wanted = f"http://host:port or `{PROXY_OF_ENVIRONMENT}`"
        yield Mistake("csms.proxy", f"is not usable; expected {wanted}")
    elif parts.username or parts.password:
        yield Mistake("csms.proxy", "holds credentials; use csms.proxy_user and proxy_password")
