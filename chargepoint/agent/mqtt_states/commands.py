"""Commands over MQTT, read from topic and payload: enable an EVSE, set its upper bound."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from chargepoint.agent.mqtt.topics import Topics
from chargepoint.ipc.care import SetEvseEnabled, SetLocalLimit

BY = "mqtt"
PAUSE_A, LEAST_A = 0.0, 6.0
"""Below 6 A nothing can be offered to a vehicle (IEC 61851-1): 0 pauses."""

NO_LIMIT = "None"
NUMBER_MAX = 16
"""Characters of a number."""


class Refused(Exception):
    """A command that is not carried out; its text says what, found, expected."""


def command_of(
    topic: str, payload: bytes, topics: Topics, current_max_a: Mapping[int, float]
) -> SetEvseEnabled | SetLocalLimit:
    """The action that is wanted. `current_max_a`: by EVSE. Raises Refused."""
    evse, name = _target(topic, topics, current_max_a)
    text = payload.decode("utf-8", "replace").strip()[: NUMBER_MAX + 1]
    if name == "enabled":
        if text not in ("ON", "OFF"):
            raise Refused(f"enabled: found `{text}`, expected ON or OFF")
        return SetEvseEnabled(evse=evse, enabled=text == "ON", by=BY)
    return SetLocalLimit(evse=evse, current_a=_limit(text, current_max_a[evse]), by=BY)


def _target(topic: str, topics: Topics, known: Mapping[int, float]) -> tuple[int, str]:
    parts = topic.removeprefix(f"{topics.base}/evse/").split("/")
    if len(parts) != 3 or parts[1] not in ("enabled", "local_limit"):
        raise Refused("expected …/evse/N/enabled/set or …/evse/N/local_limit/set")
    numbers = {str(evse): evse for evse in known}
    if parts[0] not in numbers:
        raise Refused(f"there is no EVSE {parts[0][:10]}")
    return numbers[parts[0]], parts[1]


def _limit(text: str, current_max_a: float) -> float | None:
    if text == NO_LIMIT:
        return None
    expected = f"expected 0, {LEAST_A:g} to {current_max_a:g}, or {NO_LIMIT}"
    try:
        current_a = float(text)
    except ValueError:
        current_a = math.nan
    if current_a != PAUSE_A and not LEAST_A <= current_a <= current_max_a:
        raise Refused(f"local_limit: found `{text}`, {expected}")
    return abs(current_a)


def refusal(topic: str, error: str) -> str:
    """What stands under `…/error`."""
    return msgspec.json.encode({"topic": topic[:200], "error": error}).decode()
