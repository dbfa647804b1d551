"""The CSMS's verdicts on IdTokens as far as they are remembered (OCPP 1.6, section 3.5.1).

Every verdict is kept, valid or not, until there is no room: then invalid ones go first, then the
oldest. Kept in space `cache`, so that it survives restarts; not flushed, because a verdict that is
lost with the power is only asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from chargepoint.station.desk import Desk
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus

SPACE = "cache"
ENTRIES_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One verdict and its age: `order` grows with each writing."""

    info: TokenInfo
    order: int


class TokenCache:
    """Bounded; keys are compared without regard to letter case."""

    def __init__(self, desk: Desk, kept: Mapping[str, str], entries_max: int = ENTRIES_MAX) -> None:
        self._desk = desk
        self._entries_max = entries_max
        self._entries = {key: msgspec.json.decode(text, type=Entry) for key, text in kept.items()}
        self._order = max((entry.order for entry in self._entries.values()), default=0)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, id_token: IdToken, wall: datetime | None) -> TokenInfo | None:
        """The verdict, Expired once its time is over.

        While the time is not known an entry with an expiry decides nothing: None.
        """
        entry = self._entries.get(id_token.key)
        if entry is None:
            return None
        expires_at = entry.info.expires_at
        if expires_at is None:
            return entry.info
        if wall is None:
            return None
        if expires_at <= wall and entry.info.status is TokenStatus.ACCEPTED:
            return replace(entry.info, status=TokenStatus.EXPIRED)
        return entry.info

    def keep(self, id_token: IdToken, info: TokenInfo) -> None:
        """Remember a verdict; an unchanged one is not written again."""
        known = self._entries.get(id_token.key)
        if known is not None and known.info == info:
            return
        if known is None and len(self._entries) >= self._entries_max:
            self._make_room()
        self._order += 1
        entry = self._entries[id_token.key] = Entry(info=info, order=self._order)
        self._desk.put(SPACE, id_token.key, entry, durable=False)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._desk.delete(SPACE, None, durable=True)

    def _make_room(self) -> None:
        def worth(key: str) -> tuple[bool, int]:
            entry = self._entries[key]
            return entry.info.status is TokenStatus.ACCEPTED, entry.order

        least = min(self._entries, key=worth)
        del self._entries[least]
        self._desk.delete(SPACE, least, durable=False)
