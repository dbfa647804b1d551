"""The contactor's story: confirmed, told, counted, and why it opened."""

from __future__ import annotations

import pytest

from chargepoint.evse.contactor import Contactor
from chargepoint.evse.pilot import Diode
from chargepoint.evse.situation import Situation
from chargepoint.ipc.messages import ContactorClosed, ContactorOpened, Phase, StopCause
from hal.values import PilotState
from tests.evse.bench import Bench, charging

ASKING = Situation(pilot=PilotState.C, diode=Diode.PASSED, permitted=True)
PAUSED = Situation(pilot=PilotState.B, diode=Diode.PASSED, permitted=True)
GONE = Situation(pilot=PilotState.A, permitted=True)
ALARM = Situation(pilot=PilotState.C, permitted=True, open_hazard=True, stop_hazard=True)
REVOKED = Situation(pilot=PilotState.C, diode=Diode.PASSED)


def test_a_station_at_rest_tells_of_no_contactor() -> None:
    bench = Bench()
    bench.run(1.0)
    assert bench.told(ContactorOpened) + bench.told(ContactorClosed) == []
    snapshot = bench.evse.snapshot()
    assert (snapshot.contactor_closed, snapshot.operations) == (False, 0)


def test_the_next_vehicle_does_not_inherit_why_the_last_one_stopped() -> None:
    bench = charging()
    bench.vehicle = "A"
    bench.run(1.0)
    assert bench.evse.snapshot().stop_cause is StopCause.UNPLUGGED
    bench.vehicle = "B"
    bench.run(1.0)
    assert bench.evse.snapshot().stop_cause is None


def test_energy_that_flows_again_has_no_cause_of_an_end() -> None:
    bench = charging()
    bench.vehicle = "B"
    bench.run(1.0)
    assert bench.evse.snapshot().stop_cause is StopCause.VEHICLE_PAUSED
    bench.vehicle = "C"
    bench.until(Phase.ENERGISED)
    assert bench.evse.snapshot().stop_cause is None
    assert bench.evse.snapshot().operations == 2


@pytest.mark.parametrize(
    ("before", "after", "situation", "cause"),
    [
        (Phase.ENERGISED, Phase.ENERGISED, PAUSED, None),
        (Phase.CLOSING, Phase.CLOSING, ALARM, None),
        (Phase.OFFERING, Phase.CLOSING, REVOKED, None),
        (Phase.CLOSING, Phase.ENERGISED, ASKING, None),
        (Phase.ENERGISED, Phase.STOPPING, REVOKED, StopCause.REVOKED),
        (Phase.ENERGISED, Phase.OPENING, PAUSED, StopCause.VEHICLE_PAUSED),
        (Phase.CLOSING, Phase.OPENING, GONE, StopCause.UNPLUGGED),
        (Phase.OPENING, Phase.FAULTED, ALARM, None),
    ],
)
def test_a_cause_is_noted_in_the_step_in_which_energy_ends(
    before: Phase, after: Phase, situation: Situation, cause: StopCause | None
) -> None:
    contactor = Contactor(1)
    contactor.follow_phase(before, after, situation)
    assert contactor.stop_cause is cause


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (PAUSED, StopCause.REVOKED),
        (GONE, StopCause.UNPLUGGED),
        (ALARM, StopCause.HAZARD),
        (REVOKED, StopCause.REVOKED),
    ],
)
def test_what_began_to_stop_in_order_keeps_its_cause_unless_a_weightier_one_comes(
    end: Situation, cause: StopCause
) -> None:
    contactor = Contactor(1)
    contactor.follow_phase(Phase.ENERGISED, Phase.STOPPING, REVOKED)
    contactor.follow_phase(Phase.STOPPING, Phase.OPENING, end)
    assert contactor.stop_cause is cause


def switched(contactor: Contactor, closed: bool, now_s: float) -> object:
    """Commanded, and followed at once by the auxiliary contact."""
    contactor.command(closed, now_s)
    phase = Phase.ENERGISED if closed else Phase.OPENING
    return contactor.follow_feedback(closed, phase, now_s, now_s)


@pytest.mark.parametrize(("end", "under_load"), [(PAUSED, False), (GONE, True), (ASKING, True)])
def test_an_opening_is_under_load_unless_the_vehicle_had_paused(
    end: Situation, under_load: bool
) -> None:
    contactor = Contactor(7)
    closed = switched(contactor, True, 1.0)
    assert closed == ContactorClosed(seq=0, at_s=1.0, evse=7, operations=1, took_s=0.0)
    contactor.follow_phase(Phase.ENERGISED, Phase.OPENING, end)
    told = switched(contactor, False, 2.0)
    cause = StopCause.VEHICLE_PAUSED if end is PAUSED else None
    cause = cause or (StopCause.UNPLUGGED if end is GONE else StopCause.LIMIT_BELOW_MINIMUM)
    assert told == ContactorOpened(seq=0, at_s=2.0, evse=7, cause=cause, under_load=under_load)
    contactor.follow_phase(Phase.CLOSING, Phase.ENERGISED, ASKING)
    assert contactor.stop_cause is None


def test_each_change_is_told_once_and_only_when_command_and_contact_agree() -> None:
    contactor = Contactor(1)
    contactor.command(True, 1.0)
    assert contactor.follow_feedback(False, Phase.CLOSING, 1.0, 1.0) is None
    assert not contactor.confirmed
    assert contactor.follow_feedback(True, Phase.CLOSING, 1.1, 1.1) is not None
    assert contactor.confirmed
    assert contactor.follow_feedback(True, Phase.ENERGISED, 1.2, 1.2) is None
    assert contactor.follow_feedback(False, Phase.ENERGISED, 1.3, 1.3) is None, "not our command"
    contactor.command(False, 1.4)
    assert contactor.follow_feedback(True, Phase.OPENING, 1.4, 1.4) is None
    told = contactor.follow_feedback(False, Phase.OPENING, 1.5, 1.5)
    assert isinstance(told, ContactorOpened)
    assert told.cause is StopCause.HAZARD, "where nothing else is known"
    assert contactor.follow_feedback(False, Phase.OPENING, 1.6, 1.6) is None


def test_without_a_contact_a_closing_counts_when_the_wait_is_over() -> None:
    contactor = Contactor(1)
    contactor.command(True, 1.0)
    assert contactor.follow_feedback(None, Phase.CLOSING, 1.0, 1.0) is None
    assert not contactor.closed
    assert contactor.follow_feedback(None, Phase.ENERGISED, 1.3, 1.3) is not None
    assert contactor.closed
    contactor.command(False, 2.0)
    assert contactor.follow_feedback(None, Phase.OPENING, 2.0, 2.0) is not None
    assert not contactor.closed


def test_instants_are_those_of_the_first_command_and_a_closing_is_confirmed_anew() -> None:
    contactor = Contactor(1)
    contactor.command(False, 1.0)
    contactor.command(False, 2.0)
    assert (contactor.opened_s, contactor.closed_s) == (1.0, None)
    switched(contactor, True, 3.0)
    switched(contactor, True, 4.0)
    assert (contactor.opened_s, contactor.closed_s, contactor.confirmed) == (1.0, 3.0, True)
    switched(contactor, False, 5.0)
    switched(contactor, False, 6.0)
    assert contactor.opened_s == 5.0
    contactor.command(True, 7.0)
    assert (contactor.closed_s, contactor.confirmed, contactor.operations) == (7.0, False, 1)


def test_a_contact_that_is_closed_without_command_is_no_closing_of_ours() -> None:
    contactor = Contactor(1)
    contactor.command(False, 1.0)
    assert contactor.follow_feedback(True, Phase.STARTING, 1.0, 1.0) is None
    assert (contactor.closed, contactor.confirmed, contactor.operations) == (True, False, 0)
