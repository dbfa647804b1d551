"""The safety program's socket: facts out, commands in, nobody ever waited for.

`pump` is called once per tick and does a bounded amount of work: at most ACCEPTS_MAX new clients,
READ_MAX_BYTES and COMMANDS_MAX commands of each client, and writing what the sockets take. A client
that does not read is dropped when its backlog is full; one that floods is served a few commands per
tick like everybody else, and the rest waits in its own socket. Of several clients that are no
observers the newest commands: it is the agent that was just started.
"""

from __future__ import annotations

import os
import select
import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from chargepoint import log
from chargepoint.ipc.codec import BadLine, LineBuffer, decode_command, encode
from chargepoint.ipc.messages import (
    RING_FACTS,
    Command,
    EvseSnapshot,
    Fact,
    Hello,
    Refused,
    Snapshot,
)

F = TypeVar("F", bound=Fact)
CLIENTS_MAX = 16
ACCEPTS_MAX = 4
READ_MAX_BYTES = 32 * 1024
COMMANDS_MAX = 32
"""Commands of one client that are served in one tick."""
BACKLOG_MAX_BYTES = 4 * 1024 * 1024
"""Unsent bytes after which a client that does not read is dropped; holds a whole ring."""
SEND_BYTES = 64 * 1024
BAD_LINES_MAX = 5
NAME_MAX = 40
SOCKET_MODE = 0o660
LOG_EVERY_S = 1.0
"""A client that comes again and again with nonsense must not fill the log."""


@dataclass(slots=True)
class Client:
    """One connection."""

    number: int
    socket: socket.socket
    lines: LineBuffer
    backlog: bytearray
    name: str = ""
    greeted: bool = False
    observer: bool = True
    bad_lines: int = 0
    full: bool = False
    """More was read than is served in this tick."""


class Ring:
    """The last facts, encoded once."""

    def __init__(self, facts_max: int = RING_FACTS) -> None:
        self._lines: deque[tuple[int, bytes]] = deque(maxlen=facts_max)
        self.last = 0

    def add(self, fact: F) -> F:
        """Number `fact` and keep it; the numbered fact."""
        self.last += 1
        numbered = msgspec.structs.replace(fact, seq=self.last)
        self._lines.append((self.last, encode(numbered)))
        return numbered

    def newest(self) -> bytes:
        return self._lines[-1][1]

    def after(self, seq: int) -> tuple[bool, bytes]:
        """(some are gone, lines after number `seq`)."""
        first = self._lines[0][0] if self._lines else self.last + 1
        skip = max(0, seq + 1 - first)
        lines = b"".join(line for _, line in islice(self._lines, skip, None))
        return seq + 1 < first, lines


class Server:
    """Listens on `path`. Everything is non-blocking."""

    def __init__(self, path: Path, boot: str) -> None:
        self._path = path
        self._boot = boot
        self._ring = Ring()
        self._clients: dict[int, Client] = {}
        self._count = 0
        self._commander: int | None = None
        self._now_s = 0.0
        self._logged_s = float("-inf")
        self._log = log.get("control")
        self.dropped = 0
        """Clients that were sent away, since the start."""
        self._listener = listen(path)
        self._poll = select.poll()
        self._poll.register(self._listener, select.POLLIN)

    @property
    def clients(self) -> int:
        return len(self._clients)

    def publish(self, fact: Fact) -> None:
        """Number a fact, keep it, and queue it for every client that has greeted."""
        self._ring.add(fact)
        line = self._ring.newest()
        for client in tuple(self._clients.values()):
            if client.greeted:
                self._queue(client, line)

    def reply(self, number: int, fact: Fact) -> None:
        """Queue a fact for one client only; it is not numbered."""
        client = self._clients.get(number)
        if client is not None:
            self._queue(client, encode(fact))

    def pump(self, snapshots: tuple[EvseSnapshot, ...], now_s: float) -> list[tuple[int, Command]]:
        """Accept, read, write; (client number, command) of what was asked, in order per client."""
        self._now_s = now_s
        ready = self._ready()
        if self._listener.fileno() in ready:
            self._accept()
            ready = self._ready()
        asked: list[tuple[int, Command]] = []
        for client in tuple(self._clients.values()):
            if client.socket.fileno() in ready:
                self._read(client)
            for command in self._commands(client):
                if isinstance(command, Hello):
                    self._greet(client, command, snapshots)
                elif self._may_command(client, command):
                    asked.append((client.number, command))
        for client in tuple(self._clients.values()):
            self._write(client)
        return asked

    def close(self) -> None:
        """Write out what the sockets take, then close all of them and remove the path."""
        for client in tuple(self._clients.values()):
            self._write(client)
            client.socket.close()
        self._clients.clear()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    # --- Clients ----------------------------------------------------------------------------------

    def _ready(self) -> frozenset[int]:
        """Descriptors that have something to read, or have failed: asked of all at once."""
        return frozenset(fd for fd, _ in self._poll.poll(0))

    def _accept(self) -> None:
        for _ in range(ACCEPTS_MAX):
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if len(self._clients) >= CLIENTS_MAX:
                connection.close()
                continue
            connection.setblocking(False)
            self._poll.register(connection, select.POLLIN)
            self._count += 1
            self._clients[self._count] = Client(self._count, connection, LineBuffer(), bytearray())

    def _greet(self, client: Client, hello: Hello, snapshots: tuple[EvseSnapshot, ...]) -> None:
        if client.greeted:
            self._bad(client, "Hello: was said before")
            return
        client.name, client.observer = hello.client[:NAME_MAX], hello.observer
        if not hello.observer:
            self._commander = client.number
            self._log.info("client.commands", client=client.name)
        missed, lines = False, b""
        if hello.boot == self._boot and hello.after is not None:
            missed, lines = self._ring.after(max(0, hello.after))
        snapshot = Snapshot(
            seq=self._ring.last, at_s=self._now_s, boot=self._boot, evses=snapshots, missed=missed
        )
        client.greeted = True
        self._queue(client, lines + encode(snapshot))

    def _may_command(self, client: Client, command: Command) -> bool:
        name = type(command).__name__
        if not client.greeted:
            detail = f"{name}: say Hello first"
        elif client.observer:
            detail = f"{name}: an observer commands nothing"
        elif client.number != self._commander:
            detail = f"{name}: a newer client commands now"
        else:
            return True
        self._bad(client, detail)
        return False

    def _commands(self, client: Client) -> Iterator[Command]:
        """Up to COMMANDS_MAX commands of one client; bad lines count as served."""
        for _ in range(COMMANDS_MAX):
            try:
                line = client.lines.take()
                if line is None:
                    client.full = False
                    return
                yield decode_command(line)
            except BadLine as error:
                self._bad(client, str(error))
            if client.number not in self._clients:
                return
        client.full = client.lines.pending > 0

    def _read(self, client: Client) -> None:
        if client.full:
            return
        try:
            data = client.socket.recv(READ_MAX_BYTES)
            if not data:
                self._drop(client)
                return
            client.lines.feed(data)
        except BlockingIOError:
            return
        except BadLine as error:
            self._queue(client, encode(Refused(seq=0, at_s=self._now_s, detail=str(error))))
            self._send_away(client, str(error))
        except OSError:
            self._drop(client)

    def _bad(self, client: Client, detail: str) -> None:
        client.bad_lines += 1
        self._queue(client, encode(Refused(seq=0, at_s=self._now_s, detail=detail)))
        if client.bad_lines >= BAD_LINES_MAX:
            self._send_away(client, detail)

    def _queue(self, client: Client, line: bytes) -> None:
        if client.number not in self._clients:
            return
        client.backlog += line
        if len(client.backlog) > BACKLOG_MAX_BYTES:
            self._send_away(client, "does not read")

    def _write(self, client: Client) -> None:
        if not client.backlog or client.number not in self._clients:
            return
        try:
            sent = client.socket.send(client.backlog[:SEND_BYTES])
            del client.backlog[:sent]
        except BlockingIOError:
            return
        except OSError:
            self._drop(client)

    def _send_away(self, client: Client, reason: str) -> None:
        if client.number not in self._clients:
            return
        self._write(client)
        self._drop(client)
        self.dropped += 1
        if self._now_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s = self._now_s
            self._log.warning(
                "client.dropped", client=client.name, reason=reason, dropped=self.dropped
            )

    def _drop(self, client: Client) -> None:
        if self._clients.pop(client.number, None) is None:
            return
        self._poll.unregister(client.socket)
        client.socket.close()
        if self._commander == client.number:
            self._commander = None


def listen(path: Path) -> socket.socket:
    """A non-blocking listener at `path`, in place of a stale one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setblocking(False)
    temporary = path.with_name(f".{os.getpid()}")  # short: a socket's path has 107 bytes
    temporary.unlink(missing_ok=True)
    listener.bind(str(temporary))
    temporary.chmod(SOCKET_MODE)
    listener.listen(CLIENTS_MAX)
    temporary.rename(path)
    return listener
