"""An HTTP receiver on loopback that keeps what it got and answers what it is told to."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """`statuses`: answers to come, the last one for good."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [204])
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of the answers."""
    body: bytes = b""
    """Body of the answers."""
    drip: bool = False
    """The answer comes one byte at a time, and never ends."""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self) -> None:
        receiver = self.receiver
        length = int(self.headers.get("Content-Length") or 0)
        got = self.rfile.read(length)
        receiver.requests.append((self.command, self.path, dict(self.headers), got))
        status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
        if receiver.drip:
            self._drip()
            return
        self.send_response(status)
        for name, value in receiver.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(receiver.body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(receiver.body)

    def _drip(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not self.receiver.closing.wait(0.05):
                self.wfile.write(b"a")

    do_POST = do_GET = do_PUT = _serve  # noqa: N815


@contextlib.contextmanager
def receiver(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    found = Receiver()
    handler = type("Handler", (_Handler,), {"receiver": found})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found.url = f"http{'s' if tls else ''}://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.closing.set()
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that accepts and says nothing."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def dead_port() -> int:
    """A port on which nobody listens."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port
