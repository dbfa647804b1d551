"""The contactor: delays, bounce and failures."""

from __future__ import annotations

import pytest

from hil.plant.contactor import Contactor


def positions(contactor: Contactor, until_s: float, step_s: float = 0.0005) -> list[bool]:
    """The main contact at each half millisecond."""
    found = []
    for number in range(1, round(until_s / step_s) + 1):
        contactor.step(number * step_s)
        found.append(contactor.closed)
    return found


def test_closes_25_ms_after_the_coil_and_bounces_once() -> None:
    contactor = Contactor()
    contactor.drive(True, 0.0)
    found = positions(contactor, 0.040)
    assert found.index(True) == 49
    assert found[51:54] == [False, False, False]
    assert all(found[55:])
    assert contactor.operations == 1


def test_opens_15_ms_after_the_coil() -> None:
    contactor = Contactor()
    contactor.drive(True, 0.0)
    contactor.step(0.1)
    contactor.drive(False, 0.2)
    contactor.step(0.2149)
    assert contactor.closed
    contactor.step(0.2151)
    assert not contactor.closed
    assert contactor.changed_s == pytest.approx(0.215)


def test_a_coil_that_is_released_before_closing_leaves_it_open() -> None:
    contactor = Contactor()
    contactor.drive(True, 0.0)
    contactor.drive(False, 0.010)
    assert not any(positions(contactor, 0.1))
    assert contactor.operations == 0


def test_a_welded_contactor_stays_closed_without_coil() -> None:
    contactor = Contactor()
    contactor.drive(True, 0.0)
    contactor.step(0.1)
    contactor.fail(0.1, welded=True)
    contactor.drive(False, 0.2)
    contactor.step(10.0)
    assert contactor.closed
    contactor.fail(11.0, welded=False)
    contactor.step(11.1)
    assert not contactor.closed


def test_a_stuck_contactor_never_closes() -> None:
    contactor = Contactor()
    contactor.fail(0.0, stuck_open=True)
    contactor.drive(True, 0.0)
    contactor.step(1.0)
    assert not contactor.closed


def test_a_lost_coil_supply_opens_it_although_commanded_closed() -> None:
    contactor = Contactor()
    contactor.drive(True, 0.0)
    contactor.step(0.1)
    contactor.fail(0.1, dropped=True)
    contactor.step(0.2)
    assert not contactor.closed
    assert contactor.coil
