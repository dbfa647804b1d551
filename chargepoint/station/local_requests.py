"""What a person at the station asks for: a chapter of `station.events`.

Each is answered with `AnswerHere` under its `request`, as soon as what it asks for is stored.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from chargepoint.station.records import IdToken


class LocalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all of them. `request`: handle of the answer, new for each."""

    request: str
    at_s: float


class EnableAsked(LocalRequest, frozen=True, kw_only=True):
    """Take an EVSE (0: all) out of service here, or give it back."""

    evse: int
    enabled: bool


class LimitAsked(LocalRequest, frozen=True, kw_only=True):
    """An upper bound per phase for an EVSE, or for all together (0); None: none any more."""

    evse: int
    current_a: float | None


class VisitRecorded(LocalRequest, frozen=True, kw_only=True):
    """Somebody was here and has done `tasks` of the maintenance."""

    by: str
    note: str
    tasks: tuple[str, ...]


class UnlockHereAsked(LocalRequest, frozen=True, kw_only=True):
    """Free the plug; a transaction that is still running ends first."""

    evse: int


class AddCardAsked(LocalRequest, frozen=True, kw_only=True):
    """Take a card into the station's own list."""

    id_token: IdToken
    name: str
    until: date | None


class ForgetCardAsked(LocalRequest, frozen=True, kw_only=True):
    """Strike the card of this name off the list."""

    card: str


class ChangeCardAsked(LocalRequest, frozen=True, kw_only=True):
    """Change what is not None of the card of this name."""

    card: str
    name: str | None
    enabled: bool | None
    until: date | Literal[""] | None
    """Empty: no last day any more."""


class TransferAsked(LocalRequest, frozen=True, kw_only=True):
    """Tell the CSMS something in words of our own (DataTransfer), if it listens now."""

    vendor_id: str
    message_id: str
    data: str


class Transferred(LocalRequest, frozen=True, kw_only=True):
    """What the CSMS said to it; `request` is that of the TransferAsked."""

    ok: bool
    detail: str
