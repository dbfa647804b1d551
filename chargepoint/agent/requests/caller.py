"""Who asks on the service socket, as the kernel says."""

from __future__ import annotations

import pwd
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec

from chargepoint.ipc.service import Answered, Request

_CREDENTIALS = struct.Struct("3i")
"""pid, uid, gid: `struct ucred` of socket(7)."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The process at the other end."""

    pid: int = 0
    uid: int = -1
    user: str = "?"


Handler = Callable[[Any, Caller], AsyncIterator[Answered]]
"""Answers one request; the last answer of an action says what came of it."""

Handlers = Mapping[type[Request], Handler]


def caller_of(connection: socket.socket) -> Caller:
    """Who opened `connection`; an unknown caller where the kernel does not say."""
    try:
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return Caller()
    pid, uid, _ = _CREDENTIALS.unpack(data)
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    return Caller(pid=pid, uid=uid, user=user)
