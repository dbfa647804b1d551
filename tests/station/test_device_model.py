"""Variables: types and ranges, where values come from, and what a change does."""

from __future__ import annotations

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.device_model import Origin
from chargepoint.station.effects import Verdict
from tests.station.world import World

ACCEPTED, REJECTED = Verdict.ACCEPTED, Verdict.REJECTED

# fmt: off
CHANGES = [
    # component          variable                  value                                verdict
    ("TxCtrlr",          "EVConnectionTimeOut",    "60",                                ACCEPTED),
    ("TxCtrlr",          "EVConnectionTimeOut",    "-1",                                REJECTED),
    ("TxCtrlr",          "EVConnectionTimeOut",    "soon",                              REJECTED),
    ("TxCtrlr",          "EVConnectionTimeOut",    "1.5",                               REJECTED),
    ("TxCtrlr",          "EVConnectionTimeOut",    "99999999999",                       REJECTED),
    ("TxCtrlr",          "StopTxOnInvalidId",      "FALSE",                             ACCEPTED),
    ("TxCtrlr",          "StopTxOnInvalidId",      "no",                                REJECTED),
    ("TxCtrlr",          "MaxEnergyOnInvalidId",   "500",                               ACCEPTED),
    ("OCPPCommCtrlr",    "MessageTimeout",         "0",                                 REJECTED),
    ("OCPPCommCtrlr",    "MessageTimeout",         "600",                               ACCEPTED),
    ("OCPPCommCtrlr",    "MessageTimeout",         "601",                               REJECTED),
    ("OCPPCommCtrlr",    "MessageAttempts",        "0",                                 ACCEPTED),
    ("OCPPCommCtrlr",    "WebSocketPingInterval",  "-1",                                REJECTED),
    ("AlignedDataCtrlr", "Interval",               "900",                               ACCEPTED),
    ("AlignedDataCtrlr", "Interval",               "0",                                 ACCEPTED),
    ("AlignedDataCtrlr", "Interval",               "700",                               REJECTED),
    ("AlignedDataCtrlr", "Measurands",             "Voltage.L1-N,Current.Import",       ACCEPTED),
    ("AlignedDataCtrlr", "Measurands",             "",                                  ACCEPTED),
    ("AlignedDataCtrlr", "Measurands",             "Voltage,SoC",                       REJECTED),
    ("AlignedDataCtrlr", "Measurands",             "Voltage.L9",                        REJECTED),
    ("AlignedDataCtrlr", "Measurands",             "Voltage,,Current.Import",           REJECTED),
    ("Ocpp16Ctrlr",      "ConnectorPhaseRotation", "0.RST,1.STR",                       ACCEPTED),
    ("Ocpp16Ctrlr",      "ConnectorPhaseRotation", "2.RST",                             REJECTED),
    ("Ocpp16Ctrlr",      "ConnectorPhaseRotation", "1.RST,1.STR",                       REJECTED),
    ("Ocpp16Ctrlr",      "ConnectorPhaseRotation", "RST",                               REJECTED),
    ("OCPPCommCtrlr",    "UnlockOnEVSideDisconnect", "true",                            REJECTED),
    ("OCPPCommCtrlr",    "Nothing",                "1",                     Verdict.NOT_SUPPORTED),
]
# fmt: on


@pytest.mark.parametrize(("component", "variable", "value", "verdict"), CHANGES)
def test_a_value_is_taken_or_refused_whole(
    component: str, variable: str, value: str, verdict: Verdict
) -> None:
    """Configuration keys, section 1 rules 6 and 7; columns Reject."""
    world = World()
    before = world.station.device_model.get(component, variable)
    assert world.set(component, variable, value) is verdict
    after = world.station.device_model.get(component, variable)
    if verdict is not ACCEPTED:
        assert after == before


def test_lists_are_kept_without_blanks_and_doubles() -> None:
    world = World()
    world.set("AlignedDataCtrlr", "Measurands", " Voltage , Current.Import,Voltage")
    assert world.station.device_model.text("AlignedDataCtrlr", "Measurands") == (
        "Voltage,Current.Import"
    )


def test_a_socket_may_unlock_on_a_disconnect_at_the_car() -> None:
    """Errata 3.83."""
    world = World(socket=True)
    assert world.set("OCPPCommCtrlr", "UnlockOnEVSideDisconnect", "false") is ACCEPTED


def test_the_csms_wins_over_the_file_and_the_file_over_the_default() -> None:
    """Keys, rule 8: also after a restart."""
    file = {("TxCtrlr", "EVConnectionTimeOut"): "30", ("TxCtrlr", "StopTxOnInvalidId"): "False"}
    world = World(variables=file)

    def origin(variable: str) -> tuple[str, Origin]:
        found = world.station.device_model.get("TxCtrlr", variable)
        assert found is not None
        return found.value, found.origin

    assert origin("EVConnectionTimeOut") == ("30", Origin.FILE)
    assert origin("StopTxOnInvalidId") == ("false", Origin.FILE)
    assert origin("MaxEnergyOnInvalidId") == ("0", Origin.DEFAULT)
    world.set("TxCtrlr", "EVConnectionTimeOut", "45")
    world.kill_both(host=True)
    assert origin("EVConnectionTimeOut") == ("45", Origin.CSMS)


def test_a_value_that_does_not_change_is_not_written() -> None:
    """CQ14."""
    world = World()
    world.forget()
    world.set("TxCtrlr", "EVConnectionTimeOut", "120")
    assert world.of(ef.Put) == []


def test_a_value_of_the_file_that_cannot_be_used_leaves_the_default() -> None:
    world = World(variables={("TxCtrlr", "EVConnectionTimeOut"): "soon", ("No", "Such"): "1"})
    assert world.station.device_model.text("TxCtrlr", "EVConnectionTimeOut") == "120"
    assert world.notes.count("variable.not_usable") == 2


def test_the_heartbeat_interval_of_a_boot_holds_until_the_next() -> None:
    world = World()
    world.forget()
    world.tell(ev.HeartbeatIntervalGiven(interval_s=90, at_s=world.now_s))
    assert world.station.device_model.text("OCPPCommCtrlr", "HeartbeatInterval") == "90"
    assert world.of(ef.Put) == []


def test_a_new_sample_interval_counts_from_now() -> None:
    """Configuration keys rule 11."""
    world = World()
    world.plug_in()
    world.card("04A1")
    world.wait(50.0)
    world.set("SampledDataCtrlr", "TxUpdatedInterval", "30")
    world.wait(29.0)
    assert world.updates == []
    world.wait(2.0)
    assert len(world.updates) == 1
    world.set("SampledDataCtrlr", "TxUpdatedInterval", "0")
    world.wait(100.0, step_s=10.0)
    assert len(world.updates) == 1
