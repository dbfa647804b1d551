"""One message through the Apprise library, in a process that lives for this only.

The library loads hundreds of modules and keeps them; the agent's memory stays its own this way. All
comes in as JSON on standard input, because addresses hold secrets and a command line is public. The
answer is one JSON line; what the library logs is passed on without anything that looks like an
address.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import resource
import sys
from typing import Any

MEMORY_MAX = 768 * 1024 * 1024
"""Bytes of address space; the library itself takes about 50 MB of real memory."""

CPU_MAX_S = 60
NICE = 10
INPUT_MAX = 256 * 1024
MISSING = "the extra `apprise` is not installed: pip install 'chargepoint[apprise]'"
TYPES = {"info": "info", "warning": "warning", "error": "failure", "critical": "failure"}

_ADDRESS = re.compile(r"\S*://\S*")


def main() -> int:
    """Exit code 0 when an answer was written, whatever it says."""
    os.nice(NICE)
    with contextlib.suppress(ValueError, OSError):  # already lower
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX_S, CPU_MAX_S))
    asked = json.loads(sys.stdin.buffer.read(INPUT_MAX))
    print(json.dumps(answered(asked)), flush=True)
    return 0


def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """`ok`, `retry` and `detail` of one message."""
    try:
        import apprise
    except ImportError:
        return {"ok": False, "retry": False, "detail": MISSING}
    said = _Said()
    logging.getLogger("apprise").addHandler(said)
    logging.getLogger("apprise").propagate = False
    # No plugins or configurations from elsewhere, no files to be attached.
    to = apprise.Apprise(asset=apprise.AppriseAsset(plugin_paths=None))
    if not all(to.add(url) for url in asked["urls"]):
        return {"ok": False, "retry": False, "detail": "an address that Apprise does not know"}
    sent = to.notify(
        title=asked["title"],
        body=asked["body"],
        notify_type=TYPES.get(asked["severity"], "info"),
        body_format=apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
    )
    detail = "" if sent else said.last or "not delivered"
    return {"ok": bool(sent), "retry": True, "detail": detail}


class _Said(logging.Handler):
    """Keeps the last warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = _ADDRESS.sub("…", record.getMessage())[:200]


if __name__ == "__main__":
    sys.exit(main())
