"""A small IMAP server on loopback: LOGIN, SELECT, UID SEARCH, FETCH and STORE, and bad manners."""

from __future__ import annotations

import contextlib
import re
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

USER, PASSWORD = "station", "geheim"


@dataclass
class Mailbox:
    """`mails` by number; `seen` are those that were marked."""

    port: int = 0
    mails: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    logins: int = 0
    greeting: bytes = b"* OK ready\r\n"
    huge: bool = False
    """Announces a literal of a gigabyte."""
    found: bytes = b""
    """Said to a search instead of the numbers."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_seen(self, count: int, within_s: float = 5.0) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: len(self.seen) >= count, within_s)

    def wait_logins(self, count: int, within_s: float = 5.0) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.logins >= count, within_s)


class _Handler(socketserver.StreamRequestHandler):
    mailbox: Mailbox

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(self.mailbox.greeting)
            while line := self.rfile.readline():
                tag, _, rest = line.decode().strip().partition(" ")
                self._answer(tag, rest)

    def _answer(self, tag: str, rest: str) -> None:
        box = self.mailbox
        name = rest.split(" ")[0].upper()
        good = "OK done"
        if name == "CAPABILITY":
            self._say("* CAPABILITY IMAP4rev1")
        elif name == "LOGIN":
            with box.changed:
                box.logins += 1
                box.changed.notify_all()
            if rest != f'LOGIN {USER} "{PASSWORD}"':
                good = "NO wrong password"
        elif name == "SELECT":
            self._say(f"* {len(box.mails)} EXISTS")
        elif rest.startswith("UID SEARCH UNSEEN"):
            unseen = " ".join(str(number) for number in box.mails if number not in box.seen)
            self._say(f"* SEARCH {box.found.decode() or unseen}")
        elif found := re.match(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", rest):
            number, size = int(found[1]), int(found[2])
            content = box.mails[number][:size]
            claimed = 1_000_000_000 if box.huge else len(content)
            self._say(f"* 1 FETCH (UID {number} BODY[]<0> {{{claimed}}}")
            self.wfile.write(content + b")\r\n")
        elif found := re.match(r"UID STORE (\d+) \+FLAGS \(\\Seen\)", rest):
            with box.changed:
                box.seen.add(int(found[1]))
                box.changed.notify_all()
        elif name == "LOGOUT":
            self._say("* BYE")
        else:
            good = "BAD what?"
        self._say(f"{tag} {good}")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@contextlib.contextmanager
def mailbox() -> Iterator[Mailbox]:
    found = Mailbox()
    handler = type("Handler", (_Handler,), {"mailbox": found})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        found.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
