"""Why each EVSE does not charge, or not faster, as sentences."""

from __future__ import annotations

import msgspec

from chargepoint.catalog import next_step, reason_text
from chargepoint.ipc.service import StationStatus


class Why(msgspec.Struct, frozen=True, kw_only=True):
    evse: int
    reason: str
    kind: str
    binding: bool
    text: str
    next: str


def whys(status: StationStatus, language: str) -> list[Why]:
    """Every reason of every EVSE, the binding one first."""
    return [
        Why(
            evse=evse.evse,
            reason=reason.id,
            kind=reason.kind,
            binding=reason.binding,
            text=_said(reason.id, language, reason.detail, reason.current_a),
            next=_next(reason.id, language, reason.detail),
        )
        for evse in status.evses
        for reason in evse.reasons
    ]


def _said(reason: str, language: str, detail: str, current_a: float | None) -> str:
    """A reason of a newer agent is shown by its word."""
    try:
        return reason_text(reason, language, detail=detail, current_a=current_a)
    except KeyError:
        return f"{reason} {detail}".strip()


def _next(reason: str, language: str, detail: str) -> str:
    try:
        return next_step(reason, language, detail=detail)
    except KeyError:
        return ""
