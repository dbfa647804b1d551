"""The blocking clients, against the real server of control and a small agent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoint.control.server import Server
from chargepoint.ipc.client import ControlClient, ServiceClient, Unreachable
from chargepoint.ipc.codec import decode_request, encode
from chargepoint.ipc.messages import LeaseExpired, Revoke, Snapshot
from chargepoint.ipc.service import Done, GetMessages, GetStatus, OcppMessage

ANSWER_WAIT_S = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sock"


@pytest.fixture
def server(path: Path) -> Iterator[Server]:
    made = Server(path, "boot-1")
    yield made
    made.close()


class Agent:
    """Answers each request with `answers`, then closes."""

    def __init__(self, path: Path, *answers: bytes) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._answers = answers
        self.asked: list[object] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        with connection, self._listener:
            self.asked.append(decode_request(connection.recv(65536).rstrip()))
            connection.sendall(b"".join(self._answers))


def test_a_client_of_control_hears_the_snapshot_then_facts_and_commands(
    server: Server, path: Path
) -> None:
    with ControlClient(path, "rig", timeout_s=ANSWER_WAIT_S) as client:
        server.pump((), 1.0)
        server.publish(LeaseExpired(seq=0, at_s=1.0, evse=1, lease="limit"))
        client.send(Revoke(evse=1))
        assert [command for _, command in server.pump((), 1.0)] == [Revoke(evse=1)]
        facts = client.facts()
        assert isinstance(next(facts), Snapshot)
        assert isinstance(next(facts), LeaseExpired)
        assert client.session.hello().boot == "boot-1"
        assert client.session.hello().after == 1


def test_the_facts_end_when_control_ends(server: Server, path: Path) -> None:
    with ControlClient(path, "watch", observer=True, timeout_s=ANSWER_WAIT_S) as client:
        server.pump((), 1.0)
        server.close()
        assert len(list(client.facts())) == 1


def test_a_control_that_says_nothing_is_unreachable_in_time(server: Server, path: Path) -> None:
    with (
        ControlClient(path, "watch", observer=True, timeout_s=0.01) as client,
        pytest.raises(Unreachable, match="no answer in time"),
    ):
        next(client.facts())


def test_nobody_there_is_unreachable_and_the_path_is_named(path: Path) -> None:
    with pytest.raises(Unreachable, match=r"s\.sock"):
        ControlClient(path, "watch")
    with pytest.raises(Unreachable, match=r"s\.sock"):
        next(ServiceClient(path).ask(GetStatus()))


def test_the_agent_is_asked_and_its_answers_come_until_it_closes(path: Path) -> None:
    message = OcppMessage(
        number=1, at="", outgoing=True, kind="call", action="Heartbeat", message_id="1", text="[]"
    )
    agent = Agent(path, encode(message), encode(message))
    with ServiceClient(path, timeout_s=ANSWER_WAIT_S) as client:
        assert list(client.ask(GetMessages(last=2))) == [message, message]
    assert agent.asked == [GetMessages(last=2)]


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"type":"Done"}\n', b"x" * 70_000])
def test_what_is_no_answer_is_unreachable(path: Path, line: bytes) -> None:
    Agent(path, encode(Done(ok=True)), line)
    answers = ServiceClient(path, timeout_s=ANSWER_WAIT_S).ask(GetStatus())
    assert next(answers) == Done(ok=True)
    with pytest.raises(Unreachable):
        next(answers)


def test_a_socket_that_is_not_there_means_that_nothing_runs(path: Path) -> None:
    with pytest.raises(Unreachable, match="No such file or directory: it is not running"):
        ControlClient(path, "rig", timeout_s=1.0)
