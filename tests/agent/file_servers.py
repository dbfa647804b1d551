"""Servers of files on loopback that do what tests want: http.server with bad manners, a tiny FTP.

Independent of the code under test: nothing of `agent.jobs` is used here.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

USER, PASSWORD = "station", "p@ss/word"


@dataclass
class Shelf:
    """What a server holds, how it behaves, and what it has seen."""

    files: dict[str, bytes] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    """`METHOD path` -> the status that is answered instead."""
    redirects: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Bytes after which a body ends, once."""
    tag: str = '"v1"'
    ranges: bool = True
    protected: bool = False
    chunked: bool = False
    silent: bool = False
    """Takes the request and says nothing."""
    claimed: int | None = None
    """A size that is told instead of the true one."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shelf: Shelf

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _refused(self) -> bool:
        shelf = self.shelf
        shelf.requests.append(f"{self.command} {self.path}")
        shelf.headers.append(dict(self.headers))
        if shelf.silent:
            self.connection.settimeout(1.0)
            with contextlib.suppress(OSError):
                self.rfile.read(1)
            self.close_connection = True
            return True
        if self.path in shelf.redirects:
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", shelf.redirects[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return True
        status = shelf.statuses.get(f"{self.command} {self.path}")
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if shelf.protected and self.headers.get("Authorization") != wanted:
            status = 401
        if status is not None:
            self._drain()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return True
        return False

    def _drain(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            raise AssertionError("many servers of files do not take chunks")
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self) -> None:
        if self._refused():
            return
        shelf = self.shelf
        body = shelf.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start, status = 0, 200
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and shelf.ranges and self.headers.get("If-Range") == shelf.tag:
            start, status = int(asked[1]), 206
        if start >= len(body) > 0:
            self.send_error(416)
            return
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if shelf.tag:
            self.send_header("ETag", shelf.tag)
        part = body[start:]
        if shelf.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            size = len(part) if shelf.claimed is None else shelf.claimed
            self.send_header("Content-Length", str(size))
        self.end_headers()
        if shelf.cut_after is not None:
            part, shelf.cut_after = part[: shelf.cut_after], None
            self.close_connection = True
            self.wfile.write(f"{len(body):x}\r\n".encode() + part if shelf.chunked else part)
            return
        if shelf.chunked:
            part = f"{len(part):x}\r\n".encode() + part + b"\r\n0\r\n\r\n"
        self.wfile.write(part)

    def do_PUT(self) -> None:
        if self._refused():
            return
        self.shelf.stored[self.path] = self._drain()
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT  # noqa: N815


@contextlib.contextmanager
def http_server(shelf: Shelf, files: tuple[str, str] | None = None) -> Iterator[str]:
    """A server on loopback; with chain and key over TLS. Yields `scheme://host:port`."""
    handler = type("Handler", (_Handler,), {"shelf": shelf})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    if files is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    with _served(server):
        scheme = "http" if files is None else "https"
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"


@contextlib.contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- FTP ------------------------------------------------------------------------------------------


class _Ftp(socketserver.StreamRequestHandler):
    """Enough of RFC 959 and 4217 for one client: passive mode, binary, REST, AUTH TLS."""

    shelf: Shelf
    context: ssl.SSLContext | None

    def handle(self) -> None:
        self.directory: list[str] = []
        self.user, self.rest, self.secure_data = "", 0, False
        self.passive: socket.socket | None = None
        self.say("220 here")
        while line := self.rfile.readline().decode(errors="replace").strip():
            command, _, argument = line.partition(" ")
            self.shelf.requests.append(command if command == "PASS" else line)
            action = getattr(self, f"on_{command.casefold()}", None)
            if action is None:
                self.say("502 no")
            elif action(argument) is False:
                return

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
        self.wfile.flush()

    def on_auth(self, argument: str) -> None:
        if self.context is None:
            self.say("502 no TLS")
            return
        self.say("234 go on")
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")

    def on_pbsz(self, argument: str) -> None:
        self.say("200 ok")

    def on_prot(self, argument: str) -> None:
        self.secure_data = argument == "P"
        self.say("200 ok")

    def on_user(self, argument: str) -> None:
        self.user = argument
        self.say("331 password")

    def on_pass(self, argument: str) -> None:
        good = (self.user, argument) == (USER, PASSWORD) or not self.shelf.protected
        self.say("230 in" if good else "530 no")

    def on_type(self, argument: str) -> None:
        self.say("200 ok")

    def on_cwd(self, argument: str) -> None:
        if argument == "missing":
            self.say("550 no such directory")
            return
        self.directory.append(argument)
        self.say("250 ok")

    def on_size(self, argument: str) -> None:
        body = self.shelf.files.get(self.path(argument))
        claimed = self.shelf.claimed
        self.say("550 no" if body is None else f"213 {len(body) if claimed is None else claimed}")

    def on_rest(self, argument: str) -> None:
        self.rest = int(argument)
        self.say("350 ok")

    def on_pasv(self, argument: str) -> None:
        self.passive = socket.create_server(("127.0.0.1", 0))
        self.passive.settimeout(5.0)
        high, low = divmod(self.passive.getsockname()[1], 256)
        # The address is a lie, as behind many a NAT: it must not be followed.
        self.say(f"227 (10,255,255,1,{high},{low})")

    def on_retr(self, argument: str) -> None:
        body = self.shelf.files.get(self.path(argument))
        if body is None:
            self.say("550 no such file")
            return
        data = self.opened()
        part = body[self.rest :]
        if self.shelf.cut_after is not None:
            part, self.shelf.cut_after = part[: self.shelf.cut_after], None
        data.sendall(part)
        self.closed(data)

    def on_stor(self, argument: str) -> None:
        if "STOR" in self.shelf.statuses:
            self.say(f"{self.shelf.statuses['STOR']} permission denied")
            return
        data = self.opened()
        body = b""
        while chunk := data.recv(65536):
            body += chunk
        self.shelf.stored[self.path(argument)] = body
        self.closed(data)

    def on_quit(self, argument: str) -> bool:
        self.say("221 bye")
        return False

    def path(self, name: str) -> str:
        return "/" + "/".join([*self.directory, name])

    def opened(self) -> socket.socket:
        assert self.passive is not None
        self.say("150 coming")
        data, _ = self.passive.accept()
        if self.secure_data and self.context is not None:
            data = self.context.wrap_socket(data, server_side=True)
            assert isinstance(data, ssl.SSLSocket)
            if not data.session_reused:
                self.shelf.requests.append("NEW SESSION")
        return data

    def closed(self, data: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if isinstance(data, ssl.SSLSocket):
                data.unwrap()
        data.close()
        assert self.passive is not None
        self.passive.close()
        self.rest = 0
        self.say("226 done")


@contextlib.contextmanager
def ftp_server(shelf: Shelf, files: tuple[str, str] | None = None) -> Iterator[str]:
    """A server on loopback; yields `host:port`."""
    context = None
    if files is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # where sessions are known at once
        context.load_cert_chain(*files)
    handler = type("Handler", (_Ftp,), {"shelf": shelf, "context": context})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    with _served(server):
        yield f"127.0.0.1:{server.server_address[1]}"
