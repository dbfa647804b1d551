"""Ways to the devices of a bus: through the running station, or on the port itself.

While the station runs, it owns every port; a request then goes to the agent, which hands it to the
program of that bus. With the station stopped the port is opened here, exclusively: a program that
still owns it makes that fail, and nothing is sent.
"""

from __future__ import annotations

import fcntl
import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import click
import msgspec

from chargepoint.config import Bus, Config, Device
from chargepoint.config.station_file import RTU_UNIT_MAX
from chargepoint.ipc.care import AuditLine, BusAnswer, TransactBus
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.service import Answered, Done
from chargepoint.owner import same_owner
from hal.bus.port import Parity
from hal.errors import DeviceError, DeviceRefused

ANSWER_WAIT_S = 5.0
"""Longer than the agent waits for the bus."""

WRITES = (5, 6, 15, 16)
TCP_UNIT_MAX = 255


class NotDone(Exception):
    """The request was refused, or nothing answered; the text is for a person.

    `there`: a device answered, if only to refuse.
    """

    def __init__(self, detail: str, *, there: bool = False) -> None:
        super().__init__(detail)
        self.there = there


class BusAccess(Protocol):
    """One bus, whichever way."""

    @property
    def way(self) -> str:
        """For a person: who sends."""
        ...

    def transact(
        self, unit: int, function: int, address: int, count: int = 1, values: Sequence[int] = ()
    ) -> tuple[int, ...]:
        """What the unit read or confirmed. Raises NotDone."""
        ...


class ThroughStation:
    """Requests to the agent. Each has its own connection; there is nothing to close."""

    def __init__(self, config: Config, bus: str) -> None:
        self._client = ServiceClient(config.agent_socket(), timeout_s=ANSWER_WAIT_S)
        self._bus = bus
        self.way = "through the running station"

    def transact(
        self, unit: int, function: int, address: int, count: int = 1, values: Sequence[int] = ()
    ) -> tuple[int, ...]:
        request = TransactBus(
            bus=self._bus,
            unit=unit,
            function=function,
            address=address,
            count=count,
            values=tuple(values),
        )
        answer: Answered | None = None
        try:
            for answer in self._client.ask(request):
                if isinstance(answer, BusAnswer):
                    return answer.values
        except Unreachable as error:
            raise NotDone(f"the agent does not answer: {error}") from error
        detail = answer.detail if isinstance(answer, Done) else "no answer"
        raise NotDone(detail, there=": exception " in detail)


class OnThePort:
    """The port, opened here; `close` gives it back."""

    def __init__(
        self, config: Config, bus: Bus, baud: int | None = None, parity: Parity | None = None
    ) -> None:
        # Loaded here: while the station runs, no command needs a driver's libraries.
        from hal.bus.modbus import open_modbus_rtu, open_modbus_tcp

        self._config = config
        self._name = bus.name
        if bus.kind == "modbus-tcp":
            self._bus = open_modbus_tcp(bus.name, bus.host, bus.tcp_port, bus.timeout_max_s)
            place = f"{bus.host}:{bus.tcp_port}"
        else:
            baud, parity = baud or bus.baud, parity or bus.parity
            port = config.port(bus)
            self._bus = open_modbus_rtu(
                bus.name, port, baud, parity, bus.stop_bits, bus.timeout_max_s
            )
            place = f"{port}, {baud} baud, parity {parity}"
        self.way = f"directly on {place}; the station is not running"

    def transact(
        self, unit: int, function: int, address: int, count: int = 1, values: Sequence[int] = ()
    ) -> tuple[int, ...]:
        try:
            done = self._bus.transact(unit, function, address, count, values)
        except DeviceRefused as error:
            self._note(unit, function, address, values, ok=False)
            raise NotDone(str(error), there=True) from error
        except (DeviceError, ValueError) as error:
            self._note(unit, function, address, values, ok=False)
            raise NotDone(str(error)) from error
        self._note(unit, function, address, values, ok=True)
        return done

    def close(self) -> None:
        self._bus.close()

    def _note(
        self, unit: int, function: int, address: int, values: Sequence[int], *, ok: bool
    ) -> None:
        """What was written without the agent goes into the audit log from here."""
        if function not in WRITES:
            return
        line = AuditLine(
            at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            user=getpass.getuser(),
            by="",
            action="TransactBus",
            detail=f"bus={self._name} unit={unit} function={function} address={address} "
            f"values={tuple(values)}",
            ok=ok,
            outcome="directly on the port",
        )
        path = self._config.state_dir / "audit.log"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o640), "ab") as file:
                same_owner(file.fileno(), path.parent)
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            click.echo(f"not noted in {path}: {error.strerror or error}", err=True)


@contextmanager
def opened(
    config: Config, bus: Bus, *, baud: int | None = None, parity: Parity | None = None
) -> Iterator[BusAccess]:
    """Through the station where it runs, else on the port, kept from a station that starts now.

    Raises NotDone when somebody else has the bus.
    """
    if answers(config.agent_socket()):
        yield ThroughStation(config, bus.name)
        return
    with owned(config, bus):
        direct = OnThePort(config, bus, baud, parity)
        try:
            yield direct
        finally:
            direct.close()


@contextmanager
def owned(config: Config, bus: Bus) -> Iterator[None]:
    """The bus is ours as long as this lasts. Raises NotDone when a safety program has it."""
    lock = _own(config, bus)
    try:
        yield
    finally:
        os.close(lock)


def answers(socket_path: Path) -> bool:
    """Whether a program listens there, also one that does not let this user in."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(socket_path))
        except PermissionError:
            return True
        except OSError:
            return False
    return True


def modbus_bus(config: Config, name: str) -> Bus:
    """The bus of this name. Raises click.UsageError for none, or one that carries no Modbus."""
    names = [bus.name for bus in config.bus]
    if name not in names:
        raise click.UsageError(f"no bus `{name}`; one of {', '.join(names)}")
    bus = config.bus_named(name)
    if bus.kind == "serial":
        raise click.UsageError(f"{name} is a serial line; it carries no Modbus requests")
    return bus


def unit_of(config: Config, bus: Bus, text: str) -> tuple[int, Device | None]:
    """The unit that is meant by its number or by a device's name, and the device if it is known.

    Raises click.UsageError.
    """
    devices = [device for device in config.device if device.bus == bus.name]
    named = next((device for device in devices if device.name == text), None)
    if named is not None:
        return named.unit, named
    try:
        unit = int(text, 0)
    except ValueError:
        known = ", ".join(device.name for device in devices)
        raise click.UsageError(
            f"UNIT: found `{text}`, expected a number or a device of {bus.name}: {known}"
        ) from None
    unit_max = RTU_UNIT_MAX if bus.kind == "modbus-rtu" else TCP_UNIT_MAX
    if not 1 <= unit <= unit_max:
        raise click.UsageError(f"UNIT: found {unit}, expected 1 to {unit_max}")
    return unit, next((device for device in devices if device.unit == unit), None)


def _own(config: Config, bus: Bus) -> int:
    """The lock that a safety program takes too. Raises NotDone when it has it."""
    path = config.control_socket(bus.name).with_suffix(".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(path, flags, 0o660)
        same_owner(lock, path.parent)
    except OSError as error:
        raise NotDone(f"{path}: {error.strerror or error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise NotDone(
            f"bus {bus.name} belongs to the safety program that runs, and the agent, which would "
            "pass the request on, does not answer"
        ) from error
    return lock
