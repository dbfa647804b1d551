"""How the simulator says no over HTTP."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response


def refusal(status: int, what: str, where: str, found: Any, expected: str) -> Response:
    """What was wrong, where, what was found and what was expected, as JSON."""
    fields = {"what": what, "where": where, "found": found, "expected": expected}
    return JSONResponse({"error": fields}, status_code=status)
