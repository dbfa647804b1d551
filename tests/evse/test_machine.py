"""The two tables, all of them: every phase against every combination of inputs and times."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest

from chargepoint.evse.machine import (
    OUTPUTS,
    TRANSITIONS,
    Contactor,
    Lock,
    PhaseMachine,
    Row,
    Shown,
)
from chargepoint.evse.pilot import Diode
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.situation import Shutdown, Situation, cause_of
from chargepoint.ipc.messages import Phase, StopCause
from hal.values import PilotState

SETTINGS = EvseSettings(evse=1)

# fmt: off
ALL = {
    "pilot":       (None, *PilotState),
    "ventilated":  (False, True),
    "diode":       tuple(Diode),
    "permitted":   (False, True),
    "operative":   (False, True),
    "limited":     (False, True),
    "held_back":   ("no", "rewiring", "untested"),
    "hazard":      ("none", "stop", "open"),
    "shutdown":    tuple(Shutdown),
    "feedback":    (None, False, True),
    "elapsed_s":   (0.0, 0.3, 5.98, 6.0),
}
# fmt: on
CLOSED = {phase for phase, outputs in OUTPUTS.items() if outputs.contactor is Contactor.CLOSED}


def situations() -> Iterator[Situation]:
    for values in itertools.product(*ALL.values()):
        given = dict(zip(ALL, values, strict=True))
        hazard, held_back = given.pop("hazard"), given.pop("held_back")
        yield Situation(
            **given,
            rewiring=held_back == "rewiring",
            untested=held_back == "untested",
            stop_hazard=hazard != "none",
            open_hazard=hazard == "open",
            asking_s=given["elapsed_s"],
        )


def follow(phase: Phase, situation: Situation, machine: PhaseMachine) -> Phase:
    machine.state = phase.value
    machine.step(situation, 0.0)
    return machine.phase


def closing_is_right(s: Situation) -> bool:
    """Written again from the standard, without the conditions of the table."""
    return (
        (s.pilot is PilotState.C or (s.pilot is PilotState.D and s.ventilated))
        and s.diode is Diode.PASSED
        and s.permitted
        and s.operative
        and not s.limited
        and not s.stop_hazard
        and not s.open_hazard
        and not s.rewiring
        and not s.untested
        and s.shutdown is Shutdown.NO
    )


def staying_is_right(s: Situation) -> bool:
    return (
        (s.pilot is PilotState.C or (s.pilot is PilotState.D and s.ventilated))
        and s.diode is Diode.PASSED
        and not s.open_hazard
        and s.shutdown is not Shutdown.IMMEDIATE
    )


def test_the_contactor_is_closed_in_three_phases_only() -> None:
    assert {Phase.CLOSING, Phase.ENERGISED, Phase.STOPPING} == CLOSED


def test_nothing_closes_or_stays_closed_against_the_rules_in_any_combination() -> None:
    """All phases × all inputs × all classes of elapsed time, through the real machine.

    Only phases that can lead to a closed contactor are run in full; that the others cannot, the
    table itself says (next test).
    """
    machine = PhaseMachine(SETTINGS)
    seen = 0
    for situation in situations():
        for phase in (Phase.OFFERING, *CLOSED):
            after = follow(phase, situation, machine)
            seen += 1
            if phase in CLOSED and not staying_is_right(situation):
                assert after is Phase.OPENING, ("not opened in this step", phase, situation)
            if after not in CLOSED:
                continue
            assert staying_is_right(situation), (phase, after, situation)
            if after is not Phase.STOPPING:
                assert closing_is_right(situation), (phase, after, situation)
            if after is Phase.STOPPING and phase is Phase.STOPPING:
                assert situation.elapsed_s < SETTINGS.ramp_down_s, (phase, after, situation)
            if phase is Phase.OFFERING:
                assert situation.feedback is not True, "closed before it was told to"
    assert seen == 7 * 2 * 3 * 2 * 2 * 2 * 3 * 3 * 3 * 3 * 4 * 4


def test_only_an_offer_leads_to_a_closed_contactor() -> None:
    ways = {(line.source, line.to) for line in TRANSITIONS if line.to in CLOSED}
    assert ways == {
        (Phase.OFFERING, Phase.CLOSING),
        (Phase.CLOSING, Phase.ENERGISED),
        (Phase.ENERGISED, Phase.STOPPING),
    }


@pytest.mark.parametrize("phase", sorted(CLOSED))
def test_the_first_row_of_each_closed_phase_is_the_one_that_opens(phase: Phase) -> None:
    first = next(line for line in TRANSITIONS if line.source is phase)
    assert (first.when.__name__, first.to) == ("not_safe", Phase.OPENING)


def test_every_phase_has_a_way_out_and_a_way_in() -> None:
    assert {line.source for line in TRANSITIONS} == set(Phase)
    assert {line.to for line in TRANSITIONS} == set(Phase) - {Phase.STARTING}


def test_no_lock_opens_while_the_contactor_may_be_closed() -> None:
    held = {phase for phase, outputs in OUTPUTS.items() if outputs.lock is Lock.HELD}
    assert all(OUTPUTS[phase].contactor is Contactor.OPEN for phase in set(Phase) - CLOSED)
    assert held == CLOSED | {Phase.OPENING}


def test_a_current_is_offered_only_where_leave_is_checked() -> None:
    offering = {phase for phase, outputs in OUTPUTS.items() if outputs.pilot is Shown.OFFER}
    assert offering == {Phase.OFFERING, Phase.CLOSING, Phase.ENERGISED}
    for phase in offering:
        assert "not_allowed" in {line.when.__name__ for line in TRANSITIONS if line.source is phase}


# fmt: off
GOOD = Situation(pilot=PilotState.C, diode=Diode.PASSED, permitted=True, feedback=False,
                 elapsed_s=0.1, asking_s=0.1)
ROWS_APPLY = {
    (Phase.STARTING, "hazard"):                GOOD,
    (Phase.STARTING, "prepared"):              GOOD,
    (Phase.CONNECTED, "asking"):               replace(GOOD, permitted=False),
    (Phase.OFFERING, "kept_waiting"):          replace(GOOD, unlocked=True, elapsed_s=3.0,
                                                       asking_s=3.0),
    (Phase.CLOSING, "closed"):                 replace(GOOD, feedback=True),
    (Phase.STOPPING, "ramped_down"):           replace(GOOD, elapsed_s=6.0),
    (Phase.OFFERING, "asleep"):                replace(GOOD, pilot=PilotState.B, asleep=True),
    (Phase.WAKING, "woken"):                   replace(GOOD, pilot=PilotState.F, elapsed_s=4.0),
    (Phase.OPENING, "opened_offering"):        replace(GOOD, pilot=PilotState.B, steady_s=0.0),
    (Phase.OPENING, "opened_plugged"):         replace(GOOD, permitted=False),
    (Phase.WAITING, "not_asking"):             replace(GOOD, pilot=PilotState.B, permitted=False),
}
BY_NAME = {
    "hazard":             replace(GOOD, stop_hazard=True),
    "inoperative":        replace(GOOD, operative=False),
    "plugged":            GOOD,
    "unplugged":          replace(GOOD, pilot=PilotState.A),
    "allowed":            GOOD,
    "not_allowed":        replace(GOOD, permitted=False),
    "ev_ready":           GOOD,
    "not_safe":           replace(GOOD, pilot=PilotState.B),
    "hazard_opened":   replace(GOOD, stop_hazard=True),
    "opened_unplugged":   replace(GOOD, pilot=PilotState.A),
    "opened_inoperative": replace(GOOD, operative=False),
    "lifted_unplugged":   replace(GOOD, pilot=PilotState.A),
    "lifted_plugged":     GOOD,
    "operative_unplugged": replace(GOOD, pilot=PilotState.A),
    "operative_plugged":  GOOD,
}
# fmt: on


@pytest.mark.parametrize(
    "line", TRANSITIONS, ids=lambda line: f"{line.source}-{line.when.__name__}"
)
def test_each_row_of_the_table_is_taken_in_the_situation_it_is_for(line: Row) -> None:
    name = line.when.__name__
    situation = BY_NAME.get(name) or ROWS_APPLY[(line.source, name)]
    assert follow(line.source, situation, PhaseMachine(SETTINGS)) is line.to


A, B, C = PilotState.A, PilotState.B, PilotState.C
STOP: dict[str, object] = {"stop_hazard": True}
OUT: dict[str, object] = {"operative": False}
REVOKED: dict[str, object] = {"permitted": False}

# fmt: off
WAYS: list[tuple[Phase, dict[str, object], Phase]] = [
    # from                what there is besides GOOD                          to
    (Phase.STARTING,      STOP,                                               Phase.FAULTED),
    (Phase.STARTING,      {"ready": False},                                   Phase.STARTING),
    (Phase.STARTING,      {},                                                 Phase.IDLE),
    (Phase.IDLE,          STOP | {"pilot": A},                                Phase.FAULTED),
    (Phase.IDLE,          STOP | OUT,                                         Phase.FAULTED),
    (Phase.IDLE,          OUT,                                                Phase.OUT_OF_SERVICE),
    (Phase.IDLE,          {"pilot": A},                                       Phase.IDLE),
    (Phase.IDLE,          {"pilot": B},                                       Phase.CONNECTED),
    (Phase.CONNECTED,     STOP,                                               Phase.FAULTED),
    (Phase.CONNECTED,     STOP | {"pilot": A},                                Phase.FAULTED),
    (Phase.CONNECTED,     {"pilot": A},                                       Phase.IDLE),
    (Phase.CONNECTED,     OUT,                                                Phase.OUT_OF_SERVICE),
    (Phase.CONNECTED,     {},                                                 Phase.OFFERING),
    (Phase.CONNECTED,     REVOKED,                                            Phase.WAITING),
    (Phase.CONNECTED,     REVOKED | {"pilot": B},                             Phase.CONNECTED),
    (Phase.OFFERING,      STOP,                                               Phase.FAULTED),
    (Phase.OFFERING,      {"pilot": A},                                       Phase.IDLE),
    (Phase.OFFERING,      OUT,                                                Phase.CONNECTED),
    (Phase.OFFERING,      {},                                                 Phase.CLOSING),
    (Phase.OFFERING,      {"pilot": B},                                       Phase.OFFERING),
    (Phase.OFFERING,      {"unlocked": True, "elapsed_s": 3.0, "asking_s": 3.0}, Phase.WAITING),
    (Phase.OFFERING,      {"pilot": B, "asleep": True},                       Phase.WAKING),
    (Phase.WAKING,        STOP | {"pilot": B},                                Phase.FAULTED),
    (Phase.WAKING,        REVOKED | {"pilot": B},                             Phase.CONNECTED),
    (Phase.WAKING,        {"pilot": B, "elapsed_s": 3.9},                     Phase.WAKING),
    (Phase.WAKING,        {"pilot": B, "elapsed_s": 4.0},                     Phase.CONNECTED),
    (Phase.CLOSING,       {"pilot": B},                                       Phase.OPENING),
    (Phase.CLOSING,       REVOKED,                                            Phase.OPENING),
    (Phase.CLOSING,       {},                                                 Phase.CLOSING),
    (Phase.CLOSING,       {"feedback": True},                                 Phase.ENERGISED),
    (Phase.ENERGISED,     {"pilot": B, "feedback": True},                     Phase.OPENING),
    (Phase.ENERGISED,     REVOKED | {"pilot": B, "feedback": True},           Phase.OPENING),
    (Phase.ENERGISED,     REVOKED | {"feedback": True},                       Phase.STOPPING),
    (Phase.ENERGISED,     STOP | {"feedback": True},                          Phase.STOPPING),
    (Phase.ENERGISED,     {"feedback": True},                                 Phase.ENERGISED),
    (Phase.STOPPING,      REVOKED | {"pilot": B, "feedback": True},           Phase.OPENING),
    (Phase.STOPPING,      REVOKED | {"feedback": True, "elapsed_s": 5.9},     Phase.STOPPING),
    (Phase.STOPPING,      REVOKED | {"feedback": True, "elapsed_s": 6.0},     Phase.OPENING),
    (Phase.OPENING,       STOP | {"pilot": A},                                Phase.FAULTED),
    (Phase.OPENING,       STOP | {"feedback": True},                          Phase.OPENING),
    (Phase.OPENING,       {"feedback": True},                                 Phase.OPENING),
    (Phase.OPENING,       {"pilot": A},                                       Phase.IDLE),
    (Phase.OPENING,       OUT | {"pilot": B},                                 Phase.OUT_OF_SERVICE),
    (Phase.OPENING,       {"pilot": B, "steady_s": 0.0},                      Phase.OFFERING),
    (Phase.OPENING,       {"pilot": B},                                       Phase.CONNECTED),
    (Phase.WAITING,       STOP,                                               Phase.FAULTED),
    (Phase.WAITING,       {"pilot": A},                                       Phase.IDLE),
    (Phase.WAITING,       OUT,                                                Phase.OUT_OF_SERVICE),
    (Phase.WAITING,       {},                                                 Phase.OFFERING),
    (Phase.WAITING,       REVOKED | {"pilot": B},                             Phase.CONNECTED),
    (Phase.WAITING,       REVOKED,                                            Phase.WAITING),
    (Phase.FAULTED,       STOP | {"pilot": A},                                Phase.FAULTED),
    (Phase.FAULTED,       {"pilot": A},                                       Phase.IDLE),
    (Phase.FAULTED,       {},                                                 Phase.CONNECTED),
    (Phase.OUT_OF_SERVICE, STOP | OUT,                                        Phase.FAULTED),
    (Phase.OUT_OF_SERVICE, OUT,                                               Phase.OUT_OF_SERVICE),
    (Phase.OUT_OF_SERVICE, {"pilot": A},                                      Phase.IDLE),
    (Phase.OUT_OF_SERVICE, {},                                                Phase.CONNECTED),
]
# fmt: on


@pytest.mark.parametrize(("phase", "besides", "after"), WAYS)
def test_each_phase_is_left_the_way_the_standard_says(
    phase: Phase, besides: dict[str, object], after: Phase
) -> None:
    """Written out from the sequences of Annex A, without a look at the table."""
    situation = replace(GOOD, **besides)  # type: ignore[arg-type]
    assert follow(phase, situation, PhaseMachine(SETTINGS)) is after


# fmt: off
SHOWN = {
    Phase.STARTING:       (Shown.STEADY, Contactor.OPEN,   Lock.PERMITTED),
    Phase.IDLE:           (Shown.STEADY, Contactor.OPEN,   Lock.FREE),
    Phase.CONNECTED:      (Shown.STEADY, Contactor.OPEN,   Lock.PERMITTED),
    Phase.OFFERING:       (Shown.OFFER,  Contactor.OPEN,   Lock.PERMITTED),
    Phase.CLOSING:        (Shown.OFFER,  Contactor.CLOSED, Lock.HELD),
    Phase.ENERGISED:      (Shown.OFFER,  Contactor.CLOSED, Lock.HELD),
    Phase.STOPPING:       (Shown.STEADY, Contactor.CLOSED, Lock.HELD),
    Phase.OPENING:        (Shown.KEPT,   Contactor.OPEN,   Lock.HELD),
    Phase.WAITING:        (Shown.STEADY, Contactor.OPEN,   Lock.PERMITTED),
    Phase.WAKING:         (Shown.WAKE,   Contactor.OPEN,   Lock.PERMITTED),
    Phase.FAULTED:        (Shown.FAULT,  Contactor.OPEN,   Lock.LEAVING),
    Phase.OUT_OF_SERVICE: (Shown.STEADY, Contactor.OPEN,   Lock.PERMITTED),
}
# fmt: on


@pytest.mark.parametrize("phase", list(Phase))
def test_each_phase_has_its_outputs(phase: Phase) -> None:
    machine = PhaseMachine(SETTINGS)
    machine.state = phase.value
    outputs = machine.outputs
    assert (outputs.pilot, outputs.contactor, outputs.lock) == SHOWN[phase]


# fmt: off
CAUSES = [
    ({"stop_hazard": True, "pilot": PilotState.A},  StopCause.HAZARD),
    ({"open_hazard": True, "pilot": PilotState.B},  StopCause.HAZARD),
    ({"pilot": PilotState.A},                       StopCause.UNPLUGGED),
    ({"pilot": PilotState.B},                       StopCause.VEHICLE_PAUSED),
    ({"pilot": PilotState.E},                       StopCause.HAZARD),
    ({"shutdown": Shutdown.ORDERLY},                StopCause.SHUTDOWN),
    ({"operative": False, "permitted": False},      StopCause.INOPERATIVE),
    ({"permitted": False, "expired": True},         StopCause.PERMISSION_EXPIRED),
    ({"permitted": False},                          StopCause.REVOKED),
    ({"limited": True, "rewiring": True},           StopCause.PHASE_SWITCH),
    ({"limited": True},                             StopCause.LIMIT_BELOW_MINIMUM),
]
# fmt: on


@pytest.mark.parametrize(("change", "cause"), CAUSES)
def test_the_weightiest_reason_is_the_cause(change: dict[str, object], cause: StopCause) -> None:
    assert cause_of(replace(GOOD, **change)) is cause  # type: ignore[arg-type]


def test_a_phase_begins_when_it_is_entered_and_the_first_one_with_the_first_step() -> None:
    machine = PhaseMachine(SETTINGS)
    assert machine.entered_s is None
    assert not machine.step(replace(GOOD, ready=False), 5.0)
    assert not machine.step(replace(GOOD, ready=False), 6.0)
    assert (machine.phase, machine.entered_s) == (Phase.STARTING, 5.0)
    assert machine.step(GOOD, 7.0)
    assert (machine.phase, machine.entered_s) == (Phase.IDLE, 7.0)
    assert machine.outputs is OUTPUTS[Phase.IDLE]


def test_the_exhaustive_check_knows_every_input_of_a_situation() -> None:
    """A new field must join the check, or stand here with the reason why it need not."""
    constant = {
        "expired",  # only names the cause
        "asleep",  # only leads to WAKING, from which nothing closes
        "ready",  # only leaves STARTING, from which nothing closes
        "suspect",  # only delays closing
        "unlocked", "steady_s", "open_s", "closing_s",  # only ever delay closing
        "stop_hazard", "open_hazard", "asking_s",  # made from `hazard` and `elapsed_s`
        "rewiring", "untested",  # made from `held_back`
    }  # fmt: skip
    given = set(ALL) - {"hazard", "held_back"}
    assert {field.name for field in fields(Situation)} == given | constant
