"""The Phoenix driver against the registers that the evcc and nymea projects use.

No recorded frames and no complete document were found: these tests hold the driver to that list.
"""

from __future__ import annotations

import pytest

from hal.drivers.phoenix_ev_cc import PhoenixEvCc
from hal.errors import BadReply, NoReply
from hal.fakes import MemoryModbusLink
from hal.interfaces import PilotBoard
from hal.values import SAFE_COMMAND, BoardCommand, PilotMode, PilotState

OFFER = BoardCommand(pilot=PilotMode.OFFER, current_a=13.57, duty_ratio=0.2261)


def memory(*, state: str = "A", error: int = 0, held: int = 16) -> MemoryModbusLink:
    inputs = {100: 0x2000 | ord(state), 105: 0x3231, 106: 0x3433, 107: error}
    return MemoryModbusLink(inputs=inputs, holdings={528: held}, coils={400: False})


def prepared(
    link: MemoryModbusLink, current_max_a: float = 32.0, unit: str = "auto"
) -> PhoenixEvCc:
    device = PhoenixEvCc(link, name="ph", current_max_a=current_max_a, current_unit=unit)
    device.prepare()
    link.log.clear()
    return device


@pytest.mark.parametrize("letter", ["A", "B", "C", "D", "E", "F"])
def test_the_letter_in_the_low_byte_is_the_pilot_state(letter: str) -> None:
    assert prepared(memory(state=letter)).read().pilot is PilotState[letter]


@pytest.mark.parametrize("letter", ["G", "a", "\0"])
def test_another_letter_is_a_bad_reply(letter: str) -> None:
    device = prepared(memory(state=letter))
    with pytest.raises(BadReply, match="expected the letter A to F"):
        device.read()


@pytest.mark.parametrize(
    ("error", "faults"),
    [
        (0, set()),
        (1, {"board_cable_rejected"}),
        (3, {"proximity_invalid"}),
        (4, {"pilot_out_of_range"}),
        (6, {"connector_not_locked"}),
        (7, {"lock_stuck"}),
        (8, {"connector_not_locked"}),
        (12, {"board_contactor"}),
        (13, {"diode_missing"}),
        (15, {"rcd_tripped"}),
        (16, {"board_failure"}),
    ],
)
def test_an_error_becomes_a_fault_of_the_catalogue(error: int, faults: set[str]) -> None:
    assert prepared(memory(error=error)).read().faults == faults


@pytest.mark.parametrize(
    ("held", "unit", "written"),
    [
        (0, "auto", 13),
        (16, "auto", 13),
        (59, "auto", 13),
        (81, "auto", 135),
        (320, "auto", 135),
        (63, "A", 13),
        (60, "0.1 A", 135),
        (0, "0.1 A", 135),
    ],
)
def test_tenths_are_written_only_where_the_register_shows_tenths(
    held: int, unit: str, written: int
) -> None:
    link = memory(held=held)
    prepared(link, unit=unit).command(OFFER)
    assert link.log == [("holding", 528, written), ("coil", 400, 1)]


@pytest.mark.parametrize(
    ("held", "unit", "message"),
    [
        (60, "auto", "holds 60: 60 A or 6 A; set current_unit"),
        (80, "auto", "holds 80: 80 A or 8 A; set current_unit"),
        (16, "0.1 A", "holds 16, expected 0 or at least 60"),
        (160, "A", "holds 160, expected at most 80"),
    ],
)
def test_a_unit_that_cannot_be_told_or_is_contradicted_is_refused(
    held: int, unit: str, message: str
) -> None:
    link = memory(held=held)
    device = PhoenixEvCc(link, name="ph", current_max_a=32.0, current_unit=unit)
    with pytest.raises(BadReply, match=message):
        device.prepare()
    assert link.log == []


def test_without_a_known_unit_nothing_is_permitted_but_everything_can_be_forbidden() -> None:
    link = memory()
    device = PhoenixEvCc(link, name="ph", current_max_a=32.0)
    with pytest.raises(BadReply, match="its unit is not known"):
        device.command(OFFER)
    device.command(SAFE_COMMAND)
    assert link.log == [("coil", 400, 0)]


def test_never_more_than_the_configured_maximum_is_permitted() -> None:
    link = memory()
    prepared(link, current_max_a=10.0).command(OFFER)
    assert link.log[0] == ("holding", 528, 10)


@pytest.mark.parametrize(
    "command", [SAFE_COMMAND, BoardCommand(pilot=PilotMode.FAULT, duty_ratio=0.0)]
)
def test_everything_but_an_offer_disables(command: BoardCommand) -> None:
    link = memory()
    device = prepared(link)
    device.command(OFFER)
    link.log.clear()
    device.command(command)
    assert link.log == [("coil", 400, 0)]


@pytest.mark.parametrize(("table", "address"), [("coils", 400), ("holdings", 528)])
def test_what_somebody_else_changed_is_corrected(table: str, address: int) -> None:
    link = memory()
    device = prepared(link)
    device.command(OFFER)
    getattr(link, table)[address] = 0
    for _ in range(2):
        device.read()
        device.command(OFFER)
    assert (link.holdings[528], link.coils[400]) == (13, True)


def test_the_same_is_not_written_again_before_the_refresh_is_due() -> None:
    link = memory()
    device = prepared(link)
    device.command(OFFER)
    for now_s, writes in ((9.9, 2), (10.0, 4)):
        link.now_s = now_s
        device.read()
        device.command(OFFER)
        assert len(link.log) == writes


def test_after_a_failed_reading_everything_is_written_again() -> None:
    link = memory()
    device = prepared(link)
    device.command(OFFER)
    link.failures.append(NoReply("ph", "read", "nothing"))
    with pytest.raises(NoReply):
        device.read()
    link.log.clear()
    device.command(OFFER)
    assert len(link.log) == 2


def test_it_says_who_it_is_and_which_unit_it_uses() -> None:
    identity = PhoenixEvCc(memory(held=160), name="ph", current_max_a=32.0).prepare()
    assert identity.firmware == "1234"
    assert identity.model == "EV-CC class, currents in 0.1 A"


def test_it_is_a_board_that_neither_watches_nor_opens() -> None:
    device = prepared(memory())
    assert isinstance(device, PilotBoard)
    assert device.traits.runs_pilot
    assert device.traits.watchdog_s is None
    assert not device.traits.opens_alone
