"""Telling the service manager (systemd) that we are ready, alive, or stopping.

A datagram to the socket named in NOTIFY_SOCKET; without one every call does nothing. Sending never
blocks and never fails the caller.
"""

from __future__ import annotations

import contextlib
import os
import socket


class ServiceManager:
    """The socket of the service manager, if there is one."""

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def ready(self) -> None:
        """Everything is up."""
        self._send("READY=1")

    def alive(self) -> None:
        """Kick the service manager's watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """An orderly end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={text}")

    def _send(self, message: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(message.encode(), self._address)
