"""The safety program's socket: facts and commands, and everything that a client can do wrong."""

from __future__ import annotations

import contextlib
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoint.control.server import (
    BAD_LINES_MAX,
    CLIENTS_MAX,
    COMMANDS_MAX,
    Server,
)
from chargepoint.ipc.codec import encode
from chargepoint.ipc.messages import (
    RING_FACTS,
    Booted,
    Command,
    EvseSnapshot,
    Hello,
    LeaseExpired,
    Observed,
    Phase,
    RenewLimit,
    Revoke,
    StopCause,
)
from hal.values import PilotState


class Peer:
    """A client on the other end, without waiting."""

    def __init__(self, server: Server, path: Path) -> None:
        self._server = server
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.socket.setblocking(False)

    def send(self, *messages: Command | bytes) -> list[tuple[int, Command]]:
        """Send, let the server work once, and give what it took for commands."""
        for message in messages:
            self.socket.send(message if isinstance(message, bytes) else encode(message))
        return self._server.pump((), 1.0)

    def heard(self) -> list[dict[str, object]]:
        self._server.pump((), 1.0)
        data = b""
        try:
            while chunk := self.socket.recv(1 << 20):
                data += chunk
                self._server.pump((), 1.0)
        except BlockingIOError:
            pass
        return [json.loads(line) for line in data.splitlines()]

    @property
    def gone(self) -> bool:
        """The server has closed this connection."""
        try:
            while self.socket.recv(1 << 20):
                pass
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def server(path: Path) -> Iterator[Server]:
    made = Server(path, "boot-1")
    yield made
    made.close()


def expired(evse: int) -> LeaseExpired:
    return LeaseExpired(seq=0, at_s=1.0, evse=evse, lease="limit")


def kinds(heard: list[dict[str, object]]) -> list[object]:
    return [message["type"] for message in heard]


LIMIT = RenewLimit(evse=1, current_a=16, until_s=9)
LARGE = EvseSnapshot(
    evse=12,
    phase=Phase.OUT_OF_SERVICE,
    pilot=PilotState.A,
    plug_in=123456,
    connected=False,
    contactor_closed=False,
    permitted=False,
    operative=False,
    limit_a=31.999999999999996,
    offered_a=31.999999999999996,
    limit_expired=False,
    cable_current_a=31.999999999999996,
    locked=False,
    temperature_c=31.999999999999996,
    hazards=("contactor_opened_alone", "contactor_not_closing", "pilot_out_of_range"),
    stop_cause=StopCause.LIMIT_BELOW_MINIMUM,
    operations=123456,
)


def test_a_greeting_is_answered_with_everything_and_facts_follow_in_order(
    server: Server, path: Path
) -> None:
    server.publish(Booted(seq=0, at_s=0.0, boot="boot-1"))
    peer = Peer(server, path)
    peer.send(Hello(client="agent"))
    server.publish(expired(1))
    server.publish(expired(2))
    heard = peer.heard()
    assert kinds(heard) == ["Snapshot", "LeaseExpired", "LeaseExpired"]
    assert [message["seq"] for message in heard] == [1, 2, 3]


def test_a_client_that_comes_back_gets_what_it_missed(server: Server, path: Path) -> None:
    for evse in range(1, 6):
        server.publish(expired(evse))
    peer = Peer(server, path)
    peer.send(Hello(client="agent", boot="boot-1", after=3))
    heard = peer.heard()
    assert [message["seq"] for message in heard] == [4, 5, 5]
    assert heard[-1]["missed"] is False


def test_a_client_that_was_away_too_long_is_told_so(server: Server, path: Path) -> None:
    for _ in range(5000):
        server.publish(expired(1))
    peer = Peer(server, path)
    peer.send(Hello(client="agent", boot="boot-1", after=3))
    assert peer.heard()[-1]["missed"] is True


def test_facts_of_another_boot_are_not_replayed(server: Server, path: Path) -> None:
    server.publish(expired(1))
    peer = Peer(server, path)
    peer.send(Hello(client="agent", boot="boot-0", after=0))
    assert kinds(peer.heard()) == ["Snapshot"]


def test_commands_come_out_in_order(server: Server, path: Path) -> None:
    peer = Peer(server, path)
    asked = peer.send(Hello(client="agent"), LIMIT, Revoke(evse=2))
    assert [command for _, command in asked] == [LIMIT, Revoke(evse=2)]


def test_an_observer_commands_nothing(server: Server, path: Path) -> None:
    peer = Peer(server, path)
    assert peer.send(Hello(client="watch", observer=True), LIMIT) == []
    assert "Refused" in kinds(peer.heard())


def test_who_does_not_greet_commands_nothing(server: Server, path: Path) -> None:
    peer = Peer(server, path)
    assert peer.send(LIMIT) == []


def test_the_newest_agent_commands_and_the_old_one_no_longer(server: Server, path: Path) -> None:
    old, new = Peer(server, path), Peer(server, path)
    old.send(Hello(client="agent"))
    new.send(Hello(client="agent"))
    assert old.send(LIMIT) == []
    assert [command for _, command in new.send(LIMIT)] == [LIMIT]


def test_half_a_line_waits_for_its_other_half(server: Server, path: Path) -> None:
    peer = Peer(server, path)
    peer.send(Hello(client="agent"))
    line = encode(LIMIT)
    assert peer.send(line[:10]) == []
    assert [command for _, command in peer.send(line[10:])] == [LIMIT]


def test_bad_lines_are_answered_and_after_a_few_the_client_is_dropped(
    server: Server, path: Path
) -> None:
    peer = Peer(server, path)
    peer.send(Hello(client="agent"))
    for _ in range(BAD_LINES_MAX):
        peer.send(b"nonsense\n")
    assert server.clients == 0
    assert peer.gone


def test_a_second_greeting_is_a_bad_line(server: Server, path: Path) -> None:
    for _ in range(100):
        server.publish(expired(1))
    peer = Peer(server, path)
    hello = Hello(client="agent", boot="boot-1", after=0)
    peer.send(hello, *[hello] * (BAD_LINES_MAX - 1))
    heard = kinds(peer.heard())
    assert heard.count("LeaseExpired") == 100
    assert heard.count("Snapshot") == 1
    assert heard.count("Refused") == BAD_LINES_MAX - 1


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_of_a_megabyte_drops_the_client_before_it_is_held(
    server: Server, path: Path, end: bytes
) -> None:
    peer = Peer(server, path)
    rest = b"x" * (1 << 20) + end
    with contextlib.suppress(ConnectionError):
        while rest:
            with contextlib.suppress(BlockingIOError):
                rest = rest[peer.socket.send(rest) :]
            server.pump((), 1.0)
    for _ in range(5):
        server.pump((), 1.0)
    assert server.clients == 0
    assert server.dropped == 1
    assert peer.gone


def test_ten_thousand_commands_at_once_are_all_served_a_few_per_tick(
    server: Server, path: Path
) -> None:
    peer = Peer(server, path)
    peer.send(Hello(client="agent"))
    rest = encode(LIMIT) * 10_000
    served = ticks = 0
    while served < 10_000:
        with contextlib.suppress(BlockingIOError):
            rest = rest[peer.socket.send(rest) :] if rest else rest
        asked = server.pump((), 1.0)
        assert len(asked) <= COMMANDS_MAX
        served += len(asked)
        ticks += 1
        assert ticks < 2000
    assert server.clients == 1


def test_a_flood_delays_nobody_else(server: Server, path: Path) -> None:
    flood, other = Peer(server, path), Peer(server, path)
    flood.send(Hello(client="flood", observer=True))
    flood.socket.send(encode(LIMIT) * 300)
    other.send(Hello(client="agent"))
    assert [command for _, command in other.send(Revoke(evse=1))] == [Revoke(evse=1)]


def test_a_client_that_never_reads_is_dropped_and_the_others_are_served(
    server: Server, path: Path
) -> None:
    deaf, good = Peer(server, path), Peer(server, path)
    deaf.send(Hello(client="deaf", observer=True))
    good.send(Hello(client="agent"))
    heard = 0
    for number in range(90_000):
        server.publish(expired(1))
        if number % 1000 == 0:
            heard += len(good.heard())
    heard += len(good.heard())
    assert server.dropped == 1
    assert server.clients == 1
    assert heard == 90_001


def test_of_a_hundred_clients_some_are_served_and_the_rest_turned_away(
    server: Server, path: Path
) -> None:
    peers = [Peer(server, path) for _ in range(CLIENTS_MAX)]
    for _ in range(CLIENTS_MAX):
        server.pump((), 1.0)
    for _ in range(100 - CLIENTS_MAX):
        late = Peer(server, path)
        server.pump((), 1.0)
        assert late.gone
    assert server.clients == CLIENTS_MAX
    peers[0].send(Hello(client="agent"))
    assert kinds(peers[0].heard()) == ["Snapshot"]


def test_a_whole_ring_fits_into_the_backlog(server: Server, path: Path) -> None:
    """Facts at their largest: else a client that was away for long could never come back."""
    fact = Observed(seq=0, at_s=123456.789012345, evse=LARGE)
    for _ in range(RING_FACTS):
        server.publish(fact)
    peer = Peer(server, path)
    peer.send(Hello(client="agent", boot="boot-1", after=0))
    heard = 0
    while messages := peer.heard():
        heard += len(messages)
    assert heard == RING_FACTS + 1
    assert server.dropped == 0


def test_the_socket_is_for_owner_and_group_and_replaces_a_stale_one(path: Path) -> None:
    path.touch()
    server = Server(path, "b")
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    server.close()
    assert not path.exists()
