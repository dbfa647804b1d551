"""Grants as commands, and their renewal."""

from __future__ import annotations

import msgspec
import pytest

from chargepoint.agent.leases import Leases
from chargepoint.ipc.messages import (
    Command,
    RenewLimit,
    RenewPermission,
    Revoke,
    SetOperative,
)
from chargepoint.station.effects import Grant


def grant(
    evse: int = 1, *, permitted: bool = True, current_a: float = 16.0, operative: bool = True
) -> Grant:
    return Grant(evse=evse, permitted=permitted, current_a=current_a, operative=operative)


@pytest.fixture
def leases() -> Leases:
    leases = Leases(10.0, 120.0, 100.0)
    leases.renewals(100.0)
    return leases


def test_a_first_grant_is_told_whole(leases: Leases) -> None:
    assert leases.changes([grant()], 100.0) == [
        (1, SetOperative(evse=1, operative=True)),
        (1, RenewLimit(evse=1, current_a=16.0, until_s=110.0)),
        (1, RenewPermission(evse=1, until_s=220.0)),
    ]


def test_only_what_changed_is_told(leases: Leases) -> None:
    leases.changes([grant()], 100.0)
    assert leases.changes([grant()], 101.0) == []
    assert leases.changes([grant(current_a=10.0)], 102.0) == [
        (1, RenewLimit(evse=1, current_a=10.0, until_s=112.0))
    ]


def test_a_change_of_the_phases_alone_is_told_and_renewed(leases: Leases) -> None:
    leases.changes([grant()], 100.0)
    single = Grant(evse=1, permitted=True, current_a=16.0, operative=True, phases=1)
    told = RenewLimit(evse=1, current_a=16.0, until_s=112.0, phases=1)
    assert leases.changes([single], 102.0) == [(1, told)]
    assert leases.renewals(103.0)[0] == (1, msgspec.structs.replace(told, until_s=113.0))


def test_what_takes_away_goes_first(leases: Leases) -> None:
    leases.changes([grant(1, permitted=False), grant(2)], 100.0)
    changed = leases.changes([grant(1), grant(2, permitted=False)], 101.0)
    assert changed == [(2, Revoke(evse=2)), (1, RenewPermission(evse=1, until_s=221.0))]


def test_leases_are_renewed_well_before_they_end(leases: Leases) -> None:
    leases.changes([grant(1), grant(2, permitted=False)], 100.0)
    assert leases.deadline_s() == 102.5
    assert leases.renewals(102.4) == []
    assert leases.renewals(102.5) == [
        (1, RenewLimit(evse=1, current_a=16.0, until_s=112.5)),
        (2, RenewLimit(evse=2, current_a=16.0, until_s=112.5)),
    ]
    assert (1, RenewPermission(evse=1, until_s=240.0)) in leases.renewals(120.0)


def test_a_permission_that_was_not_given_is_never_renewed(leases: Leases) -> None:
    leases.changes([grant(permitted=False)], 100.0)
    commands: list[Command] = []
    for second in range(101, 300):
        commands += [command for _, command in leases.renewals(float(second))]
    assert not any(isinstance(command, RenewPermission) for command in commands)


def test_a_new_safety_program_is_told_everything_again(leases: Leases) -> None:
    leases.changes([grant()], 100.0)
    leases.forget()
    assert len(leases.changes([grant()], 101.0)) == 3
