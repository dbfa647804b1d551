"""The local authorization list across the edge of OCPP 1.6 (sections 5.10, 5.15, 6.23, 6.24, 6.41).

What the schema cannot say is the station's to refuse, with a status; an expiryDate that is no time
is refused as a message, because an entry without its expiry would be valid for ever.
"""

from __future__ import annotations

from datetime import datetime

from chargepoint.ocpp.frames import Fault, Payload
from chargepoint.ocpp.payloads import Violation
from chargepoint.ocpp.times import parsed
from chargepoint.ocpp.v16.id_tag_info import STATUSES
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.events import Call, Event, ListEntry, LocalListSent, LocalListVersionAsked
from chargepoint.station.records import IdToken, TokenInfo

# fmt: off
ANSWERS = {
    Verdict.ACCEPTED:         "Accepted",
    Verdict.NOT_SUPPORTED:    "NotSupported",
    Verdict.VERSION_MISMATCH: "VersionMismatch",
}
# fmt: on


def update(call: Call, request: Payload, connectors: int, at_s: float) -> Event:
    """SendLocalList. Raises Violation for a time that is none."""
    return LocalListSent(
        call=call,
        version=request["listVersion"],
        differential=request["updateType"] == "Differential",
        entries=tuple(_entry(entry) for entry in request.get("localAuthorizationList", ())),
        at_s=at_s,
    )


def version(call: Call, request: Payload, connectors: int, at_s: float) -> Event:
    """GetLocalListVersion."""
    return LocalListVersionAsked(call=call, at_s=at_s)


def version_answer(answer: Answer) -> Payload:
    """GetLocalListVersion.conf; -1: there is no list (section 6.24)."""
    return {"listVersion": -1 if answer.number is None else answer.number}


def _entry(entry: Payload) -> ListEntry:
    id_token, info = IdToken(value=entry["idTag"]), entry.get("idTagInfo")
    if info is None:
        return id_token, None
    return id_token, TokenInfo(
        status=STATUSES[info["status"].casefold()],
        expires_at=_expiry(info),
        group=info.get("parentIdTag") or None,
    )


def _expiry(info: Payload) -> datetime | None:
    if "expiryDate" not in info:
        return None
    instant = parsed(info["expiryDate"])
    if instant is None:
        raise Violation(Fault.BAD_VALUE, "format", "expiryDate is no time")
    return instant
