"""Clients of the two sockets: what a client of control remembers, and simple blocking ones.

`ControlSession` is free of I/O and shared by every client of control, whatever its event loop.
The blocking clients serve commands, the rig and tests.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from chargepoint.ipc.care import GetLog
from chargepoint.ipc.codec import BadLine, LineBuffer, decode_answer, decode_fact, encode
from chargepoint.ipc.messages import AnyFact, Booted, Command, Fact, Hello, Snapshot
from chargepoint.ipc.service import Answered, GetMessages, Request

CONNECT_WAIT_S = 2.0
RECEIVE_BYTES = 65536


class Unreachable(Exception):
    """Nobody listens on the socket, or it went away; the text names it."""


def _why(error: OSError) -> str:
    """Why there is no connection, with what it means where that is certain."""
    reason = error.strerror or str(error)
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return f"{reason}: it is not running"
    if isinstance(error, PermissionError):
        return f"{reason}: root and members of the station's group may ask it"
    return reason


class ControlSession:
    """Which facts of which boot were seen, so that a reconnect asks for the missed ones only."""

    def __init__(self, client: str, observer: bool = False) -> None:
        self._client = client
        self._observer = observer
        self.boot: str | None = None
        self.after: int | None = None

    def hello(self) -> Hello:
        """First message of the next connection."""
        return Hello(client=self._client, boot=self.boot, after=self.after, observer=self._observer)

    def seen(self, fact: Fact) -> None:
        """Take note of a fact that arrived."""
        if isinstance(fact, (Booted, Snapshot)):
            self.boot = fact.boot
            self.after = fact.seq
        elif fact.seq:
            self.after = fact.seq


class _Stream:
    """A connected Unix socket that speaks lines."""

    def __init__(self, path: Path, timeout_s: float | None) -> None:
        self._path = path
        self._lines = LineBuffer()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_WAIT_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise Unreachable(f"{path}: {_why(error)}") from error
        self._socket.settimeout(timeout_s)

    def send(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise Unreachable(f"{self._path}: {error.strerror or error}") from error

    def lines(self) -> Iterator[bytes]:
        """Lines until the other side closes. Raises Unreachable on a time-out or a bad line."""
        while True:
            try:
                while (line := self._lines.take()) is not None:
                    yield line
                data = self._socket.recv(RECEIVE_BYTES)
                if not data:
                    return
                self._lines.feed(data)
            except TimeoutError as error:
                raise Unreachable(f"{self._path}: no answer in time") from error
            except OSError as error:
                raise Unreachable(f"{self._path}: {error.strerror or error}") from error
            except BadLine as error:
                raise Unreachable(f"{self._path}: {error}") from error

    def close(self) -> None:
        self._socket.close()


class ControlClient:
    """A blocking client of the safety program. Raises Unreachable when it cannot be had."""

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        observer: bool = False,
        timeout_s: float | None = None,
        boot: str | None = None,
        after: int | None = None,
    ) -> None:
        """`boot`, `after`: the last fact that was seen; 0: all that are still held."""
        self.session = ControlSession(name, observer)
        self.session.boot, self.session.after = boot, after
        self._stream = _Stream(path, timeout_s)
        try:
            self._stream.send(encode(self.session.hello()))
        except Unreachable:
            self._stream.close()
            raise

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, command: Command) -> None:
        """Send one command. Raises Unreachable."""
        self._stream.send(encode(command))

    def facts(self) -> Iterator[AnyFact]:
        """Facts as they come, the snapshot first. Raises Unreachable."""
        for line in self._stream.lines():
            try:
                fact = decode_fact(line)
            except BadLine as error:
                raise Unreachable(f"not a fact: {error}") from error
            self.session.seen(fact)
            yield fact

    def close(self) -> None:
        self._stream.close()


class ServiceClient:
    """A blocking client of the agent's service socket. Raises Unreachable."""

    def __init__(self, path: Path, *, timeout_s: float | None = 5.0) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def __enter__(self) -> ServiceClient:
        return self

    def __exit__(self, *exception: object) -> None:
        """Each question has a connection of its own; there is nothing to close."""

    def ask(self, request: Request) -> Iterator[Answered]:
        """Answers to `request`: until the agent closes, which it does after the last one."""
        endless = isinstance(request, GetMessages | GetLog) and request.follow
        stream = _Stream(self._path, None if endless else self._timeout_s)
        try:
            stream.send(encode(request))
            for line in stream.lines():
                try:
                    yield decode_answer(line)
                except BadLine as error:
                    raise Unreachable(f"{self._path}: not an answer: {error}") from error
        finally:
            stream.close()
