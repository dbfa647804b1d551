"""The catalogue: one entry for every event, hazard, fault and alert that this product can name.

The same text feeds logs, alerts, `chargepoint explain`, the web pages, the simulator and the rig.
Entries stand in the TOML files beside this module, one file per area; an id is unique over all of
them. Hazard ids are plain words (`rcd_tripped`), event names are `subject.past_verb`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

FOLDER = Path(__file__).parent
"""A path, because importlib.resources alone takes 8 ms to load."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that can happen, in words for the people who have to deal with it."""

    id: str
    kind: Literal["event", "hazard", "fault", "alert"]
    severity: Literal["info", "warning", "error", "critical"]
    title: str
    cause: str
    remedy: str
    code_v16: str = "NoError"
    """OCPP 1.6 ChargePointErrorCode."""
    code_mrec: str = ""
    """ChargeX MREC code (CXnnn) or our own stable token; OCPP vendorErrorCode and techCode."""
    stops: bool = False
    """The connector cannot be used while this holds (status Faulted)."""
    persists: bool = False
    """The hazard outlives restarts: only service lifts it, also after a power loss."""


@cache
def entries() -> Mapping[str, Entry]:
    """All entries by id. Raises ValueError for a catalogue that contradicts itself."""
    found: dict[str, Entry] = {}
    for file in sorted(FOLDER.glob("*.toml")):
        for entry_id, fields in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if entry_id in found:
                raise ValueError(f"{file.name}: {entry_id}: defined before")
            found[entry_id] = msgspec.convert({"id": entry_id, **fields}, Entry)
    return found


def entry(entry_id: str) -> Entry:
    """The entry of `entry_id`. Raises KeyError when the catalogue does not know it."""
    return entries()[entry_id]
