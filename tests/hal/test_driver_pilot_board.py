"""The pilot-board driver against the published register layout, docs/reference-board.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hal.drivers.pilot_board import RegisterPilotBoard
from hal.errors import BadReply, ConfigurationError, DeviceRefused, NoReply
from hal.fakes import MemoryModbusLink, RecordedModbusLink
from hal.interfaces import PilotBoard
from hal.register_map import load, parse
from hal.values import SAFE_COMMAND, BoardCommand, PilotLevels, PilotMode

EVERYTHING = 0b111111
OFFER = BoardCommand(pilot=PilotMode.OFFER, current_a=16.0, duty_ratio=16 / 60)
CHARGE = BoardCommand(
    pilot=PilotMode.OFFER, current_a=16.0, duty_ratio=16 / 60, closed=True, locked=True
)
CONTACTOR, LOCK, RCD_TEST, ONE_PHASE = 0, 1, 2, 3
OPENS_ALONE, RCD, RCD_TEST_BIT, PHASE_SWITCH = 1 << 0, 1 << 2, 1 << 6, 1 << 10
ALL_BITS = 0x1FFF


def memory(capabilities: int = EVERYTHING) -> MemoryModbusLink:
    """A board without a vehicle, just switched on."""
    reading = {0: 0, 1: 12000, 2: 12000, 3: 10000, 4: 65535, 5: 215, 6: 1, 7: 0}
    identity = {100: 0x4350, 101: 1, 102: 0x0203, 103: capabilities, 104: 32}
    return MemoryModbusLink(
        inputs=reading | identity, holdings={0: 10000, 1: 1000}, coils={0: False, 1: False}
    )


def board(
    link: MemoryModbusLink, watchdog_s: float = 1.0, *, opens_alone: bool = False
) -> RegisterPilotBoard:
    return RegisterPilotBoard(
        link,
        load("reference_pilot_board"),
        name="board",
        current_max_a=40.0,
        watchdog_s=watchdog_s,
        opens_alone=opens_alone,
    )


def prepared(link: MemoryModbusLink) -> RegisterPilotBoard:
    device = board(link)
    device.prepare()
    link.log.clear()
    link.reads.clear()
    return device


def published_frames() -> dict[str, str]:
    """Requests and replies of the example in docs/reference-board.md."""
    page = Path(__file__).resolve().parents[2] / "docs" / "reference-board.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    requests = [line[7:] for line in lines if line.startswith("host   ")]
    replies = [line[7:] for line in lines if line.startswith("board  ")]
    return dict(zip(requests, replies, strict=True))


def test_a_frame_of_the_published_layout_is_decoded() -> None:
    """Example of docs/reference-board.md: a vehicle charges with 16 A offered, 45.5 °C."""
    link = RecordedModbusLink(published_frames())
    device = RegisterPilotBoard(
        link, load("reference_pilot_board"), name="board", current_max_a=32.0
    )
    device.prepare()
    reading = device.read()
    assert reading.pilot == PilotLevels(high_v=6.0, low_v=-12.0)
    assert reading.contactor_closed is True
    assert reading.contactor_commanded is True
    assert reading.oscillating is True
    assert reading.rcd_tripped is False
    assert reading.duty_ratio == 0.2666
    assert reading.proximity_ohm == 220
    assert reading.temperature_c == 45.5
    assert reading.sample == 7


def test_a_safety_reading_is_one_request() -> None:
    link = memory()
    prepared(link).read()
    assert link.reads == [("input", 0, 8)]


def test_what_the_board_does_not_have_is_missing() -> None:
    reading = prepared(memory(capabilities=0)).read()
    assert reading.contactor_closed is None
    assert reading.rcd_tripped is None
    assert reading.proximity_ohm is None
    assert reading.locked is None
    assert reading.temperature_c is None


def test_a_missing_temperature_sensor_is_missing() -> None:
    link = memory()
    device = prepared(link)
    link.inputs[5] = 0x8000
    assert device.read().temperature_c is None


def test_faults_carry_their_catalogue_ids() -> None:
    link = memory()
    device = prepared(link)
    link.inputs[7] = 0b101
    assert device.read().faults == {"board_pilot_generator", "board_internal"}


def test_contacts_of_the_station_among_the_faults_are_hazards_by_their_names() -> None:
    """A map of one's own may have feedback of a breaker, and a water sensor."""
    folder = Path(__file__).resolve().parents[2] / "hal" / "devices"
    text = (folder / "reference_pilot_board.toml").read_text("utf-8")
    more = text.replace("internal = 2 }", "internal = 2, breaker_tripped = 3, water_detected = 4 }")
    link = memory()
    device = RegisterPilotBoard(link, parse(more, file="own"), name="board", current_max_a=32.0)
    device.prepare()
    link.inputs[7] = 0b11100
    assert device.read().faults == {"board_internal", "breaker_tripped", "water_detected"}


def test_a_standing_sample_counter_is_passed_on() -> None:
    link = memory()
    device = prepared(link)
    assert [device.read().sample, device.read().sample] == [1, 1]


@pytest.mark.parametrize(
    ("bit", "field"),
    [
        (7, "pe_lost"),
        (8, "tilted"),
        (9, "door_open"),
        (10, "second_closed"),
        (11, "output_live"),
    ],
)
def test_each_sensor_has_its_bit_and_is_missing_on_a_board_without_it(bit: int, field: str) -> None:
    link = memory(capabilities=ALL_BITS)
    device = prepared(link)
    assert getattr(device.read(), field) is False
    link.inputs[0] = 1 << bit
    assert getattr(device.read(), field) is True
    without = memory()
    without.inputs[0] = 0xFFFF
    assert getattr(prepared(without).read(), field) is None


def test_the_phases_it_switches_are_told() -> None:
    link = memory(capabilities=ALL_BITS)
    device = prepared(link)
    assert device.traits.has_phase_switch
    assert device.read().phases == 3
    link.inputs[0] = 1 << 12
    assert device.read().phases == 1
    assert prepared(memory()).read().phases is None


def test_phases_change_while_it_is_open_and_before_it_closes() -> None:
    link = memory(capabilities=PHASE_SWITCH)
    device = prepared(link)
    device.command(replace(OFFER, phases=1))
    device.command(replace(CHARGE, phases=1))
    assert link.log == [
        ("coil", CONTACTOR, 0),
        ("coil", ONE_PHASE, 1),
        ("holding", 0, 2666),
        ("coil", CONTACTOR, 1),
    ]


def test_phases_wait_until_it_is_told_to_open() -> None:
    link = memory(capabilities=PHASE_SWITCH)
    device = prepared(link)
    device.command(OFFER)
    device.command(CHARGE)
    link.log.clear()
    device.command(replace(CHARGE, phases=1))
    assert link.log == []
    device.command(replace(OFFER, phases=1))
    assert link.log == [("coil", CONTACTOR, 0), ("coil", ONE_PHASE, 1)]


def test_after_an_error_under_load_the_phases_are_left_alone() -> None:
    link = memory(capabilities=PHASE_SWITCH)
    device = prepared(link)
    device.command(OFFER)
    device.command(CHARGE)
    link.failures.append(NoReply("board", "write", "nothing"))
    with pytest.raises(NoReply):
        device.command(replace(CHARGE, duty_ratio=0.1))
    link.log.clear()
    device.command(CHARGE)
    assert link.log == [("holding", 0, 2666), ("coil", CONTACTOR, 1)]


def test_a_phase_switch_that_the_board_lost_is_written_again() -> None:
    """A restart with the pilot steady shows in nothing else."""
    link = memory(capabilities=PHASE_SWITCH)
    device = prepared(link)
    device.command(replace(SAFE_COMMAND, phases=1))
    link.log.clear()
    device.read()  # bit 12 is off
    device.command(replace(SAFE_COMMAND, phases=1))
    assert link.log == [("coil", ONE_PHASE, 1)]


def test_a_board_without_a_phase_switch_is_never_told_to_switch() -> None:
    link = memory()
    prepared(link).command(replace(OFFER, phases=1))
    assert ("coil", ONE_PHASE, 1) not in link.log


def test_a_test_of_the_residual_current_monitor_is_one_pulse() -> None:
    link = memory(capabilities=RCD | RCD_TEST_BIT)
    device = prepared(link)
    assert device.traits.has_rcd_test
    device.command(SAFE_COMMAND)
    link.log.clear()
    for _ in range(3):
        device.command(replace(SAFE_COMMAND, test_rcd=True))
    assert link.log == [("coil", RCD_TEST, 1)]
    device.command(SAFE_COMMAND)
    device.command(replace(SAFE_COMMAND, test_rcd=True))
    assert link.log == [("coil", RCD_TEST, 1)] * 2


def test_a_test_that_did_not_reach_the_board_is_begun_again() -> None:
    link = memory(capabilities=RCD | RCD_TEST_BIT)
    device = prepared(link)
    device.command(SAFE_COMMAND)
    link.log.clear()
    link.failures.append(NoReply("board", "write", "nothing"))
    with pytest.raises(NoReply):
        device.command(replace(SAFE_COMMAND, test_rcd=True))
    device.command(replace(SAFE_COMMAND, test_rcd=True))
    assert link.log.count(("coil", RCD_TEST, 1)) == 2


def test_after_an_error_the_pulse_is_sent_again_for_nobody_knows_what_the_board_heard() -> None:
    link = memory(capabilities=RCD | RCD_TEST_BIT)
    device = prepared(link)
    device.command(replace(SAFE_COMMAND, test_rcd=True))
    link.failures.append(NoReply("board", "write", "nothing"))
    with pytest.raises(NoReply):
        device.command(replace(OFFER, test_rcd=True))
    device.command(replace(OFFER, test_rcd=True))
    assert link.log.count(("coil", RCD_TEST, 1)) == 2
    device.command(replace(OFFER, test_rcd=True))
    assert link.log.count(("coil", RCD_TEST, 1)) == 2


def test_no_test_begins_under_load_or_on_a_board_without_one() -> None:
    link = memory(capabilities=RCD | RCD_TEST_BIT)
    prepared(link).command(replace(CHARGE, test_rcd=True))
    assert ("coil", RCD_TEST, 1) not in link.log
    without = memory()
    prepared(without).command(replace(SAFE_COMMAND, test_rcd=True))
    assert ("coil", RCD_TEST, 1) not in without.log


def test_the_installers_word_that_it_opens_alone_is_verified() -> None:
    assert board(memory(), opens_alone=True).traits.opens_alone
    device = board(memory(capabilities=OPENS_ALONE), opens_alone=True)
    device.prepare()
    assert device.traits.opens_alone
    with pytest.raises(BadReply, match="does not say that it opens alone"):
        board(memory(capabilities=RCD), opens_alone=True).prepare()


def test_a_map_that_cannot_verify_that_word_is_refused() -> None:
    text = (Path(__file__).parents[2] / "hal/devices/reference_pilot_board.toml").read_text()
    found = parse(text.replace("opens_alone = 0, ", ""), file="b.toml")
    with pytest.raises(ConfigurationError, match=r"board: options\.opens_alone: found true"):
        RegisterPilotBoard(memory(), found, name="board", current_max_a=32.0, opens_alone=True)


def test_preparing_identifies_sets_the_watchdog_and_learns_the_abilities() -> None:
    link = memory(capabilities=0b000101)
    device = board(link, watchdog_s=2.5)
    identity = device.prepare()
    assert (identity.model, identity.firmware) == ("Reference pilot board", "2.3")
    assert link.log == [("holding", 1, 2500)]
    traits = device.traits
    assert (traits.watchdog_s, traits.opens_alone, traits.has_rcd) == (2.5, True, True)
    assert (traits.has_lock, traits.has_proximity, traits.runs_pilot) == (False, False, False)
    assert traits.current_max_a == 32.0


def test_nothing_is_claimed_before_the_board_was_asked() -> None:
    traits = board(memory()).traits
    assert not traits.opens_alone
    assert not traits.has_contactor_feedback
    assert traits.current_max_a == 40.0


def test_another_device_at_this_address_is_refused() -> None:
    link = memory()
    link.inputs[100] = 0x1234
    with pytest.raises(BadReply, match="magic is 4660, expected 17232"):
        board(link).prepare()
    assert link.log == []


def test_another_layout_is_refused() -> None:
    link = memory()
    link.inputs[101] = 2
    with pytest.raises(BadReply, match="layout is 2, expected 1"):
        board(link).prepare()


def test_a_device_without_the_identity_registers_is_refused() -> None:
    link = memory()
    del link.inputs[103]
    with pytest.raises(DeviceRefused):
        board(link).prepare()


class _Forgetful(MemoryModbusLink):
    """A board that clamps its watchdog without saying so."""

    def write_register(self, address: int, value: int) -> float:
        return super().write_register(address, min(value, 1000) if address == 1 else value)


def test_a_watchdog_that_does_not_hold_is_refused() -> None:
    link = memory()
    clamping = _Forgetful(inputs=link.inputs, holdings=link.holdings, coils=link.coils)
    with pytest.raises(BadReply, match="watchdog holds 1000, expected 3000"):
        board(clamping, watchdog_s=3.0).prepare()


def test_the_first_command_writes_everything_open_first() -> None:
    link = memory()
    prepared(link).command(OFFER)
    assert link.log == [("coil", CONTACTOR, 0), ("holding", 0, 2666), ("coil", LOCK, 0)]


def test_locks_before_it_closes_and_opens_before_it_unlocks() -> None:
    link = memory()
    device = prepared(link)
    device.command(CHARGE)
    assert link.log == [("holding", 0, 2666), ("coil", LOCK, 1), ("coil", CONTACTOR, 1)]
    link.log.clear()
    device.command(SAFE_COMMAND)
    assert link.log == [("coil", CONTACTOR, 0), ("holding", 0, 10000), ("coil", LOCK, 0)]


def test_only_what_differs_is_written() -> None:
    link = memory()
    device = prepared(link)
    device.command(SAFE_COMMAND)
    link.log.clear()
    device.command(SAFE_COMMAND)
    device.command(OFFER)
    assert link.log == [("holding", 0, 2666)]


def test_state_f_is_minus_twelve_volts() -> None:
    link = memory()
    prepared(link).command(BoardCommand(pilot=PilotMode.FAULT, duty_ratio=0.0))
    assert link.holdings[0] == 0


def test_a_board_without_a_lock_is_never_told_to_lock() -> None:
    link = memory(capabilities=0b000001)
    prepared(link).command(CHARGE)
    assert ("coil", LOCK, 1) not in link.log


def test_after_an_error_everything_is_written_again() -> None:
    link = memory()
    device = prepared(link)
    device.command(CHARGE)
    link.failures.append(NoReply("board", "write", "nothing"))
    with pytest.raises(NoReply):
        device.command(SAFE_COMMAND)
    link.log.clear()
    device.command(SAFE_COMMAND)
    assert link.log == [("coil", CONTACTOR, 0), ("holding", 0, 10000), ("coil", LOCK, 0)]


def test_an_open_that_failed_stops_the_rest_of_the_command() -> None:
    link = memory()
    device = prepared(link)
    device.command(CHARGE)
    link.log.clear()
    link.failures.append(NoReply("board", "write", "nothing"))
    with pytest.raises(NoReply):
        device.command(SAFE_COMMAND)
    assert link.log == [("coil", CONTACTOR, 0)]


def test_a_board_that_opened_alone_is_not_closed_again_behind_its_back() -> None:
    link = memory()
    device = prepared(link)
    device.command(CHARGE)
    link.inputs[0] = 0  # contactor_commanded is off
    link.inputs[3] = 2666
    link.log.clear()
    device.read()
    device.command(CHARGE)
    assert link.log == []


def test_a_coil_that_is_on_against_our_word_is_opened_again() -> None:
    link = memory()
    device = prepared(link)
    device.command(SAFE_COMMAND)
    link.inputs[0] = 0b10  # contactor_commanded
    link.log.clear()
    device.read()
    device.command(SAFE_COMMAND)
    assert link.log == [("coil", CONTACTOR, 0)]


def test_an_expired_watchdog_is_acknowledged_by_writing_open_again() -> None:
    link = memory()
    device = prepared(link)
    device.command(SAFE_COMMAND)
    link.inputs[0] = 0b1000  # watchdog_expired
    link.log.clear()
    assert device.read().watchdog_expired is True
    device.command(SAFE_COMMAND)
    assert link.log == [("coil", CONTACTOR, 0), ("holding", 0, 10000), ("coil", LOCK, 0)]


def test_an_expired_watchdog_that_stays_reported_does_not_fill_the_bus() -> None:
    link = memory()
    device = prepared(link)
    link.inputs[0] = 0b1000  # watchdog_expired
    for _ in range(2):
        device.read()
        device.command(SAFE_COMMAND)
    link.log.clear()
    device.read()
    device.command(SAFE_COMMAND)
    assert link.log == []


def test_a_board_that_restarted_gets_its_pilot_and_lock_again() -> None:
    link = memory()
    device = prepared(link)
    device.command(OFFER)
    link.log.clear()
    device.read()  # the board says 10000: it forgot our 2666
    device.command(OFFER)
    assert link.log == [("holding", 0, 2666), ("coil", LOCK, 0)]


def test_an_offer_that_would_be_a_steady_level_is_a_mistake_of_the_caller() -> None:
    device = prepared(memory())
    with pytest.raises(AssertionError):
        device.command(BoardCommand(pilot=PilotMode.OFFER, current_a=16.0, duty_ratio=1.0))


def test_a_map_in_two_blocks_is_refused() -> None:
    found = parse(
        '[device]\nname = "B"\nkind = "pilot-board"\nsource = "document"\n[reading]\n'
        'status = { table = "input", address = 0 }\n'
        'pilot_high = { table = "input", address = 5, unit = "mV" }\n'
        'pilot_low = { table = "input", address = 6, unit = "mV" }\n[command]\n'
        'pilot = { table = "holding", address = 0, unit = "0.01 %" }\n'
        'contactor = { table = "coil", address = 0 }\n',
        file="b.toml",
    )
    with pytest.raises(ConfigurationError, match="found 2 separate blocks, expected one"):
        RegisterPilotBoard(memory(), found, name="board", current_max_a=32.0)


def test_a_map_without_a_contactor_is_refused() -> None:
    found = parse(
        '[device]\nname = "B"\nkind = "pilot-board"\nsource = "document"\n[reading]\n'
        'status = { table = "input", address = 0 }\n'
        'pilot_high = { table = "input", address = 1, unit = "mV" }\n'
        'pilot_low = { table = "input", address = 2, unit = "mV" }\n[command]\n'
        'pilot = { table = "holding", address = 0, unit = "0.01 %" }\n',
        file="b.toml",
    )
    with pytest.raises(ConfigurationError, match=r"command\.contactor: found nothing"):
        RegisterPilotBoard(memory(), found, name="board", current_max_a=32.0)


def test_it_is_a_pilot_board() -> None:
    assert isinstance(board(memory()), PilotBoard)
