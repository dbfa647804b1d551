"""`chargepoint evse N …`: asks a person, asks the agent, says what came of it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chargepoint.cli.main import main
from chargepoint.config import load
from chargepoint.ipc.care import DrivePilot, SetEvseEnabled, SetLocalLimit, UnlockHere
from chargepoint.ipc.codec import decode_request, encode
from chargepoint.ipc.service import Done, LiftHazard

DEMO = Path(__file__).resolve().parents[2] / "config/examples/demo.toml"


class Agent:
    """Answers every request on the agent's socket of a configuration with `answer`."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.answer = Done(ok=True, detail="tilted cleared")
        self.asked: list[object] = []
        agent = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                agent.asked.append(decode_request(self.rfile.readline()))
                self.wfile.write(encode(agent.answer))

        path = Path(load(str(config)).agent_socket())
        path.parent.mkdir(parents=True, exist_ok=True)
        self.server = socketserver.ThreadingUnixStreamServer(str(path), Handler)

    def call(self, *arguments: str, said: str = "") -> Result:
        command = ["evse", *arguments, "--config", str(self.config)]
        return CliRunner().invoke(main, command, input=said)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    config = tmp_path / "station.toml"
    config.write_text(DEMO.read_text())
    made = Agent(config)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_hazard_is_lifted_after_a_person_said_so(agent: Agent) -> None:
    result = agent.call("2", "reset-hazard", "tilted", said="y\n")
    assert result.exit_code == 0, result.output
    assert agent.asked == [LiftHazard(evse=2, hazard="tilted")]
    assert "Station is tilted" in result.output
    assert "inspect base" in result.output
    assert "tilted cleared" in result.output


def test_nothing_is_sent_when_the_person_says_no(agent: Agent) -> None:
    result = agent.call("2", "reset-hazard", "tilted", said="n\n")
    assert result.exit_code == 1
    assert agent.asked == []


def test_a_refusal_is_told_and_exits_with_1(agent: Agent) -> None:
    agent.answer = Done(ok=False, detail="still there: tilt contact active")
    result = agent.call("1", "reset-hazard", "tilted", "--yes")
    assert result.exit_code == 1
    assert "EVSE 1: still there: tilt contact active" in result.output


def test_the_answer_can_be_had_as_json(agent: Agent) -> None:
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
    agent: Agent, arguments: tuple[str, ...], said: str
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
    agent: Agent, arguments: tuple[str, ...], request_: object
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
    agent: Agent, arguments: tuple[str, ...], warning: str
) -> None:
    result = agent.call(*arguments, said="n\n")
    assert (result.exit_code, agent.asked) == (1, [])
    assert warning in result.output
    assert agent.call(*arguments, said="y\n").exit_code == 0
    assert len(agent.asked) == 1


def test_a_limit_that_is_no_number_is_a_usage_error(agent: Agent) -> None:
    result = agent.call("1", "limit", "ten")
    assert (result.exit_code, "`ten` is no current" in result.output) == (2, True)


def test_the_refusal_of_an_action_is_told_and_exits_with_1(agent: Agent) -> None:
    agent.answer = Done(ok=False, detail="3 A: expected 0 (pause) or 6 to 80 A")
    result = agent.call("1", "limit", "3")
    assert result.exit_code == 1
    assert "EVSE 1: 3 A: expected 0 (pause)" in result.output
