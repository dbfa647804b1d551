"""Registers and lines of the simulated controllers, against examples of their makers' documents."""

from __future__ import annotations

from typing import Any

import pytest

from hil.plant.bender_board import BenderBoard
from hil.plant.evse import PlantEvse
from hil.plant.faults import set_fault
from hil.plant.meter import EnergyMeter
from hil.plant.openevse_board import OpenEvseBoard
from hil.plant.own_pilot import OwnPilot
from hil.plant.phoenix_board import PhoenixBoard
from hil.plant.plant import Plant
from hil.plant.vehicle import Traits, Vehicle
from hil.wire.bender_unit import BenderUnit
from hil.wire.line_time import LineTime
from hil.wire.modbus import Refusal
from hil.wire.phoenix_unit import PhoenixUnit
from hil.wire.rapi import RapiLine
from hil.world import World
from tests.hil.plants import Clock


def outlet(board: OwnPilot) -> tuple[Plant, PlantEvse]:
    vehicle, meter = Vehicle(Traits(current_max_a=32.0)), EnergyMeter(3, 70_000.0)
    evse = PlantEvse(1, phases=3, connector="cable", vehicle=vehicle, board=board, meter=meter)
    plant = Plant({1: evse})
    plant.touch()
    return plant, evse


# --- OpenEVSE -------------------------------------------------------------------------------------


class Host:
    """The host's end of the line; time is the test's."""

    def __init__(self) -> None:
        self.board = OpenEvseBoard(32.0)
        self.plant, self.evse = outlet(self.board)
        self.clock = Clock()
        world = World(self.plant, self.clock)
        self.line = RapiLine(
            world, self.evse, LineTime(115_200), record=self.plant.record, device="oe"
        )

    def ask(self, text: str) -> list[str]:
        """What the line carries within half a second of `text` being sent."""
        self.line.hear(text.encode("ascii") + b"\r", self.clock.now_s)
        return self.listen(0.5)

    def listen(self, duration_s: float) -> list[str]:
        said, until_s = b"", self.clock.now_s + duration_s
        while (next_s := self.line.next_s()) < until_s:
            self.clock.now_s = max(next_s, self.clock.now_s)
            self.plant.advance(self.clock.now_s)
            said += b"".join(self.line.due(self.clock.now_s))
        self.clock.now_s = until_s
        return said.decode("ascii").split("\r")[:-1]


def line(body: str) -> str:
    """`body` with `$` and its XOR, computed here once more."""
    value = 0
    for byte in f"${body}".encode():
        value ^= byte
    return f"${body}^{value:02X}"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("$FS^31", "OK"),
        ("$FS*BD", "OK"),
        ("$FS", "OK"),
        ("$SC 16^13", "OK 16"),
        ("$SY 30 6^1B", "OK 30 6 0"),
        ("$GV^35", "OK 8.2.3 5.2.1"),
    ],
)
def test_a_request_with_a_documented_check_sum_is_obeyed(sent: str, said: str) -> None:
    """Check sums of the requests are those that `rapi_proc.h` prints."""
    assert line(said) in Host().ask(sent)


def test_an_answer_carries_the_check_sum_that_is_documented_for_it() -> None:
    assert line("OK") == "$OK^20"
    assert line("NK") == "$NK^21"


@pytest.mark.parametrize("sent", ["$FS^32", "$FS*00", "$FS^zz"])
def test_a_wrong_check_sum_is_refused_without_an_id(sent: str) -> None:
    assert Host().ask(sent) == ["$NK^21"]


def test_an_id_is_repeated_before_the_check_sum() -> None:
    (said,) = Host().ask("$GS :1A^5A")
    assert said.startswith("$OK 01 0 01 0000 :1A^")


@pytest.mark.parametrize("sent", ["$XX", "$SC", "$SC x", "$SY 1 2 3"])
def test_what_it_does_not_know_is_refused(sent: str) -> None:
    assert Host().ask(sent)[0].startswith("$NK")


def test_a_frame_longer_than_its_buffer_is_dropped() -> None:
    assert Host().ask("$FP 0 0 this is far too long for 32 bytes") == []


def test_a_current_out_of_range_is_clamped_and_refused_with_what_holds() -> None:
    (said,) = [one for one in Host().ask("$SC 48 V") if one.startswith("$NK")]
    assert said.startswith("$NK 32^")


def test_a_change_is_told_by_itself_also_before_an_answer() -> None:
    host = Host()
    host.evse.vehicle.plug_in()
    host.plant.touch()
    said = host.ask("$GU^36")
    assert any(one.startswith("$AT 02 02 32 0100^") for one in said)
    assert any(one.startswith("$OK 0 70000^") for one in said)


def test_it_says_when_it_has_started() -> None:
    host = Host()
    host.line.boot(0.0)
    assert host.listen(0.2) == [line("AB 00 8.2.3")]


def test_a_missed_pulse_is_refused_until_the_heartbeat_is_set_anew() -> None:
    host = Host()
    host.ask("$SY 5 6")
    assert host.ask("$SY^2E") == [line("OK 5 6 0")]
    host.listen(6.0)
    assert host.ask("$SY^2E")[-1].startswith("$NK 5 6 2^")
    host.ask("$SY 5 6")
    assert host.ask("$SY^2E") == [line("OK 5 6 0")]


@pytest.mark.parametrize("fault", ["silent", "crc", "truncated"])
def test_a_disturbed_controller_says_nothing_that_can_be_read(fault: str) -> None:
    host = Host()
    host.line.trouble.faults.add(fault)
    assert line("OK 8.2.3 5.2.1") not in host.ask("$GV^35")
    assert fault in host.line.trouble.faults


# --- Bender ---------------------------------------------------------------------------------------


def bender() -> tuple[BenderUnit, PlantEvse, Plant]:
    plant, evse = outlet(BenderBoard(32.0, socket=False))
    return BenderUnit(evse, record=plant.record, device="cc"), evse, plant


def test_the_error_mask_has_words_and_bytes_swapped() -> None:
    """Specification 1.07: bit 0 residual current, bit 13 tilt, bit 20 phase rotation."""
    unit, evse, plant = bender()
    for fault, words in (
        ("rcd_tripped", [0x0100, 0x0000]),
        ("tilted", [0x0020, 0x0000]),
        ("phase_rotation_wrong", [0x0000, 0x1000]),
        ("breaker_tripped", [0x0800, 0x0000]),
    ):
        set_fault(evse, fault, True, plant.now_s)
        plant.advance(plant.now_s + 0.2)
        assert list(unit.read("holding", 111, 2)) == words, fault
        set_fault(evse, fault, False, plant.now_s)
        plant.advance(plant.now_s + 0.2)
    assert list(unit.read("holding", 111, 2)) == [0, 0]


def test_vehicle_state_relay_and_energy_stand_where_the_document_says() -> None:
    unit, evse, plant = bender()
    assert list(unit.read("holding", 122, 2)) == [1, 0x4100]
    evse.vehicle.plug_in()
    plant.advance(8.0)
    assert list(unit.read("holding", 122, 1)) == [3]
    assert list(unit.read("holding", 140, 1)) == [1]
    high, low = unit.read("holding", 218, 2)
    assert (high << 16) + low == round(evse.meter.now.energy_import_wh)
    assert list(unit.read("holding", 104, 1)) == [6]


@pytest.mark.parametrize(
    ("address", "value", "code"), [(122, 1, 2), (999, 1, 2), (131, 200, 3), (1000, 99, 3)]
)
def test_what_a_bender_refuses(address: int, value: int, code: int) -> None:
    unit, _, _ = bender()
    with pytest.raises(Refusal) as refusal:
        unit.write("holding", address, (value,), 0.0)
    assert refusal.value.code == code


# --- Phoenix --------------------------------------------------------------------------------------


def phoenix(**options: Any) -> tuple[PhoenixUnit, PlantEvse, Plant]:
    plant, evse = outlet(PhoenixBoard(16.0))
    return PhoenixUnit(evse, record=plant.record, device="px", **options), evse, plant


def test_the_state_is_a_letter_in_the_low_byte_and_long_values_have_the_low_word_first() -> None:
    unit, _, _ = phoenix()
    assert list(unit.read("input", 100, 1)) == [0x0041]
    assert list(unit.read("input", 108, 4)) == [230, 0, 230, 0]
    assert list(unit.read("holding", 904, 2)) == [70_000 & 0xFFFF, 1]


@pytest.mark.parametrize(("tenths", "held", "offered_a"), [(False, 16, 10.0), (True, 160, 10.5)])
def test_register_528_counts_as_the_firmware_does(
    tenths: bool, held: int, offered_a: float
) -> None:
    unit, evse, plant = phoenix(tenths=tenths)
    assert list(unit.read("holding", 528, 1)) == [held]
    unit.write("coil", 400, (1,), 0.0)
    unit.write("holding", 528, (105 if tenths else 10,), 0.0)
    plant.touch()
    assert evse.offered_a == pytest.approx(offered_a)


def test_a_current_below_6_a_is_refused() -> None:
    unit, _, _ = phoenix()
    with pytest.raises(Refusal) as refusal:
        unit.write("holding", 528, (5,), 0.0)
    assert refusal.value.code == 3
