"""Devices that have a serial line of their own, asked directly while the station does not run.

Only questions go out: no current, no state, no pulse that would keep a board's relay.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from chargepoint.config import Bus, Config, Device
from chargepoint.doctor.evidence import Probe
from hal.bus.serial import open_serial
from hal.errors import ConfigurationError, NoReply
from hal.interfaces import SerialLink
from hal.loader import build_board, build_reader
from hal.values import BoardReading

READER_WAIT_S = 2.0
"""Longer than a PN532 may be silent before its driver says so."""

ENOUGH_BYTES = 30
"""Acknowledges and answers of its two start-up commands."""

BOARD_WAIT_S = 1.0
QUESTIONS_ONLY = {"openevse": {"heartbeat_s": 0}}
"""Options with which a board's driver sends nothing but questions when it is read."""


def asked(config: Config, bus: Bus, device: Device) -> Probe:
    """What the device answers. Raises DeviceError."""
    if device.driver not in ("pn532", "openevse"):
        return Probe(device=device.name, trouble="unasked", detail="it speaks only with a card")
    line = open_serial(bus.name, config.port(bus), bus.baud, bus.parity, bus.stop_bits)
    try:
        link = line.link(device.name)
        if device.driver == "pn532":
            return _reader(device, link)
        return _board(config, device, link)
    except ConfigurationError as error:
        return Probe(device=device.name, trouble="unasked", detail=str(error))
    finally:
        line.close()


class _Heard:
    """A line that counts what comes in."""

    def __init__(self, line: SerialLink) -> None:
        self._line = line
        self.heard = 0

    @property
    def name(self) -> str:
        return self._line.name

    def write(self, data: bytes) -> None:
        self._line.write(data)

    def read(self, within_s: float) -> tuple[bytes, float]:
        data, at_s = self._line.read(within_s)
        self.heard += len(data)
        return data, at_s

    def discard(self) -> None:
        self._line.discard()


def _reader(device: Device, link: SerialLink) -> Probe:
    """A reader that says enough, or does not complain for so long, has answered."""
    line = _Heard(link)
    reader = build_reader(driver=device.driver, name=device.name, link=line, options=device.options)
    deadline_s = time.monotonic() + READER_WAIT_S
    while time.monotonic() < deadline_s and line.heard < ENOUGH_BYTES:
        reader.read()
    return Probe(device=device.name)


def _board(config: Config, device: Device, link: SerialLink) -> Probe:
    evse = next((one for one in config.evse if one.board == device.name), None)
    board = build_board(
        driver=device.driver,
        name=device.name,
        link=link,
        map_name=device.map,
        options={**device.options, **QUESTIONS_ONLY[device.driver]},
        current_max_a=32.0 if evse is None else evse.current_max_a,
        accept_no_watchdog=True,
    )
    return Probe(device=device.name, board=_patiently(board.read))


def _patiently(read: Callable[[], BoardReading]) -> BoardReading:
    """The first reading; an answer may take longer than one look at the line. Raises NoReply."""
    deadline_s = time.monotonic() + BOARD_WAIT_S
    while True:
        try:
            return read()
        except NoReply:
            if time.monotonic() > deadline_s:
                raise
