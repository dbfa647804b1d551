"""Readers and meters on buses of the agent: polling, loss, threads, configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from chargepoint.agent.field import (
    LOST_AFTER,
    Field,
    FieldBus,
    build,
    polled_meter,
    polled_reader,
)
from chargepoint.agent.wiring import meters_of, readers_of
from chargepoint.config import Config, Device, parse
from chargepoint.station.events import (
    Event,
    MeterLost,
    MeterRead,
    ReaderBack,
    ReaderLost,
    TokenPresented,
)
from chargepoint.station.records import IdToken
from hal.errors import NoReply
from hal.values import DeviceIdentity, MeterReading, TokenReading

READER = Device(name="cards", driver="rfid-text", bus="rfid")
METER = Device(name="meter1", driver="meter", bus="aux")


class Scripted:
    """A meter or reader whose replies are prepared; then it goes on with the last one."""

    def __init__(self, *replies: object) -> None:
        self.replies = list(replies)
        self.reads = 0

    name = "scripted"

    def read(self) -> object:
        self.reads += 1
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    def read_part(self) -> object:
        return self.read()

    def identify(self) -> DeviceIdentity:
        return DeviceIdentity()


class Bench:
    """A bus in virtual time."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.now_s = 100.0
        self.told: list[Event] = []
        self.failures: list[BaseException] = []
        self.bus = FieldBus(
            "aux",
            [make()],  # type: ignore[list-item]
            self.told.append,
            self.failures.append,
            now=lambda: self.now_s,
        )
        self.plan = self.bus.plan()

    def steps(self, count: int, every_s: float = 1.0) -> None:
        for _ in range(count):
            self.bus.step(self.plan)
            self.now_s += every_s


def silence() -> NoReply:
    return NoReply("meter1", "read input 0+2", "nothing")


def reading(taken_s: float) -> MeterReading:
    return MeterReading(taken_s=taken_s, energy_import_wh=1.0)


def test_a_meter_is_read_at_its_period() -> None:
    meter = Scripted(reading(1.0))
    bench = Bench(lambda: polled_meter(METER, meter, 1))  # type: ignore[arg-type]
    bench.steps(40, every_s=0.1)
    assert meter.reads == 4
    assert bench.told == [MeterRead(evse=1, reading=reading(1.0))] * 4


def test_a_meter_that_falls_silent_is_lost_once_and_back_by_its_next_reading() -> None:
    replies = [reading(1.0), *[silence() for _ in range(LOST_AFTER + 2)], reading(2.0)]
    meter = Scripted(*replies)
    bench = Bench(lambda: polled_meter(METER, meter, 1))  # type: ignore[arg-type]
    bench.steps(60)
    kinds = [type(event) for event in bench.told]
    assert kinds[:3] == [MeterRead, MeterLost, MeterRead]
    assert kinds.count(MeterLost) == 1


def test_a_device_that_stays_silent_is_asked_less_and_less() -> None:
    meter = Scripted(silence())
    bench = Bench(lambda: polled_meter(METER, meter, 1))  # type: ignore[arg-type]
    bench.steps(300)
    assert 10 < meter.reads < 25


def test_a_card_is_told_with_the_evses_of_its_reader() -> None:
    reader = Scripted(None, TokenReading(taken_s=7.0, token="04A1"), None)
    bench = Bench(lambda: polled_reader(READER, reader, {"cards": (2,)}))  # type: ignore[arg-type]
    bench.steps(5)
    assert bench.told == [
        TokenPresented(reader="cards", id_token=IdToken(value="04A1"), evses=(2,), at_s=7.0)
    ]


def test_a_reader_that_does_not_answer_is_told_once_and_its_return_too() -> None:
    reader = Scripted(*[silence() for _ in range(LOST_AFTER + 2)], None)
    bench = Bench(lambda: polled_reader(READER, reader, {"cards": (2,)}))  # type: ignore[arg-type]
    bench.steps(60)
    assert [type(event) for event in bench.told] == [ReaderLost, ReaderBack]
    lost = bench.told[0]
    assert isinstance(lost, ReaderLost)
    assert (lost.reader, lost.evses) == ("cards", (2,))


def test_the_threads_end_when_asked() -> None:
    told = threading.Event()
    closed = threading.Event()
    meter = Scripted(reading(1.0))
    bus = FieldBus(
        "aux",
        [polled_meter(METER, meter, 1)],  # type: ignore[arg-type]
        lambda event: told.set(),
        lambda error: None,
        closed.set,
    )
    field = Field([bus])
    field.start()
    assert told.wait(5.0)
    field.stop(5.0)
    assert closed.is_set()


def test_a_mistake_in_a_driver_is_no_loss_of_a_device_but_ours() -> None:
    mistake = ValueError("ours")
    bench = Bench(lambda: polled_meter(METER, Scripted(mistake), 1))  # type: ignore[arg-type]
    bench.bus.run()
    assert bench.failures == [mistake]
    assert bench.told == []


def config(tmp_path: Path) -> Config:
    raw = {
        "station": {"id": "CP", "vendor": "v", "model": "m"},
        "paths": {"run_dir": str(tmp_path)},
        "bus": [
            {"name": "safety", "kind": "modbus-rtu", "port": "safety.tty"},
            {"name": "rfid", "kind": "serial", "port": "rfid.tty"},
            {"name": "aux", "kind": "modbus-tcp", "host": "127.0.0.1", "tcp_port": 9},
        ],
        "device": [
            {"name": "board1", "driver": "pilot-board", "bus": "safety", "unit": 1},
            {"name": "board2", "driver": "pilot-board", "bus": "safety", "unit": 2},
            {"name": "cards", "driver": "rfid-text", "bus": "rfid"},
            {"name": "meter1", "driver": "meter", "bus": "aux", "map": "eastron_sdm630"},
        ],
        "evse": [
            {"id": 1, "board": "board1", "meter": "meter1", "reader": "cards"},
            {"id": 2, "board": "board2"},
        ],
    }
    return parse(raw, "")


def test_buses_without_a_board_are_the_agents(tmp_path: Path) -> None:
    told: list[Event] = []
    field = build(config(tmp_path), told.append, lambda error: None)
    names = {bus.name: [device.name for device in bus.devices] for bus in field._buses}
    assert names == {"rfid": ["cards"], "aux": ["meter1"]}


def test_who_serves_whom(tmp_path: Path) -> None:
    assert readers_of(config(tmp_path)) == {"cards": (1,)}
    assert meters_of(config(tmp_path), "aux") == {"meter1": 1}
    assert meters_of(config(tmp_path), "safety") == {}
