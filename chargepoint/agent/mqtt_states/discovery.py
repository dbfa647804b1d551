"""Home Assistant's MQTT discovery: one kept configuration topic per entity.

The fields are those of the documentation of its MQTT integration (2024 and later). An entity that
is not announced (any more) gets an empty payload, with which the broker forgets an older one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from chargepoint.agent.mqtt.link import OFFLINE, ONLINE
from chargepoint.agent.mqtt.topics import Topics
from chargepoint.agent.mqtt_states import entities
from chargepoint.agent.mqtt_states.entities import Entity
from chargepoint.catalog import phrase
from chargepoint.config import Config, Evse

Payload = dict[str, object]

_UNFIT = re.compile(r"[^A-Za-z0-9_-]")


def discovery(config: Config, topics: Topics, version: str) -> dict[str, str]:
    """Topic -> configuration as JSON, or nothing; empty where discovery is off."""
    settings = config.mqtt
    if settings is None or not settings.discovery:
        return {}
    announcing = _Announcing(config, topics, version)
    found = dict(announcing.all())
    return {topic: _json(payload) for topic, payload in found.items()}


class _Announcing:
    def __init__(self, config: Config, topics: Topics, version: str) -> None:
        assert config.mqtt is not None
        self._config = config
        self._topics = topics
        self._prefix = config.mqtt.discovery.strip("/")
        self._language = config.alerts.language
        self._commands = config.mqtt.commands
        self._node = f"chargepoint_{_UNFIT.sub('_', config.station.id)}"
        self._common: Payload = {
            "device": self._device(version),
            "origin": {"name": "chargepoint", "sw_version": version},
            "availability_topic": topics.online,
            "payload_available": ONLINE,
            "payload_not_available": OFFLINE,
        }

    def all(self) -> Iterator[tuple[str, Payload | None]]:
        for entity in entities.OF_STATION:
            yield self._announced(entity)
        for evse in self._config.evse:
            for entity in entities.OF_EVSE:
                yield self._announced(entity, evse)
            yield from self._one_of(evse, entities.ENABLED_SET, entities.ENABLED_SHOWN)
            yield from self._one_of(evse, entities.LIMIT_SET, entities.LIMIT_SHOWN)

    def _one_of(
        self, evse: Evse, settable: Entity, shown: Entity
    ) -> Iterator[tuple[str, Payload | None]]:
        """Announce the settable one or the other, and withdraw the one that is not."""
        chosen, other = (settable, shown) if self._commands else (shown, settable)
        yield self._announced(chosen, evse)
        yield self._topic(other, evse), None

    def _announced(self, entity: Entity, evse: Evse | None = None) -> tuple[str, Payload]:
        topic, place = self._topic(entity, evse), self._place(entity, evse)
        payload: Payload = {
            "name": self._name(entity, evse),
            "unique_id": f"{self._node}_{self._object(entity, evse)}",
            "state_topic": place,
            **self._common,
            **entity.fields,
        }
        for field, value in (
            ("device_class", entity.device_class),
            ("state_class", entity.state_class),
            ("unit_of_measurement", entity.unit),
            ("entity_category", entity.category),
        ):
            if value:
                payload[field] = value
        if entity.component in ("switch", "number"):
            payload["command_topic"] = f"{place}/set"
        if entity.component == "number" and evse is not None:
            payload["max"] = evse.current_max_a
        return topic, payload

    def _place(self, entity: Entity, evse: Evse | None) -> str:
        if evse is None:
            return self._topics.station(entity.name)
        return self._topics.evse(evse.id, entity.name)

    def _topic(self, entity: Entity, evse: Evse | None) -> str:
        where = (self._prefix, entity.component, self._node, self._object(entity, evse), "config")
        return "/".join(where)

    def _object(self, entity: Entity, evse: Evse | None) -> str:
        key = (entity.key or entity.name).replace("/", "_")
        return key if evse is None else f"evse{evse.id}_{key}"

    def _name(self, entity: Entity, evse: Evse | None) -> str:
        key = (entity.key or entity.name).replace("/", "_")
        name = phrase(f"mqtt.{key}", self._language)
        if evse is None or len(self._config.evse) == 1:
            return name
        return phrase("mqtt.of_evse", self._language, evse=evse.id, name=name)

    def _device(self, version: str) -> Payload:
        station = self._config.station
        device: Payload = {
            "identifiers": [self._node],
            "name": station.id,
            "manufacturer": station.vendor,
            "model": station.model,
            "sw_version": version,
        }
        if station.serial:
            device["serial_number"] = station.serial
        if self._config.web is not None and self._config.web.public_url:
            device["configuration_url"] = self._config.web.public_url
        return device


def _json(payload: Payload | None) -> str:
    return "" if payload is None else msgspec.json.encode(payload).decode()
