"""The OpenEVSE driver and its serial language against the firmware's own documents.

Checksums are those written out in `rapi_proc.h` and in the collected reference; answers have the
form that `rapi_proc.cpp` prints. The board below answers as that source says; no recording of a
real one was found.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hal.drivers.openevse import OpenEvse
from hal.drivers.openevse_rapi import Answer, Damaged, LineCutter, Notice, frame, parse
from hal.errors import BadReply, DeviceRefused, NoReply
from hal.fakes import ScriptedSerialLink
from hal.interfaces import PilotBoard
from hal.values import SAFE_COMMAND, BoardCommand, PilotMode, PilotState

OFFER = BoardCommand(pilot=PilotMode.OFFER, current_a=13.57, duty_ratio=0.2261)
RAMP_DOWN = BoardCommand(pilot=PilotMode.STEADY, closed=True)
STATE_F = BoardCommand(pilot=PilotMode.FAULT, duty_ratio=0.0)


class Board:
    """Answers like `EvseRapiProcessor::processCmd`. `mute` holds commands that get no answer."""

    def __init__(self) -> None:
        self.evse, self.pilot, self.vflags = "fe", "01", "0000"
        self.heartbeat = "0 0 0"
        self.pulse_ok = True
        self.capacity = "6 80 32 48"
        self.temperatures = "-2560 231 -2560"
        self.current_max_a = 48
        self.mute: set[str] = set()
        self.refuse: set[str] = set()
        self.forgets_heartbeat = False
        self.got: list[str] = []

    def __call__(self, data: bytes) -> Sequence[bytes]:
        text = data.decode()
        assert text[0] + text[-1] == "$\r"
        command, sequence = text[1 : text.index("^")].split(" :")
        self.got.append(command)
        if command in self.mute:
            return ()
        ok, values = self._obey(command.split())
        return (line(f"{'OK' if ok else 'NK'} {values}".strip() + f" :{sequence}"),)

    def _obey(self, words: list[str]) -> tuple[bool, str]:
        if words[0] in self.refuse:
            return False, ""
        match words:
            case ["GS"]:
                return True, f"{self.evse} 61 {self.pilot} {self.vflags}"
            case ["SY", interval, amps]:
                self.pulse_ok = True
                if not self.forgets_heartbeat:
                    self.heartbeat = f"{interval} {amps} 0"
                return True, self.heartbeat
            case ["SY"]:
                return self.pulse_ok, self.heartbeat
            case ["SC", amps, "V"]:
                return int(amps) <= self.current_max_a, str(min(int(amps), self.current_max_a))
            case ["FE" | "FS" | "FD" as function]:
                self.evse = {"FE": "02", "FS": "fe", "FD": "ff"}[function]
                return True, ""
            case [query]:
                answers = {
                    "GV": "8.2.3 5.2.1",
                    "GC": self.capacity,
                    "GP": self.temperatures,
                    "GY": self.heartbeat,
                    "SB": "0",
                }
                return True, answers[query]
            case _:
                return False, ""


def line(body: str) -> bytes:
    """`body` with `$` and its XOR, computed here once more."""
    value = 0
    for byte in f"${body}".encode():
        value ^= byte
    return f"${body}^{value:02X}\r".encode()


def prepared(board: Board, **options: int) -> tuple[OpenEvse, ScriptedSerialLink]:
    link = ScriptedSerialLink(answer=board)
    device = OpenEvse(link, name="oe", current_max_a=32.0, **options)
    device.prepare()
    board.got.clear()
    link.waited_s.clear()
    return device, link


# --- Lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    ["$GS^30", "$GG^24", "$GE^26", "$GP^33", "$GU^36", "$G0^53", "$FE^27", "$FD^26", "$FS^31",
     "$SC 16^13", "$SY^2E", "$SY 30 6^1B", "$F0 1^43", "$GC^20", "$GV^35", "$ST 0 0 0 0^23"],
)  # fmt: skip
def test_a_frame_carries_the_checksum_that_the_firmware_documents(sent: str) -> None:
    assert frame(sent[1 : sent.index("^")]) == sent.encode() + b"\r"


@pytest.mark.parametrize(
    "text", ["$FE*AF", "$FD*AE", "$FS*BD", "$FR*BC", "$S0 0*F7", "$SL 1*14", "$SL A*24"]
)
def test_the_older_sum_is_accepted_too(text: str) -> None:
    assert isinstance(parse(text), Notice)
    assert parse(text[:-1] + "0") == Damaged(text[:-1] + "0")


def test_a_sequence_id_stands_before_the_checksum() -> None:
    assert frame("GS", 0x1A) == b"$GS :1A^5A\r"
    assert parse("$OK 03 61 03 0140 :1A^48") == Answer(True, ("03", "61", "03", "0140"), 0x1A)
    assert parse(line("NK 32").decode().strip()) == Answer(False, ("32",), None)


@pytest.mark.parametrize("text", ["$OK", "$OK 1^00", "$OK^", "$", "$OK 1^ZZ"])
def test_a_line_without_a_right_checksum_is_damaged(text: str) -> None:
    assert parse(text) == Damaged(text)


def test_lines_are_cut_out_of_noise_and_pieces() -> None:
    cutter = LineCutter()
    assert cutter.feed(b"\xff\x00\r\nOK^1\r$OK 1^") == []
    assert cutter.feed(b"71\r\n$AN 0$OK^20\r") == [Damaged("$OK 1^71"), Answer(True, (), None)]
    assert cutter.feed(b"$" + b"x" * 200 + b"\r" + b"$OK^20\r") == [Answer(True, (), None)]


# --- Reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evse", "pilot", "vflags", "state"),
    [
        ("01", "01", "0000", PilotState.A),
        ("02", "02", "0100", PilotState.B),
        ("03", "03", "0140", PilotState.C),
        ("04", "04", "0102", PilotState.D),
        ("ff", "00", "0000", PilotState.F),
        ("fe", "01", "0000", PilotState.A),
        ("fe", "02", "0100", PilotState.B),
        ("fe", "03", "0100", PilotState.B),
        ("fe", "01", "0100", PilotState.B),
        ("fe", "03", "0000", PilotState.A),
        ("fe", "02", "0140", PilotState.C),
        ("00", "00", "0000", PilotState.A),
        ("06", "00", "0180", PilotState.B),
    ],
)
def test_the_state_becomes_a_pilot_state(
    evse: str, pilot: str, vflags: str, state: PilotState
) -> None:
    """Asleep the pilot state is that of before, so the connected flag counts; with the relay still
    closed the vehicle has not stopped yet: C."""
    board = Board()
    device, _ = prepared(board)
    board.evse, board.pilot, board.vflags = evse, pilot, vflags
    assert device.read().pilot is state


@pytest.mark.parametrize(
    ("evse", "faults"),
    [
        ("05", {"diode_missing"}),
        ("07", {"pe_lost"}),
        ("08", {"contactor_welded"}),
        ("09", {"rcd_test_failed"}),
        ("0a", {"over_temperature"}),
        ("0b", {"over_current"}),
        ("0c", {"board_failure"}),
        ("0e", {"contactor_not_closing"}),
        ("03", set()),
    ],
)
def test_a_fault_state_becomes_a_fault_of_the_catalogue(evse: str, faults: set[str]) -> None:
    board = Board()
    device, _ = prepared(board)
    board.evse = evse
    assert device.read().faults == faults


def test_a_residual_current_is_told_as_such() -> None:
    board = Board()
    device, _ = prepared(board)
    assert device.read().rcd_tripped is False
    board.evse = "06"
    assert device.read().rcd_tripped is True


def test_the_relay_flag_is_what_the_board_drives_and_no_feedback() -> None:
    board = Board()
    device, _ = prepared(board)
    board.evse, board.vflags = "03", "0140"
    reading = device.read()
    assert reading.contactor_commanded is True
    assert reading.contactor_closed is None
    assert not device.traits.has_contactor_feedback


def test_a_state_outside_the_list_is_a_bad_reply() -> None:
    board = Board()
    device, _ = prepared(board)
    board.evse = "20"
    with pytest.raises(BadReply, match="EVSE state 20 is not in the list"):
        device.read()


def test_notices_between_request_and_answer_do_not_disturb() -> None:
    board = Board()
    link = ScriptedSerialLink(
        answer=lambda data: (line("AT 02 02 16 0100"), line("WF 01"), line("AN 0"), *board(data))
    )
    device = OpenEvse(link, name="oe", current_max_a=32.0)
    device.prepare()
    board.evse = "01"
    assert device.read().pilot is PilotState.A


def test_the_hottest_sensor_counts_and_absent_ones_do_not() -> None:
    board = Board()
    device, link = prepared(board)
    assert device.traits.has_temperature
    device.read()
    assert device.read().temperature_c is None
    device.read()
    assert device.read().temperature_c == 23.1
    board.temperatures = "455 231 -2560"
    link.now_s += 5.0
    for _ in range(3):
        reading = device.read()
    assert reading.temperature_c == 45.5


def test_without_a_sensor_there_is_no_temperature() -> None:
    board = Board()
    board.temperatures = "-2560 -2560 -2560"
    device, _ = prepared(board)
    assert not device.traits.has_temperature
    assert device.read().temperature_c is None


# --- Waiting --------------------------------------------------------------------------------------


def test_a_slow_answer_is_waited_for_in_short_pieces_and_asked_for_once() -> None:
    board = Board()
    device, link = prepared(board, heartbeat_s=0)
    first = device.read()
    board.mute.add("GS")
    board.got.clear()
    before_s = link.now_s
    again = device.read()
    assert link.now_s - before_s == pytest.approx(0.05)
    assert (again.taken_s, again.sample) == (first.taken_s, first.sample)
    link.arrive(line("OK 03 0 03 0140 :" + f"{sequence_of(link):02X}"))
    late = device.read()
    assert late.pilot is PilotState.C
    assert late.sample != first.sample
    assert [got for got in board.got if got == "GS"] == ["GS"]


def sequence_of(link: ScriptedSerialLink) -> int:
    """Sequence id of the last `GS` that was sent."""
    sent = [data for data in link.written if data.startswith(b"$GS ")]
    return int(sent[-1][5:7], 16)


def test_an_overdue_answer_is_no_reply_until_there_is_one_again() -> None:
    board = Board()
    device, link = prepared(board)
    device.read()
    board.mute.add("GS")
    outcomes = []
    for _ in range(14):
        before_s = link.now_s
        try:
            device.read()
            outcomes.append("old")
        except NoReply:
            outcomes.append("none")
        assert link.now_s - before_s <= 0.051
    assert outcomes[:9] == ["old"] * 9
    assert outcomes[10:] == ["none"] * 4
    board.mute.clear()
    link.now_s += 0.5
    with pytest.raises(NoReply):
        device.read()
    assert device.read().pilot is PilotState.A


def test_an_answer_with_the_id_of_an_earlier_request_is_not_taken() -> None:
    board = Board()
    device, link = prepared(board, heartbeat_s=0)
    device.read()
    old = sequence_of(link)
    board.mute.add("GS")
    link.now_s += 1.0
    device.read()
    link.arrive(line(f"OK 03 0 03 0140 :{old:02X}"))
    assert device.read().pilot is PilotState.A


def test_a_request_that_the_board_received_damaged_is_asked_again() -> None:
    board = Board()
    device, link = prepared(board)
    device.read()
    board.mute.add("GS")
    device.read()
    link.arrive(line("NK"))
    board.mute.clear()
    assert device.read().pilot is PilotState.A


# --- Commanding -----------------------------------------------------------------------------------


def test_a_current_is_set_volatile_in_whole_amperes_before_charging_is_enabled() -> None:
    board = Board()
    device, _ = prepared(board)
    device.command(OFFER)
    assert board.got == ["SC 13 V", "FE"]


def test_what_was_told_is_not_told_again_before_the_refresh() -> None:
    board = Board()
    device, link = prepared(board)
    device.command(OFFER)
    board.got.clear()
    device.command(OFFER)
    assert board.got == []
    link.now_s += 10.0
    device.command(OFFER)
    assert board.got == ["SC 13 V", "FE"]


def test_a_lower_current_than_asked_for_is_accepted_and_a_higher_one_is_not() -> None:
    board = Board()
    board.current_max_a = 10
    device, _ = prepared(board)
    device.command(OFFER)
    assert board.got == ["SC 13 V", "FE"]
    board = Board()
    device, link = prepared(board)
    board.mute.add("SC 13 V")
    with pytest.raises(NoReply):
        device.command(OFFER)
    link.arrive(line(f"NK 16 :{int(link.written[-1].split(b':')[1][:2], 16):02X}"))
    with pytest.raises(BadReply, match="answered `NK 16`"):
        device.command(OFFER)


def test_never_more_than_board_and_configuration_allow() -> None:
    board = Board()
    board.capacity = "6 80 16 12"
    device, _ = prepared(board)
    assert device.traits.current_max_a == 12
    device.command(BoardCommand(pilot=PilotMode.OFFER, current_a=32.0, duty_ratio=0.5))
    assert board.got == ["SC 12 V", "FE"]


def test_with_the_relay_open_a_pause_is_sleep() -> None:
    board = Board()
    device, _ = prepared(board)
    device.command(SAFE_COMMAND)
    assert board.got == ["FS"]


def test_the_vehicle_may_ramp_down_while_the_contactor_may_stay_closed() -> None:
    board = Board()
    board.evse, board.vflags = "03", "0140"
    device, _ = prepared(board)
    device.command(RAMP_DOWN)
    assert board.got == ["FS"]


def test_a_closed_relay_is_opened_at_once_and_then_put_to_sleep() -> None:
    board = Board()
    board.evse, board.vflags = "03", "0140"
    device, _ = prepared(board)
    device.command(OFFER)
    board.got.clear()
    device.command(SAFE_COMMAND)
    assert board.got == ["FD", "FS"]


def test_the_safe_state_needs_no_preparation() -> None:
    """Whoever makes the station safe after a crash knows nothing of the board."""
    board = Board()
    link = ScriptedSerialLink(answer=board)
    OpenEvse(link, name="oe", current_max_a=32.0).command(SAFE_COMMAND)
    assert board.got == ["FD", "FS"]


def test_state_f_is_shown_by_disabling() -> None:
    board = Board()
    device, _ = prepared(board)
    device.command(STATE_F)
    assert board.got == ["FD"]


def test_a_command_waits_a_short_time_and_is_not_sent_twice_while_under_way() -> None:
    board = Board()
    device, link = prepared(board)
    board.mute.add("FS")
    before_s = link.now_s
    for _ in range(3):
        with pytest.raises(NoReply):
            device.command(SAFE_COMMAND)
    assert link.now_s - before_s == pytest.approx(0.3)
    assert board.got == ["FS"]


def test_another_command_does_not_wait_for_the_one_under_way() -> None:
    board = Board()
    board.mute.add("FE")
    device, _ = prepared(board)
    with pytest.raises(NoReply):
        device.command(OFFER)
    device.command(SAFE_COMMAND)
    assert board.got == ["SC 13 V", "FE", "FS"]


def test_a_board_that_woke_by_itself_is_put_to_sleep_again() -> None:
    """Somebody pressed its button, or it restarted: it starts enabled."""
    board = Board()
    device, _ = prepared(board, heartbeat_s=0)
    device.command(SAFE_COMMAND)
    board.evse = "02"
    device.read()
    board.got.clear()
    device.command(SAFE_COMMAND)
    assert board.got == ["FS"]


@pytest.mark.parametrize("notice", ["AB 00 8.2.3", "AT 02 02 48 0100"])
def test_a_restart_or_a_raised_current_is_noticed_and_corrected(notice: str) -> None:
    board = Board()
    device, link = prepared(board, heartbeat_s=0)
    device.command(OFFER)
    link.arrive(line(notice))
    device.read()
    board.got.clear()
    device.command(OFFER)
    assert board.got[0] == "SC 13 V"


def test_the_boot_lock_is_released_before_charging() -> None:
    board = Board()
    board.vflags = "4000"
    device, _ = prepared(board)
    device.command(OFFER)
    assert board.got == ["SC 13 V", "SB", "FE"]


# --- Heartbeat ------------------------------------------------------------------------------------


def test_the_heartbeat_is_set_and_verified_when_prepared() -> None:
    board = Board()
    link = ScriptedSerialLink(answer=board)
    identity = OpenEvse(link, name="oe", current_max_a=32.0, heartbeat_s=30).prepare()
    assert identity.firmware == "8.2.3"
    assert board.got[:3] == ["GV", "SY 30 6", "GY"]


def test_a_heartbeat_that_is_not_held_is_refused() -> None:
    board = Board()
    board.forgets_heartbeat = True
    device = OpenEvse(ScriptedSerialLink(answer=board), name="oe", current_max_a=32.0)
    with pytest.raises(BadReply, match=r"holds \[0, 0\], expected \[10, 6\]"):
        device.prepare()


def test_a_firmware_without_heartbeat_is_refused_unless_it_is_not_wanted() -> None:
    board = Board()
    board.refuse.add("SY")
    device = OpenEvse(ScriptedSerialLink(answer=board), name="oe", current_max_a=32.0)
    with pytest.raises(DeviceRefused, match="SY 10 6: refused"):
        device.prepare()
    prepared(board, heartbeat_s=0)
    assert board.got == []


def test_it_is_pulsed_three_times_per_interval() -> None:
    board = Board()
    board.temperatures = "-2560 -2560 -2560"
    device, link = prepared(board, heartbeat_s=30)
    for _ in range(124):
        link.now_s += 0.25
        device.read()
    assert board.got.count("SY") == 3


def test_a_missed_pulse_is_cleared_without_raising_the_current() -> None:
    """`SY 165` would restore the configured maximum; setting the heartbeat anew does not."""
    board = Board()
    device, link = prepared(board)
    device.command(OFFER)
    board.pulse_ok = False
    link.now_s += 4.0
    board.got.clear()
    for _ in range(4):
        device.read()
    assert [got for got in board.got if got.startswith("SY")] == ["SY", "SY 10 6"]
    device.command(OFFER)
    assert board.got[-1] == "SC 13 V"


def test_a_dead_line_is_no_reply() -> None:
    device = OpenEvse(ScriptedSerialLink(), name="oe", current_max_a=32.0)
    with pytest.raises(NoReply):
        device.prepare()


def test_it_is_a_board_that_runs_its_pilot_and_whose_heartbeat_is_no_watchdog() -> None:
    device, _ = prepared(Board())
    assert isinstance(device, PilotBoard)
    assert device.traits.runs_pilot
    assert device.traits.opens_alone
    assert device.traits.watchdog_s is None
