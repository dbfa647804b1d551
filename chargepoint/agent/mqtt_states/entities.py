"""The entities that Home Assistant is told of, as a table; words stand in the phrases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from chargepoint.station.effects import ConnectorState

Component = Literal["sensor", "binary_sensor", "switch", "number"]

CSMS_STATES = ("off", "connecting", "waiting", "connected", "pending", "rejected", "accepted")
CONNECTOR_STATES = tuple(state.value for state in ConnectorState)


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One entity. `name`: end of its topic and of the phrase `mqtt.NAME`."""

    component: Component
    name: str
    key: str = ""
    """What makes it unique, where one topic serves two; empty: `name`."""
    device_class: str = ""
    state_class: str = ""
    unit: str = ""
    category: str = ""
    fields: Mapping[str, object] = {}
    """Further fields of the payload."""


ON_OFF = {"payload_on": "ON", "payload_off": "OFF"}
WITH_FAULT = {"value_template": "{{ 'OFF' if value == 'none' else 'ON' }}"}
OPEN_ALERTS = {"value_template": "{{ value_json.open }}"}
STATES = {"options": list(CONNECTOR_STATES)}
LINKS = {"options": list(CSMS_STATES)}
ENERGY, RISING, NOW = "energy", "total_increasing", "measurement"


def _sensor(
    name: str,
    device_class: str = "",
    state_class: str = "",
    unit: str = "",
    fields: Mapping[str, object] = {},
    category: str = "",
) -> Entity:
    return Entity(
        component="sensor",
        name=name,
        device_class=device_class,
        state_class=state_class,
        unit=unit,
        category=category,
        fields=fields,
    )


# fmt: off
OF_EVSE = (
    #       topic             device class   state class   unit
    _sensor("state",          "enum",        fields=STATES),
    _sensor("power",          "power",       NOW,          "W"),
    _sensor("energy",         ENERGY,        RISING,       "Wh"),
    _sensor("session_energy", ENERGY,        RISING,       "Wh"),
    _sensor("current",        "current",     NOW,          "A"),
    _sensor("offered",        "current",     NOW,          "A"),
    _sensor("limit",          "current",     NOW,          "A"),
    _sensor("limited_by",     category="diagnostic"),
    _sensor("temperature",    "temperature", NOW,          "°C", category="diagnostic"),
    _sensor("fault",          category="diagnostic"),
    Entity(component="binary_sensor", name="fault", key="problem", device_class="problem",
           fields={**WITH_FAULT, **ON_OFF}),
)
OF_STATION = (
    _sensor("csms",           "enum",        fields=LINKS, category="diagnostic"),
    _sensor("records_waiting", "",           NOW,          category="diagnostic"),
    _sensor("alerts/open",    "",            NOW,          fields=OPEN_ALERTS),
    _sensor("version",        category="diagnostic"),
)
ENABLED_SHOWN = Entity(component="binary_sensor", name="enabled", fields=ON_OFF)
ENABLED_SET = Entity(component="switch", name="enabled", category="config", fields=ON_OFF)
LIMIT_SHOWN = _sensor("local_limit", "current", NOW, "A")
LIMIT_SET = Entity(component="number", name="local_limit", device_class="current", unit="A",
                   category="config", fields={"min": 0, "step": 1, "mode": "box"})
# fmt: on
