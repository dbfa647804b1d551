"""The verbs of the rig bench without a line: what is missing, what a person does, how it judges."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hal.errors import NoReply
from hal.interfaces import ModbusLink
from hil.bench import (
    Asks,
    Closed,
    Draws,
    Instrument,
    Live,
    Locked,
    Missing,
    Offers,
    Open,
    Told,
    ToldPhases,
    ToldTest,
    Unmet,
)
from hil.instruments.bus_tap import BoardReading
from hil.instruments.relay_outputs import OutputFailed, Relay, RelayOutputs
from hil.instruments.sightings import Quantity, Sightings
from hil.rig.config import load_rig
from hil.rig.hands import Hands
from hil.rig.judge import holds
from hil.rig.play import unfit
from hil.rig.wiring import CommandFailed, Wired, wire
from hil.rig_bench import RigBench
from hil.scenarios.scenario import Case, Measured, Trial
from hil.stage import example, to_toml
from tests.hil.rigs import rig_file

BARE = {"output": None, "load": None, "input": None, "analyser": None, "tap": None}


def wired(directory: Path, **changes: object) -> Wired:
    (directory / "station.toml").write_text(to_toml(example()), "utf-8")
    return wire(load_rig(rig_file(directory, changes)))


@pytest.fixture
def bare(tmp_path: Path) -> RigBench:
    """A rig with relay boards to which nothing is wired."""
    return RigBench(wired(tmp_path, **BARE))


def test_every_verb_without_its_hardware_says_what_is_missing(bare: RigBench) -> None:
    verbs = {
        "no relay for plug, and no operator": lambda: bare.plug_in(1),
        "no relay for s2, and no operator": lambda: bare.request_power(1, 16.0),
        "no relay for ventilation, and no operator": lambda: bare.request_ventilation(1),
        "no relay for mains, and no operator": lambda: bare.supply(False),
        "no relay for card, and no operator": lambda: bare.present_token("AB", "cards"),
        "no relay for pilot short, and no operator": lambda: bare.inject(1, "pilot_shorted"),
        "nothing on this rig causes contactor_welded": lambda: bare.inject(1, "contactor_welded"),
        "a real vehicle cannot be told to misbehave": lambda: bare.inject(
            1, "vehicle_ignores_pilot"
        ),
        "loads of 0 A together cannot overdraw, 10 A can": lambda: bare.inject(1, "over_current"),
        "this rig is wired to EVSE 1, not 2": lambda: bare.plug_in(2),
        "program control": lambda: bare.signal(15),
        "heat source": lambda: bare.temperature(1, 70.0),
    }
    for reason, verb in verbs.items():
        with pytest.raises(Missing) as caught:
            verb()
        assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("sight", "instrument"),
    [
        (Closed(1), "main contact"),
        (Offers(1, 6.0, 80.0), "pilot level"),
        (Draws(1, 1.0, 80.0), "current probes"),
        (Told(1, True), "bus analyser"),
        (ToldPhases(1, 1), "bus analyser"),
        (ToldTest(1), "bus analyser"),
        (Live(1, 3), "outlet voltage"),
        (Asks(1, True), "vehicle simulator"),
        (Locked(1, True), "no input that sees the lock"),
    ],
)
def test_every_sight_without_its_instrument_says_which(
    bare: RigBench, sight: Closed, instrument: str
) -> None:
    with pytest.raises(Missing, match=instrument):
        bare.expect(sight, 1.0)
    assert list(bare.instruments) == [Instrument.LEASES, Instrument.WORDS]


class Bank:
    """A relay board that takes 10 ms to answer, or does not."""

    def __init__(self) -> None:
        self.coils: dict[int, bool] = {}
        self.pulses: list[tuple[int, int]] = []
        self.silent = False

    def write_coil(self, address: int, on: bool) -> float:
        if self.silent:
            raise NoReply("signals", "write coil", "")
        self.coils[address] = on
        return time.monotonic() + 0.010

    def write_coil_value(self, address: int, value: int) -> float:
        self.pulses.append((address, value))
        return time.monotonic() + 0.010


def outputs(bank: Bank, hold_s: float | None = None) -> RelayOutputs:
    link: ModbusLink = bank  # type: ignore[assignment]  # one verb of it is used

    def relay(coil: int, inverted: bool = False) -> Relay:
        return Relay(
            link=link,  # type: ignore[arg-type]
            lock=threading.Lock(),
            coil=coil,
            inverted=inverted,
            operate_s=0.006,
            hold_s=hold_s,
            request_s=0.001,
        )

    return RelayOutputs({"plug": relay(0), "mains": relay(1, inverted=True)})


def test_an_output_moved_between_request_and_echo_or_a_little_later() -> None:
    before_s = time.monotonic()
    moved = outputs(Bank()).switch("plug", True)
    after_s = time.monotonic()
    assert before_s + 0.001 <= moved.at_s - moved.doubt_s <= after_s + 0.001
    assert 0.007 <= moved.doubt_s <= 0.007 + (after_s - before_s)


def test_an_inverted_output_acts_while_its_coil_is_off() -> None:
    bank = Bank()
    relays = outputs(bank)
    relays.switch("mains", True)
    assert (bank.coils[1], relays.on("mains")) == (False, True)
    relays.all_off()
    assert bank.coils == {0: False, 1: True}


def test_a_held_output_is_only_switched_on_for_a_while_and_told_again_in_time() -> None:
    bank = Bank()
    relays = outputs(bank, hold_s=2.0)
    relays.switch("plug", True)
    relays.refresh()
    assert bank.pulses == [(0x0200, 20)]
    brief = outputs(bank, hold_s=0.0)
    brief.switch("plug", True)
    brief.refresh()
    brief.switch("plug", False)
    brief.refresh()
    assert bank.pulses == [(0x0200, 20), (0x0200, 0), (0x0200, 0)]
    assert bank.coils == {0: False}


def test_a_relay_board_that_does_not_answer_fails_with_the_output_s_name() -> None:
    bank = Bank()
    bank.silent = True
    with pytest.raises(OutputFailed, match="plug: signals"):
        outputs(bank).all_off()


# --- Judging --------------------------------------------------------------------------------------


@pytest.fixture
def judge(tmp_path: Path) -> tuple[RigBench, Sightings]:
    """A bench at the instant 100, whose instruments the test speaks for."""
    found = wired(tmp_path)
    found.sightings = Sightings(lambda: 98.5)
    return RigBench(found, clock=lambda: 100.0), found.sightings


def test_the_instant_of_a_sight_is_its_beginning_and_carries_its_doubt(
    judge: tuple[RigBench, Sightings],
) -> None:
    bench, sightings = judge
    for at_s, live in ((98.0, False), (98.1, True), (98.2, True), (98.3, True)):
        sightings.sampled(Quantity.CONTACT, live, at_s, 0.005)
    closed_s = bench.expect(Closed(1), 1.0, 97.9)
    assert closed_s == pytest.approx(98.05)
    assert bench.doubt_s(closed_s) == pytest.approx(0.055)


def test_a_value_of_before_the_stimulus_does_not_count(
    judge: tuple[RigBench, Sightings],
) -> None:
    bench, sightings = judge
    sightings.sampled(Quantity.CONTACT, False, 98.0, 0.005)
    with pytest.raises(Unmet, match="not within 1 s; seen last: outlet live False"):
        bench.expect(Open(1), 1.0, 98.5)


def test_what_came_too_late_is_unmet_although_it_holds_now(
    judge: tuple[RigBench, Sightings],
) -> None:
    bench, sightings = judge
    sightings.happened(Quantity.TOLD, False, 99.0, 0.002)
    with pytest.raises(Unmet, match=r"came after 1\.000 s, allowed 0\.5 s"):
        bench.expect(Told(1, False), 0.5, 98.0)


def test_steady_and_fault_are_both_no_offer() -> None:
    assert holds(Offers(1, 0.0, 0.0), 0.0)
    assert holds(Offers(1, 0.0, 0.0), 1.0)
    assert not holds(Offers(1, 0.0, 0.0), 0.2667)
    assert holds(Offers(1, 15.9, 16.1), 0.2667)


@pytest.mark.parametrize(
    ("took_s", "doubt_s", "least_s", "limit_s", "met"),
    [
        (0.09, 0.0, 0.0, 0.1, True),
        (0.09, 0.009, 0.0, 0.1, True),
        (0.09, 0.011, 0.0, 0.1, False),
        (3.001, 0.004, 3.0, 15.0, True),
        (2.99, 0.004, 3.0, 15.0, False),
    ],
)
def test_a_time_is_met_only_with_its_doubt_added(
    took_s: float, doubt_s: float, least_s: float, limit_s: float, met: bool
) -> None:
    measured = Measured(
        what="", took_s=took_s, doubt_s=doubt_s, least_s=least_s, limit_s=limit_s, clause=""
    )
    assert measured.met is met


# --- By hand --------------------------------------------------------------------------------------


def test_a_person_s_act_is_dated_by_the_reading_that_shows_it(tmp_path: Path) -> None:
    found = wired(tmp_path, **(BARE | {"rig.operator": True}))
    shown_s = time.monotonic() + 1000.0
    questions: list[str] = []

    def ask(question: str) -> None:
        questions.append(question)
        for at_s, high_v in ((shown_s - 0.1, 12.0), (shown_s, 9.0)):
            reading = BoardReading({"pilot_high": high_v})
            found.sightings.sampled(Quantity.READING, reading, at_s, 0.002, every=True)

    bench = RigBench(found, Hands(found.sightings, ask))
    plugged_s = bench.plug_in(1)
    assert questions == ["→ plug in now, then press Enter:"]
    assert plugged_s == pytest.approx(shown_s - 0.05)
    assert bench.doubt_s(plugged_s) == pytest.approx(0.052)


def test_the_vehicle_goes_on_while_a_person_is_asked(tmp_path: Path) -> None:
    """Its load must go, and held outputs stay, however long the person takes."""
    found = wired(tmp_path, **BARE)
    stepped: list[bool] = []

    def ask(question: str) -> None:
        thread = threading.Thread(target=lambda: stepped.append(bench.steer() is None))
        thread.start()
        thread.join(timeout=5.0)

    bench = RigBench(found, Hands(found.sightings, ask))
    bench.supply(False)
    assert stepped == [True]


def test_an_act_that_no_instrument_saw_does_not_count(tmp_path: Path) -> None:
    found = wired(tmp_path, **BARE)
    bench = RigBench(found, Hands(found.sightings, lambda question: None, shown_wait_s=0.0))
    with pytest.raises(Missing, match="no instrument saw: press the emergency stop"):
        bench.inject(1, "emergency_stopped")


def test_what_nothing_shows_lies_anywhere_between_question_and_enter(tmp_path: Path) -> None:
    found = wired(tmp_path, **BARE)
    bench = RigBench(found, Hands(found.sightings, lambda question: None))
    before_s = time.monotonic()
    off_s = bench.supply(False)
    after_s = time.monotonic()
    assert before_s <= off_s - bench.doubt_s(off_s) <= off_s + bench.doubt_s(off_s) <= after_s


# --- Programs -------------------------------------------------------------------------------------


def test_the_program_is_signalled_and_restarted_by_the_file_s_commands(tmp_path: Path) -> None:
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    noted = tmp_path / "noted"
    command = [sys.executable, "-c", script, str(noted)]
    programs = {"signal": [*command, "signal {number}"], "restart": [*command, "restart"]}
    bench = RigBench(wired(tmp_path, programs=programs))
    assert bench.signal(15) <= time.monotonic()
    assert noted.read_text() == "signal 15"
    bench.restart()
    assert noted.read_text() == "restart"
    assert bench.instruments[Instrument.PROGRAMS] == "commands of the rig file"


def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such unit')"]
    bench = RigBench(wired(tmp_path, programs={"signal": command, "restart": command}))
    with pytest.raises(CommandFailed, match="no such unit"):
        bench.restart()


# --- Which cases fit ------------------------------------------------------------------------------


def _play(trial: Trial) -> None:
    raise AssertionError("only looked at")


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({}, ""),
        ({"socket": True}, "the station has a fixed cable, no socket"),
        ({"ventilated": True}, "the station is not ventilated"),
        ({"changes": {"safety.reclose_wait_s": 5.0, "evse.0.current_max_a": 16}}, ""),
        (
            {"changes": {"safety.retry_waits_s": [1.0]}},
            "the station is not configured with safety.retry_waits_s = [1.0]",
        ),
        (
            {"changes": {"evse.0.nonsense": 1}},
            "the station is not configured with evse.0.nonsense = 1",
        ),
    ],
)
def test_a_case_fits_the_station_as_it_is_or_says_why_not(
    tmp_path: Path, wish: dict[str, Any], reason: str
) -> None:
    case = Case(play=_play, title="", clause="", needs=frozenset(), **wish)
    assert unfit(case, wired(tmp_path).setup) == reason
