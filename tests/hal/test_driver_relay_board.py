"""The relay-board driver against the frames in the manufacturer's documentation.

Waveshare Modbus RTU Relay (8 CH): relay 1 on `01 05 00 00 FF 00 8C 3A`, read
`01 01 00 00 00 08 3D CC`, relay 1 for 700 ms `01 05 02 00 00 07 8D B0`.
"""

from __future__ import annotations

import pytest

from hal.drivers.relay_board import CoilRelayBoard
from hal.errors import ConfigurationError, NoReply
from hal.fakes import MemoryModbusLink, RecordedModbusLink, ScriptedSerialLink
from hal.interfaces import RelayBoard

RELAY_1_ON = "01 05 00 00 FF 00 8C 3A"
FLASH_700_MS = "01 05 02 00 00 07 8D B0"
OFF = (False,) * 8
FIRST_ON = (True, *OFF[1:])


def memory() -> MemoryModbusLink:
    return MemoryModbusLink(coils=dict.fromkeys(range(8), False), discretes={0: True, 1: False})


def test_the_documented_read_gives_the_outputs_in_terminal_order() -> None:
    link = RecordedModbusLink({"01 01 00 00 00 08 3D CC": "01 01 01 05 91 8B"})
    reading = CoilRelayBoard(link, name="relays").read()
    assert reading.outputs == (True, False, True, False, False, False, False, False)
    assert reading.inputs == ()


def test_a_relay_is_switched_with_the_documented_frame() -> None:
    link = RecordedModbusLink({RELAY_1_ON: RELAY_1_ON})
    CoilRelayBoard(link, name="relays", outputs=1).command((True,))
    assert link.sent == [RELAY_1_ON]


def test_a_held_output_is_flashed_with_the_documented_frame_on_every_command() -> None:
    link = RecordedModbusLink({FLASH_700_MS: FLASH_700_MS})
    device = CoilRelayBoard(link, name="relays", outputs=1, hold_s=0.7)
    device.command((True,))
    device.command((True,))
    assert link.sent == [FLASH_700_MS, FLASH_700_MS]


def test_a_held_output_is_never_switched_on_for_good() -> None:
    link = memory()
    device = CoilRelayBoard(link, name="relays", hold_s=2.0)
    device.command(FIRST_ON)
    assert ("pulse", 0x0200, 20) in link.log
    assert ("coil", 0, 1) not in link.log


def test_a_held_output_is_switched_off_at_once() -> None:
    link = memory()
    device = CoilRelayBoard(link, name="relays", hold_s=2.0)
    device.command(FIRST_ON)
    link.log.clear()
    device.command(OFF)
    assert link.log == [("coil", 0, 0)]


def test_only_what_differs_is_written_and_off_comes_before_on() -> None:
    link = memory()
    device = CoilRelayBoard(link, name="relays")
    device.command(FIRST_ON)
    link.log.clear()
    device.command((False, True, *OFF[2:]))
    device.command((False, True, *OFF[2:]))
    assert link.log == [("coil", 0, 0), ("coil", 1, 1)]


def test_an_output_that_changed_by_itself_is_written_again() -> None:
    link = memory()
    device = CoilRelayBoard(link, name="relays")
    device.command(FIRST_ON)
    link.coils[0] = False
    device.read()
    link.log.clear()
    device.command(FIRST_ON)
    assert link.log == [("coil", 0, 1)]


def test_after_an_error_every_output_is_written_again() -> None:
    link = memory()
    device = CoilRelayBoard(link, name="relays")
    device.command(OFF)
    link.failures.append(NoReply("relays", "write", "nothing"))
    with pytest.raises(NoReply):
        device.command(FIRST_ON)
    link.log.clear()
    device.command(OFF)
    assert len(link.log) == 8


def test_inputs_are_read_when_the_board_has_them() -> None:
    device = CoilRelayBoard(memory(), name="relays", inputs=2)
    assert device.read().inputs == (True, False)


def test_a_wrong_number_of_outputs_is_refused() -> None:
    with pytest.raises(ValueError, match="2 outputs, expected 8"):
        CoilRelayBoard(memory(), name="relays").command((True, False))


def test_holding_needs_a_bus_that_can_write_pulses() -> None:
    with pytest.raises(ConfigurationError, match=r"options.hold_s: found 2.0, expected a bus"):
        CoilRelayBoard(ScriptedSerialLink(), name="relays", hold_s=2.0)  # type: ignore[arg-type]


def test_it_is_a_relay_board() -> None:
    assert isinstance(CoilRelayBoard(memory(), name="relays"), RelayBoard)
