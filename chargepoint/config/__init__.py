"""The station's configuration: one TOML file, checked whole, every mistake named at once.

Parsing ends in frozen values that cannot be wrong; nothing inside checks them again. What the CSMS
changes at run time lives in the state directory and is not part of this package.

    reading        from TOML to values, collecting mistakes
    station_file   the charger itself: identity, CSMS, buses, devices, EVSEs, safety
    alerts         who is told what, and on which way
    people         what drivers, owners and technicians see: site, tariff, pages, MQTT, maintenance
    cards          who may charge where no CSMS decides
    checks         contradictions between values
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.config.checks import contradictions
from chargepoint.config.reading import ConfigError, Mistake, Name, Section, checked, read
from chargepoint.config.station_file import (
    PROXY_OF_ENVIRONMENT,
    Bus,
    Config,
    Csms,
    Device,
    Evse,
    Log,
    SimulatedVehicle,
)

__all__ = [
    "PROXY_OF_ENVIRONMENT",
    "Bus",
    "Config",
    "ConfigError",
    "Csms",
    "Device",
    "Evse",
    "Log",
    "Mistake",
    "Name",
    "Section",
    "SimulatedVehicle",
    "checked",
    "load",
    "parse",
    "read",
]


def load(path: str | Path) -> Config:
    """The configuration in `path`. Raises ConfigError with every mistake found."""
    return parse(read(path), str(path))


def parse(raw: Mapping[str, Any], source: str) -> Config:
    """`raw` TOML as a Config. Raises ConfigError with every mistake found."""
    config = checked(raw, Config, source, contradictions)
    return msgspec.structs.replace(config, source=source)
