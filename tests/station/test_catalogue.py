"""Every event that the station notes stands in the catalogue, exercised or not."""

from __future__ import annotations

import re
from pathlib import Path

from chargepoint import catalog, station

SOURCE = Path(station.__file__).parent
NOTED = re.compile(r"desk\.note\(\s*\"([a-z_.]+)\"")


def test_every_noted_event_is_explained() -> None:
    noted = {
        name for file in SOURCE.glob("*.py") for name in NOTED.findall(file.read_text("utf-8"))
    }
    assert len(noted) > 20
    assert noted <= set(catalog.entries())


def test_every_station_event_of_the_catalogue_is_noted_somewhere() -> None:
    text = "".join(file.read_text("utf-8") for file in SOURCE.glob("*.py"))
    source = (Path(catalog.__file__).parent / "station.toml").read_text("utf-8")
    names = re.findall(r"^\[\"?([a-z_.]+)\"?\]", source, flags=re.MULTILINE)
    assert [name for name in names if f'"{name}"' not in text] == []
