"""States, discovery and commands as pure functions.

The tables below are written from the documentation of Home Assistant (pages "MQTT" with
"MQTT Discovery", "Sensor", "Number", and one page per MQTT component), independently of ours.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chargepoint.agent.mqtt_states.commands import Refused, command_of
from chargepoint.agent.mqtt_states.discovery import discovery
from chargepoint.agent.mqtt_states.entities import CSMS_STATES
from chargepoint.agent.mqtt_states.states import states
from chargepoint.agent.status import State
from chargepoint.ipc.care import SetEvseEnabled, SetLocalLimit
from tests.agent.mqtt_states.samples import BASE, TOPICS, config, status

# --- States ---------------------------------------------------------------------------------------


def told() -> dict[str, str]:
    found = states(status(), TOPICS)
    return {topic.removeprefix(f"{BASE}/"): state.payload for topic, state in found.items()}


def test_an_evse_that_charges_says_all_of_it() -> None:
    of_evse = {key[7:]: value for key, value in told().items() if key.startswith("evse/1/")}
    assert of_evse == {
        "state": "Charging",
        "fault": "none",
        "power": "7360",
        "energy": "1234567",
        "current": "10.7",
        "session_energy": "4567",
        "offered": "16",
        "limit": "16",
        "limited_by": "cable",
        "temperature": "31.3",
        "enabled": "ON",
        "local_limit": "20",
    }


def test_what_is_not_known_is_none_and_never_zero() -> None:
    of_evse = {key[7:]: value for key, value in told().items() if key.startswith("evse/2/")}
    unknown = {"power", "energy", "current", "offered", "limit", "limited_by", "temperature",
               "local_limit"}  # fmt: skip
    assert {key for key, value in of_evse.items() if value == "None"} == unknown
    assert (of_evse["fault"], of_evse["enabled"]) == ("control_lost", "OFF")
    assert of_evse["session_energy"] == "0"  # there is no session


def test_the_station_says_link_ledger_alerts_and_version() -> None:
    found = told()
    assert (found["csms"], found["records_waiting"], found["version"]) == ("accepted", "3", "0.1.0")
    assert json.loads(found["alerts/open"]) == {"open": 1, "unacknowledged": 1, "worst": "error"}


def test_only_what_changes_all_the_time_is_steady() -> None:
    steady = {topic.rpartition("/")[2] for topic, state in states(status(), TOPICS).items()
              if state.steady}  # fmt: skip
    assert steady == {"power", "energy", "session_energy", "current", "temperature"}


# --- Discovery ------------------------------------------------------------------------------------

COMMON = {
    "name", "unique_id", "device", "origin", "availability_topic", "payload_available",
    "payload_not_available", "device_class", "entity_category",
}  # fmt: skip
FIELDS = {
    # component: fields of its page, of those that are ours
    "sensor": COMMON | {"state_topic", "state_class", "unit_of_measurement", "value_template",
                        "options"},
    "binary_sensor": COMMON | {"state_topic", "value_template", "payload_on", "payload_off"},
    "switch": COMMON | {"state_topic", "command_topic", "payload_on", "payload_off"},
    "number": COMMON | {"state_topic", "command_topic", "min", "max", "step", "mode",
                        "unit_of_measurement"},
}  # fmt: skip
REQUIRED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "switch": {"command_topic"},
    "number": {"command_topic"},
}
UNITS = {
    "power": {"mW", "W", "kW", "MW", "GW", "TW", "BTU/h"},
    "energy": {"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal"},
    "current": {"A", "mA"},
    "temperature": {"°C", "°F", "K"},
}
STATE_CLASSES = {
    "power": {"measurement"},
    "energy": {"total", "total_increasing"},
    "current": {"measurement"},
    "temperature": {"measurement"},
}
BINARY_CLASSES = {"problem", "connectivity", "power", "plug", "running", "safety"}
CATEGORIES = {
    # a sensor can only be read: "config" is refused for it
    "sensor": {"diagnostic"},
    "binary_sensor": {"diagnostic"},
    "switch": {"diagnostic", "config"},
    "number": {"diagnostic", "config"},
}
DEVICE = {
    "identifiers", "connections", "configuration_url", "hw_version", "manufacturer", "model",
    "model_id", "name", "serial_number", "suggested_area", "sw_version", "via_device",
}  # fmt: skip
ORIGIN = {"name", "sw_version", "support_url"}

ANNOUNCED = {
    (commands, topic): payload
    for commands in (False, True)
    for topic, payload in discovery(config(commands=commands), TOPICS, "0.1.0").items()
}
PAYLOADS = [
    pytest.param(topic, json.loads(payload), id=f"{topic}-{commands}")
    for (commands, topic), payload in ANNOUNCED.items()
    if payload
]


@pytest.mark.parametrize(("topic", "payload"), PAYLOADS)
def test_an_announcement_is_what_home_assistant_takes(topic: str, payload: dict[str, Any]) -> None:
    found = re.fullmatch(r"homeassistant/(\w+)/([\w-]+)/([\w-]+)/config", topic, re.ASCII)
    assert found is not None
    component = found[1]
    assert set(payload) <= FIELDS[component]
    assert set(payload) >= REQUIRED[component]
    assert payload["device"]["identifiers"] == ["chargepoint_CP-7"]
    assert set(payload["device"]) <= DEVICE
    assert set(payload["origin"]) <= ORIGIN
    assert payload.get("entity_category", "diagnostic") in CATEGORIES[component]
    assert payload["availability_topic"] == "chargepoint/CP-7/online"


@pytest.mark.parametrize(("topic", "payload"), PAYLOADS)
def test_classes_and_units_fit_each_other(topic: str, payload: dict[str, Any]) -> None:
    component, device_class = topic.split("/")[1], payload.get("device_class")
    unit, state_class = payload.get("unit_of_measurement"), payload.get("state_class")
    if component == "binary_sensor":
        assert device_class is None or device_class in BINARY_CLASSES
    elif device_class == "enum":
        assert payload["options"]
        assert unit is None
        assert state_class is None
    elif device_class is not None:
        assert unit in UNITS[device_class]
        assert state_class in STATE_CLASSES[device_class] or component == "number"
    else:
        assert unit is None


def test_every_entity_has_an_id_of_its_own_that_does_not_depend_on_the_language() -> None:
    english = discovery(config(), TOPICS, "1")
    german = discovery(config(language="de"), TOPICS, "1")
    ids = [json.loads(payload)["unique_id"] for payload in english.values() if payload]
    assert len(ids) == len(set(ids))
    assert sorted(english) == sorted(german)
    key = "homeassistant/sensor/chargepoint_CP-7/evse1_power/config"
    assert json.loads(english[key])["name"] == "Connector 1: Power"
    assert json.loads(german[key])["name"] == "Ladepunkt 1: Leistung"


def test_every_announced_state_has_a_topic_and_an_allowed_value() -> None:
    current = states(status(), TOPICS)
    for payload in filter(None, ANNOUNCED.values()):
        told = json.loads(payload)
        assert told["state_topic"] in current
        if "options" in told:
            assert current[told["state_topic"]].payload in told["options"]


def test_the_words_of_the_link_are_those_of_the_status() -> None:
    assert set(CSMS_STATES) == set(State.__args__)  # type: ignore[attr-defined]


def test_with_commands_there_is_a_switch_and_a_number_and_the_others_are_withdrawn() -> None:
    node = "chargepoint_CP-7"
    switch = f"homeassistant/switch/{node}/evse1_enabled/config"
    shown = f"homeassistant/binary_sensor/{node}/evse1_enabled/config"
    number = f"homeassistant/number/{node}/evse1_local_limit/config"
    assert ANNOUNCED[(True, shown)] == ""
    assert ANNOUNCED[(False, switch)] == ANNOUNCED[(False, number)] == ""
    assert json.loads(ANNOUNCED[(True, switch)])["command_topic"] == f"{BASE}/evse/1/enabled/set"
    told = json.loads(ANNOUNCED[(True, number)])
    assert (told["min"], told["max"], told["step"]) == (0, 32.0, 1)


def test_one_evse_needs_no_number_in_its_names() -> None:
    key = "homeassistant/sensor/chargepoint_CP-7/evse1_power/config"
    assert json.loads(discovery(config(evses=1), TOPICS, "1")[key])["name"] == "Power"


def test_without_a_prefix_nothing_is_announced() -> None:
    assert discovery(config(discovery=""), TOPICS, "1") == {}


# --- Commands -------------------------------------------------------------------------------------

BOUNDS = {1: 32.0, 2: 16.0}


def command(name: str, payload: str) -> SetEvseEnabled | SetLocalLimit:
    return command_of(f"{BASE}/evse/{name}/set", payload.encode(), TOPICS, BOUNDS)


@pytest.mark.parametrize(
    ("name", "payload", "wanted"),
    [
        ("1/enabled", "ON", SetEvseEnabled(evse=1, enabled=True, by="mqtt")),
        ("2/enabled", "OFF", SetEvseEnabled(evse=2, enabled=False, by="mqtt")),
        ("1/local_limit", "10", SetLocalLimit(evse=1, current_a=10.0, by="mqtt")),
        ("1/local_limit", "6.5", SetLocalLimit(evse=1, current_a=6.5, by="mqtt")),
        ("1/local_limit", "0", SetLocalLimit(evse=1, current_a=0.0, by="mqtt")),
        ("1/local_limit", " 32\n", SetLocalLimit(evse=1, current_a=32.0, by="mqtt")),
        ("2/local_limit", "None", SetLocalLimit(evse=2, current_a=None, by="mqtt")),
    ],
)
def test_a_command_is_read(name: str, payload: str, wanted: SetEvseEnabled | SetLocalLimit) -> None:
    assert command(name, payload) == wanted


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("1/enabled", "on"),
        ("1/enabled", "1"),
        ("1/enabled", ""),
        ("1/local_limit", "5.9"),
        ("1/local_limit", "-6"),
        ("1/local_limit", "32.1"),
        ("2/local_limit", "32"),
        ("1/local_limit", "nan"),
        ("1/local_limit", "inf"),
        ("1/local_limit", "10 A"),
        ("1/local_limit", ""),
        ("1/local_limit", "9" * 500),
        ("0/enabled", "OFF"),
        ("3/enabled", "OFF"),
        ("01/enabled", "OFF"),
        ("x/enabled", "OFF"),
        ("1/power", "0"),
        ("1/enabled/further", "ON"),
    ],
)
def test_a_command_that_is_none_is_refused(name: str, payload: str) -> None:
    with pytest.raises(Refused):
        command(name, payload)


def test_a_refusal_says_what_was_found_and_what_is_expected() -> None:
    with pytest.raises(Refused) as caught:
        command("1/local_limit", "3")
    assert str(caught.value) == "local_limit: found `3`, expected 0, 6 to 32, or None"


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(Refused):
        command_of(f"{BASE}/evse/1/local_limit/set", b"\xff\x00", TOPICS, BOUNDS)
