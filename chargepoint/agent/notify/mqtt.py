"""Alerts over MQTT: one message per alert under the contact's name, and a kept summary of all."""

from __future__ import annotations

import msgspec

from chargepoint.agent.mqtt.link import ANSWER_S, MqttLink
from chargepoint.agent.mqtt.topics import Topics
from chargepoint.agent.notify.webhook import body_of
from chargepoint.ipc.service import AlertCounts
from chargepoint.station.alerts.values import Channel, Message


class MqttWay:
    """Publishes below `topic/STATION/alerts/CONTACT`; not kept, so that nobody gets old news."""

    channel = Channel.MQTT
    limit_s = ANSWER_S + 2.0

    def __init__(self, link: MqttLink, topics: Topics) -> None:
        self._link = link
        self._topics = topics

    async def send(self, message: Message) -> str:
        await self._link.publish(self._topics.alerts(message.address), body_of(message))
        return ""


def summary(counts: AlertCounts | None) -> str:
    """What stands under `alerts/open`: how many, how bad, and whether somebody knows."""
    if counts is None:
        counts = AlertCounts(open=0, unacknowledged=0, worst="", waiting=0)
    return msgspec.json.encode(
        {
            "open": counts.open,
            "unacknowledged": counts.unacknowledged,
            "worst": counts.worst or "none",
        }
    ).decode()
