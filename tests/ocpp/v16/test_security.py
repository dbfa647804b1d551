"""The white paper's messages across the edge: requests into events, verdicts into answers."""

from __future__ import annotations

from typing import Any

import pytest

from chargepoint.ocpp.adapter import Trace
from chargepoint.station.effects import Answer, SendCsr, Verdict
from chargepoint.station.events import VariableSetRequested
from chargepoint.station.security_requests import (
    ChainGiven,
    CsrAnswered,
    RootDeleteRequested,
    RootInstallRequested,
    RootsAsked,
    SecurityNoticed,
    SigningTriggered,
)
from chargepoint.station.security_values import CertificateHash, CertificateUse, HashAlgorithm
from tests.ocpp.fakes import Line

PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
KEY = "fedcba9876543210"
HASH = CertificateHash(
    algorithm=HashAlgorithm.SHA256, issuer_name="ab" * 32, issuer_key="cd" * 32, serial="1f"
)
HASH_DATA = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "ab" * 32,
    "issuerKeyHash": "cd" * 32,
    "serialNumber": "1f",
}


def ready() -> Line:
    line = Line(connectors=2)
    line.accept()
    line.forget()
    return line


# --- Keys -----------------------------------------------------------------------------------------


def test_the_key_is_asked_for_with_the_station_and_never_shown() -> None:
    """11.2, TC_073; keys, rule 5."""
    line = ready()
    asked = line.ask("ChangeConfiguration", {"key": "authorizationkey", "value": KEY})
    assert asked is None
    (event,) = line.told(VariableSetRequested)
    assert (event.component, event.variable) == ("SecurityCtrlr", "BasicAuthPassword")
    assert event.value == KEY
    assert line.verdict(Verdict.ACCEPTED)[2] == {"status": "Accepted"}
    shown = line.ask("GetConfiguration", {"key": ["AuthorizationKey"]}, "csms-2")[2]
    assert shown == {"configurationKey": [{"key": "AuthorizationKey", "readonly": False}]}
    assert KEY not in repr([each for each in line.outputs if isinstance(each, Trace)])


@pytest.mark.parametrize("key", ["AdditionalRootCertificateCheck", "CertificateStoreMaxLength"])
def test_what_follows_from_the_product_is_read_only(key: str) -> None:
    line = ready()
    component = "SecurityCtrlr"
    variable = {"CertificateStoreMaxLength": "CertificateEntries"}.get(key, key)
    line.view.device_model.variables[component, variable].writable = False
    assert line.ask("ChangeConfiguration", {"key": key, "value": "1"})[2] == {"status": "Rejected"}


# --- Certificates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("CentralSystemRootCertificate", CertificateUse.CSMS_ROOT),
        ("ManufacturerRootCertificate", CertificateUse.MANUFACTURER_ROOT),
    ],
)
@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.ACCEPTED, "Accepted"),
        (Verdict.REJECTED, "Rejected"),
        (Verdict.FAILED, "Failed"),
    ],
)
def test_installing(kind: str, use: CertificateUse, verdict: Verdict, status: str) -> None:
    """11.4, TC_075_1, TC_075_2."""
    line = ready()
    line.ask("InstallCertificate", {"certificateType": kind, "certificate": PEM})
    (event,) = line.told(RootInstallRequested)
    assert (event.use, event.pem) == (use, PEM)
    assert line.verdict(verdict)[2] == {"status": status}


@pytest.mark.parametrize("serial", ["1f", "1F", "001f", "0x1F"])
@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.ACCEPTED, "Accepted"),
        (Verdict.REJECTED, "NotFound"),
        (Verdict.FAILED, "Failed"),
    ],
)
def test_deleting_whatever_the_spelling(serial: str, verdict: Verdict, status: str) -> None:
    """11.4, TC_076."""
    line = ready()
    named = HASH_DATA | {"serialNumber": serial, "issuerNameHash": "AB" * 32}
    line.ask("DeleteCertificate", {"certificateHashData": named})
    (event,) = line.told(RootDeleteRequested)
    assert event.hash == HASH
    assert line.verdict(verdict)[2] == {"status": status}


def test_listing() -> None:
    """11.4: hash data, or NotFound without a list."""
    line = ready()
    asked = {"certificateType": "CentralSystemRootCertificate"}
    line.ask("GetInstalledCertificateIds", asked)
    (event,) = line.told(RootsAsked)
    given = Answer(call=event.call, verdict=Verdict.ACCEPTED, certificates=(HASH,))
    line.effect(given)
    assert line.frames()[-1][2] == {"status": "Accepted", "certificateHashData": [HASH_DATA]}
    line.ask("GetInstalledCertificateIds", asked, "csms-2")
    assert line.verdict(Verdict.REJECTED)[2] == {"status": "NotFound"}


def test_a_signed_certificate() -> None:
    """TC_074, TC_077."""
    line = ready()
    line.ask("CertificateSigned", {"certificateChain": PEM})
    (event,) = line.told(ChainGiven)
    assert event.pem == PEM
    assert line.verdict(Verdict.REJECTED)[2] == {"status": "Rejected"}


def test_a_certificate_without_its_type_is_a_faulty_message() -> None:
    """R8."""
    line = ready()
    answer = line.ask("InstallCertificate", {"certificate": PEM})
    assert answer[0] == 4
    assert line.told(RootInstallRequested) == []


# --- Signing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "accepted"), [("Accepted", True), ("Rejected", False)])
def test_a_request_is_sent_and_its_answer_told(status: str, accepted: bool) -> None:
    """11.4, TC_074."""
    line = ready()
    line.effect(SendCsr(csr="CSR"))
    assert line.calls("SignCertificate") == [{"csr": "CSR"}]
    line.answer({"status": status})
    assert [each.accepted for each in line.told(CsrAnswered)] == [accepted]


def test_an_answer_that_says_nothing_a_time_out_and_a_lost_link_are_none() -> None:
    """CQ9."""
    line = ready()
    line.effect(SendCsr(csr="CSR"))
    line.answer({})
    line.effect(SendCsr(csr="CSR"))
    line.wait(31)
    line.effect(SendCsr(csr="CSR"))
    line.disconnect()
    assert [each.accepted for each in line.told(CsrAnswered)] == [None, None, None]


def test_a_csms_that_does_not_know_the_request_has_refused_it() -> None:
    """CQ11, 11.6: harmless."""
    line = ready()
    line.effect(SendCsr(csr="CSR"))
    line.error("NotImplemented")
    assert [each.accepted for each in line.told(CsrAnswered)] == [False]


# --- ExtendedTriggerMessage -----------------------------------------------------------------------


def extended(line: Line, message: str, **fields: Any) -> Any:
    frame = line.ask("ExtendedTriggerMessage", {"requestedMessage": message} | fields)
    return None if frame is None else frame[2]


def test_the_extended_trigger_does_what_the_plain_one_does() -> None:
    """M1, M2, R15."""
    line = ready()
    assert extended(line, "Heartbeat") == {"status": "Accepted"}
    assert line.actions() == ["Heartbeat"]
    assert extended(line, "StatusNotification", connectorId=7) == {"status": "Rejected"}


def test_a_certificate_request_can_be_triggered() -> None:
    """M7, TC_074."""
    line = ready()
    assert extended(line, "SignChargePointCertificate") is None
    assert len(line.told(SigningTriggered)) == 1
    assert line.verdict(Verdict.ACCEPTED)[2] == {"status": "Accepted"}


def test_an_unknown_message_is_not_implemented() -> None:
    """M5."""
    assert extended(ready(), "Coffee") == {"status": "NotImplemented"}


def test_the_plain_trigger_does_not_know_the_certificate() -> None:
    """M5: it is no message of TriggerMessage."""
    line = ready()
    frame = line.ask("TriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
    assert frame[2] == {"status": "NotImplemented"}


# --- Events ---------------------------------------------------------------------------------------


def test_what_nobody_can_read_is_noted_for_the_security_log() -> None:
    """11.5: InvalidMessages."""
    line = ready()
    line.receive("[2,")
    assert [each.kind for each in line.told(SecurityNoticed)] == ["InvalidMessages"]
