"""`chargepoint bus list`, `stats` and `monitor`: how buses and their devices do, as the agent says.

Nothing here asks a device. Where the station does not run, `list` shows what is configured, and
`monitor` listens on the port without sending.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import click
import msgspec

from chargepoint.cli.bus_access import answers
from chargepoint.cli.bus_listen import overheard
from chargepoint.cli.station import ask, config_option, fail, json_option, loaded, print_json
from chargepoint.config import Bus, Config
from chargepoint.ipc.care import DeviceHealth, GetHealth, HealthStatus, LoopHealth
from chargepoint.ipc.messages import BusHealth

EVERY_S = 1.0


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One bus as `bus list` shows it."""

    bus: str
    kind: str
    place: str
    owner: str
    health: BusHealth | None
    devices: tuple[ListedDevice, ...]


class ListedDevice(msgspec.Struct, frozen=True, kw_only=True):
    device: str
    driver: str
    map: str
    unit: int | None
    answers: bool | None
    detail: str


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """One bus as `bus stats` shows it."""

    bus: str
    health: BusHealth
    error_share: float
    """Requests without a good answer; 0 to 1."""
    requests_per_s: float | None
    """Since the look before; None at the first."""
    loop: LoopHealth | None
    """Of a safety bus."""


bus_argument = click.argument("name", metavar="[BUS]", required=False)


@click.command("list")
@config_option
@json_option
def list_buses(config_path: str, as_json: bool) -> None:
    """The buses with their devices: where they are, who owns them, and whether they answer."""
    config = loaded(config_path)
    health = _health(config) if answers(config.agent_socket()) else None
    found = [_listed(config, bus, health) for bus in config.bus]
    if as_json:
        print_json(found)
        return
    if health is None:
        click.echo("The station is not running.", err=True)
    for bus in found:
        click.echo(f"{click.style(bus.bus, bold=True)}  {bus.kind}, {bus.place}, {bus.owner}")
        for device in bus.devices:
            unit = "" if device.unit is None else f"unit {device.unit}"
            word, colour = WORDS[device.answers]
            what = f"{device.driver} {device.map}".rstrip()
            detail = f"  {device.detail}" if device.detail else ""
            click.echo(
                f"  {device.device:<16} {unit:<9} {what:<36} {click.style(word, fg=colour)}{detail}"
            )


WORDS = {True: ("answers", "green"), False: ("silent", "red"), None: ("not known", None)}


@click.command("stats")
@bus_argument
@click.option("--watch", is_flag=True, help="Again every second, until interrupted.")
@config_option
@json_option
def stats(name: str | None, watch: bool, config_path: str, as_json: bool) -> None:
    """Requests, errors and latency of the buses, and how late the safety programs are."""
    config = loaded(config_path)
    _check(config, name)
    before: HealthStatus | None = None
    try:
        while True:
            health = _health(config)
            found = _stats(health, before, name)
            if as_json and watch:
                click.echo(msgspec.json.encode(found).decode())
            elif as_json:
                print_json(found)
            else:
                if watch and sys.stdout.isatty():
                    click.clear()
                _show_stats(found)
            if not watch:
                return
            before = health
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        pass


@click.command("monitor")
@click.argument("name", metavar="BUS")
@click.option("--for", "for_s", type=click.FloatRange(min=0), help="End after so many seconds.")
@config_option
@json_option
def monitor(name: str, for_s: float | None, config_path: str, as_json: bool) -> None:
    """Follow errors and devices that come and go; with the station stopped, the frames on the wire.

    It only listens, in either case.
    """
    config = loaded(config_path)
    _check(config, name)
    until_s = float("inf") if for_s is None else time.monotonic() + for_s
    running = answers(config.agent_socket())
    events = _changes(config, name) if running else overheard(config, config.bus_named(name))
    if not running and not as_json:
        click.echo("The station is not running: listening on the port, sending nothing.", err=True)
    try:
        for event in events:
            if event:
                at = time.strftime("%H:%M:%S")
                click.echo(
                    msgspec.json.encode({"at": at, "event": event}).decode()
                    if as_json
                    else f"{at}  {event}"
                )
            if time.monotonic() >= until_s:
                return
    except KeyboardInterrupt:
        pass


# --- What is shown --------------------------------------------------------------------------------


def _listed(config: Config, bus: Bus, health: HealthStatus | None) -> Listed:
    told = {} if health is None else {device.device: device for device in health.devices}
    counters = None if health is None else _of_bus(health, bus.name)
    safety = bus.name in config.safety_buses()
    return Listed(
        bus=bus.name,
        kind=bus.kind,
        place=_place(config, bus),
        owner="safety program" if safety else "agent",
        health=counters,
        devices=tuple(
            ListedDevice(
                device=device.name,
                driver=device.driver,
                map=device.map,
                unit=None if bus.kind == "serial" else device.unit,
                answers=told[device.name].answers if device.name in told else None,
                detail=told[device.name].detail if device.name in told else "",
            )
            for device in config.device
            if device.bus == bus.name
        ),
    )


def _place(config: Config, bus: Bus) -> str:
    if bus.kind == "modbus-tcp":
        return f"{bus.host}:{bus.tcp_port}"
    parity = {"none": "N", "even": "E", "odd": "O"}[bus.parity]
    return f"{config.port(bus)} {bus.baud} 8{parity}{bus.stop_bits}"


def _stats(health: HealthStatus, before: HealthStatus | None, name: str | None) -> list[Stats]:
    found = []
    for bus in health.buses:
        if name not in (None, bus.bus):
            continue
        then = None if before is None else _of_bus(before, bus.bus)
        errors = bus.timeouts + bus.bad_replies
        loop = next((loop for loop in health.loops if loop.bus == bus.bus), None)
        found.append(
            Stats(
                bus=bus.bus,
                health=bus,
                error_share=round(errors / bus.requests, 5) if bus.requests else 0.0,
                requests_per_s=None
                if then is None
                else round((bus.requests - then.requests) / EVERY_S, 1),
                loop=loop,
            )
        )
    return found


def _latency(one: Stats) -> str:
    """Share of errors and latency; nothing where nothing was asked."""
    if not one.health.requests:
        return "nothing asked yet"
    latency_ms = one.health.latency_p99_s * 1000
    return f"{one.error_share * 100:.2f} % errors; latency p99 {latency_ms:.1f} ms"


def _show_stats(found: list[Stats]) -> None:
    for one in found:
        bus = one.health
        rate = "" if one.requests_per_s is None else f" ({one.requests_per_s:.0f}/s)"
        down = click.style("  DOWN", fg="red") if bus.down else ""
        click.echo(
            f"{click.style(one.bus, bold=True)}  {bus.requests} requests{rate}, "
            f"{bus.timeouts} timeouts, {bus.bad_replies} bad replies, {bus.refused} refused: "
            f"{_latency(one)}{down}"
        )
        loop = one.loop
        if loop is not None and loop.connected:
            click.echo(
                f"  loop: {loop.ticks} ticks, p99 {loop.tick_p99_s * 1000:.1f} ms, "
                f"longest {loop.tick_max_s * 1000:.1f} ms of the last ten seconds"
            )
        elif loop is not None:
            click.echo("  loop: " + click.style("the safety program is not reached", fg="red"))


def _changes(config: Config, name: str) -> Iterator[str]:
    """What changes on a bus, one text each; an empty text at every look."""
    before: HealthStatus | None = None
    while True:
        health = _health(config)
        if before is None:
            bus = _of_bus(health, name)
            yield "no requests yet" if bus is None else f"{bus.requests} requests so far"
        else:
            yield from changes(before, health, name)
        yield ""
        before = health
        time.sleep(EVERY_S)


def changes(before: HealthStatus, after: HealthStatus, name: str) -> Iterator[str]:
    """What happened on a bus between two looks."""
    was, now = _of_bus(before, name), _of_bus(after, name)
    if was is not None and now is not None:
        for what in ("timeouts", "bad_replies", "refused"):
            more = getattr(now, what) - getattr(was, what)
            if more > 0:
                yield f"{more} more {what.replace('_', ' ')}"
        if was.down != now.down:
            yield "the port is lost" if now.down else "the port is back"
    then = {device.device: device for device in before.devices}
    for device in after.devices:
        if device.bus == name and device.device in then:
            yield from _device_change(then[device.device], device)


def _device_change(before: DeviceHealth, after: DeviceHealth) -> Iterator[str]:
    if before.answers == after.answers:
        return
    word = WORDS[after.answers][0]
    yield f"{after.device} {word}{f': {after.detail}' if after.detail else ''}"


def _of_bus(health: HealthStatus, name: str) -> BusHealth | None:
    return next((bus for bus in health.buses if bus.bus == name), None)


def _health(config: Config) -> HealthStatus:
    answer = next(ask(config, GetHealth()), None)
    if not isinstance(answer, HealthStatus):
        fail("the agent does not tell its health")
    return answer


def _check(config: Config, name: str | None) -> None:
    names = [bus.name for bus in config.bus]
    if name is not None and name not in names:
        raise click.UsageError(f"no bus `{name}`; one of {', '.join(names)}")
