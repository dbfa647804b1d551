"""Records as JSON text and back: what the store keeps and an export shows.

A row says its kind beside the JSON, so that reading it needs no guess. Fields that a later release
adds must have defaults: an older row is read with them.
"""

from __future__ import annotations

from typing import get_args

import msgspec

from chargepoint.station.records import Record

KINDS: dict[str, type[Record]] = {kind.__name__: kind for kind in get_args(Record)}

_encoder = msgspec.json.Encoder()
_decoders = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}


def written(record: Record) -> tuple[str, str]:
    """(kind, JSON text) of `record`."""
    return type(record).__name__, _encoder.encode(record).decode()


def read(kind: str, text: str) -> Record:
    """The record of a row. Raises ValueError for a row that is none."""
    decoder = _decoders.get(kind)
    if decoder is None:
        raise ValueError(f"no such kind of record: {kind[:40]!r}")
    try:
        record: Record = decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{kind}: {error}") from error
    return record
