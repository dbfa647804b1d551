"""What people see of the station: the site, the tariff, the pages, MQTT, maintenance."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from chargepoint.config.alerts import ChannelName, Language, Port, Url
from chargepoint.config.reading import Natural, NotNegative, Positive, Section, Text


class Notice(Section, frozen=True):
    """`[[site.notice]]`: something that drivers are to know in time."""

    text: dict[str, Text]
    """Language -> text."""
    since: date | None = None
    until: date | None = None
    """The last day on which it is shown."""


class Site(Section, frozen=True):
    """`[site]`: where the charger is, and whom to call."""

    name: Text = ""
    address: Text = ""
    directions: dict[str, Text] = {}
    """Language -> how to find it: `Level 2, left of the lift`."""
    operator: Text = ""
    support_phone: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^$|^(?=.*[0-9])[0-9+() /-]{3,25}\Z",
            description="a telephone number of 3 to 25 characters, such as +49 30 1234567",
        ),
    ] = ""
    support_email: Annotated[str, msgspec.Meta(max_length=100)] = ""
    nearby: dict[str, tuple[Text, ...]] = {}
    """Language -> what else is on site."""
    language: Language = "en"
    """Of the pages, where the browser wants none that is there."""
    notice: tuple[Notice, ...] = ()


class Web(Section, frozen=True):
    """`[web]`: the pages on the device; without this section none are served."""

    listen: Annotated[
        str, msgspec.Meta(pattern=r"^\S+:\d{1,5}$", description="host:port, such as 0.0.0.0:443")
    ] = "127.0.0.1:8080"
    """Beyond loopback, owner's pages need `tls`, unless `insecure` is set."""
    tls: Literal["off", "self-signed", "files"] = "off"
    cert_file: str = ""
    key_file: str = ""
    insecure: bool = False
    """Serve the owner's area without TLS beyond loopback: passwords can be read on the way."""
    public_url: Url = ""
    """Where drivers reach the page; goes into the QR code."""
    driver_page: bool = True
    session_min: Annotated[float, msgspec.Meta(ge=1, le=1440)] = 30.0
    """Idle time after which a login ends."""
    metrics: Literal["off", "loopback", "open"] = "loopback"
    """Who may read /metrics."""
    subscribe: tuple[ChannelName, ...] = ()
    """Channels through which a driver may be told that charging is done or a place is free."""


class Mqtt(Section, frozen=True):
    """`[mqtt]`: a broker for states, commands and alerts."""

    host: Annotated[str, msgspec.Meta(min_length=1)]
    port: Port = 1883
    tls: bool = False
    ca_file: str = ""
    user: str = ""
    password: str = ""
    topic: Annotated[
        str, msgspec.Meta(pattern=r"^[^#+\s]+$", description="a topic without #, + and spaces")
    ] = "chargepoint"
    """States stand under `topic/STATION/…`."""
    discovery: str = "homeassistant"
    """Prefix of Home Assistant's discovery; empty: none is announced."""
    commands: bool = False
    """Whether `enable` and an upper bound of the current may be set over MQTT."""
    every_s: Annotated[float, msgspec.Meta(ge=1)] = 10.0
    """Longest time between two states of something that changes steadily."""


class Maintenance(Section, frozen=True):
    """`[maintenance]`: rated lives and inspection intervals, for warnings in time."""

    inspection_every_days: NotNegative = 365.0
    """0: no interval."""
    rcd_test_every_days: NotNegative = 180.0
    """Manual test of the RCD with its button; 0: no interval."""
    contactor_operations: Natural = 100_000
    """Rated closings of the contactor without load."""
    contactor_load_operations: Natural = 6_000
    """Rated openings under full load."""
    connector_plug_ins: Natural = 10_000
    """Rated matings of connector or socket (IEC 62196-1: at least 10,000)."""
    closing_time_drift_s: Positive = 0.05
    """Slower than when new by so much: the contactor wears out."""
    warn_ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.9
    """Share of a rated life at which it is due; at 1 it is overdue."""
    warn_days: NotNegative = 30.0
    """Before an interval ends."""
