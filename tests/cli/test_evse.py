"""`chargepoint evse N …`: asks a person, asks the agent, says what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from chargepoint.ipc.care import DrivePilot, SetEvseEnabled, SetLocalLimit, UnlockHere
from chargepoint.ipc.service import Done, LiftHazard
from tests.cli.agents import Agent


class Service(Agent):
    """Answers every request with `answer`."""

    def __init__(self, folder: Path) -> None:
        self.answer = Done(ok=True, detail="tilted cleared")
        super().__init__(folder, lambda request: [self.answer])

    def call(self, *arguments: str, said: str = "") -> Result:
        return super().call("evse", *arguments, said=said)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as made:
        yield made


def test_a_hazard_is_lifted_after_a_person_said_so(agent: Service) -> None:
    result = agent.call("2", "reset-hazard", "tilted", said="y\n")
    assert result.exit_code == 0, result.output
    assert agent.asked == [LiftHazard(evse=2, hazard="tilted")]
    assert "Station is tilted" in result.output
    assert "inspect base" in result.output
    assert "tilted cleared" in result.output


def test_nothing_is_sent_when_the_person_says_no(agent: Service) -> None:
    result = agent.call("2", "reset-hazard", "tilted", said="n\n")
    assert result.exit_code == 1
    assert agent.asked == []


def test_a_refusal_is_told_and_exits_with_1(agent: Service) -> None:
    agent.answer = Done(ok=False, detail="still there: tilt contact active")
    result = agent.call("1", "reset-hazard", "tilted", "--yes")
    assert result.exit_code == 1
    assert "EVSE 1: still there: tilt contact active" in result.output


def test_the_answer_can_be_had_as_json(agent: Service) -> None:
    result = agent.call("1", "reset-hazard", "tilted", "--yes", "--json")
    assert result.exit_code == 0
    assert '"ok": true' in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("9", "reset-hazard", "tilted"), "no EVSE 9"),
        (("1", "reset-hazard", "tiltet"), "`tiltet` is no hazard"),
        (("0", "reset-hazard", "tilted"), "no EVSE 0"),
        (("0", "unlock"), "no EVSE 0"),
        (("3", "disable"), "no EVSE 3"),
        (("1", "simulate-pilot", "0.98"), "expected 0.08 to 0.97"),
        (("1", "simulate-pilot", "0.05"), "0.05 is not in the range"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(
    agent: Service, arguments: tuple[str, ...], said: str
) -> None:
    result = agent.call(*arguments, "--yes")
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert agent.asked == []


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (("1", "enable"), SetEvseEnabled(evse=1, enabled=True)),
        (("0", "enable"), SetEvseEnabled(evse=0, enabled=True)),
        (("2", "disable", "--yes"), SetEvseEnabled(evse=2, enabled=False)),
        (("0", "disable", "--yes"), SetEvseEnabled(evse=0, enabled=False)),
        (("1", "limit", "10.5"), SetLocalLimit(evse=1, current_a=10.5)),
        (("0", "limit", "none"), SetLocalLimit(evse=0, current_a=None)),
        (("1", "unlock", "--yes"), UnlockHere(evse=1)),
        (
            ("1", "simulate-pilot", "0.25", "--hold", "5", "--yes"),
            DrivePilot(evse=1, duty_ratio=0.25, hold_s=5.0),
        ),
    ],
)
def test_each_action_asks_the_agent(
    agent: Service, arguments: tuple[str, ...], request_: object
) -> None:
    agent.answer = Done(ok=True, detail="it is done")
    result = agent.call(*arguments)
    assert (result.exit_code, agent.asked) == (0, [request_]), result.output
    assert "it is done" in result.output


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (("1", "disable"), "A running transaction finishes first"),
        (("1", "unlock"), "is ended for good"),
        (("1", "simulate-pilot", "0.5"), "nothing is plugged in and the\ncontactor is open"),
    ],
)
def test_what_may_surprise_somebody_says_what_it_does_and_waits_for_a_yes(
    agent: Service, arguments: tuple[str, ...], warning: str
) -> None:
    result = agent.call(*arguments, said="n\n")
    assert (result.exit_code, agent.asked) == (1, [])
    assert warning in result.output
    assert agent.call(*arguments, said="y\n").exit_code == 0
    assert len(agent.asked) == 1


def test_a_limit_that_is_no_number_is_a_usage_error(agent: Service) -> None:
    result = agent.call("1", "limit", "ten")
    assert (result.exit_code, "`ten` is no current" in result.output) == (2, True)


def test_the_refusal_of_an_action_is_told_and_exits_with_1(agent: Service) -> None:
    agent.answer = Done(ok=False, detail="3 A: expected 0 (pause) or 6 to 80 A")
    result = agent.call("1", "limit", "3")
    assert result.exit_code == 1
    assert "EVSE 1: 3 A: expected 0 (pause)" in result.output
