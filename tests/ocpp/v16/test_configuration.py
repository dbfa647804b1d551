"""Configuration keys over the device model."""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.ocpp.v16.configuration import KEYS, Configuration
from chargepoint.station.effects import Verdict
from chargepoint.station.events import VariableSetRequested
from tests.ocpp.fakes import DEFAULTS, Line, Model, Variable

REQUIRED = {
    "AuthorizeRemoteTxRequests",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "GetConfigurationMaxKeys",
    "HeartbeatInterval",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "MeterValuesAlignedData",
    "MeterValuesSampledData",
    "MeterValueSampleInterval",
    "NumberOfConnectors",
    "ResetRetries",
    "StopTransactionOnInvalidId",
    "StopTxnAlignedData",
    "StopTxnSampledData",
    "SupportedFeatureProfiles",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
}


def ready() -> Line:
    line = Line(connectors=2)
    line.accept()
    line.forget()
    return line


def get(line: Line, payload: Any) -> dict[str, Any]:
    payload = line.ask("GetConfiguration", payload)[2]
    assert isinstance(payload, dict)
    return payload


@pytest.mark.parametrize("payload", [{}, None, {"key": []}, {"key": None}])
def test_no_names_mean_every_key(payload: Any) -> None:
    """Keys, rule 3; central systems, 9, TC_019."""
    answer = get(ready(), payload)
    names = [entry["key"] for entry in answer["configurationKey"]]
    assert set(names) >= REQUIRED
    assert len(names) == len(set(names))
    assert "unknownKey" not in answer


def test_names_are_found_whatever_their_letter_case_and_reported_as_spelled_here() -> None:
    """R14; keys, rule 1, TC_019."""
    assert get(ready(), {"key": ["heartbeatINTERVAL"]}) == {
        "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]
    }


def test_unknown_keys_are_named_as_they_were_asked_for() -> None:
    """Keys, rules 3 and 12."""
    assert get(ready(), {"key": ["Blink", "MeterKey", "NumberOfConnectors", "blink"]}) == {
        "configurationKey": [{"key": "NumberOfConnectors", "readonly": True, "value": "2"}],
        "unknownKey": ["blink", "MeterKey"],
    }


def test_more_names_than_the_maximum_are_not_looked_at() -> None:
    """Keys, rule 4."""
    answer = get(ready(), {"key": [f"Key{n}" for n in range(500)]})
    assert len(answer["unknownKey"]) == 100


def test_what_follows_from_the_product_is_true() -> None:
    """central systems, 9: features are switched off where these are missing or odd."""
    names = ["SupportedFeatureProfiles", "NumberOfConnectors", "GetConfigurationMaxKeys"]
    values = [entry["value"] for entry in get(ready(), {"key": names})["configurationKey"]]
    profiles = (
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"
    )
    assert values == [profiles, "2", "100"]


def test_a_list_that_can_be_written_tells_its_length() -> None:
    """Keys, rule 10."""
    names = {entry["key"] for entry in get(ready(), {})["configurationKey"]}
    lists = {key.name for key in KEYS if key.kind.value == "list"}
    assert {f"{name}MaxLength" for name in lists} <= names


def test_a_key_whose_variable_does_not_exist_does_not_exist() -> None:
    """Keys, rule 9: presence carries meaning."""
    line = ready()
    del line.view.device_model.variables["AuthCacheCtrlr", "Enabled"]
    asked = {"key": ["AuthorizationCacheEnabled"]}
    assert get(line, asked) == {
        "configurationKey": [],
        "unknownKey": ["AuthorizationCacheEnabled"],
    }
    change = line.ask("ChangeConfiguration", {"key": "AuthorizationCacheEnabled", "value": "true"})
    assert change[2] == {"status": "NotSupported"}


# fmt: off
CHANGES = [
    # key                            value               what the station is asked to set
    ("HeartbeatInterval",            "60",     ("OCPPCommCtrlr", "HeartbeatInterval", "60")),
    ("heartbeatinterval",            " 060 ",  ("OCPPCommCtrlr", "HeartbeatInterval", "60")),
    ("HeartbeatInterval",            60,       ("OCPPCommCtrlr", "HeartbeatInterval", "60")),
    ("HeartbeatInterval",            "-1",     ("OCPPCommCtrlr", "HeartbeatInterval", "-1")),
    ("LocalPreAuthorize",            "TRUE",   ("AuthCtrlr", "LocalPreAuthorize", "true")),
    ("LocalPreAuthorize",            False,    ("AuthCtrlr", "LocalPreAuthorize", "false")),
    ("StopTxnSampledData",           "",       ("SampledDataCtrlr", "TxEndedMeasurands", "")),
    ("MeterValuesSampledData",       "Voltage, SoC ",
                                       ("SampledDataCtrlr", "TxUpdatedMeasurands", "Voltage,SoC")),
]
REFUSED = [
    # key                            value      status
    ("NoSuchKey",                    "1",       "NotSupported"),
    ("SigningKey",                   "x" * 20,  "NotSupported"),
    ("NumberOfConnectors",           "3",       "Rejected"),
    ("supportedfeatureprofiles",     "Core",    "Rejected"),
    ("HeartbeatInterval",            "soon",    "Rejected"),
    ("HeartbeatInterval",            "1.5",     "Rejected"),
    ("HeartbeatInterval",            "",        "Rejected"),
    ("HeartbeatInterval",            "9" * 400, "Rejected"),
    ("LocalPreAuthorize",            "yes",     "Rejected"),
    ("LocalPreAuthorize",            1,         "Rejected"),
    ("MeterValuesSampledData",       "A,,B",    "Rejected"),
]
# fmt: on


@pytest.mark.parametrize(("key", "value", "asked"), CHANGES)
def test_a_change_is_asked_of_the_station_in_one_spelling(
    key: str, value: Any, asked: tuple[str, str, str]
) -> None:
    """R14; keys, rule 2, TC_021."""
    line = ready()
    assert line.ask("ChangeConfiguration", {"key": key, "value": value}) is None
    event = line.told(VariableSetRequested)[0]
    assert (event.component, event.variable, event.value) == asked
    assert line.verdict(Verdict.ACCEPTED)[2] == {"status": "Accepted"}


@pytest.mark.parametrize(("key", "value", "status"), REFUSED)
def test_an_impossible_change_is_refused_at_once(key: str, value: Any, status: str) -> None:
    """Keys, rules 6 and 7, TC_040_1, TC_040_2."""
    line = ready()
    assert line.ask("ChangeConfiguration", {"key": key, "value": value})[2] == {"status": status}
    assert line.told(VariableSetRequested) == []


def test_a_variable_that_cannot_be_written_is_read_only() -> None:
    """Keys, rule 6: UnlockConnectorOnEVSideDisconnect with a fixed cable."""
    line = ready()
    place = ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect")
    line.view.device_model.variables[place] = Variable("false", writable=False)
    name = "UnlockConnectorOnEVSideDisconnect"
    assert get(line, {"key": [name]})["configurationKey"][0]["readonly"] is True
    change = line.ask("ChangeConfiguration", {"key": name, "value": "true"}, "csms-2")
    assert change[2] == {"status": "Rejected"}


# fmt: off
VERDICTS = [
    (Verdict.ACCEPTED,        "Accepted"),       (Verdict.REJECTED,      "Rejected"),
    (Verdict.REBOOT_REQUIRED, "RebootRequired"), (Verdict.NOT_SUPPORTED, "NotSupported"),
]
# fmt: on


@pytest.mark.parametrize(("verdict", "status"), VERDICTS)
def test_the_station_decides_on_the_value(verdict: Verdict, status: str) -> None:
    """Keys, rule 6."""
    line = ready()
    line.ask("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"})
    assert line.verdict(verdict)[2] == {"status": status}


def test_no_key_stands_for_two_variables_and_no_variable_for_two_keys() -> None:
    assert len({key.name.casefold() for key in KEYS}) == len(KEYS)
    assert {(key.component, key.variable) for key in KEYS} == set(DEFAULTS)
    assert len({(key.component, key.variable) for key in KEYS}) == len(KEYS)


def test_a_number_that_is_none_gets_the_default() -> None:
    model = Model()
    model.set("OCPPCommCtrlr", "MessageTimeout", "soon")
    assert Configuration(model, 1).number("MessageTimeout", 30.0) == 30.0
