"""The ledger for people: transactions with what the CSMS has of them, and records for an export.

Everything comes from the store, so that it is the same whether the agent runs or not. IdTokens are
masked; the records hold no other secrets. The station's own cards are shown by the name that they
have now: with a card its name is forgotten here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from chargepoint.agent import record_codec
from chargepoint.agent.reading import Reading
from chargepoint.agent.store_effects import Refused, Row
from chargepoint.ipc.service import LedgerTransaction, RecordPart
from chargepoint.log import masked
from chargepoint.station import clock, history, outbox, own_cards, transaction
from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk
from chargepoint.station.records import (
    IdToken,
    SecurityEventHappened,
    Stamp,
    TransactionEnded,
    TransactionStarted,
)
from chargepoint.station.settings import BUILT_AT

PART_MAX = 16_000
"""Characters of a record in one answer; a long one comes in several."""

OWED_MAX = 2_000
"""Waiting starts and ends that are looked at, the newest; a longer queue is shown in part."""

BOUNDS = ("TransactionStarted", "TransactionEnded")
State = Literal["running", "acknowledged", "waiting", "refused", "kept"]
Spaces = Mapping[str, Mapping[str, str]]


class _Names:
    """Of the station's own cards."""

    def __init__(self, spaces: Spaces) -> None:
        cards = own_cards.restored(spaces.get(own_cards.SPACE, {}))
        self.numbered = {number: card.name for number, card in cards.items()}
        self._by_key = {card.id_token.key: card.name for card in cards.values()}

    def of(self, id_token: IdToken) -> str:
        return self._by_key.get(id_token.key, "")


class _Found(msgspec.Struct, kw_only=True):
    """What is known of one transaction so far."""

    id: str
    evse: int = 0
    token: str = ""
    card: str = ""
    csms_id: int | None = None
    started: Stamp | None = None
    ended: Stamp | None = None
    meter_start_wh: int | None = None
    meter_now_wh: int | None = None
    reason: str = ""
    running: bool = False
    waiting: int = 0
    refused: list[int] = msgspec.field(default_factory=list)
    problem: str = ""
    order: int = 0


def transactions(reading: Reading, last: int, *, alone: bool) -> list[LedgerTransaction]:
    """The last transactions, oldest first; `alone`: there is no CSMS that they could wait for."""
    spaces = reading.spaces()
    found: dict[str, _Found] = {}
    names = _Names(spaces)
    _look_at_past(found, spaces, names)
    _look_at_running(found, spaces, names)
    for sequence, kind, text in reading.newest(OWED_MAX, BOUNDS):
        one = _look_at_record(found, sequence, kind, text, names)
        if one is not None:
            one.waiting += 1
    for sequence, kind, text, code, description in reading.refused():
        one = _look_at_record(found, sequence, kind, text, names)
        if one is not None:
            one.refused.append(sequence)
            one.problem = f"{code}: {description}" if description else code
    wall = _clock(spaces)
    ordered = sorted(found.values(), key=lambda one: one.order)
    return [_shown(one, wall, alone) for one in ordered[max(0, len(ordered) - last) :]]


def parts(
    row: Row | Refused, place: Literal["waiting", "refused"], walls: Clock
) -> Iterator[RecordPart]:
    """A record as JSON text with masked IdTokens, cut to what an answer may hold."""
    sequence, kind, text = row[:3]
    code, description = (row[3], row[4]) if len(row) == 5 else ("", "")
    at = ""
    try:
        record = record_codec.read(kind, text)
        at = _iso(walls.wall(record.stamp))
        plain = msgspec.to_builtins(record)
        _mask(plain)
        text = msgspec.json.encode(plain).decode()
    except ValueError as error:
        text = msgspec.json.encode({"unreadable": str(error)[:200]}).decode()
    for start in range(0, len(text), PART_MAX):
        yield RecordPart(
            sequence=sequence,
            place=place,
            kind=kind,
            at=at,
            code=code,
            description=description,
            text=text[start : start + PART_MAX],
            last=start + PART_MAX >= len(text),
        )


def wall_clock(reading: Reading) -> Clock:
    """The wall times of everything in the store."""
    return _clock(reading.spaces())


def _clock(spaces: Spaces) -> Clock:
    return Clock(Desk(""), spaces.get(clock.SPACE, {}), BUILT_AT)


# --- Where transactions are found -----------------------------------------------------------------


def _look_at_past(found: dict[str, _Found], spaces: Spaces, names: _Names) -> None:
    for key, text in spaces.get(history.SPACE, {}).items():
        past = msgspec.json.decode(text, type=history.Past)
        found[past.transaction] = _Found(
            id=past.transaction,
            evse=past.evse,
            token=past.token,
            card="" if past.card is None else names.numbered.get(past.card, ""),
            csms_id=past.csms_id,
            started=past.started,
            ended=past.ended,
            meter_start_wh=past.meter_start_wh,
            meter_now_wh=past.meter_stop_wh,
            reason=past.reason.value,
            order=int(key),
        )


def _look_at_running(found: dict[str, _Found], spaces: Spaces, names: _Names) -> None:
    ids = spaces.get(outbox.SPACE, {})
    for text in spaces.get(transaction.SPACE, {}).values():
        one = msgspec.json.decode(text, type=transaction.Transaction)
        known = msgspec.json.decode(ids[one.id], type=outbox.CsmsId) if one.id in ids else None
        found[one.id] = _Found(
            id=one.id,
            evse=one.evse,
            token=masked(one.id_token.value),
            card=names.of(one.id_token),
            csms_id=None if known is None else known.number,
            started=one.started,
            meter_start_wh=one.meter_start_wh,
            meter_now_wh=one.meter_start_wh + one.energy_wh,
            running=one.ended is None,
            order=one.start_sequence,
        )


def _look_at_record(
    found: dict[str, _Found], sequence: int, kind: str, text: str, names: _Names
) -> _Found | None:
    """Take over what a record tells; None for one of no transaction, or an unreadable one."""
    try:
        record = record_codec.read(kind, text)
    except ValueError:
        return None
    if isinstance(record, SecurityEventHappened):
        return None
    one = found.setdefault(record.transaction, _Found(id=record.transaction, order=sequence))
    one.evse = record.evse
    if isinstance(record, TransactionStarted):
        one.token = masked(record.id_token.value)
        one.card = names.of(record.id_token)
        one.started, one.meter_start_wh = record.stamp, record.meter_start_wh
    elif isinstance(record, TransactionEnded):
        one.ended, one.meter_now_wh = record.stamp, record.meter_stop_wh
        one.reason = record.reason.value
    return one


# --- How they are shown ---------------------------------------------------------------------------


def _shown(one: _Found, walls: Clock, alone: bool) -> LedgerTransaction:
    energy_wh: int | None = None
    if one.meter_start_wh is not None and one.meter_now_wh is not None:
        energy_wh = max(0, one.meter_now_wh - one.meter_start_wh)
    return LedgerTransaction(
        id=one.id,
        csms_id=one.csms_id,
        evse=one.evse,
        id_token=one.token,
        card=one.card,
        started_at=_iso(None if one.started is None else walls.wall(one.started)),
        ended_at=_iso(None if one.ended is None else walls.wall(one.ended)),
        meter_start_wh=one.meter_start_wh,
        energy_wh=energy_wh,
        reason=one.reason,
        state=_state(one, alone),
        running=one.running,
        refused=tuple(one.refused),
        problem=one.problem,
    )


def _state(one: _Found, alone: bool) -> State:
    if one.refused:
        return "refused"
    if one.waiting and not (alone and one.running):
        return "kept" if alone else "waiting"
    return "running" if one.running else "acknowledged"


def _mask(value: Any) -> None:
    """Mask every IdToken inside plain data."""
    if isinstance(value, dict):
        token = value.get("id_token")
        if isinstance(token, dict) and isinstance(token.get("value"), str):
            token["value"] = masked(token["value"])
        for inner in value.values():
            _mask(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _mask(inner)


def _iso(at: datetime | None) -> str:
    if at is None:
        return ""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
