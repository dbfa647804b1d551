"""The catalogue: one entry for every event, hazard, fault and alert that this product can name.

The same text feeds logs, alerts, `chargepoint explain`, the web pages, the simulator and the rig.
Entries stand in the TOML files beside this module, one file per area; an id is unique over all of
them. Hazard ids are plain words (`rcd_tripped`), event names are `subject.past_verb`.

The English texts stand with the entries. Another language is a folder of the same name in
`languages/`: `languages/de/*.toml` hold, by id, the translated `title`, `cause`, `remedy` and
`driver`. Texts that are no entry (labels of pages, frames of messages) are phrases:
`phrases/<language>/*.toml` hold `key = "text with {fields}"`, English included. What a language
lacks is shown in English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

ENGLISH = "en"
FOLDER = Path(__file__).parent
"""A path, because importlib.resources alone takes 8 ms to load."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that can happen, in words for the people who have to deal with it."""

    id: str
    kind: Literal["event", "hazard", "fault", "alert", "finding"]
    severity: Literal["info", "warning", "error", "critical"]
    title: str
    cause: str
    remedy: str
    driver: str = ""
    """In plain words for the driver: what it means, and what may be tried; empty: not for them."""
    code_v16: str = "NoError"
    """OCPP 1.6 ChargePointErrorCode."""
    code_mrec: str = ""
    """ChargeX MREC code (CXnnn) or our own stable token; OCPP vendorErrorCode and techCode."""
    stops: bool = False
    """The connector cannot be used while this holds (status Faulted)."""
    persists: bool = False
    """The hazard outlives restarts: only service lifts it, also after a power loss."""
    personal: bool = False
    """Its detail is what somebody wrote: for contacts and lists, not for logs and archives."""


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


def entry(entry_id: str, language: str = ENGLISH) -> Entry:
    """The entry of `entry_id`, in `language` as far as it is translated. Raises KeyError when the
    catalogue does not know it."""
    found = entries()[entry_id]
    words = _words(language).get(entry_id)
    return found if words is None else msgspec.structs.replace(found, **words)


def phrase(key: str, language: str = ENGLISH, /, **fields: object) -> str:
    """The phrase `key` in `language` (else English) with its `{fields}` filled in.

    Raises KeyError for a phrase or a field that does not exist.
    """
    texts = phrases(language)
    text = texts[key] if key in texts else phrases(ENGLISH)[key]
    return text.format_map(fields) if fields else text


def reason_text(
    reason: str, language: str = ENGLISH, /, *, detail: str = "", current_a: float | None = None
) -> str:
    """Why an EVSE does not charge, or not faster, as a sentence: one `Reason` of its status."""
    return phrase(
        f"reason.{reason}",
        language,
        detail=_reason_detail(reason, language, detail),
        current="" if current_a is None else number_text(current_a, language),
    )


def next_step(reason: str, language: str = ENGLISH, /, *, detail: str = "") -> str:
    """What somebody at the station can do about it; empty: nothing needs to be done."""
    if reason == "hazard" and detail in entries():
        return entry(detail, language).remedy
    return phrase(f"next.{reason}", language)


def number_text(value: float, language: str = ENGLISH, /) -> str:
    """A number with at most one decimal, as people of this language write it."""
    return f"{round(value, 1):g}".replace(".", phrase("number.decimal", language))


def _reason_detail(reason: str, language: str, detail: str) -> str:
    if reason == "hazard":
        return entry(detail, language).title if detail in entries() else detail
    if reason == "authorization_refused":
        known = f"verdict.{detail}" in phrases(ENGLISH)
        return phrase(f"verdict.{detail}", language) if known else detail
    if reason == "limit_below_minimum":
        bound, _, rest = detail.partition(" ")
        return phrase(f"bound.{bound}", language, detail=rest) if bound else detail
    return detail


@cache
def languages() -> tuple[str, ...]:
    """Languages that there are phrases in, English first."""
    found = sorted(folder.name for folder in (FOLDER / "phrases").iterdir() if folder.is_dir())
    return (ENGLISH, *(one for one in found if one != ENGLISH))


@cache
def phrases(language: str) -> Mapping[str, str]:
    """All phrases of one language. Raises ValueError for a key that is defined twice."""
    return _texts(FOLDER / "phrases" / language)


@cache
def _words(language: str) -> Mapping[str, dict[str, str]]:
    return _texts(FOLDER / "languages" / language)


def _texts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in sorted(folder.glob("*.toml")):
        for key, value in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if key in found:
                raise ValueError(f"{file.parent.name}/{file.name}: {key}: defined before")
            found[key] = value
    return found
