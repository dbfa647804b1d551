"""What is told when something changed, and that nothing is told when nothing did."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.evse.evse import Evse, EvseSettings
from chargepoint.evse.hazards import Change
from chargepoint.evse.telling import Told
from chargepoint.ipc.messages import (
    ContactorClosed,
    EvseSnapshot,
    Fact,
    HazardCleared,
    HazardRaised,
    LeaseExpired,
    Observed,
    PilotChanged,
    RcdTested,
    Said,
)
from hal.values import PilotState
from tests.evse.bench import TRAITS

QUIET = replace(Evse(EvseSettings(evse=7), TRAITS).snapshot(), temperature_c=30.0)


def facts(told: Told, snapshot: EvseSnapshot = QUIET, now_s: float = 5.0) -> tuple[Fact, ...]:
    """Of a step in which only the snapshot may have changed."""
    return told.facts(snapshot, (), (), None, None, now_s)


def test_the_first_snapshot_is_told_and_then_only_changes() -> None:
    told = Told(7)
    assert facts(told) == (Observed(seq=0, at_s=5.0, evse=QUIET),)
    assert facts(told, now_s=6.0) == ()
    other = replace(QUIET, limit_a=6.0)
    assert facts(told, other, 7.0) == (Observed(seq=0, at_s=7.0, evse=other),)


def test_a_pilot_change_is_told_with_the_state_before() -> None:
    told = Told(7)
    facts(told)
    b = replace(QUIET, pilot=PilotState.B)
    unknown = replace(QUIET, pilot=None)
    c = replace(QUIET, pilot=PilotState.C)
    assert facts(told, b)[0] == PilotChanged(
        seq=0, at_s=5.0, evse=7, pilot=PilotState.B, before=None
    )
    assert [type(fact) for fact in facts(told, unknown)] == [Observed]
    assert [type(fact) for fact in facts(told, b)] == [Observed], "still the state it was"
    assert facts(told, c, 6.0)[0] == PilotChanged(
        seq=0, at_s=6.0, evse=7, pilot=PilotState.C, before=PilotState.B
    )


def test_a_temperature_is_told_when_it_has_moved_by_a_degree() -> None:
    told = Told(7)
    facts(told)
    assert facts(told, replace(QUIET, temperature_c=30.9)) == ()
    assert facts(told, replace(QUIET, temperature_c=29.1)) == ()
    warmer = replace(QUIET, temperature_c=31.0)
    assert facts(told, warmer) == (Observed(seq=0, at_s=5.0, evse=warmer),)
    assert facts(told, replace(QUIET, temperature_c=30.1)) == ()
    assert facts(told, QUIET) == (Observed(seq=0, at_s=5.0, evse=QUIET),)
    unknown = replace(QUIET, temperature_c=None)
    assert facts(told, unknown) == (Observed(seq=0, at_s=5.0, evse=unknown),)


TILTED = Said(id="active", fields={"input": "tilt contact"})


def test_causes_come_before_effects() -> None:
    told = Told(7)
    closed = ContactorClosed(seq=0, at_s=5.0, evse=7, operations=1)
    changes = (
        Change(hazard="tilted", detail="tilt contact active", said=TILTED),
        Change(hazard="door_open", detail=None),
    )
    b = replace(QUIET, pilot=PilotState.B)
    assert told.facts(b, ("limit",), changes, (False, "did not trip"), closed, 5.0) == (
        PilotChanged(seq=0, at_s=5.0, evse=7, pilot=PilotState.B, before=None),
        LeaseExpired(seq=0, at_s=5.0, evse=7, lease="limit"),
        RcdTested(seq=0, at_s=5.0, evse=7, passed=False, detail="did not trip"),
        HazardRaised(
            seq=0,
            at_s=5.0,
            evse=7,
            hazard="tilted",
            detail="tilt contact active",
            said=TILTED,
            persists=True,
        ),
        HazardCleared(seq=0, at_s=5.0, evse=7, hazard="door_open"),
        closed,
        Observed(seq=0, at_s=5.0, evse=b),
    )
