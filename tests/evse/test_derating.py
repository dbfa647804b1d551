"""The temperature staircase and the missing sensor."""

from __future__ import annotations

import pytest

from chargepoint.evse.derating import Derating
from chargepoint.evse.settings import EvseSettings

# fmt: off
PATHS = [
    ([64.9],                          0, None),
    ([65.0],                          1, 16.0),
    ([67.9],                          1, 16.0),
    ([68.0],                          2, 8.0),
    ([90.0],                          2, 8.0),
    ([65.0, 61.0],                    1, 16.0),
    ([65.0, 60.9],                    0, None),
    ([68.0, 64.0],                    2, 8.0),
    ([68.0, 63.9],                    1, 16.0),
    ([68.0, 60.9],                    0, None),
    ([68.0, None, None],              2, 8.0),
    ([None],                          0, None),
]
# fmt: on


@pytest.mark.parametrize(("temperatures_c", "step", "limit_a"), PATHS)
def test_current_goes_down_in_two_steps_and_up_with_hysteresis(
    temperatures_c: list[float | None], step: int, limit_a: float | None
) -> None:
    derating = Derating(EvseSettings(evse=1))
    for now_s, temperature_c in enumerate(temperatures_c):
        derating.take(temperature_c, fitted=True, now_s=float(now_s))
    assert derating.step == step
    assert derating.limit_a(sensor_lost=False) == limit_a


@pytest.mark.parametrize(
    ("current_max_a", "temperature_c", "lost", "limit_a"),
    [
        (32.0, 20.0, True, 10.0),
        (32.0, 65.0, True, 10.0),
        (32.0, 68.0, True, 8.0),
        (16.0, 68.0, False, 6.0),
        (16.0, 65.0, False, 8.0),
        (16.0, 65.0, True, 8.0),
    ],
)
def test_the_smallest_limit_holds_but_never_less_than_can_be_offered(
    current_max_a: float, temperature_c: float, lost: bool, limit_a: float
) -> None:
    derating = Derating(EvseSettings(evse=1, current_max_a=current_max_a))
    derating.take(temperature_c, fitted=True, now_s=0.0)
    assert derating.limit_a(sensor_lost=lost) == limit_a


def test_a_fitted_sensor_is_missed_from_its_last_value_or_the_start() -> None:
    derating = Derating(EvseSettings(evse=1))
    derating.take(None, fitted=True, now_s=100.0)
    derating.take(None, fitted=True, now_s=103.0)
    assert derating.missing_s == 3.0
    derating.take(20.0, fitted=True, now_s=104.0)
    assert derating.missing_s == 0.0
    derating.take(None, fitted=True, now_s=106.5)
    assert derating.missing_s == 2.5


def test_what_is_not_fitted_or_cannot_be_read_now_is_not_missed() -> None:
    derating = Derating(EvseSettings(evse=1))
    for now_s in (0.0, 50.0, 100.0):
        derating.take(None, fitted=False, now_s=now_s)
        assert derating.missing_s == 0.0
    derating.take(None, fitted=True, now_s=101.0)
    assert derating.missing_s == 1.0
