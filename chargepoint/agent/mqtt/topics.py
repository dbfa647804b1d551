"""Where things stand under `[mqtt].topic`. A name never opens a level or a wildcard."""

from __future__ import annotations

import re

import msgspec

from chargepoint.config import Config

_UNFIT = re.compile(r"[/#+\s\x00-\x1f]")


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """`base`: `chargepoint/STATION`."""

    base: str

    @property
    def online(self) -> str:
        return f"{self.base}/online"

    @property
    def error(self) -> str:
        """What was wrong with a command."""
        return f"{self.base}/error"

    @property
    def commands(self) -> str:
        """Filter for everything that can be set."""
        return f"{self.base}/evse/+/+/set"

    def alerts(self, contact: str) -> str:
        return f"{self.base}/alerts/{level(contact)}"

    def station(self, name: str) -> str:
        return f"{self.base}/{name}"

    def evse(self, evse: int, name: str) -> str:
        return f"{self.base}/evse/{evse}/{name}"


def topics(config: Config) -> Topics:
    """Those of this station. Requires `[mqtt]`."""
    assert config.mqtt is not None
    return Topics(base=f"{config.mqtt.topic.strip('/')}/{level(config.station.id)}")


def level(name: str) -> str:
    """`name` as one level of a topic."""
    return _UNFIT.sub("_", name)
