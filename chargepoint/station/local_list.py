"""The list of IdTokens that the CSMS keeps at the station (OCPP 1.6, sections 3.5.2, 5.10, 5.15).

Only the CSMS changes it, with a full list or with differences. An update is taken whole or not at
all, and is on the disk before it is answered; what stays the same is not written again. Entries are
kept in space `local_list`, the version with their number in `local_list_head`, so that a store that
lost some of them is noticed: such a list says version 0 and takes a full update only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk, masked
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.events import LocalListSent, LocalListVersionAsked
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus

SPACE = "local_list"
HEAD_SPACE = "local_list_head"
HEAD_KEY = "head"

CONFLICT_FAULT = "local_list_conflict"
"""Catalogue id of what is told of the station while the CSMS contradicts its list."""

NOT_SUPPORTED = -1
"""Version of a list that is switched off: there is none, as far as the CSMS is concerned."""

EMPTY = 0
"""Version of an empty list, whatever was sent (section 6.24)."""

SINGLE_DELETES_MAX = 500
"""Entries that are deleted one by one; where more are to go, the whole list is written anew."""

CONFLICTS_MAX = 100
"""Tokens whose contradiction is remembered."""

VALID = {TokenStatus.ACCEPTED, TokenStatus.CONCURRENT_TX}
"""Who is in another transaction may charge as far as a list can tell (section 3.5.2)."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What the list says of one token."""

    status: TokenStatus
    group: str | None = None
    expires_at: datetime | None = None


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The list as a whole."""

    version: int = EMPTY
    entries: int = 0


class LocalList:
    """The list of one station."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        clock: Clock,
        kept: Mapping[str, str],
        kept_head: Mapping[str, str],
    ) -> None:
        self._desk = desk
        self._model = model
        self._clock = clock
        self._entries = self._load(kept)
        self._head = self._load_head(kept_head)
        self._conflicts: set[str] = set()

    # --- What others ask --------------------------------------------------------------------------

    @property
    def in_conflict(self) -> bool:
        """The CSMS has answered against its own list since it last sent one (section 5.3)."""
        return self._enabled and bool(self._conflicts)

    def __len__(self) -> int:
        return len(self._entries)

    def holds(self, id_token: IdToken) -> bool:
        """Whether the list says something of this token, and the cache therefore does not (A1)."""
        return self._enabled and id_token.key in self._entries

    def find(self, id_token: IdToken) -> TokenInfo | None:
        """The verdict, Expired once its time is over; None: not in the list.

        While the time is not known, a valid entry with an expiry decides nothing: None.
        """
        entry = self._entries.get(id_token.key) if self._enabled else None
        if entry is None:
            return None
        status = TokenStatus.ACCEPTED if entry.status in VALID else entry.status
        if status is TokenStatus.ACCEPTED and entry.expires_at is not None:
            wall = self._clock.now(self._desk.now_s)
            if wall is None:
                return None
            status = TokenStatus.EXPIRED if entry.expires_at <= wall else status
        return TokenInfo(status=status, expires_at=entry.expires_at, group=entry.group)

    def compare(self, id_token: IdToken, info: TokenInfo) -> None:
        """The CSMS has given a verdict on a token of the list; the list stays as it is."""
        listed = self.find(id_token)
        if listed is None:
            return
        if (listed.status is TokenStatus.ACCEPTED) is (info.status in VALID):
            self._conflicts.discard(id_token.key)
        elif id_token.key not in self._conflicts and len(self._conflicts) < CONFLICTS_MAX:
            self._conflicts.add(id_token.key)
            self._desk.note(
                "local_list.contradicted",
                token=masked(id_token),
                listed=listed.status.value,
                status=info.status.value,
            )

    # --- Requests ---------------------------------------------------------------------------------

    def tell_version(self, event: LocalListVersionAsked) -> None:
        """Answer with the version."""
        version = self._version if self._enabled else NOT_SUPPORTED
        self._desk.emit(Answer(call=event.call, verdict=Verdict.ACCEPTED, number=version))

    def update(self, event: LocalListSent) -> None:
        """Take an update whole, or refuse it."""
        verdict, problem = self._refusal(event) or (Verdict.ACCEPTED, "")
        entries = _updated(self._entries, event) if verdict is Verdict.ACCEPTED else {}
        if len(entries) > self._model.number("LocalAuthListCtrlr", "Entries"):
            verdict, problem = Verdict.FAILED, "too many entries"
        if verdict is Verdict.ACCEPTED:
            touched = [id_token.key for id_token, _ in event.entries]
            if not event.differential:
                touched += [key for key in self._entries if key not in entries]
            self._replace(entries, touched, event.version)
        else:
            self._desk.note("local_list.refused", version=event.version, problem=problem)
        self._desk.emit(Answer(call=event.call, verdict=verdict, detail=problem))

    def _refusal(self, event: LocalListSent) -> tuple[Verdict, str] | None:
        """Why the update cannot be taken, whatever it would lead to."""
        if not self._enabled:
            return Verdict.NOT_SUPPORTED, "switched off"
        if event.version <= EMPTY:
            return Verdict.FAILED, "no version"
        if len(event.entries) > self._model.number("LocalAuthListCtrlr", "ItemsPerMessage"):
            return Verdict.FAILED, "too many entries in one message"
        if len({id_token.key for id_token, _ in event.entries}) < len(event.entries):
            return Verdict.FAILED, "a token stands there twice"
        if not event.differential:
            bare = any(info is None for _, info in event.entries)
            return (Verdict.FAILED, "an entry without a verdict") if bare else None
        if not self._whole:
            return Verdict.FAILED, "the list to be changed has been damaged"
        if event.version <= self._version:
            return Verdict.VERSION_MISMATCH, f"version {self._version} is here"
        return None

    # --- Keeping ----------------------------------------------------------------------------------

    @property
    def _enabled(self) -> bool:
        return self._model.flag("LocalAuthListCtrlr", "Enabled")

    @property
    def _whole(self) -> bool:
        return self._head.entries == len(self._entries)

    @property
    def _version(self) -> int:
        return self._head.version if self._whole else EMPTY

    def _replace(self, entries: dict[str, Entry], touched: list[str], version: int) -> None:
        """Write what differs; all of it shares one commit."""
        before = self._entries
        if sum(key in before and key not in entries for key in touched) > SINGLE_DELETES_MAX:
            self._desk.delete(SPACE, None, durable=True)
            before, touched = {}, list(entries)
        for key in touched:
            entry = entries.get(key)
            if entry is None and key in before:
                self._desk.delete(SPACE, key, durable=True)
            elif entry is not None and before.get(key) != entry:
                self._desk.put(SPACE, key, entry, durable=True)
        self._entries = entries
        head = Head(version if entries else EMPTY, len(entries))
        if head != self._head:
            self._desk.put(HEAD_SPACE, HEAD_KEY, head, durable=True)
        self._head = head
        self._conflicts.clear()
        self._desk.note("local_list.updated", version=head.version, entries=head.entries)

    def _load(self, kept: Mapping[str, str]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        decoder = msgspec.json.Decoder(Entry)
        for key, text in kept.items():
            try:
                entries[key] = decoder.decode(text)
            except msgspec.MsgspecError:
                self._desk.delete(SPACE, key, durable=True)
        return entries

    def _load_head(self, kept: Mapping[str, str]) -> Head:
        try:
            head = msgspec.json.decode(kept[HEAD_KEY], type=Head) if kept else Head()
        except (KeyError, msgspec.MsgspecError):
            head = Head(EMPTY, -1)
        if head.entries != len(self._entries):
            expected = head.entries if head.entries >= 0 else None
            self._desk.note("local_list.damaged", entries=len(self._entries), expected=expected)
        return head


def _updated(entries: Mapping[str, Entry], event: LocalListSent) -> dict[str, Entry]:
    """The list that an update leads to."""
    result = dict(entries) if event.differential else {}
    for id_token, info in event.entries:
        if info is None:
            result.pop(id_token.key, None)
        else:
            result[id_token.key] = Entry(info.status, info.group, info.expires_at)
    return result
