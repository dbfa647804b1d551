"""The RTU bus against lines that are late, noisy, echoing, shared or dead, byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from hal.bus.modbus import DeviceLink
from hal.errors import BadReply, BusDown, DeviceError, DeviceRefused, DeviceSkipped, NoReply
from tests.hal.bus_line import (
    Bench,
    bench,
    framed,
    good_reply,
    late,
    refusal,
    registers,
    reply,
    silent,
)


def board(line: Bench) -> DeviceLink:
    return line.bus.link("board1", 1)


def known(line: Bench, link: DeviceLink) -> DeviceLink:
    """The same link, after enough replies for its latency to be believed."""
    for _ in range(10):
        link.read_input_registers(0, 8)
    return link


# --- The ordinary ---------------------------------------------------------------------------------


def test_reads_and_writes_what_the_device_says() -> None:
    line = bench()
    link = board(line)
    assert link.read_input_registers(0, 8).values == registers(1, 4, 0, 8)
    assert link.read_holding_registers(100, 2).values == registers(1, 3, 100, 2)
    assert link.read_coils(0, 3).values == tuple(bool(v & 1) for v in registers(1, 1, 0, 3))
    assert link.read_discrete_inputs(8, 9).values == tuple(
        bool(v & 1) for v in registers(1, 2, 8, 9)
    )
    link.write_coil(0, True)
    link.write_register(1, 500)
    link.write_registers(2, (1, 2, 3))
    assert line.sent()[-3:] == [
        framed(bytes.fromhex("01 05 00 00 FF 00")),
        framed(bytes.fromhex("01 06 00 01 01 F4")),
        framed(bytes.fromhex("01 10 00 02 00 03 06 00 01 00 02 00 03")),
    ]


def test_a_reading_carries_the_instant_at_which_the_reply_was_whole() -> None:
    line = bench()
    line.slaves.next(lambda heard: [(0.004, good_reply(heard)[:9]), (0.006, good_reply(heard)[9:])])
    words = board(line).read_input_registers(0, 8)
    assert words.taken_s == pytest.approx(1000.006)


def test_an_exception_is_raised_with_its_code() -> None:
    line = bench()
    line.slaves.next(lambda heard: [(0.002, refusal(heard, 2))])
    with pytest.raises(DeviceRefused, match=r"read holding 900\+1.*exception 2") as raised:
        board(line).read_holding_registers(900, 1)
    assert raised.value.code == 2
    assert line.bus.health().refused == 1


def test_technicians_may_send_any_of_the_eight_functions() -> None:
    line = bench()
    assert line.bus.transact(1, 4, 0, 2) == registers(1, 4, 0, 2)
    assert line.bus.transact(1, 5, 0x0200, values=(7,)) == (7,)
    assert line.sent()[-1] == framed(bytes.fromhex("01 05 02 00 00 07"))


# --- Late replies ---------------------------------------------------------------------------------


@pytest.mark.parametrize("by_s", [0.205, 0.25, 0.3, 0.39, 0.41, 0.6, 1.5])
def test_a_late_reply_is_never_the_answer_to_the_next_read(by_s: float) -> None:
    line = bench()
    link = board(line)
    line.slaves.next(late(by_s))
    with pytest.raises(NoReply):
        link.read_holding_registers(0, 2)
    assert _until_answered(line, lambda: link.read_holding_registers(100, 2).values) == registers(
        1, 3, 100, 2
    )


@pytest.mark.parametrize("by_s", [0.034, 0.05, 0.1, 0.3])
def test_a_late_reply_is_never_the_answer_when_the_time_out_was_shortened(by_s: float) -> None:
    """After a run of fast replies the wait is 30 ms, far less than a slow answer may take."""
    line = bench()
    link = known(line, board(line))
    line.slaves.next(late(by_s))
    with pytest.raises(NoReply):
        link.read_input_registers(0, 8)
    assert _until_answered(line, lambda: link.read_input_registers(200, 8).values) == registers(
        1, 4, 200, 8
    )


@pytest.mark.parametrize("late_request", ["one", "two"])
def test_late_replies_to_several_requests_are_all_skipped(late_request: str) -> None:
    line = bench()
    link = board(line)
    scripts = [late(0.5)] if late_request == "one" else [late(0.9), late(0.8)]
    line.slaves.next(*scripts)
    for address in (0, 10)[: len(scripts)]:
        with pytest.raises(NoReply):
            link.read_holding_registers(address, 2)
    assert _until_answered(line, lambda: link.read_holding_registers(100, 2).values) == registers(
        1, 3, 100, 2
    )


def test_a_late_read_reply_does_not_confirm_a_write() -> None:
    line = bench()
    link = board(line)
    link.read_coils(0, 1)
    line.slaves.next(late(0.3), silent)
    with pytest.raises(NoReply):
        link.read_holding_registers(0, 2)
    with pytest.raises(DeviceError):
        link.write_register(0, 1234)


def test_a_late_confirmation_does_not_confirm_another_value() -> None:
    """Close, lost; open, lost: the late echo of the closing must not pass for the opening."""
    line = bench()
    link = known(line, board(line))
    line.slaves.next(late(0.1), silent)
    with pytest.raises(NoReply):
        link.write_coil(0, True)
    with pytest.raises(DeviceError):
        link.write_coil(0, False)


def test_a_late_echo_from_before_another_write_does_not_confirm() -> None:
    """Open, close, open, all lost: what is on is unknown, and one late echo does not tell."""
    line = bench()
    link = known(line, board(line))
    line.slaves.next(late(0.2), silent, silent, silent)
    for on in (False, True):
        with pytest.raises(NoReply):
            link.write_coil(0, on)
    with pytest.raises(DeviceError):
        link.write_coil(0, False)
    assert line.sent()[-1] == framed(bytes.fromhex("01 05 00 00 00 00"))


def test_an_opening_command_is_sent_at_once_after_a_lost_read() -> None:
    line = bench()
    link = known(line, board(line))
    line.slaves.next(silent)
    with pytest.raises(NoReply):
        link.read_input_registers(0, 8)
    before_s = line.clock.now_s
    link.write_coil(0, False)
    assert line.sent()[-1] == framed(bytes.fromhex("01 05 00 00 00 00"))
    assert line.clock.now_s - before_s < 0.01


def test_one_lost_frame_costs_the_next_read_milliseconds_only() -> None:
    """The check before it is one short read, not a wait for the longest time-out."""
    line = bench()
    link = known(line, board(line))
    line.slaves.next(silent)
    with pytest.raises(NoReply):
        link.read_input_registers(0, 8)
    before_s = line.clock.now_s
    assert link.read_input_registers(0, 8).values == registers(1, 4, 0, 8)
    assert line.clock.now_s - before_s < 0.015


def test_a_device_that_knows_one_function_only_is_checked_all_the_same() -> None:
    """It refuses the check, and a refusal of another function is an answer in its turn."""
    line = bench(refused_functions={4})
    link = board(line)
    line.slaves.next(late(0.3))
    with pytest.raises(NoReply):
        link.read_holding_registers(0, 2)
    assert _until_answered(line, lambda: link.read_holding_registers(50, 2).values) == registers(
        1, 3, 50, 2
    )


def test_a_late_exception_is_not_the_answer_to_the_next_request() -> None:
    line = bench()
    link = board(line)
    line.slaves.next(lambda heard: [(0.3, refusal(heard, 2))])
    with pytest.raises(NoReply):
        link.read_holding_registers(900, 1)
    assert link.read_holding_registers(0, 8).values == registers(1, 3, 0, 8)


def test_a_late_reply_to_another_unit_is_skipped_and_its_time_is_learnt() -> None:
    line = bench()
    fast, slow = known(line, board(line)), line.bus.link("meter1", 11)
    known(line, slow)
    line.slaves.next(late(0.05))
    with pytest.raises(NoReply):
        slow.read_input_registers(0, 8)
    assert fast.read_input_registers(0, 8).values == registers(1, 4, 0, 8)
    line.clock.now_s += 0.02
    fast.read_input_registers(0, 8)
    line.slaves.delay_s = 0.05
    asked = len(line.sent())
    assert slow.read_input_registers(0, 8).values == registers(11, 4, 0, 8)
    assert len(line.sent()) == asked + 1


def test_the_line_stays_quiet_after_a_loss_for_the_slowest_units_reply_time() -> None:
    line = bench()
    fast, slow = board(line), line.bus.link("meter1", 11)
    line.slaves.delay_s = 0.02
    slow.read_input_registers(0, 2)
    line.slaves.delay_s = 0.002
    known(line, fast)
    line.slaves.next(silent)
    with pytest.raises(NoReply):
        fast.read_input_registers(0, 8)
    lost_s = line.clock.now_s
    slow.read_input_registers(0, 2)
    assert line.port.written[-1][0] - lost_s >= 0.018


def test_stale_input_is_dropped_before_a_request() -> None:
    line = bench()
    link = board(line)
    link.read_holding_registers(0, 2)
    line.port.arrive(0.0, good_reply(framed(bytes.fromhex("01 03 00 32 00 02"))))
    line.slaves.next(silent)
    with pytest.raises(NoReply):
        link.read_holding_registers(0, 2)


def test_a_request_that_was_cut_off_is_remembered_as_owed() -> None:
    """A signal handler's exception ends the wait; the reply then comes during the next one."""

    class Stopped(Exception):
        pass

    line = bench()
    link = board(line)
    line.slaves.next(late(0.05))
    read, calls = line.port.read, []

    def interrupted(within_s: float) -> bytes:
        calls.append(within_s)
        if line.port.written and len(calls) > 1:
            line.port.read = read  # type: ignore[method-assign]
            raise Stopped
        return read(within_s)

    line.port.read = interrupted  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        link.read_holding_registers(0, 2)
    assert link.read_holding_registers(100, 2).values == registers(1, 3, 100, 2)


# --- Damage ---------------------------------------------------------------------------------------


def test_a_reply_in_pieces_of_three_bytes_is_put_together() -> None:
    line = bench()

    def pieces(heard: bytes) -> list[tuple[float, bytes]]:
        frame = good_reply(heard)
        return [(0.002 + at * 0.0003, frame[at : at + 3]) for at in range(0, len(frame), 3)]

    line.slaves.next(pieces)
    assert board(line).read_input_registers(0, 8).values == registers(1, 4, 0, 8)


@pytest.mark.parametrize(
    "make",
    [
        lambda frame: b"\x00\xff" + frame,  # noise in front
        lambda frame: b"\x01\x04\x10" + frame,  # noise that looks like the head
        lambda frame: frame + b"\x00",  # junk behind
        lambda frame: frame + frame,  # said twice
        lambda frame: good_reply(framed(bytes.fromhex("02 04 00 00 00 08"))) + frame,
        lambda frame: good_reply(framed(bytes.fromhex("01 03 00 00 00 08"))) + frame,
        lambda frame: good_reply(framed(bytes.fromhex("01 04 00 00 00 02"))) + frame,
    ],
)
def test_the_answer_is_found_among_other_bytes(make: Callable[[bytes], bytes]) -> None:
    """Noise, junk, and whole frames of another unit, function or length."""
    line = bench()
    line.slaves.next(reply(make))
    assert board(line).read_input_registers(0, 8).values == registers(1, 4, 0, 8)


def test_junk_behind_one_reply_does_not_harm_the_next() -> None:
    line = bench()
    link = board(line)
    line.slaves.next(lambda heard: [(0.002, good_reply(heard)), (0.0025, b"\x01\x04\x10\x00")])
    link.read_input_registers(0, 8)
    assert link.read_input_registers(8, 8).values == registers(1, 4, 8, 8)


@pytest.mark.parametrize(
    "make",
    [
        lambda frame: frame[:-1] + bytes((frame[-1] ^ 1,)),  # bad check sum
        lambda frame: frame[:5] + bytes((frame[5] ^ 0x80,)) + frame[6:],
        lambda frame: frame[:-2],  # cut off
        lambda frame: frame[:4] + frame[5:],  # a byte lost
    ],
)
def test_a_damaged_reply_is_a_bad_reply(make: Callable[[bytes], bytes]) -> None:
    line = bench()
    line.slaves.next(reply(make))
    with pytest.raises(BadReply, match="board1: read input 0\\+8: received 01 04 10"):
        board(line).read_input_registers(0, 8)
    assert line.bus.health().bad_replies == 1


def test_noise_alone_is_no_reply() -> None:
    line = bench()
    line.slaves.next(reply(lambda frame: b"\xff\x00\xff"))
    with pytest.raises(NoReply, match="only noise: ff 00 ff"):
        board(line).read_input_registers(0, 8)


def test_a_babbling_line_still_gets_the_opening_command() -> None:
    line = bench()
    link = known(line, board(line))
    for step in range(400):
        line.port.arrive(step * 0.001, b"\x55")
    began_s = line.clock.now_s
    link.write_coil(0, False)
    assert line.sent()[-1] == framed(bytes.fromhex("01 05 00 00 00 00"))
    assert line.clock.now_s - began_s < 0.25


# --- Local echo -----------------------------------------------------------------------------------


def test_the_echo_of_our_own_frame_is_skipped() -> None:
    line = bench(echo=True)
    link = board(line)
    assert link.read_input_registers(0, 8).values == registers(1, 4, 0, 8)
    link.write_register(1, 500)
    link.write_coil(0, True)
    link.write_registers(0, (1, 2))


def test_an_echo_does_not_confirm_a_write_to_a_silent_device() -> None:
    """Byte for byte the echo is the confirmation of functions 5 and 6."""
    line = bench(echo=True)
    link = board(line)
    link.read_input_registers(0, 8)
    line.slaves.dead.add(1)
    with pytest.raises(DeviceError):
        link.write_coil(0, False)


def test_the_first_write_on_an_echoing_line_is_not_confirmed_by_the_echo_either() -> None:
    line = bench(echo=True, dead={1})
    with pytest.raises(DeviceError):
        board(line).write_coil(0, False)


def test_a_line_that_stops_echoing_works_on() -> None:
    line = bench(echo=True)
    link = board(line)
    link.read_input_registers(0, 8)
    line.slaves.echo = False
    for _ in range(6):
        assert link.read_input_registers(0, 8).values == registers(1, 4, 0, 8)
    link.write_coil(0, True)


# --- Timing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("baud", "gap_s"),
    [
        (115200, 0.00175),
        (38400, 0.00175),
        (19200, 3.5 * 10 / 19200),
        (9600, 3.5 * 10 / 9600),
    ],
)
def test_leaves_the_inter_frame_gap(baud: int, gap_s: float) -> None:
    """Modbus over Serial Line V1.02, clause 2.5.1.1."""
    line = bench(baud=baud)
    link = board(line)
    link.read_input_registers(0, 8)
    heard_s = line.clock.now_s
    link.read_input_registers(0, 8)
    assert line.port.written[-1][0] - heard_s == pytest.approx(gap_s, abs=1e-6)


def test_leaves_the_pause_that_a_device_wants_but_only_to_that_device() -> None:
    line = bench()
    slow = line.bus.link("wallbox", 5, gap_s=0.1)
    slow.read_holding_registers(1000, 7)
    asked_s = line.clock.now_s
    board(line).read_input_registers(0, 8)
    assert line.clock.now_s - asked_s < 0.01
    slow.write_register(1000, 16)
    assert line.port.written[-1][0] - asked_s >= 0.1


def test_a_new_silent_device_costs_the_longest_wait_and_its_lines_time() -> None:
    line = bench(baud=9600, dead={1})
    with pytest.raises(NoReply):
        board(line).read_input_registers(0, 8)
    assert line.clock.now_s - 1000.0 == pytest.approx(0.2 + (8 + 21) * 10 / 9600)


def test_a_known_device_that_falls_silent_costs_a_short_wait() -> None:
    line = bench()
    link = known(line, board(line))
    line.slaves.dead.add(1)
    before_s = line.clock.now_s
    with pytest.raises(NoReply):
        link.read_input_registers(0, 8)
    assert line.clock.now_s - before_s < 0.04


def test_a_reply_that_lay_ready_when_we_came_late_is_taken() -> None:
    """The process was not scheduled until after its deadline; the reply was in time."""
    line = bench()
    link = known(line, board(line))
    read = line.port.read

    def delayed(within_s: float) -> bytes:
        if within_s > 0.02:
            line.clock.now_s += 0.5
        return read(within_s)

    line.port.read = delayed  # type: ignore[method-assign]
    assert link.read_input_registers(0, 8).values == registers(1, 4, 0, 8)


def test_a_dead_meter_is_left_alone_with_growing_pauses() -> None:
    line = bench(dead={11})
    meter = line.bus.link("meter1", 11)
    tries = []
    while line.clock.now_s < 1060.0:
        before = len(line.sent())
        try:
            meter.read_input_registers(0, 8)
        except DeviceSkipped:
            line.clock.now_s += 0.05
        except NoReply:
            tries.append(line.clock.now_s - 1000.0)
            assert len(line.sent()) == before + 1
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert [round(pause) for pause in pauses] == [0, 0, 1, 2, 5, 10, 30]


def test_a_dead_meter_takes_little_from_the_board() -> None:
    """One minute of board reads with a dead meter beside it: the longest hole stays bounded."""
    line = bench(dead={11}, timeout_max_s=0.1)
    link, meter = board(line), line.bus.link("meter1", 11)
    heard_s, longest_s, count = line.clock.now_s, 0.0, 0
    while line.clock.now_s < 1060.0:
        taken_s = link.read_input_registers(0, 8).taken_s
        longest_s, heard_s, count = max(longest_s, taken_s - heard_s), taken_s, count + 1
        with pytest.raises((NoReply, DeviceSkipped)):
            meter.read_input_registers(0, 8)
    assert longest_s < 0.12
    assert count > 10_000


def test_a_device_that_comes_back_is_found_and_trusted_at_once() -> None:
    line = bench(dead={1})
    link = line.bus.link("board1", 1, breaker_max_s=1.0)
    for _ in range(600):
        with pytest.raises((NoReply, DeviceSkipped)):
            link.read_input_registers(0, 8)
        line.clock.now_s += 0.05
    line.slaves.dead.clear()
    line.clock.now_s += 1.0
    assert link.read_input_registers(0, 8).values == registers(1, 4, 0, 8)
    assert link.read_input_registers(0, 8).values == registers(1, 4, 0, 8)


def test_a_refusal_does_not_open_the_breaker() -> None:
    line = bench(refused_functions={3})
    link = board(line)
    for _ in range(10):
        with pytest.raises(DeviceRefused):
            link.read_holding_registers(0, 1)


def test_a_technician_may_ask_a_device_whose_breaker_is_open() -> None:
    line = bench(dead={11})
    meter = line.bus.link("meter1", 11)
    for _ in range(3):
        with pytest.raises(NoReply):
            meter.read_input_registers(0, 2)
    with pytest.raises(DeviceSkipped):
        meter.read_input_registers(0, 2)
    line.slaves.dead.clear()
    assert _until_answered(line, lambda: line.bus.transact(11, 4, 0, 2)) == registers(11, 4, 0, 2)


# --- The port -------------------------------------------------------------------------------------


def test_a_vanished_port_is_bus_down_and_comes_back() -> None:
    line = bench()
    link = board(line)
    link.read_input_registers(0, 8)
    line.port.gone = True
    with pytest.raises(BusDown, match="board1: read input 0\\+8: safety: unplugged"):
        link.read_input_registers(0, 8)
    assert line.bus.health().down
    began_s = line.clock.now_s
    with pytest.raises(BusDown):
        link.read_input_registers(0, 8)
    assert line.clock.now_s == began_s
    line.port.gone = False
    line.clock.now_s += 0.5
    assert link.read_input_registers(0, 8).values == registers(1, 4, 0, 8)
    assert not line.bus.health().down


def test_counts_what_happened() -> None:
    line = bench()
    link = board(line)
    line.slaves.delay_s = 0.01
    link.read_input_registers(0, 8)
    line.slaves.next(silent)
    with pytest.raises(NoReply):
        link.read_input_registers(0, 8)
    health = line.bus.health()
    assert (health.requests, health.timeouts, health.bad_replies, health.refused) == (2, 1, 0, 0)
    assert health.latency_p99_s == pytest.approx(0.01)
    assert not health.down


def _until_answered(line: Bench, ask: Callable[[], tuple[int, ...]]) -> tuple[int, ...]:
    """The first answer; errors before it are allowed, wrong values are not."""
    for _ in range(20):
        try:
            return ask()
        except DeviceSkipped:
            line.clock.now_s += 0.3
        except (NoReply, BadReply):
            continue
    raise AssertionError("never answered")
