"""Readers and meters on buses without a safety device: one thread per bus, polled by a plan.

The same drivers as on the safety bus. Between two polls a technician's request is served, never two
in a row while a device is due. A device that is lost is said once, and once when it is
back; to the station too: the last reading of a meter must not be taken for the present, and drivers
who find a dead reader call the operator.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

import msgspec

from chargepoint import log
from chargepoint.agent.bus_queue import Asked, BusQueue, Transact
from chargepoint.agent.wiring import meters_of, readers_of
from chargepoint.config import Bus, Config, Device
from chargepoint.ipc.messages import BusHealth
from chargepoint.station.events import (
    Event,
    MeterLost,
    MeterRead,
    ReaderBack,
    ReaderLost,
    TokenPresented,
)
from chargepoint.station.records import IdToken
from hal.bus.polling import Poll, PollingPlan
from hal.errors import DeviceError
from hal.interfaces import Meter, TokenReader

if TYPE_CHECKING:
    from hal.bus.modbus import ModbusBus
    from hal.bus.serial import SerialBus

READER_EVERY_S = 0.05
"""Between two looks at a reader; the look itself waits for the next bytes."""

METER_EVERY_S = 1.0
LOST_AFTER = 3
"""Failures in a row after which a device counts as lost."""

IDLE_MAX_S = 0.25
"""Longest sleep: the thread notices soon that it shall end."""

HEALTH_EVERY_S = 1.0
POLLED_KINDS = ("reader", "meter")
"""What is polled here; a relay is written to when somebody wants it, a modem has its own thread."""


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a polled device answers; None: not known yet."""

    answers: bool | None
    since_s: float
    problem: str


class Polled(msgspec.Struct):
    """One device of a bus: how it is read, and what its loss means."""

    name: str
    every_s: float
    priority: int
    read: Callable[[], Event | None]
    lost: Callable[[float], Event]
    back: Callable[[float], Event | None] = lambda at_s: None
    failures: int = 0
    lost_s: float | None = None
    answers: bool | None = None
    since_s: float = 0.0
    problem: str = ""


class FieldBus(msgspec.Struct):
    """One bus with its devices; `run` is the thread's body."""

    name: str
    devices: Sequence[Polled]
    tell: Callable[[Event], None]
    failed: Callable[[BaseException], None]
    """Told in this bus's thread when it ends by a mistake of ours."""
    close: Callable[[], None] = msgspec.field(default=lambda: None)
    now: Callable[[], float] = time.monotonic
    ending: threading.Event = msgspec.field(default_factory=threading.Event)
    log: log.Logger = msgspec.field(default_factory=lambda: log.get("field"))
    counters: Callable[[], BusHealth] | None = None
    health: BusHealth | None = None
    """The counters of a moment ago, for other threads; replaced whole."""
    health_s: float = float("-inf")
    transact: Transact | None = None
    """A raw request on this bus, in its thread; None: it carries none."""
    asked: BusQueue = msgspec.field(default_factory=BusQueue)
    served_last: bool = False

    def run(self) -> None:
        """Poll until `ending` is set."""
        try:
            plan = self.plan()
            while not self.ending.is_set():
                if not self.step(plan):
                    due_s = plan.deadline_s()
                    wait_s = IDLE_MAX_S if due_s is None else due_s - self.now()
                    self.rest(min(max(wait_s, 0.001), IDLE_MAX_S))
        except Exception as error:
            self.failed(error)
        finally:
            self.close()

    def rest(self, within_s: float) -> None:
        """Wait for the next poll, or for a request."""
        if self.asked.arrived.wait(within_s):
            self.asked.arrived.clear()

    def end(self) -> None:
        """Ask the thread to end. From any thread."""
        self.ending.set()
        self.asked.arrived.set()

    def plan(self) -> PollingPlan:
        polls = [Poll(name=d.name, every_s=d.every_s, priority=d.priority) for d in self.devices]
        return PollingPlan(polls, self.now())

    def step(self, plan: PollingPlan) -> bool:
        """Read the device that is due, or serve a request; False when there is neither."""
        self._note_health()
        name = plan.next(self.now())
        if self.transact is not None and (name is None or not self.served_last):
            self.served_last = self.asked.serve(self.transact)
            if self.served_last:
                return True
        self.served_last = False
        if name is None:
            return False
        device = next(device for device in self.devices if device.name == name)
        try:
            event = device.read()
        except DeviceError as error:
            plan.done(name, self.now(), ok=False)
            self._failed(device, error)
            return True
        plan.done(name, self.now(), ok=True)
        self._works(device)
        if event is not None:
            self.tell(event)
        return True

    def _failed(self, device: Polled, error: DeviceError) -> None:
        device.failures += 1
        device.problem = str(error)
        if device.failures != LOST_AFTER:
            return
        device.lost_s = device.since_s = self.now()
        device.answers = False
        self.log.warning("device.lost", device=device.name, bus=self.name, error=str(error))
        self.tell(device.lost(device.lost_s))

    def _works(self, device: Polled) -> None:
        device.failures = 0
        if not device.answers:
            device.answers, device.since_s, device.problem = True, self.now(), ""
        if device.lost_s is not None:
            lost_s = round(self.now() - device.lost_s, 1)
            self.log.info("device.back", device=device.name, bus=self.name, lost_s=lost_s)
            device.lost_s = None
            event = device.back(self.now())
            if event is not None:
                self.tell(event)

    def _note_health(self) -> None:
        now_s = self.now()
        if self.counters is not None and now_s - self.health_s >= HEALTH_EVERY_S:
            self.health_s = now_s
            self.health = self.counters()


class Field:
    """All buses without a safety device. `tell` is called in their threads."""

    def __init__(self, buses: Sequence[FieldBus]) -> None:
        self._buses = buses
        self._threads = [
            threading.Thread(target=bus.run, name=f"field-{bus.name}", daemon=True) for bus in buses
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def buses(self) -> tuple[BusHealth, ...]:
        """Counters of those that have begun. From any thread."""
        return tuple(bus.health for bus in self._buses if bus.health is not None)

    def devices(self) -> dict[str, DeviceState]:
        """How each polled device does. From any thread."""
        return {
            device.name: DeviceState(
                answers=device.answers, since_s=device.since_s, problem=device.problem
            )
            for bus in self._buses
            for device in bus.devices
        }

    def transact(self, bus: str, asked: Asked) -> Future[tuple[int, ...]]:
        """The outcome to come of a raw request. Raises BusBusy, and ValueError for no such bus."""
        found = next((one for one in self._buses if one.name == bus), None)
        if found is None or found.transact is None:
            raise ValueError(f"{bus} is not served here")
        return found.asked.put(asked)

    def stop(self, within_s: float) -> None:
        """Ask all to end and wait for them, together at most `within_s`."""
        for bus in self._buses:
            bus.end()
        deadline_s = time.monotonic() + within_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline_s - time.monotonic()))


# --- From the configuration -----------------------------------------------------------------------


def build(
    config: Config, tell: Callable[[Event], None], failed: Callable[[BaseException], None]
) -> Field:
    """The field buses of `config`; no port is opened. Raises ConfigurationError."""
    safety = config.safety_buses()
    buses = [bus for bus in config.bus if bus.name not in safety]
    built = [_build_bus(config, bus, tell, failed) for bus in buses]
    return Field([bus for bus in built if bus.devices or bus.transact is not None])


def _build_bus(
    config: Config,
    bus: Bus,
    tell: Callable[[Event], None],
    failed: Callable[[BaseException], None],
) -> FieldBus:
    # The drivers are loaded here, so that a station without field buses does not pay for them.
    from hal.bus.modbus import open_modbus_rtu, open_modbus_tcp
    from hal.bus.serial import open_serial
    from hal.loader import DRIVERS, build_meter, build_reader

    devices = [
        device
        for device in config.device
        if device.bus == bus.name and DRIVERS[device.driver].kind in POLLED_KINDS
    ]
    readers, meters = readers_of(config), meters_of(config, bus.name)
    polled: list[Polled] = []
    if bus.kind == "serial":
        line = open_serial(bus.name, config.port(bus), bus.baud, bus.parity, bus.stop_bits)
        for device in devices:
            reader = build_reader(
                driver=device.driver,
                name=device.name,
                link=line.link(device.name),
                options=device.options,
            )
            polled.append(polled_reader(device, reader, readers))
        return FieldBus(
            bus.name, polled, tell, failed, line.close, counters=lambda: _serial_health(line)
        )
    if bus.kind == "modbus-tcp":
        modbus = open_modbus_tcp(bus.name, bus.host, bus.tcp_port, bus.timeout_max_s)
    else:
        modbus = open_modbus_rtu(
            bus.name, config.port(bus), bus.baud, bus.parity, bus.stop_bits, bus.timeout_max_s
        )
    for device in devices:
        gap_s = DRIVERS[device.driver].gap_s
        meter = build_meter(
            driver=device.driver,
            name=device.name,
            link=modbus.link(device.name, device.unit, gap_s=gap_s),
            map_name=device.map,
            options=device.options,
        )
        # A meter that belongs to no EVSE is the station's main meter.
        polled.append(polled_meter(device, meter, meters.get(device.name, 0)))
    return FieldBus(
        bus.name,
        polled,
        tell,
        failed,
        modbus.close,
        counters=lambda: _modbus_health(modbus),
        transact=lambda asked: modbus.transact(
            asked.unit, asked.function, asked.address, asked.count, asked.values
        ),
    )


def polled_reader(
    device: Device, reader: TokenReader, readers: Mapping[str, tuple[int, ...]]
) -> Polled:
    """A reader as a poll: a token is an event, its loss and its return too."""
    evses = readers.get(device.name, ())

    def read() -> Event | None:
        token = reader.read()
        if token is None:
            return None
        return TokenPresented(
            reader=device.name,
            id_token=IdToken(value=token.token, kind=token.kind),
            evses=evses,
            at_s=token.taken_s,
        )

    return Polled(
        name=device.name,
        every_s=READER_EVERY_S,
        priority=1,
        read=read,
        lost=lambda at_s: ReaderLost(reader=device.name, evses=evses, at_s=at_s),
        back=lambda at_s: ReaderBack(reader=device.name, at_s=at_s),
    )


def polled_meter(device: Device, meter: Meter, evse: int) -> Polled:
    """A meter as a poll; EVSE 0 is the main meter."""
    return Polled(
        device.name,
        METER_EVERY_S,
        0,
        lambda: MeterRead(evse=evse, reading=meter.read()),
        lambda at_s: MeterLost(evse=evse, at_s=at_s),
    )


def _serial_health(line: SerialBus) -> BusHealth:
    """What a plain line cannot know of its devices is 0."""
    counters = line.health()
    return BusHealth(
        bus=line.name,
        requests=counters.writes,
        timeouts=0,
        bad_replies=0,
        refused=0,
        down=counters.down,
        latency_p99_s=0.0,
    )


def _modbus_health(bus: ModbusBus) -> BusHealth:
    counters = bus.health()
    return BusHealth(
        bus=bus.name,
        requests=counters.requests,
        timeouts=counters.timeouts,
        bad_replies=counters.bad_replies,
        refused=counters.refused,
        down=counters.down,
        latency_p99_s=counters.latency_p99_s,
    )
