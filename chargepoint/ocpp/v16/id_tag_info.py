"""idTagInfo of the CSMS as a verdict of the station (OCPP 1.6, sections 7.25 to 7.27)."""

from __future__ import annotations

from typing import Any

from chargepoint.ocpp.times import parsed
from chargepoint.station.records import TokenInfo, TokenStatus

ID_TAG_MAX = 20
"""Characters of an idTag; longer tokens are cut, as a reader of 1.6 would."""

# fmt: off
STATUSES = {
    "accepted":     TokenStatus.ACCEPTED,
    "blocked":      TokenStatus.BLOCKED,
    "expired":      TokenStatus.EXPIRED,
    "invalid":      TokenStatus.INVALID,
    "concurrenttx": TokenStatus.CONCURRENT_TX,
}
# fmt: on


def token_info(payload: dict[str, Any]) -> TokenInfo | None:
    """The verdict in an answer; None when there is none. An unknown status counts as invalid."""
    info = payload.get("idTagInfo")
    status = info.get("status") if isinstance(info, dict) else None
    if not isinstance(info, dict) or not isinstance(status, str):
        return None
    expires, group = info.get("expiryDate"), info.get("parentIdTag")
    return TokenInfo(
        status=STATUSES.get(status.casefold(), TokenStatus.INVALID),
        expires_at=parsed(expires) if isinstance(expires, str) else None,
        group=group if isinstance(group, str) and group else None,
    )


def transaction_id(payload: dict[str, Any]) -> int | None:
    """The CSMS's transactionId, any integer; None when it gave none."""
    number = payload.get("transactionId")
    return number if isinstance(number, int) and not isinstance(number, bool) else None
