"""A technician's signal on the pilot: only where nobody is, and gone at the first doubt."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from chargepoint.evse.evse import BoardLevel
from chargepoint.evse.pilot_drive import HOLD_MAX_S, PilotDrive, duty_problem, hindrance
from chargepoint.evse.situation import Shutdown, Situation
from chargepoint.ipc.messages import Phase
from hal.values import PilotMode, PilotState
from tests.evse.bench import TRAITS, Bench, charging


def idle(**kwargs: object) -> Bench:
    """An EVSE out of service with nothing plugged in."""
    bench = Bench(**kwargs)  # type: ignore[arg-type]
    bench.until(Phase.IDLE)
    bench.evse.set_operative(False)
    bench.until(Phase.OUT_OF_SERVICE)
    return bench


def drive(bench: Bench, duty_ratio: float = 0.25, hold_s: float = 30.0) -> tuple[bool, str]:
    return bench.evse.drive_pilot(duty_ratio, bench.now_s + hold_s, bench.now_s)


def driven(duty_ratio: float = 0.25) -> Bench:
    """An EVSE with a signal on its pilot for two seconds."""
    bench = idle()
    assert drive(bench, duty_ratio)[0]
    bench.run(2.0)
    assert (bench.command.pilot, bench.command.duty_ratio) == (PilotMode.OFFER, duty_ratio)
    return bench


def quiet(bench: Bench) -> bool:
    return bench.command.pilot is PilotMode.STEADY and bench.command.duty_ratio == 1.0


# --- The rule -------------------------------------------------------------------------------------

# fmt: off
ALL = {
    "phase":      tuple(Phase),
    "pilot":      (None, *PilotState),
    "raw":        (None, *PilotState),
    "operative":  (False, True),
    "permitted":  (False, True),
    "hazard":     ("none", "stop", "open", "suspect"),
    "feedback":   (None, False, True),
    "open_now":   (False, True),
    "runs_pilot": (False, True),
    "shutdown":   tuple(Shutdown),
}
RIGHT = {
    # what each input must be for a signal to be allowed; written out once more
    "phase":      {Phase.OUT_OF_SERVICE},
    "pilot":      {PilotState.A},
    "raw":        {PilotState.A},
    "operative":  {False},
    "permitted":  {False},
    "hazard":     {"none"},
    "feedback":   {None, False},
    "open_now":   {True},
    "runs_pilot": {False},
    "shutdown":   {Shutdown.NO},
}
# fmt: on


def test_all_combinations_of_inputs_allow_it_only_where_all_is_right() -> None:
    right = 0
    for values in itertools.product(*ALL.values()):
        given = dict(zip(ALL, values, strict=True))
        situation = Situation(
            pilot=given["pilot"],
            operative=given["operative"],
            permitted=given["permitted"],
            stop_hazard=given["hazard"] == "stop",
            open_hazard=given["hazard"] == "open",
            suspect=given["hazard"] == "suspect",
            feedback=given["feedback"],
            shutdown=given["shutdown"],
        )
        found = hindrance(
            given["phase"],
            situation,
            raw=given["raw"],
            open_now=given["open_now"],
            runs_pilot=given["runs_pilot"],
        )
        allowed = all(given[name] in RIGHT[name] for name in ALL)
        assert (found == "") is allowed, given
        right += allowed
    assert right == 2


@pytest.mark.parametrize("duty_ratio", [0.08, 0.1, 0.5333, 0.97, 1.0])
def test_a_duty_that_a_vehicle_could_read_is_a_signal(duty_ratio: float) -> None:
    assert duty_problem(duty_ratio) == ""


@pytest.mark.parametrize(
    "duty_ratio", [-1.0, 0.0, 0.05, 0.0799, 0.9701, 0.99, 1.01, float("nan"), float("inf")]
)
def test_any_other_duty_is_refused(duty_ratio: float) -> None:
    assert "expected 0.08 to 0.97" in duty_problem(duty_ratio)
    assert not drive(idle(), duty_ratio)[0]


def test_its_time_is_capped_and_a_time_that_is_no_number_is_over() -> None:
    signal = PilotDrive()
    signal.begin(0.5, 1e9, 100.0)
    signal.step("", 100.0 + HOLD_MAX_S - 0.01)
    assert signal.duty_ratio == 0.5
    signal.step("", 100.0 + HOLD_MAX_S)
    assert signal.duty_ratio is None
    signal.begin(0.5, float("nan"), 100.0)
    signal.step("", 100.0)
    assert signal.duty_ratio is None


# --- The whole EVSE -------------------------------------------------------------------------------


@pytest.mark.parametrize("duty_ratio", [0.08, 0.25, 0.97])
def test_the_signal_is_on_the_pilot_with_the_contactor_open(duty_ratio: float) -> None:
    bench = driven(duty_ratio)
    assert not bench.command.closed
    assert bench.command.current_a == 0.0
    assert bench.evse.snapshot().offered_a == 0.0
    assert bench.phase is Phase.OUT_OF_SERVICE
    assert bench.hazards == ()


def test_a_steady_signal_is_plus_twelve_volts() -> None:
    bench = idle()
    assert drive(bench, 1.0) == (True, "signal on the pilot")
    bench.run(1.0)
    assert quiet(bench)


def test_it_ends_by_itself() -> None:
    bench = idle()
    assert drive(bench, 0.5, hold_s=3.0)[0]
    bench.run(2.9)
    assert bench.command.duty_ratio == 0.5
    bench.run(0.2)
    assert quiet(bench)


def test_it_never_lasts_longer_than_two_minutes() -> None:
    bench = idle()
    assert drive(bench, 0.5, hold_s=1e6)[0]
    bench.run(119.0)
    assert bench.command.duty_ratio == 0.5
    bench.run(2.0)
    assert quiet(bench)


def test_a_second_signal_takes_the_place_of_the_first() -> None:
    bench = driven(0.25)
    assert drive(bench, 0.5)[0]
    bench.run(0.1)
    assert bench.command.duty_ratio == 0.5


def plug_in(bench: Bench) -> None:
    bench.vehicle = "B"


def ask(bench: Bench) -> None:
    bench.vehicle = "C"


def short(bench: Bench) -> None:
    bench.vehicle = "E"


def trip(bench: Bench) -> None:
    bench.override["rcd_tripped"] = True


def weld(bench: Bench) -> None:
    bench.override["contactor_closed"] = True


def press(bench: Bench) -> None:
    bench.override["emergency_stopped"] = True


def revoke(bench: Bench) -> None:
    bench.evse.revoke()


def permit(bench: Bench) -> None:
    bench.permit = True


def serve(bench: Bench) -> None:
    bench.evse.set_operative(True)


def stop(bench: Bench) -> None:
    bench.evse.shut_down()


def latch(bench: Bench) -> None:
    bench.evse.latch_hazard("tilted", "before a restart")


@pytest.mark.parametrize(
    "happens", [plug_in, ask, short, trip, weld, press, revoke, permit, serve, stop, latch]
)
def test_whatever_happens_ends_it_in_the_same_step_and_for_good(
    happens: Callable[[Bench], None],
) -> None:
    bench = driven()
    happens(bench)
    command = bench.tick()
    assert command.duty_ratio in (0.0, 1.0)
    assert not command.closed
    bench.vehicle, bench.permit = "A", False
    bench.override.clear()
    for _ in range(100):
        assert not bench.tick().closed
        assert bench.command.pilot is not PilotMode.OFFER


def test_a_board_that_falls_silent_ends_it_as_soon_as_its_word_is_too_old() -> None:
    bench = driven()
    bench.answers = False
    bench.run(0.3)
    assert quiet(bench)
    bench = driven()
    bench.level = BoardLevel.LOST
    bench.tick()
    assert quiet(bench)


@pytest.mark.parametrize("vehicle", ["B", "C", "D"])
def test_it_is_refused_with_a_vehicle_and_the_vehicle_sees_nothing(vehicle: str) -> None:
    bench = Bench()
    bench.until(Phase.IDLE)
    bench.evse.set_operative(False)
    bench.vehicle = vehicle
    bench.run(1.0)
    done, why = drive(bench)
    assert (done, why) == (False, "a vehicle is, or may be, connected")
    bench.tick()
    assert quiet(bench)


def test_it_is_refused_in_service_and_while_charging() -> None:
    bench = Bench()
    bench.until(Phase.IDLE)
    assert drive(bench) == (False, "the EVSE is in service")
    bench = charging()
    assert drive(bench) == (False, "the EVSE is in service")
    bench.evse.set_operative(False)
    for _ in range(600):
        bench.tick()
        assert not drive(bench)[0]


def test_it_is_refused_by_a_board_that_runs_its_pilot() -> None:
    bench = idle(traits=replace(TRAITS, runs_pilot=True))
    assert drive(bench) == (False, "the board runs its pilot by itself")


def test_a_vehicle_that_comes_meanwhile_gets_no_energy_before_the_usual_way() -> None:
    """The signal is no offer: plugged in during it, a vehicle waits for service and leave."""
    bench = driven(0.5)
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    for _ in range(500):
        assert not bench.tick().closed
    bench.evse.set_operative(True)
    bench.vehicle = "B"
    bench.until(Phase.OFFERING)
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    assert bench.command.duty_ratio == pytest.approx(16.0 / 60.0, abs=0.001)
