"""From the configuration to the parts, and what this release refuses."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest

from chargepoint.agent import wiring
from chargepoint.agent.store import Opened
from chargepoint.config import Config, ConfigError, parse
from hil.stage import changed, example

OPENED = Opened(spaces={}, last_sequence=0, waiting=0, quarantined=0)


def demo(**changes: Any) -> Config:
    return parse(changed(example(), {key.replace("__", "."): v for key, v in changes.items()}), "f")


def test_the_demo_configuration_can_be_served() -> None:
    wiring.check(demo())


def test_a_version_that_is_not_in_this_release_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"csms\.versions: OCPP 2\.0\.1 is not in this release"):
        wiring.check(demo(csms__versions=["1.6", "2.0.1"]))


def test_a_misspelt_configuration_key_is_refused_with_a_suggestion() -> None:
    raw = changed(example(), {})
    raw["ocpp"]["v16"]["HeartbeatIntervall"] = 5
    with pytest.raises(ConfigError, match="did you mean `HeartbeatInterval`"):
        wiring.check(parse(raw, "f"))


def test_keys_of_the_file_become_variables_with_their_origin() -> None:
    config = demo(ocpp__v16={"heartbeatinterval": 77, "LocalPreAuthorize": True})
    station = wiring.station(config, OPENED, "boot")
    interval = station.device_model.get("OCPPCommCtrlr", "HeartbeatInterval")
    early = station.device_model.get("AuthCtrlr", "LocalPreAuthorize")
    assert interval is not None
    assert early is not None
    assert (interval.value, interval.origin.value) == ("77", "file")
    assert early.value == "true"


def test_each_safety_program_has_its_socket_evses_and_meters() -> None:
    (bus,) = wiring.safety_buses(demo())
    assert (bus.name, bus.evses, bus.meters) == ("safety", (1, 2), {"meter1": 1, "meter2": 2})
    assert bus.socket.name == "control-safety.sock"


def test_without_a_csms_there_is_no_adapter() -> None:
    raw = example()
    del raw["csms"]
    config = parse(raw, "f")
    assert wiring.adapters(config, wiring.station(config, OPENED, "boot")) == {}


def test_the_version_that_is_told_to_the_csms_is_that_of_the_package() -> None:
    assert version("chargepoint") == wiring.FIRMWARE


def test_the_installer_limits_lists_and_reservations_which_the_csms_cannot_change() -> None:
    config = demo(
        ocpp__v16={"LocalAuthListMaxLength": 20, "ReserveConnectorZeroSupported": False},
        ocpp__v2={"ReservationCtrlr": {"Enabled": False}},
    )
    model = wiring.station(config, OPENED, "boot").device_model
    places = (
        ("LocalAuthListCtrlr", "Entries"),
        ("ReservationCtrlr", "NonEvseSpecific"),
        ("ReservationCtrlr", "Enabled"),
    )
    found = [model.get(*place) for place in places]
    assert [each and (each.value, each.writable) for each in found] == [
        ("20", False),
        ("false", False),
        ("false", False),
    ]
