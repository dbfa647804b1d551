"""The SMS channel: its thread, its line, and the note on a tried PIN."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chargepoint.agent.notify.pin_marker import FILE, PinMarker
from chargepoint.agent.notify.sms import SmsChannel
from chargepoint.config import Bus, Config, Device, Evse
from chargepoint.config.alerts import Alerts
from chargepoint.config.alerts import Modem as ModemSettings
from chargepoint.config.station_file import Paths, Station
from chargepoint.station.alerts.values import AlertEvent, Settled
from hil.plant.modem import Modem
from hil.wire.line_time import LineTime
from hil.wire.modem_unit import ModemUnit
from hil.wire.pty_line import PtyLine
from tests.agent.notify.test_courier import message


def config(folder: Path, **modem: str) -> Config:
    return Config(
        station=Station(id="CP1", vendor="v", model="m"),
        evse=(Evse(id=1, board="b"),),
        bus=(
            Bus(name="safety", kind="modbus-rtu", port="safety"),
            Bus(name="gsm", kind="serial", port=str(folder / "gsm"), baud=115_200),
        ),
        device=(Device(name="b", driver="pilot-board", bus="safety"),),
        paths=Paths(state_dir=str(folder), run_dir=str(folder)),
        alerts=Alerts(modem=msgspec.convert({"bus": "gsm", **modem}, ModemSettings)),
    )


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[ModemUnit]:
    unit = ModemUnit(Modem(pin="1234"), LineTime(115_200))
    line = PtyLine(tmp_path / "gsm", unit)
    line.start()
    yield unit
    line.stop()


async def settled(channel: SmsChannel, told: asyncio.Queue[AlertEvent]) -> Settled:
    async with asyncio.timeout(30.0):
        while True:
            event = await told.get()
            if isinstance(event, Settled):
                return event


async def test_a_message_goes_through_the_line_and_its_outcome_comes_in_the_loop(
    tmp_path: Path, unit: ModemUnit
) -> None:
    told: asyncio.Queue[AlertEvent] = asyncio.Queue()
    channel = SmsChannel(config(tmp_path, pin="1234"), told.put_nowait)
    channel.start()
    try:
        channel.send(message())
        assert (await settled(channel, told)).state == "sent"
        assert channel.health().ready
        assert not (tmp_path / FILE).exists()
    finally:
        channel.stop()
    assert [sent.text for sent in unit.modem.sent] == ["EVSE 1: contactor welded"]


async def test_a_wrong_pin_is_not_tried_again_by_the_next_start(
    tmp_path: Path, unit: ModemUnit
) -> None:
    for _ in range(2):
        told: asyncio.Queue[AlertEvent] = asyncio.Queue()
        channel = SmsChannel(config(tmp_path, pin="9999"), told.put_nowait)
        channel.start()
        try:
            channel.send(message())
            assert (await settled(channel, told)).retry
        finally:
            channel.stop()
    assert unit.modem.pin_attempts == 2
    assert b"9999" not in (tmp_path / FILE).read_bytes()


async def test_a_line_that_is_not_there_gives_messages_back(tmp_path: Path) -> None:
    told: asyncio.Queue[AlertEvent] = asyncio.Queue()
    channel = SmsChannel(config(tmp_path), told.put_nowait)
    channel.start()
    try:
        channel.send(message())
        outcome = await settled(channel, told)
        assert outcome.retry
        assert outcome.detail.startswith("modem: gsm: open:")
    finally:
        channel.stop()


def test_a_pin_is_allowed_once_and_another_one_again(tmp_path: Path) -> None:
    marker = PinMarker(tmp_path)
    assert marker.allow("1234")
    assert not PinMarker(tmp_path).allow("1234")
    assert PinMarker(tmp_path).allow("4321")
    marker.forget()
    assert marker.allow("4321")


@pytest.mark.parametrize("content", [b"", b"x" * 16])
def test_a_damaged_note_forbids(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert not PinMarker(tmp_path).allow("1234")


def test_a_note_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        PinMarker(tmp_path / "nowhere").allow("1234")
