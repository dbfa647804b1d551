"""A contactor on a relay board: held by pulses, opened at once, never closed behind our back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hal.drivers.pilot_board import RegisterPilotBoard
from hal.drivers.relay_contactor import RelayContactor
from hal.errors import BadReply, ConfigurationError, NoReply
from hal.fakes import MemoryModbusLink
from hal.interfaces import Bits, PilotBoard
from hal.register_map import load
from hal.values import SAFE_COMMAND, BoardCommand, PilotMode

OFFER = BoardCommand(pilot=PilotMode.OFFER, current_a=16.0, duty_ratio=16 / 60)
CHARGE = replace(OFFER, closed=True, locked=True)
OUTPUT, AUX, LOCK_OUTPUT, LOCK_INPUT = 2, 1, 5, 3
FLASH = 0x0200
TICK_S = 0.02


class RelayBoard(MemoryModbusLink):
    """Eight relays and inputs; a flashed relay is on until its time is over."""

    def __init__(self) -> None:
        off = dict.fromkeys(range(8), False)
        super().__init__(coils=off, discretes=off, name="relays")
        self.until_s: dict[int, float] = {}

    def write_coil(self, address: int, on: bool) -> float:
        self.until_s.pop(address, None)
        return super().write_coil(address, on)

    def write_coil_value(self, address: int, value: int) -> float:
        taken_s = super().write_coil_value(address, value)
        assert address >= FLASH
        self.coils[address - FLASH] = True
        self.until_s[address - FLASH] = self.now_s + value / 10
        return taken_s

    def read_coils(self, address: int, count: int) -> Bits:
        self.tick()
        return super().read_coils(address, count)

    def tick(self) -> None:
        for number, until_s in list(self.until_s.items()):
            if self.now_s >= until_s:
                self.coils[number] = False
                del self.until_s[number]


class Rig:
    """A relay contactor with its two boards and a clock."""

    def __init__(self, capabilities: int = 0x1FFF, **options: object) -> None:
        reading = {0: 0, 1: 12000, 2: 12000, 3: 10000, 4: 65535, 5: 215, 6: 1, 7: 0}
        identity = {100: 0x4350, 101: 1, 102: 0x0203, 103: capabilities, 104: 32}
        self.pilot = MemoryModbusLink(
            inputs=reading | identity,
            holdings={0: 10000, 1: 1000},
            coils=dict.fromkeys(range(4), False),
            name="pilot",
        )
        self.relays = RelayBoard()
        inner = RegisterPilotBoard(
            self.pilot, load("reference_pilot_board"), name="pilot", current_max_a=40.0
        )
        self.board = RelayContactor(
            self.relays,
            inner,
            name="contactor",
            current_max_a=16.0,
            output=OUTPUT,
            **options,  # type: ignore[arg-type]
        )

    def prepared(self) -> Rig:
        self.board.prepare()
        self.relays.log.clear()
        self.pilot.log.clear()
        return self

    def run(self, command: BoardCommand, for_s: float, *, read: bool = True) -> None:
        """Ticks of the safety program."""
        for _ in range(round(for_s / TICK_S)):
            self.relays.now_s += TICK_S
            self.pilot.now_s = self.relays.now_s
            if read:
                self.board.read()
            self.board.command(command)

    def wait(self, for_s: float) -> None:
        """The program hangs."""
        self.relays.now_s += for_s
        self.pilot.now_s = self.relays.now_s
        self.relays.tick()

    @property
    def on(self) -> bool:
        return self.relays.coils[OUTPUT]

    def pulses(self) -> list[tuple[str, int, int]]:
        return [one for one in self.relays.log if one[0] == "pulse"]


def test_it_closes_by_pulses_only_and_holds_with_at_least_two_in_each_hold() -> None:
    rig = Rig(hold_s=1.0).prepared()
    rig.run(CHARGE, 10.0)
    assert rig.on
    assert ("coil", OUTPUT, 1) not in rig.relays.log
    assert set(rig.pulses()) == {("pulse", FLASH + OUTPUT, 10)}
    assert 20 <= len(rig.pulses()) <= 32


def test_the_relay_never_falls_while_it_is_held() -> None:
    rig = Rig(hold_s=0.5).prepared()
    rig.run(CHARGE, 0.1)
    for _ in range(100):
        rig.run(CHARGE, TICK_S)
        assert rig.board.read().contactor_commanded is True


def test_it_opens_at_once_by_a_plain_off_before_anything_else() -> None:
    rig = Rig().prepared()
    rig.run(CHARGE, 0.5)
    rig.relays.log.clear()
    rig.pilot.failures.append(NoReply("pilot", "write", "nothing"))
    with pytest.raises(NoReply):
        rig.board.command(SAFE_COMMAND)
    assert rig.relays.log == [("coil", OUTPUT, 0)]
    assert not rig.on


@pytest.mark.parametrize("hold_s", [0.5, 1.0, 1.56])
def test_a_silent_host_opens_within_its_watchdog_time(hold_s: float) -> None:
    rig = Rig(hold_s=hold_s).prepared()
    rig.run(CHARGE, 3.0)
    watchdog_s = rig.board.traits.watchdog_s
    assert watchdog_s is not None
    assert watchdog_s <= hold_s
    rig.wait(watchdog_s + 0.001)
    assert not rig.on


def test_after_a_hang_it_is_not_closed_again_behind_our_back() -> None:
    rig = Rig(hold_s=1.0).prepared()
    rig.run(CHARGE, 1.0)
    rig.wait(5.0)
    rig.relays.log.clear()
    assert rig.board.read().watchdog_expired is True
    rig.run(CHARGE, 3.0)
    assert rig.pulses() == []
    rig.board.command(SAFE_COMMAND)
    assert rig.board.read().watchdog_expired is False
    rig.run(CHARGE, 0.1)
    assert rig.on


def test_after_a_hang_it_does_not_pulse_even_before_the_next_reading() -> None:
    rig = Rig(hold_s=1.0).prepared()
    rig.run(CHARGE, 1.0)
    rig.wait(0.95)  # still on, but nobody can say for how long
    rig.relays.log.clear()
    rig.run(CHARGE, TICK_S)
    assert rig.pulses() == []
    rig.wait(0.1)
    rig.run(CHARGE, 0.5)
    assert rig.pulses() == []


def test_a_relay_that_fell_alone_stays_off_until_it_is_told_to_open() -> None:
    rig = Rig().prepared()
    rig.run(CHARGE, 0.5)
    rig.relays.write_coil(OUTPUT, False)
    rig.relays.log.clear()
    reading = rig.board.read()
    assert (reading.contactor_commanded, reading.watchdog_expired) == (False, False)
    rig.run(CHARGE, 2.0)
    assert rig.pulses() == []
    rig.run(OFFER, TICK_S)
    rig.run(CHARGE, TICK_S)
    assert rig.on


def test_a_relay_that_is_on_against_our_word_is_switched_off_again() -> None:
    rig = Rig().prepared()
    rig.run(SAFE_COMMAND, 0.1)
    rig.relays.write_coil(OUTPUT, True)
    assert rig.board.read().contactor_commanded is True
    rig.run(SAFE_COMMAND, TICK_S)
    assert not rig.on


def test_a_pulse_without_an_answer_is_sent_again() -> None:
    rig = Rig().prepared()
    rig.run(replace(OFFER, locked=True), 0.1)
    rig.relays.log.clear()
    rig.relays.failures.append(NoReply("relays", "write", "nothing"))
    with pytest.raises(NoReply):
        rig.board.command(CHARGE)
    assert not rig.on
    rig.run(CHARGE, 0.1)
    assert rig.on


def test_its_watchdog_is_the_hold_and_it_never_opens_alone() -> None:
    rig = Rig(hold_s=1.58).prepared()
    traits = rig.board.traits
    assert traits.watchdog_s == pytest.approx(1.5)
    assert traits.opens_alone is False
    assert traits.has_phase_switch is False
    assert traits.has_rcd is True
    assert traits.has_rcd_test is True
    assert traits.current_max_a == 16.0


def test_the_pilot_board_makes_the_pilot_and_its_own_contactor_stays_open() -> None:
    rig = Rig().prepared()
    rig.run(replace(CHARGE, phases=1), 1.0)
    assert rig.pilot.holdings[0] == 2666
    assert rig.pilot.coils == {0: False, 1: True, 2: False, 3: False}


def test_no_test_of_the_residual_current_monitor_begins_under_load() -> None:
    rig = Rig().prepared()
    rig.run(replace(CHARGE, test_rcd=True), 0.1)
    assert ("coil", 2, 1) not in rig.pilot.log
    rig.run(replace(SAFE_COMMAND, test_rcd=True), 0.1)
    assert rig.pilot.log.count(("coil", 2, 1)) == 1


@pytest.mark.parametrize(("mirror", "raw", "closed"), [(False, True, True), (True, True, False)])
def test_the_auxiliary_contact_is_an_input_of_the_relay_board(
    mirror: bool, raw: bool, closed: bool
) -> None:
    rig = Rig(capabilities=0, aux_input=AUX, aux_mirror=mirror).prepared()
    assert rig.board.traits.has_contactor_feedback
    rig.relays.discretes[AUX] = raw
    assert rig.board.read().contactor_closed is closed
    rig.relays.discretes[AUX] = not raw
    assert rig.board.read().contactor_closed is not closed


def test_without_one_the_pilot_boards_input_counts_if_it_has_one() -> None:
    rig = Rig().prepared()
    rig.pilot.inputs[0] = 1
    assert rig.board.read().contactor_closed is True
    assert Rig(capabilities=0).prepared().board.read().contactor_closed is None


def test_a_lock_of_its_own_is_locked_before_it_closes_and_stays_when_it_opens() -> None:
    rig = Rig(capabilities=0, lock_output=LOCK_OUTPUT, lock_input=LOCK_INPUT).prepared()
    assert rig.board.traits.has_lock
    rig.board.command(CHARGE)
    assert rig.relays.log == [("coil", LOCK_OUTPUT, 1), ("pulse", FLASH + OUTPUT, 10)]
    assert rig.board.read().locked is False
    rig.relays.discretes[LOCK_INPUT] = True
    assert rig.board.read().locked is True
    rig.wait(10.0)
    assert rig.relays.coils[LOCK_OUTPUT] is True


def test_a_lock_output_that_lost_its_state_is_written_again() -> None:
    rig = Rig(capabilities=0, lock_output=LOCK_OUTPUT, lock_input=LOCK_INPUT).prepared()
    rig.run(CHARGE, 0.1)
    rig.relays.coils[LOCK_OUTPUT] = False
    rig.run(CHARGE, 0.1)
    assert rig.relays.coils[LOCK_OUTPUT] is True


def test_preparing_opens_the_relay_and_prepares_the_pilot_board() -> None:
    rig = Rig()
    rig.relays.write_coil(OUTPUT, True)
    identity = rig.board.prepare()
    assert identity.model == "Reference pilot board with a relay contactor"
    assert not rig.on
    assert rig.pilot.holdings[1] == 1000


class _Stuck(RelayBoard):
    """A relay board whose third relay is switched on at the board itself."""

    def read_coils(self, address: int, count: int) -> Bits:
        self.coils[OUTPUT] = True
        return super().read_coils(address, count)


def test_a_relay_that_stays_on_is_refused() -> None:
    rig = Rig()
    stuck = RelayContactor(
        _Stuck(),
        RegisterPilotBoard(
            rig.pilot, load("reference_pilot_board"), name="pilot", current_max_a=40.0
        ),
        name="contactor",
        current_max_a=16.0,
        output=OUTPUT,
    )
    with pytest.raises(BadReply, match="switch off output 2: it stays on"):
        stuck.prepare()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lock_output": 5}, "without lock_input"),
        ({"lock_input": 5}, "without lock_input"),
        ({"lock_output": OUTPUT, "lock_input": 1}, "which is the contactor's output"),
    ],
)
def test_contradicting_options_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Rig(**options)


def test_a_link_that_cannot_write_pulses_is_refused() -> None:
    rig = Rig()
    plain = object()
    with pytest.raises(ConfigurationError, match="cannot write pulses"):
        RelayContactor(plain, rig.board, name="contactor", current_max_a=16.0)  # type: ignore[arg-type]


def test_it_is_a_pilot_board() -> None:
    assert isinstance(Rig().board, PilotBoard)
