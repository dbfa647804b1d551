"""`chargepoint evse N reset-hazard`: asks a person, asks the agent, says what came of it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chargepoint.cli.main import main
from chargepoint.config import load
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
        (("0", "reset-hazard", "tilted"), "0 is not in the range"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(
    agent: Agent, arguments: tuple[str, ...], said: str
) -> None:
    result = agent.call(*arguments, "--yes")
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert agent.asked == []
