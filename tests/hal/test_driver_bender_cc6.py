"""The Bender driver against the manufacturer's register list and its example of an error mask.

The example (registers 111 and 112 hold 0x4100 and 0x0000: bits 0 and 6) and the firmware text are
those of the specification; all else holds the driver to the list, as no recorded frames were found.
"""

from __future__ import annotations

import pytest

from hal.drivers.bender_cc6 import ERROR_BITS, BenderCc6, faults_of
from hal.errors import BadReply, DeviceRefused, NoReply
from hal.fakes import MemoryModbusLink
from hal.interfaces import PilotBoard
from hal.values import SAFE_COMMAND, BoardCommand, PilotMode, PilotState

OFFER = BoardCommand(pilot=PilotMode.OFFER, current_a=13.57, duty_ratio=0.2261)


def memory(**changed: int) -> MemoryModbusLink:
    """The controller after a restart; `r122=2` changes a register."""
    registers = {100: 0x302E, 101: 0x3931, 111: 0, 112: 0, 122: 1, 131: 6, 132: 60, 140: 0, 152: 0}
    registers[1000] = 32
    registers |= {int(name[1:]): value for name, value in changed.items()}
    return MemoryModbusLink(holdings=registers)


def prepared(link: MemoryModbusLink, current_max_a: float = 32.0, **options: int) -> BenderCc6:
    device = BenderCc6(link, name="cc", current_max_a=current_max_a, **options)
    device.prepare()
    link.log.clear()
    link.reads.clear()
    return device


@pytest.mark.parametrize(
    ("vehicle", "state"),
    [
        (1, PilotState.A),
        (2, PilotState.B),
        (3, PilotState.C),
        (4, PilotState.D),
        (5, PilotState.E),
    ],
)
def test_the_vehicle_state_becomes_a_pilot_state(vehicle: int, state: PilotState) -> None:
    assert prepared(memory(r122=vehicle)).read().pilot is state


def test_a_state_outside_the_list_is_a_bad_reply() -> None:
    device = prepared(memory(r122=0))
    with pytest.raises(BadReply, match="vehicle state 0, expected 1 to 5"):
        device.read()


def test_words_and_bytes_of_the_error_mask_are_swapped() -> None:
    device = prepared(memory(r111=0x4100, r112=0x0000))
    assert device.read().faults == {"rcd_tripped", "contactor_welded"}
    device = prepared(memory(r111=0x0001, r112=0x2000))
    assert device.read().faults == {"connector_not_locked", "under_voltage"}


@pytest.mark.parametrize(
    ("bit", "fault"),
    [
        (0, "rcd_tripped"),
        (3, "breaker_tripped"),
        (5, "breaker_tripped"),
        (8, "connector_not_locked"),
        (10, "lock_stuck"),
        (13, "tilted"),
        (16, "lock_opened"),
        (17, "tilted"),
        (20, "phase_rotation_wrong"),
        (21, "under_voltage"),
    ],
)
def test_each_error_bit_is_the_hazard_that_it_means(bit: int, fault: str) -> None:
    """Registers 111 and 112 of the manufacturer's specification."""
    assert faults_of(1 << bit) == {fault}


@pytest.mark.parametrize("bit", [22, 31])
def test_an_unknown_error_bit_is_a_failure(bit: int) -> None:
    assert bit not in ERROR_BITS
    assert faults_of(1 << bit) == {"board_failure"}


def test_a_lost_backend_of_its_own_is_no_fault() -> None:
    assert faults_of(1 << 7) == frozenset()
    assert faults_of(0) == frozenset()


def test_relay_and_lock_are_read_in_turn_with_the_permitted_current() -> None:
    link = memory(r122=3)
    device = prepared(link)
    link.holdings |= {140: 5, 152: 1}
    for _ in range(3):
        reading = device.read()
    assert reading.contactor_commanded is True
    assert reading.locked is True
    assert reading.contactor_closed is None
    assert [read[1] for read in link.reads] == [122, 111, 1000, 122, 111, 140, 122, 111, 152]


def test_registers_that_an_older_firmware_lacks_are_left_alone() -> None:
    link = memory()
    del link.holdings[140], link.holdings[152]
    device = prepared(link)
    for _ in range(3):
        reading = device.read()
    assert reading.contactor_commanded is None
    assert reading.locked is None


def test_a_current_is_permitted_in_whole_amperes_rounded_down() -> None:
    link = memory()
    prepared(link).command(OFFER)
    assert link.log == [("holding", 1000, 13)]


def test_never_more_than_the_configured_maximum_is_permitted() -> None:
    link = memory()
    prepared(link, current_max_a=10.0).command(OFFER)
    assert link.log == [("holding", 1000, 10)]


@pytest.mark.parametrize(
    "command", [SAFE_COMMAND, BoardCommand(pilot=PilotMode.FAULT, duty_ratio=0.0)]
)
def test_everything_but_an_offer_pauses(command: BoardCommand) -> None:
    link = memory()
    prepared(link).command(command)
    assert link.log == [("holding", 1000, 0)]


def test_a_controller_that_restarted_with_its_own_current_is_corrected() -> None:
    link = memory()
    device = prepared(link)
    device.command(SAFE_COMMAND)
    link.holdings[1000] = 32
    for _ in range(3):
        device.read()
    device.command(SAFE_COMMAND)
    assert link.holdings[1000] == 0


def test_the_current_is_repeated_well_before_the_time_out() -> None:
    link = memory()
    device = prepared(link, timeout_s=15)
    device.command(OFFER)
    for now_s, writes in ((4.9, 1), (5.0, 2)):
        link.now_s = now_s
        device.read()
        device.command(OFFER)
        assert len(link.log) == writes


@pytest.mark.parametrize("reading", [True, False])
def test_after_any_failure_everything_is_written_again(reading: bool) -> None:
    link = memory()
    device = prepared(link)
    if reading:
        device.command(OFFER)
    link.failures.append(NoReply("cc", "request", "nothing"))
    with pytest.raises(NoReply):
        device.read() if reading else device.command(OFFER)
    link.log.clear()
    device.command(OFFER)
    assert link.log == [("holding", 1000, 13)]


def test_fallback_and_time_out_are_set_in_this_order_and_verified() -> None:
    link = memory()
    device = BenderCc6(link, name="cc", current_max_a=32.0, timeout_s=20, safe_current_a=0)
    assert device.prepare().firmware == "0.91"
    assert link.log == [("holding", 131, 0), ("holding", 132, 20)]
    link.log.clear()
    device.prepare()
    assert link.log == []


def test_a_setting_that_is_not_kept_is_refused() -> None:
    class Stubborn(MemoryModbusLink):
        def write_register(self, address: int, value: int) -> float:
            self._write("holding", address, value)
            return self.now_s

    link = Stubborn(holdings=memory().holdings)
    device = BenderCc6(link, name="cc", current_max_a=32.0)
    with pytest.raises(BadReply, match="set holding 131: holds 6, expected 0"):
        device.prepare()


def test_a_firmware_without_the_time_out_is_refused() -> None:
    link = memory()
    del link.holdings[132]
    with pytest.raises(DeviceRefused):
        BenderCc6(link, name="cc", current_max_a=32.0).prepare()


def test_only_a_fallback_of_nothing_counts_as_a_watchdog() -> None:
    device = BenderCc6(memory(), name="cc", current_max_a=32.0, timeout_s=20)
    assert isinstance(device, PilotBoard)
    assert device.traits.runs_pilot
    assert device.traits.opens_alone
    assert device.traits.watchdog_s == 20
    device = BenderCc6(memory(), name="cc", current_max_a=32.0, safe_current_a=6)
    assert device.traits.watchdog_s is None
