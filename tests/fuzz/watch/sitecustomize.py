"""Loaded by the interpreter itself when this folder is on PYTHONPATH: who writes where.

Each path that is opened for writing, made, moved or removed goes into the file CHARGEPOINT_WATCH,
one a line, as it was given.
"""

from __future__ import annotations

import os
import sys
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING = {
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "sqlite3.connect": (0,),
}
"""Audit events that change something, and which of their arguments are paths."""

_out = os.open(os.environ["CHARGEPOINT_WATCH"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and arguments[2] & WRITING:
        _note(arguments[0])
    for place in CHANGING.get(event, ()):
        _note(arguments[place])


def _note(path: Any) -> None:
    if isinstance(path, (str, bytes, os.PathLike)):
        os.write(_out, os.fsencode(os.path.abspath(os.fsencode(path))) + b"\n")


sys.addaudithook(_look)
