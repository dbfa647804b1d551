"""Drivers over the plant in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hal.errors import BadReply, DeviceRefused, NoReply
from hal.loader import build_board
from hal.register_map import load
from hal.values import BoardCommand, PilotLevels, PilotMode
from hil.wire.board_unit import BoardUnit
from hil.wire.direct_link import DirectLink
from hil.wire.line_time import LineTime
from hil.wire.rtu import Slave
from tests.hil.plants import Outlet

OFFER = BoardCommand(pilot=PilotMode.OFFER, current_a=16.0, duty_ratio=0.2666)


class Desk:
    """One board under its driver; time passes only by what is done."""

    def __init__(self) -> None:
        self.outlet = Outlet()
        record = self.outlet.plant.record
        unit = BoardUnit(
            self.outlet.board,
            load("reference_pilot_board"),
            record=record,
            evse=1,
            device="board1",
        )
        self.slave = Slave("board1", unit)
        self.link = DirectLink(self.outlet.world, self.slave, LineTime(115_200), self.outlet.pass_s)
        self.board = build_board(
            driver="pilot-board",
            name="board1",
            link=self.link,
            map_name="reference_pilot_board",
            options={},
            current_max_a=16.0,
            accept_no_watchdog=False,
        )


def test_a_driver_charges_a_car_without_any_wire() -> None:
    desk = Desk()
    desk.board.prepare()
    desk.outlet.vehicle.plug_in()
    desk.board.command(OFFER)
    desk.outlet.pass_s(1.5)
    desk.board.command(replace(OFFER, closed=True))
    desk.outlet.pass_s(6.0)
    assert desk.board.read().contactor_closed
    assert desk.outlet.evse.current_a[0] == pytest.approx(16.0, abs=0.05)


def test_a_transaction_takes_the_time_of_its_line() -> None:
    desk = Desk()
    before_s = desk.outlet.clock.now_s
    reading = desk.board.read()
    took_s = reading.taken_s - before_s
    assert took_s == pytest.approx(0.002 + 29 * 10 / 115_200)
    assert reading.pilot == PilotLevels(high_v=12.0, low_v=12.0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("silent", NoReply),
        ("slow", NoReply),
        ("crc", BadReply),
        ("exception", DeviceRefused),
    ],
)
def test_faults_are_the_errors_of_a_bus(fault: str, error: type[Exception]) -> None:
    desk = Desk()
    desk.slave.trouble.faults.add(fault)
    with pytest.raises(error, match="board1"):
        desk.board.read()


def test_bits_registers_and_refusals_come_through() -> None:
    desk = Desk()
    desk.link.write_registers(0, [2666, 5000])
    assert desk.link.read_holding_registers(0, 2).values == (2666, 5000)
    desk.link.write_coil(1, True)
    assert desk.link.read_coils(0, 3).values == (False, True, False)
    with pytest.raises(DeviceRefused) as refused:
        desk.link.write_register(1, 99)
    assert refused.value.code == 3
