"""The Simple EVSE driver against the register list of the openWB and SimpleEVSE-WiFi projects.

No recorded frames of such a controller were found; the registers follow
the published list, so these tests hold the driver to that list and not to a device.
"""

from __future__ import annotations

import pytest

from hal.drivers.simple_evse import SimpleEvse
from hal.errors import BadReply, NoReply
from hal.fakes import MemoryModbusLink
from hal.interfaces import PilotBoard
from hal.values import SAFE_COMMAND, BoardCommand, PilotMode, PilotState

OFFER = BoardCommand(pilot=PilotMode.OFFER, current_a=13.57, duty_ratio=0.2261)


def memory(*, vehicle: int = 2, flags: int = 0x20, cable_detection: int = 32) -> MemoryModbusLink:
    status = {1000: 0, 1001: 0, 1002: vehicle, 1003: 20, 1004: 0, 1005: 17, 1006: 1, 1007: 0}
    stored = {2000: 6, 2004: 16, 2005: flags, 2007: cable_detection}
    return MemoryModbusLink(holdings=status | stored)


def prepared(link: MemoryModbusLink, current_max_a: float = 32.0) -> SimpleEvse:
    device = SimpleEvse(link, name="wb", current_max_a=current_max_a)
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
        (5, PilotState.F),
    ],
)
def test_the_vehicle_state_becomes_a_pilot_state(vehicle: int, state: PilotState) -> None:
    link = memory(vehicle=vehicle)
    device = prepared(link)
    assert device.read().pilot is state
    assert link.reads == [("holding", 1000, 8)]


def test_failure_is_a_fault_and_other_states_are_not() -> None:
    assert prepared(memory(vehicle=5)).read().faults == {"board_failure"}
    assert prepared(memory(vehicle=3)).read().faults == frozenset()


def test_a_state_outside_the_list_is_a_bad_reply() -> None:
    device = prepared(memory(vehicle=0))
    with pytest.raises(BadReply, match="vehicle state 0, expected 1 to 5"):
        device.read()


def test_the_cable_rating_is_read_only_with_detection_on() -> None:
    assert prepared(memory()).read().cable_current_a == 20
    device = prepared(memory(cable_detection=0))
    assert device.read().cable_current_a is None
    assert not device.traits.has_proximity


def test_the_oscillator_is_told_from_the_steady_level() -> None:
    link = memory()
    device = prepared(link)
    assert device.read().oscillating is False
    link.holdings[1006] = 2
    assert device.read().oscillating is True


def test_a_current_is_permitted_in_whole_amperes_rounded_down() -> None:
    link = memory()
    prepared(link).command(OFFER)
    assert link.log == [("holding", 1000, 13)]


def test_a_current_is_permitted_in_hundredths_when_the_controller_says_so() -> None:
    link = memory(flags=0xA0)
    prepared(link).command(OFFER)
    assert link.log == [("holding", 1000, 1357)]


def test_never_more_than_the_configured_maximum_is_permitted() -> None:
    link = memory()
    prepared(link, current_max_a=10.0).command(OFFER)
    assert link.log == [("holding", 1000, 10)]


@pytest.mark.parametrize(
    "command", [SAFE_COMMAND, BoardCommand(pilot=PilotMode.FAULT, duty_ratio=0.0)]
)
def test_everything_but_an_offer_permits_nothing(command: BoardCommand) -> None:
    link = memory()
    prepared(link).command(command)
    assert link.log == [("holding", 1000, 0)]


def test_the_same_current_is_not_written_again_before_the_refresh_is_due() -> None:
    link = memory()
    device = prepared(link)
    device.command(OFFER)
    for now_s, writes in ((9.9, 1), (10.0, 2), (10.1, 2)):
        link.now_s = now_s
        device.read()
        device.command(OFFER)
        assert len(link.log) == writes


def test_a_controller_that_holds_another_current_is_corrected_at_once() -> None:
    """After a power cut it starts with register 2004, whatever was permitted before."""
    link = memory()
    device = prepared(link)
    device.command(SAFE_COMMAND)
    link.holdings[1000] = 16
    device.read()
    device.command(SAFE_COMMAND)
    assert link.holdings[1000] == 0


def test_a_failed_write_is_repeated() -> None:
    link = memory()
    device = prepared(link)
    link.failures.append(NoReply("wb", "write", "nothing"))
    with pytest.raises(NoReply):
        device.command(OFFER)
    device.command(OFFER)
    assert link.holdings[1000] == 13


def test_the_start_currents_are_left_alone_unless_configured() -> None:
    link = memory()
    SimpleEvse(link, name="wb", current_max_a=32.0).prepare()
    assert link.log == []


def test_the_start_currents_are_stored_only_where_they_differ() -> None:
    link = memory()
    link.holdings[2000] = 0
    SimpleEvse(link, name="wb", current_max_a=32.0, power_on_current_a=0).prepare()
    assert link.log == [("holding", 2004, 0)]


class _Fixed(MemoryModbusLink):
    """A controller that acknowledges start currents and keeps its own."""

    def write_register(self, address: int, value: int) -> float:
        return self.now_s if address >= 2000 else super().write_register(address, value)


def test_a_start_current_that_is_not_kept_is_refused() -> None:
    link = memory()
    fixed = _Fixed(holdings=link.holdings | {2000: 16, 2004: 16})
    device = SimpleEvse(fixed, name="evse", current_max_a=16.0, power_on_current_a=0)
    with pytest.raises(BadReply, match="set holding 2000: holds 16, expected 0"):
        device.prepare()


def test_it_is_a_board_that_runs_its_pilot_and_has_no_watchdog() -> None:
    device = SimpleEvse(memory(), name="wb", current_max_a=32.0)
    assert isinstance(device, PilotBoard)
    assert device.traits.runs_pilot
    assert device.traits.watchdog_s is None
    assert device.traits.opens_alone
