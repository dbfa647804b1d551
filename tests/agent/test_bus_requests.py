"""Raw bus requests: where they go, what is refused before, and that nobody starves for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from chargepoint.agent.audit import worth_noting
from chargepoint.agent.bus_queue import WAITING_MAX, Asked, BusBusy, BusQueue
from chargepoint.agent.field import Field, FieldBus, polled_meter
from chargepoint.agent.requests.bus import BusDesk
from chargepoint.config import Config, Device, parse
from chargepoint.ipc import messages as m
from chargepoint.ipc.care import BusAnswer, TransactBus
from chargepoint.ipc.service import Connect, Done, GetStatus
from chargepoint.station.events import Event, MeterRead
from hal.errors import NoReply
from hal.values import DeviceIdentity, MeterReading

CONFIG: Config = parse(
    {
        "station": {"id": "CP-1", "vendor": "v", "model": "m"},
        "bus": [
            {"name": "safety", "kind": "modbus-rtu", "port": "safety"},
            {"name": "aux", "kind": "modbus-tcp", "host": "127.0.0.1"},
            {"name": "cards", "kind": "serial", "port": "cards"},
        ],
        "device": [
            {
                "name": "board",
                "driver": "pilot-board",
                "map": "reference_pilot_board",
                "bus": "safety",
            },
            {"name": "main", "driver": "meter", "map": "eastron_sdm630", "bus": "aux"},
            {"name": "lamps", "driver": "relay-board", "bus": "aux", "unit": 9},
            {"name": "reader", "driver": "rfid-text", "bus": "cards"},
        ],
        "evse": [{"id": 1, "board": "board", "reader": "reader"}],
    },
    "",
)
READ = Asked(unit=7, function=4, address=0, count=2, values=())


class Controls:
    """A safety program that replies with what was prepared."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, m.Command]] = []
        self.ok, self.detail, self.values = True, "", (1, 2)

    async def ask_bus(
        self, bus: str, make: Callable[[str], m.Command], within_s: float = 3.0
    ) -> m.Replied:
        self.asked.append((bus, make("r1")))
        return m.Replied(
            seq=0, at_s=0.0, request="r1", ok=self.ok, detail=self.detail, values=self.values
        )


class FieldBuses:
    def __init__(self) -> None:
        self.queue = BusQueue()

    def transact(self, bus: str, asked: Asked) -> Future[tuple[int, ...]]:
        return self.queue.put(asked)


class Meter:
    name = "main"
    reads = 0

    def read(self) -> MeterReading:
        self.reads += 1
        return MeterReading(taken_s=1.0)

    def read_part(self) -> MeterReading:
        return self.read()

    def identify(self) -> DeviceIdentity:
        return DeviceIdentity()


def asked(
    desk: BusDesk, bus: str, unit: int = 7, function: int = 4, values: Sequence[int] = ()
) -> BusAnswer | Done:
    return asyncio.run(desk.transact(bus, unit, function, 16, 2, values))


def test_a_request_on_a_safety_bus_goes_to_its_safety_program() -> None:
    controls = Controls()
    answer = asked(BusDesk(CONFIG, controls, FieldBuses()), "safety")
    assert isinstance(answer, BusAnswer)
    assert answer.values == (1, 2)
    [(bus, command)] = controls.asked
    assert bus == "safety"
    assert command == m.Transact(request="r1", unit=7, function=4, address=16, count=2)


def test_what_the_safety_program_refuses_is_refused_in_its_words() -> None:
    controls = Controls()
    controls.ok, controls.detail = False, "writing to a board is refused while a vehicle is there"
    answer = asked(BusDesk(CONFIG, controls, FieldBuses()), "safety", 1, 6, (3,))
    assert answer == Done(ok=False, detail="writing to a board is refused while a vehicle is there")


@pytest.mark.parametrize(
    ("bus", "unit", "function", "expected"),
    [
        ("nowhere", 1, 4, "there is no bus `nowhere`"),
        ("cards", 1, 4, "cards is a serial line; it carries no Modbus requests"),
        ("safety", 0, 4, "unit: found 0, expected 1 to 247"),
        ("safety", 248, 4, "unit: found 248, expected 1 to 247"),
        ("aux", 256, 4, "unit: found 256, expected 1 to 255"),
        ("aux", 1, 43, "function: found 43, expected one of 1, 2, 3, 4, 5, 6, 15, 16"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anybody_is_asked(
    bus: str, unit: int, function: int, expected: str
) -> None:
    controls, field = Controls(), FieldBuses()
    answer = asked(BusDesk(CONFIG, controls, field), bus, unit, function)
    assert answer == Done(ok=False, detail=expected)
    assert controls.asked == []
    assert field.queue.empty


def test_a_request_on_a_field_bus_is_served_in_the_thread_of_the_bus() -> None:
    seen: list[Asked] = []

    def transact(request: Asked) -> tuple[int, ...]:
        seen.append(request)
        return (5, 6)

    bus = FieldBus("aux", [], lambda event: None, lambda error: None, transact=transact)
    field = Field([bus])
    field.start()
    try:
        answer = asked(BusDesk(CONFIG, Controls(), field), "aux")
    finally:
        field.stop(5.0)
    assert isinstance(answer, BusAnswer)
    assert answer.values == (5, 6)
    assert seen == [Asked(unit=7, function=4, address=16, count=2, values=())]


def test_a_device_that_does_not_answer_is_told_as_it_is() -> None:
    def transact(request: Asked) -> tuple[int, ...]:
        raise NoReply("service", "read input 16+2", "no reply")

    bus = FieldBus("aux", [], lambda event: None, lambda error: None, transact=transact)
    field = Field([bus])
    field.start()
    try:
        answer = asked(BusDesk(CONFIG, Controls(), field), "aux")
    finally:
        field.stop(5.0)
    assert answer == Done(ok=False, detail="service: read input 16+2: no reply")


def test_meters_are_read_at_their_period_whatever_a_technician_asks() -> None:
    now_s = 100.0
    told: list[Event] = []
    served: list[Asked] = []
    meter = Meter()

    def transact(request: Asked) -> tuple[int, ...]:
        nonlocal now_s
        now_s += 0.2
        served.append(request)
        return ()

    bus = FieldBus(
        "aux",
        [polled_meter(Device(name="main", driver="meter", bus="aux"), meter, 0)],
        told.append,
        lambda error: None,
        now=lambda: now_s,
        transact=transact,
    )
    plan = bus.plan()
    while now_s < 110.0:
        while True:
            try:
                bus.asked.put(READ)
            except BusBusy:
                break
        bus.step(plan)
    assert 9 <= meter.reads <= 11
    assert [type(event) for event in told] == [MeterRead] * meter.reads
    assert len(served) >= 45, "nor does the technician starve"


def test_few_requests_wait_and_those_nobody_waits_for_are_not_sent() -> None:
    queue = BusQueue()
    outcomes = [queue.put(READ) for _ in range(WAITING_MAX)]
    with pytest.raises(BusBusy):
        queue.put(READ)
    for outcome in outcomes[:-1]:
        outcome.cancel()
    sent: list[Asked] = []

    def transact(request: Asked) -> tuple[int, ...]:
        sent.append(request)
        return (1,)

    assert queue.serve(transact)
    assert not queue.serve(transact)
    assert sent == [READ]
    assert outcomes[-1].result(0) == (1,)


def test_relays_of_a_field_bus_are_not_polled_but_can_be_reached() -> None:
    from chargepoint.agent.field import build

    field = build(CONFIG, lambda event: None, lambda error: None)
    assert set(field.devices()) == {"main", "reader"}
    outcome = field.transact("aux", READ)
    assert not outcome.done()
    with pytest.raises(ValueError, match="not served here"):
        field.transact("cards", READ)


def test_writing_to_a_bus_is_kept_in_the_audit_log_and_reading_is_not() -> None:
    read = TransactBus(bus="safety", unit=1, function=3, address=0)
    write = TransactBus(bus="safety", unit=1, function=6, address=0, values=(1,))
    assert not worth_noting(read)
    assert worth_noting(write)
    assert worth_noting(Connect())
    assert not worth_noting(GetStatus())


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"values": (1,) * 60_000}, "60000 values"),
        ({"values": (2**64,)}, "value: found 184467440737"),
        ({"address": 10**30}, "address: found"),
        ({"count": 10**30}, "values, expected at most"),
    ],
)
async def test_what_no_frame_can_carry_never_reaches_the_safety_program(
    more: dict[str, Any], word: str
) -> None:
    """A line that is too long would cost the agent its connection to it."""
    controls = Controls()
    desk = BusDesk(CONFIG, controls, FieldBuses())
    wanted = {"address": 0, **more}
    refused = await desk.transact("safety", 7, 16, **wanted)
    assert isinstance(refused, Done)
    assert word in refused.detail
    assert controls.asked == []
