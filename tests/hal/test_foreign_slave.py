"""Our drivers against slaves of others: what a board, a meter and relays hold comes through.

The same conversation with registers in memory, pymodbus and libmodbus: none of the last two shares
a line of code with our bus, and both make their own frames.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from hal.drivers.meter import RegisterMeter
from hal.drivers.pilot_board import RegisterPilotBoard
from hal.drivers.relay_board import CoilRelayBoard
from hal.drivers.relay_contactor import RelayContactor
from hal.errors import BadReply, DeviceRefused
from hal.fakes import MemoryModbusLink
from hal.interfaces import ModbusLink
from hal.register_map import load
from hal.values import SAFE_COMMAND, BoardCommand, PilotLevels, PilotMode
from tests.hal.foreign_slaves import UNIT, Slave, Tables, libmodbus_rtu, pymodbus_rtu, pymodbus_tcp

OFF = dict.fromkeys(range(16), 0)
OFFER = BoardCommand(pilot=PilotMode.OFFER, current_a=16.0, duty_ratio=16 / 60)
CHARGE = replace(OFFER, closed=True, locked=True)
CHARGING = {0: 0b1010001, 1: 6000, 2: 0x10000 - 12000, 3: 2666, 4: 220, 5: 455, 6: 7, 7: 0}
BOARD = {100: 0x4350, 101: 1, 102: 0x0203, 103: 0x1FFF, 104: 32}


@contextmanager
def ours(tables: Tables) -> Iterator[ModbusLink]:
    """Registers in memory, without a line."""
    yield MemoryModbusLink(
        inputs=tables.inputs,
        holdings=tables.holdings,
        coils={address: bool(value) for address, value in tables.coils.items()},
        discretes={address: bool(value) for address, value in tables.discretes.items()},
    )


def over_a_line(slave: Slave) -> object:
    @contextmanager
    def link(tables: Tables) -> Iterator[ModbusLink]:
        with slave(tables) as bus:
            yield bus.link("device", UNIT)

    return pytest.param(link, id=slave.__name__)


LINKS = [
    pytest.param(ours, id="memory"),
    over_a_line(pymodbus_tcp),
    over_a_line(pymodbus_rtu),
    over_a_line(libmodbus_rtu),
]


@pytest.mark.parametrize("slave", LINKS)
def test_a_pilot_board_is_prepared_read_and_commanded(slave: object) -> None:
    tables = Tables(inputs=CHARGING | BOARD, holdings={0: 10000, 1: 1000}, coils=OFF)
    with slave(tables) as link:  # type: ignore[operator]
        board = RegisterPilotBoard(
            link, load("reference_pilot_board"), name="board", current_max_a=40.0, watchdog_s=2.5
        )
        assert board.prepare().firmware == "2.3"
        assert link.read_holding_registers(1, 1).values == (2500,)
        assert board.traits.current_max_a == 32.0
        reading = board.read()
        assert reading.pilot == PilotLevels(high_v=6.0, low_v=-12.0)
        assert (reading.contactor_closed, reading.locked, reading.rcd_tripped) == (1, 1, 0)
        assert (reading.duty_ratio, reading.proximity_ohm) == (0.2666, 220)
        assert (reading.temperature_c, reading.sample, reading.phases) == (45.5, 7, 3)
        board.command(replace(SAFE_COMMAND, phases=1, test_rcd=True))
        assert link.read_coils(0, 4).values == (False, False, True, True)
        board.command(CHARGE)
        assert link.read_coils(0, 2).values == (True, True)
        assert link.read_holding_registers(0, 1).values == (2666,)
        board.command(SAFE_COMMAND)
        assert link.read_coils(0, 2).values == (False, False)
        assert link.read_holding_registers(0, 1).values == (10000,)


@pytest.mark.parametrize("slave", LINKS)
def test_another_device_at_the_boards_address_is_refused(slave: object) -> None:
    tables = Tables(inputs=CHARGING | BOARD | {100: 0}, holdings={0: 0, 1: 0}, coils=OFF)
    with slave(tables) as link:  # type: ignore[operator]
        board = RegisterPilotBoard(
            link, load("reference_pilot_board"), name="board", current_max_a=40.0
        )
        with pytest.raises(BadReply, match="magic is 0, expected 17232"):
            board.prepare()


def sdm630() -> dict[int, int]:
    """Input registers of a meter at 11 kW, as floats with the high word first."""
    values = {0x00: 230.5, 0x02: 231.25, 0x04: 229.75, 0x06: 16.0, 0x08: 15.5, 0x0A: 15.75}
    values |= {0x34: 10912.5, 0x3C: -120.0, 0x3E: 0.75, 0x46: 50.0, 0x48: 1234.5, 0x4A: 0.25}
    words = dict.fromkeys(range(0x4C), 0)
    for address, value in values.items():
        words[address], words[address + 1] = struct.unpack(">2H", struct.pack(">f", value))
    return words


@pytest.mark.parametrize("slave", LINKS)
@pytest.mark.parametrize("max_registers", [2, 10, 60])
def test_a_meter_is_read_whole_in_requests_of_any_size(slave: object, max_registers: int) -> None:
    with slave(Tables(inputs=sdm630())) as link:  # type: ignore[operator]
        meter = RegisterMeter(
            link, load("eastron_sdm630"), name="meter", max_registers=max_registers
        )
        reading = meter.read()
    assert reading.voltage_v == (230.5, 231.25, 229.75)
    assert reading.current_a == (16.0, 15.5, 15.75)
    assert (reading.power_w, reading.reactive_power_var) == (10912.5, -120.0)
    assert (reading.power_factor, reading.frequency_hz) == (0.75, 50.0)
    assert (reading.energy_import_wh, reading.energy_export_wh) == (1_234_500, 250)


@pytest.mark.parametrize("slave", LINKS)
def test_relays_follow_and_inputs_are_read(slave: object) -> None:
    tables = Tables(coils=OFF, discretes=OFF | {0: 1, 6: 1})
    with slave(tables) as link:  # type: ignore[operator]
        relays = CoilRelayBoard(link, name="relays", outputs=8, inputs=7)
        relays.command((True, False, False, True, False, False, False, True))
        reading = relays.read()
        assert reading.outputs == (True, False, False, True, False, False, False, True)
        assert reading.inputs == (True, False, False, False, False, False, True)
        relays.command((False,) * 8)
        assert relays.read().outputs == (False,) * 8


def test_a_relay_contactor_pulses_over_a_foreign_line() -> None:
    """Function 05 at 0x0200 + n with a time, echoed with the CRC of libmodbus."""
    pilot = MemoryModbusLink(
        inputs=CHARGING | BOARD, holdings={0: 10000, 1: 1000}, coils=dict.fromkeys(range(4), False)
    )
    inner = RegisterPilotBoard(
        pilot, load("reference_pilot_board"), name="pilot", current_max_a=32.0
    )
    with libmodbus_rtu(Tables(coils=OFF, discretes=OFF | {1: 1})) as bus:
        link = bus.link("relays", UNIT)
        board = RelayContactor(
            link, inner, name="contactor", current_max_a=16.0, output=3, hold_s=1.5, aux_input=1
        )
        board.prepare()
        board.command(CHARGE)
        assert link.read_coils(0, 4).values == (False, False, False, True)
        reading = board.read()
        assert (reading.contactor_commanded, reading.contactor_closed) == (True, True)
        board.command(SAFE_COMMAND)
        assert link.read_coils(0, 4).values == (False, False, False, False)


def test_a_relay_board_that_cannot_pulse_refuses_and_nothing_closes() -> None:
    """pymodbus takes function 05 as the standard says: only on and off."""
    with pymodbus_rtu(Tables(coils=OFF)) as bus:
        link = bus.link("relays", UNIT)
        relays = CoilRelayBoard(link, name="relays", outputs=2, hold_s=1.0)
        with pytest.raises((DeviceRefused, BadReply)):
            relays.command((True, False))
        assert link.read_coils(0, 2).values == (False, False)
