"""Times across the edge: RFC 3339 in many dialects in, one spelling out (OCPP-J, rule R13)."""

from __future__ import annotations

from datetime import UTC, datetime


def parsed(text: str) -> datetime | None:
    """The instant in `text`, aware UTC; None when it is no time.

    Central systems send nanoseconds, offsets with and without minutes, a small `z`, or no zone at
    all (illegal; read as UTC).
    """
    candidate = text.strip()
    if candidate[-1:] in ("z", "Z"):
        candidate = candidate[:-1] + "+00:00"
    try:
        instant = datetime.fromisoformat(candidate)
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def spelled(instant: datetime, milliseconds: bool = True) -> str:
    """`instant` as `YYYY-MM-DDThh:mm:ss[.mmm]Z`; central systems want the Z and no more digits."""
    spec = "milliseconds" if milliseconds else "seconds"
    return instant.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")
