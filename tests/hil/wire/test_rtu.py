"""RTU slaves in virtual time: when a request counts as received and when its reply is there."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from hal.register_map import load
from hil.plant.board import BoardOptions
from hil.plant.faults import set_fault
from hil.wire.board_unit import BoardUnit
from hil.wire.line_time import LineTime
from hil.wire.meter_unit import MeterUnit
from hil.wire.modbus import rtu_frame, rtu_valid
from hil.wire.rtu import RtuSlaves, Slave
from tests.hil.plants import Outlet

BOARD, METER = 1, 11
READ_STATUS = rtu_frame(BOARD, bytes.fromhex("04 0000 0008"))
CLOSE = rtu_frame(BOARD, bytes.fromhex("05 0000 FF00"))
READ_VOLTAGE = rtu_frame(METER, bytes.fromhex("04 0000 0002"))


class Line:
    """A board and a meter on a line whose time is the test's."""

    def __init__(self, line: LineTime, outlet: Outlet | None = None) -> None:
        self.outlet = outlet or Outlet()
        record = self.outlet.plant.record
        self.board = Slave(
            "board1",
            BoardUnit(
                self.outlet.board,
                load("reference_pilot_board"),
                record=record,
                evse=1,
                device="board1",
            ),
        )
        self.meter = Slave("meter1", MeterUnit(self.outlet.meter, load("eastron_sdm630"), 7))
        self.slaves = RtuSlaves(
            self.outlet.world, {BOARD: self.board, METER: self.meter}, line, turnaround_s=0.002
        )

    def ask(self, request: bytes, at_s: float = 1.0) -> list[tuple[float, bytes]]:
        """Send `request`; everything that comes, each with its instant."""
        self.slaves.hear(request, at_s)
        return self.collect()

    def collect(self) -> list[tuple[float, bytes]]:
        found = []
        while (next_s := self.slaves.next_s()) < float("inf"):
            self.outlet.clock.now_s = next_s
            found += [(next_s, data) for data in self.slaves.due(next_s)]
        return found


# fmt: off
REPLIES = [
    #  8 bytes there, 2 ms, 21 bytes back, characters of 10 or 11 bits
    (LineTime(115_200),                 1.0 + 8 * 10 / 115_200 + 0.002 + 21 * 10 / 115_200),
    (LineTime(19_200),                  1.0 + 8 * 10 / 19_200 + 0.002 + 21 * 10 / 19_200),
    (LineTime(9_600, "even"),           1.0 + 8 * 11 / 9_600 + 0.002 + 21 * 11 / 9_600),
    (LineTime(9_600, "none", 2),        1.0 + 8 * 11 / 9_600 + 0.002 + 21 * 11 / 9_600),
]
REFUSALS = [
    ("06 0001 0063", "86 03"),      #  watchdog 99 ms: below its range
    ("06 0000 2711", "86 03"),      #  pilot 100.01 %
    ("06 0009 0000", "86 02"),
    ("04 0000 0009", "84 02"),
    ("05 0004 FF00", "85 02"),
    ("05 0003 FF00", "05 0003 FF00"),
    ("06 0001 03E8", "06 0001 03E8"),
]
# fmt: on


@pytest.mark.parametrize(("line", "reply_s"), REPLIES)
def test_a_reply_is_there_when_the_line_would_have_carried_it(
    line: LineTime, reply_s: float
) -> None:
    ((at_s, reply),) = Line(line).ask(READ_STATUS)
    assert at_s == pytest.approx(reply_s, abs=1e-9)
    assert reply[:3] == bytes([BOARD, 4, 16])
    assert rtu_valid(reply)


def test_a_command_acts_when_its_last_character_has_passed() -> None:
    line = Line(LineTime(19_200))
    line.ask(CLOSE, at_s=2.0)
    event = next(e for e in line.outlet.plant.record.after(0) if e.type == "contactor_commanded")
    assert event.at_s == pytest.approx(2.0 + 8 * 10 / 19_200)
    assert event.fields == {"evse": 1, "device": "board1", "closed": True}


def test_silence_between_frames_is_fixed_above_19200_baud() -> None:
    assert LineTime(9_600).silence_s == pytest.approx(3.5 * 10 / 9_600)
    assert LineTime(115_200).silence_s == 0.00175


def test_a_request_in_pieces_is_one_request() -> None:
    line = Line(LineTime(115_200))
    line.slaves.hear(READ_STATUS[:3], 1.0)
    line.slaves.hear(READ_STATUS[3:], 1.001)
    assert len(line.collect()) == 1


def test_a_wrong_check_sum_gets_no_answer_and_does_not_rearm_the_board() -> None:
    line = Line(LineTime(115_200))
    assert line.ask(READ_STATUS[:-1] + b"\x00") == []
    assert line.slaves.discarded == 8
    assert line.board.requests == 0


def test_a_request_after_noise_and_a_pause_is_answered() -> None:
    line = Line(LineTime(115_200))
    line.slaves.hear(b"\xff\x00\x12", 1.0)
    assert line.collect() == []
    assert len(line.ask(READ_STATUS, 2.0)) == 1


def test_an_unknown_unit_stays_silent() -> None:
    line = Line(LineTime(115_200))
    assert line.ask(rtu_frame(99, bytes.fromhex("04 0000 0008"))) == []


def test_an_unknown_function_is_refused_after_the_silence_that_ends_it() -> None:
    line = Line(LineTime(115_200))
    ((at_s, reply),) = line.ask(rtu_frame(BOARD, bytes.fromhex("2B 0E 01 00")))
    assert reply == rtu_frame(BOARD, bytes.fromhex("AB 01"))
    assert at_s > 1.005


def test_a_broadcast_reaches_every_board_and_is_not_answered() -> None:
    line = Line(LineTime(115_200))
    assert line.ask(rtu_frame(0, bytes.fromhex("06 0000 0A6B"))) == []
    assert line.outlet.board.duty_ratio == pytest.approx(0.2667)


def test_a_correct_frame_for_another_unit_does_not_rearm_the_watchdog() -> None:
    line = Line(LineTime(115_200))
    line.outlet.board.options = BoardOptions()
    line.ask(READ_VOLTAGE, at_s=0.9)
    line.ask(READ_VOLTAGE, at_s=1.1)
    assert line.outlet.board.watchdog_expired
    line.ask(CLOSE, at_s=3.0)
    line.ask(READ_STATUS, at_s=3.5)
    assert line.outlet.board.deadline_s() == pytest.approx(4.5, abs=0.01)


# --- Faults ---------------------------------------------------------------------------------------


def faulty(fault: str) -> Line:
    line = Line(LineTime(115_200))
    line.board.trouble.faults.add(fault)
    return line


def test_silent() -> None:
    line = faulty("silent")
    assert line.ask(READ_STATUS) == []
    assert len(line.ask(READ_VOLTAGE, 2.0)) == 1


def test_crc() -> None:
    ((_, reply),) = faulty("crc").ask(READ_STATUS)
    assert len(reply) == 21
    assert not rtu_valid(reply)


def test_slow_is_half_a_second_late_and_leaves_the_bus_to_others() -> None:
    line = faulty("slow")
    line.slaves.hear(READ_STATUS, 1.0)
    line.slaves.hear(READ_VOLTAGE, 1.1)
    (quick_s, quick), (late_s, late) = line.collect()
    assert quick[0] == METER
    assert quick_s < 1.12
    assert late[0] == BOARD
    assert late_s == pytest.approx(1.5045, abs=0.001)


@pytest.mark.parametrize(("fault", "code"), [("exception", 4), ("busy", 6)])
def test_exceptions(fault: str, code: int) -> None:
    ((_, reply),) = faulty(fault).ask(CLOSE)
    assert reply == rtu_frame(BOARD, bytes([0x85, code]))


def test_noise_stands_in_front_of_the_answer() -> None:
    ((_, reply),) = faulty("noise").ask(READ_STATUS)
    assert rtu_valid(reply[3:])
    assert not rtu_valid(reply)


def test_truncated() -> None:
    ((_, reply),) = faulty("truncated").ask(READ_STATUS)
    assert len(reply) == 10


def test_stutter_sends_the_whole_answer_in_pieces_with_random_pauses() -> None:
    found = faulty("stutter").ask(READ_STATUS)
    assert rtu_valid(b"".join(data for _, data in found))
    assert len(found) > 4
    later = pairwise(found)
    pauses_s = [b_s - a_s - len(b) * 10 / 115_200 for (a_s, _), (b_s, b) in later]
    assert all(0.0005 <= pause_s <= 0.008 for pause_s in pauses_s)
    assert max(pauses_s) - min(pauses_s) > 0.001


def damaged(line: Line, count: int, every_s: float = 0.1) -> list[bool]:
    """For each of `count` requests, whether the answer is missing or not the right one alone."""
    found = []
    for number in range(count):
        said = b"".join(data for _, data in line.ask(READ_VOLTAGE_A, 1.0 + number * every_s))
        found.append(not rtu_valid(said) or len(said) != 9)
    return found


READ_VOLTAGE_A = rtu_frame(BOARD, bytes.fromhex("04 0000 0002"))


def test_noise_with_a_ratio_damages_that_share_of_the_frames_in_each_direction() -> None:
    line = faulty("noise")
    line.board.trouble.noise_ratio = 0.05
    share = sum(damaged(line, 1000)) / 1000
    assert 0.07 < share < 0.13
    again = faulty("noise")
    again.board.trouble.noise_ratio = 0.05
    assert sum(damaged(again, 1000)) / 1000 == share


def test_silences_last_a_second_and_come_at_random() -> None:
    line = faulty("silences")
    silent = damaged(line, 1000)
    assert 40 < sum(silent) < 160
    text = "".join("-" if one else "." for one in silent)
    lengths = {len(one) for one in text.split(".") if one}
    assert lengths <= {9, 10, 11, 20}
    assert "-" not in text[:5]


def test_a_twin_answers_too_with_what_it_knows() -> None:
    outlet = Outlet()
    line = Line(LineTime(115_200), outlet)
    line.board.trouble.faults.add("twin")
    line.ask(READ_STATUS, 1.0)
    outlet.vehicle.plug_in()
    kinds = set()
    for number in range(40):
        answers = [data for _, data in line.ask(READ_STATUS, 2.0 + number)]
        highs = [int.from_bytes(one[5:7], "big") if rtu_valid(one) else 0 for one in answers]
        kinds.add(tuple(highs))
    assert kinds == {(0,), (8979, 12_000), (12_000, 8979)}


def test_echo_repeats_the_request_before_the_answer() -> None:
    (_, echo), (_, reply) = faulty("echo").ask(READ_STATUS)
    assert echo == READ_STATUS
    assert rtu_valid(reply)


def test_stranger_answers_under_another_address() -> None:
    ((_, reply),) = faulty("stranger").ask(READ_STATUS)
    assert reply[0] != BOARD


# --- Registers ------------------------------------------------------------------------------------


def test_the_status_block_of_the_reference_board_word_by_word() -> None:
    """Levels of state B while 16 A are offered; layout in docs/reference-board.md."""
    outlet = Outlet(options=BoardOptions(watchdog=False, has_proximity=True))
    outlet.vehicle.plug_in()
    outlet.offer(0.2666)
    ((_, reply),) = Line(LineTime(115_200), outlet).ask(READ_STATUS, at_s=0.0)
    found = [int.from_bytes(reply[at : at + 2], "big") for at in range(3, 19, 2)]
    assert found[0] == 1 << 6
    assert found[1] == 8979
    assert found[2] == 0x10000 - 12_000
    assert found[3] == 2666
    assert found[4:6] == [220, 220]
    assert found[7] == 0


def test_the_board_answers_the_frames_of_its_published_example() -> None:
    """docs/reference-board.md, section Example, up to the reading, whose measurements are ours."""
    page = Path(__file__).parents[3] / "docs" / "reference-board.md"
    frames = re.findall(r"^(host|board) +((?:[0-9A-F]{2} ?)+)$", page.read_text("utf-8"), re.M)
    assert [who for who, _ in frames] == ["host", "board"] * 4
    whole = BoardOptions(
        watchdog=False,
        has_lock=True,
        has_proximity=True,
        has_rcd_test=False,
        has_pe_monitor=False,
        has_tilt=False,
        has_door=False,
        has_second_contact=False,
        has_output_sense=False,
    )
    line = Line(LineTime(115_200), Outlet(options=whole))
    for number in range(0, 6, 2):
        ((_, reply),) = line.ask(bytes.fromhex(frames[number][1]), at_s=1.0 + number)
        assert reply == bytes.fromhex(frames[number + 1][1])
    ((_, reply),) = line.ask(bytes.fromhex(frames[6][1]), at_s=9.0)
    assert reply[:3] == bytes.fromhex(frames[7][1])[:3]


@pytest.mark.parametrize(("pdu", "answer"), REFUSALS)
def test_the_board_refuses_what_its_layout_has_not(pdu: str, answer: str) -> None:
    ((_, reply),) = Line(LineTime(115_200)).ask(rtu_frame(BOARD, bytes.fromhex(pdu)))
    assert reply == rtu_frame(BOARD, bytes.fromhex(answer))


ONE_PHASE = rtu_frame(BOARD, bytes.fromhex("05 0003 FF00"))


def test_phases_are_refused_under_load_with_exception_4() -> None:
    outlet = Outlet()
    outlet.charge()
    ((_, reply),) = Line(LineTime(115_200), outlet).ask(ONE_PHASE, at_s=9.0)
    assert reply == rtu_frame(BOARD, bytes.fromhex("85 04"))


def test_phases_are_refused_by_a_board_that_cannot_switch_them() -> None:
    outlet = Outlet(options=BoardOptions(watchdog=False))
    ((_, reply),) = Line(LineTime(115_200), outlet).ask(ONE_PHASE)
    assert reply == rtu_frame(BOARD, bytes.fromhex("85 03"))


@pytest.mark.parametrize(
    ("fault", "bit"),
    [("pe_lost", 7), ("tilted", 8), ("door_open", 9), ("second_contactor_welded", 10),
     ("output_live", 11)],
)  # fmt: skip
def test_each_new_input_has_its_bit_in_the_status_word(fault: str, bit: int) -> None:
    outlet = Outlet()
    line = Line(LineTime(115_200), outlet)
    set_fault(outlet.evse, fault, True, 0.0)
    outlet.pass_s(0.1)
    ((_, reply),) = line.ask(READ_STATUS)
    assert int.from_bytes(reply[3:5], "big") == 1 << bit


def test_one_phase_is_a_bit_of_the_status_word_once_it_has_switched() -> None:
    outlet = Outlet()
    line = Line(LineTime(115_200), outlet)
    line.ask(ONE_PHASE)
    ((_, reply),) = line.ask(READ_STATUS, at_s=2.0)
    assert int.from_bytes(reply[3:5], "big") == 1 << 12


def test_a_lost_temperature_sensor_reads_not_available() -> None:
    outlet = Outlet()
    line = Line(LineTime(115_200), outlet)
    set_fault(outlet.evse, "temperature_sensor_lost", True, 0.0)
    outlet.pass_s(0.1)
    ((_, reply),) = line.ask(READ_STATUS)
    assert reply[13:15] == bytes.fromhex("8000")


def test_an_sdm630_shows_230_v_as_eastron_prints_it() -> None:
    """Eastron SDM630 protocol: volts are single-precision floats; 230.0 is 4366 0000."""
    ((_, reply),) = Line(LineTime(9_600)).ask(READ_VOLTAGE)
    assert reply[:7] == bytes.fromhex("0B 04 04 4366 0000")


def test_the_import_register_of_an_sdm630_is_kwh() -> None:
    outlet = Outlet()
    line = Line(LineTime(9_600), outlet)
    ((_, reply),) = line.ask(rtu_frame(METER, bytes.fromhex("04 0048 0002")))
    assert reply[3:7] == bytes.fromhex("4120 0000")


def test_a_meter_refuses_writes_and_addresses_outside_its_map() -> None:
    line = Line(LineTime(9_600))
    ((_, reply),) = line.ask(rtu_frame(METER, bytes.fromhex("06 0048 0000")))
    assert reply == rtu_frame(METER, bytes.fromhex("86 02"))
    ((_, reply),) = line.ask(rtu_frame(METER, bytes.fromhex("04 0400 0002")), 2.0)
    assert reply == rtu_frame(METER, bytes.fromhex("84 02"))


@pytest.mark.parametrize(("clockwise", "word"), [(True, 0), (False, 0xFFFF)])
def test_a_meter_whose_map_has_the_rotation_shows_it(
    clockwise: bool, word: int, tmp_path: Path
) -> None:
    """Carlo Gavazzi EM340: register 0x0032 is -1 for L1-L3-L2."""
    usual = Path(__file__).parents[3] / "hal" / "devices" / "eastron_sdm630.toml"
    line = 'phase_sequence = { table = "input", address = 0x0050, type = "s16", wrong = [-1] }\n'
    turning = tmp_path / "turning.toml"
    turning.write_text(usual.read_text("utf-8") + line)
    outlet = Outlet()
    outlet.plant.grid.clockwise = clockwise
    outlet.plant.touch()
    unit = MeterUnit(outlet.meter, load(str(turning)), 7)
    assert [one & 0xFFFF for one in unit.read("input", 0x0050, 1)] == [word]
