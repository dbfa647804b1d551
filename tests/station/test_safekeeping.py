"""Keys, profiles and certificates as the station decides on them; the tasks are done by the test.

White paper "Improved security for OCPP 1.6-J"; section 11 of the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import security_requests as sr
from chargepoint.station.effects import Verdict
from chargepoint.station.events import HazardRaised
from chargepoint.station.records import SecurityEventHappened
from chargepoint.station.security import EVENTS
from chargepoint.station.security_values import (
    CertificateHash,
    CertificateUse,
    ChangeKey,
    ChangeProfile,
    HashAlgorithm,
    Holdings,
    InstallRoot,
    MakeRequest,
    Outcome,
    OwnCertificate,
    RemoveRoot,
    Root,
    TakeChain,
    Task,
    key_problem,
)
from tests.station.world import WALL, World

KEY = "fedcba9876543210"
HASH = CertificateHash(
    algorithm=HashAlgorithm.SHA256, issuer_name="aa", issuer_key="bb", serial="1f"
)
ROOT = Root(
    use=CertificateUse.CSMS_ROOT,
    hashes=(HASH,),
    subject="CN=Root",
    not_after=WALL + timedelta(days=900),
)
FULL = Holdings(profile=1, keyed=True, rooted=True, certified=True, roots=(ROOT,))
NAMED = {("SecurityCtrlr", "OrganizationName"): "Operator"}


class Bank:
    """The world, and somebody who does the tasks."""

    def __init__(self, holdings: Holdings = FULL, **settings: Any) -> None:
        self.world = World(holdings=holdings, **settings)
        self.holdings = holdings
        self.world.effects.clear()

    def tasks(self) -> list[Task]:
        return [each.task for each in self.world.of(ef.DoSecurityTask)]

    def finish(self, done: bool = True, **fields: Any) -> None:
        """The last task is done, or not."""
        job = self.world.of(ef.DoSecurityTask)[-1].job
        outcome = Outcome(done=done, holdings=self.holdings, **fields)
        self.tell(sr.TaskFinished(job=job, outcome=outcome, at_s=self.world.now_s))

    def tell(self, event: sr.SecurityRequest) -> None:
        self.world.tell(event)

    def change(self, variable: str, value: str) -> Verdict | None:
        return self.world.set("SecurityCtrlr", variable, value)

    def ask(self, make: Callable[[Any], Any]) -> Verdict | None:
        return self.world.ask(make)

    def answered(self) -> Verdict:
        return self.world.of(ef.Answer)[-1].verdict

    def sent_kinds(self) -> list[str]:
        records = self.world.csms.records
        return [each.kind for each in records if isinstance(each, SecurityEventHappened)]

    def logged(self) -> list[str]:
        return [each.kind for each in self.world.of(ef.LogSecurityEvent)]

    def noted(self) -> list[str]:
        return [each.name for each in self.world.of(ef.Note)]

    def shown_profile(self) -> str:
        return self.world.station.device_model.text("SecurityCtrlr", "SecurityProfile")


# --- AuthorizationKey -----------------------------------------------------------------------------


def test_a_key_is_answered_when_it_is_stored_and_then_connected_with() -> None:
    """11.2, TC_073: stored, answered, reconnected, in this order."""
    bank = Bank()
    assert bank.change("BasicAuthPassword", KEY) is None
    assert bank.tasks() == [ChangeKey(key=KEY)]
    bank.finish(tried_next=True)
    kinds = (ef.Answer, ef.Reconnect)
    assert [type(each) for each in bank.world.effects if isinstance(each, kinds)] == list(kinds)
    assert bank.answered() is Verdict.ACCEPTED
    assert "ReconfigurationOfSecurityParameters" in bank.logged()


def test_a_key_reaches_no_log_no_record_and_no_disk() -> None:
    """11.2; keys, rule 5."""
    bank = Bank()
    bank.change("BasicAuthPassword", KEY)
    bank.finish(tried_next=True)
    others = [each for each in bank.world.effects if not isinstance(each, ef.DoSecurityTask)]
    assert KEY not in repr(bank.world.effects)
    assert KEY not in repr(others)
    assert KEY not in repr(bank.world.store.spaces)
    assert KEY not in repr(list(bank.world.station.device_model))


@pytest.mark.parametrize(
    "value", ["", "short", "x" * 15, "x" * 41, "0123456789abcde\n", "\ud800" * 16]
)
def test_a_key_of_illegal_length_or_content_is_refused(value: str) -> None:
    bank = Bank()
    assert bank.change("BasicAuthPassword", value) is Verdict.REJECTED
    assert bank.tasks() == []


def test_forms_of_keys() -> None:
    """Keys, section 9."""
    assert key_problem("4f43415f4f4354545f61646d696e5f74657374", "hex") is None
    assert key_problem("this is no hex at all", "hex") == "not 32 to 40 hex digits"
    assert key_problem("DEADBEEFDEADBEEF", "auto") is None
    assert key_problem("schlüsselübung", "text") is None, "16 bytes in 14 characters"


def test_a_key_that_cannot_be_stored_is_refused_and_nothing_is_connected_anew() -> None:
    bank = Bank()
    bank.change("BasicAuthPassword", KEY)
    bank.finish(done=False, broken=True, problem="no space")
    assert bank.answered() is Verdict.REJECTED
    assert bank.world.of(ef.Reconnect) == []


# --- SecurityProfile ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "wanted", "taken"),
    [
        (Holdings(profile=0, keyed=True), "1", True),
        (Holdings(profile=0, keyed=False), "1", False),
        (Holdings(profile=1, keyed=True, rooted=True), "2", True),
        (Holdings(profile=1, keyed=True, rooted=False), "2", False),
        (Holdings(profile=2, rooted=True, certified=True), "3", True),
        (Holdings(profile=2, rooted=True, certified=False), "3", False),
        (Holdings(profile=2, rooted=False, certified=True), "3", False),
        (FULL, "1", False),
        (FULL, "0", False),
        (FULL, "4", False),
        (FULL, "-1", False),
        (FULL, "two", False),
        (Holdings(profile=3, keyed=True, rooted=True, certified=True), "2", False),
    ],
)
def test_which_profile_may_follow_which(held: Holdings, wanted: str, taken: bool) -> None:
    """11.3, TC_083, TC_084."""
    bank = Bank(held)
    answer = bank.change("SecurityProfile", wanted)
    assert answer is (None if taken else Verdict.REJECTED)
    assert bank.tasks() == ([ChangeProfile(profile=int(wanted))] if taken else [])


def test_from_3_to_2_where_that_is_allowed_but_never_to_1() -> None:
    """11.3, edition 4."""
    bank = Bank(Holdings(profile=3, keyed=True, rooted=True, certified=True))
    bank.change("AllowSecurityProfileDowngrade", "true")
    assert bank.change("SecurityProfile", "1") is Verdict.REJECTED
    assert bank.change("SecurityProfile", "2") is None


def test_the_profile_that_is_shown_is_the_one_in_force() -> None:
    """11.3: it counts from the first connection on."""
    bank = Bank()
    bank.change("SecurityProfile", "2")
    bank.finish(tried_next=True)
    assert bank.shown_profile() == "1"
    now = Holdings(profile=2, keyed=True, rooted=True)
    bank.tell(sr.AccessSettled(kept=True, what="profile", holdings=now, at_s=bank.world.now_s))
    assert bank.shown_profile() == "2"
    assert "security.changed" in bank.noted()


def test_a_change_that_was_given_up_is_told() -> None:
    bank = Bank()
    bank.tell(sr.AccessSettled(kept=False, what="profile", holdings=FULL, at_s=bank.world.now_s))
    assert bank.shown_profile() == "1"
    assert "security.change_given_up" in bank.noted()
    gone = sr.AccessSettled(kept=False, what="certificate", holdings=FULL, at_s=bank.world.now_s)
    bank.tell(gone)
    assert bank.logged()[-1] == "DiscardedRenewedClientCertificate"


# --- Roots ----------------------------------------------------------------------------------------


def installing(bank: Bank) -> Verdict | None:
    return bank.ask(
        lambda call: sr.RootInstallRequested(
            call=call, use=CertificateUse.CSMS_ROOT, pem="PEM", at_s=bank.world.now_s
        )
    )


def deleting(bank: Bank, named: CertificateHash = HASH) -> Verdict | None:
    return bank.ask(
        lambda call: sr.RootDeleteRequested(call=call, hash=named, at_s=bank.world.now_s)
    )


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, Verdict.ACCEPTED),
        ({"done": False, "problem": "expired"}, Verdict.REJECTED),
        ({"done": False, "broken": True, "problem": "no space"}, Verdict.FAILED),
    ],
)
def test_an_installation_is_answered_with_what_became_of_it(
    fields: dict[str, Any], verdict: Verdict
) -> None:
    """11.4, TC_075_2."""
    bank = Bank()
    assert installing(bank) is None
    (task,) = bank.tasks()
    assert isinstance(task, InstallRoot)
    assert (task.room, task.signed_by_old) == (19, False)
    assert task.now is not None
    bank.finish(**fields)
    assert bank.answered() is verdict


def test_the_additional_check_is_asked_for_roots_of_the_csms() -> None:
    bank = Bank(one_root=True)
    installing(bank)
    (task,) = bank.tasks()
    assert isinstance(task, InstallRoot)
    assert task.signed_by_old


def test_too_many_tasks_at_once_are_refused() -> None:
    bank = Bank()
    answers = [installing(bank) for _ in range(9)]
    assert answers == [None] * 8 + [Verdict.FAILED]


def test_listing_names_the_roots_of_one_use_or_nothing() -> None:
    bank = Bank()

    def listed(use: CertificateUse) -> ef.Answer:
        bank.ask(lambda call: sr.RootsAsked(call=call, use=use, at_s=bank.world.now_s))
        return bank.world.of(ef.Answer)[-1]

    assert listed(CertificateUse.CSMS_ROOT).certificates == (HASH,)
    assert listed(CertificateUse.MANUFACTURER_ROOT).verdict is Verdict.REJECTED


def test_deleting_what_is_not_there_what_is_ours_and_what_must_stay() -> None:
    """11.4, TC_076: NotFound, Failed, Failed, Accepted."""
    own = CertificateHash(
        algorithm=HashAlgorithm.SHA256, issuer_name="cc", issuer_key="dd", serial="2"
    )
    certificate = OwnCertificate(
        subject="CN=S1", not_before=WALL, not_after=WALL + timedelta(days=90), hashes=(own,)
    )
    bank = Bank(Holdings(profile=1, roots=(ROOT,), certificate=certificate))
    other = CertificateHash(
        algorithm=HashAlgorithm.SHA256, issuer_name="ee", issuer_key="ff", serial="3"
    )
    assert deleting(bank, other) is Verdict.REJECTED
    assert deleting(bank, own) is Verdict.FAILED
    assert deleting(bank) is None
    assert bank.tasks() == [RemoveRoot(hash=HASH)]
    bank.finish(done=False, problem="the present connection rests on it")
    assert bank.answered() is Verdict.FAILED
    deleting(bank)
    bank.finish()
    assert bank.answered() is Verdict.ACCEPTED


# --- Our certificate ------------------------------------------------------------------------------


def trigger(bank: Bank) -> Verdict | None:
    return bank.ask(lambda call: sr.SigningTriggered(call=call, at_s=bank.world.now_s))


def answer(bank: Bank, accepted: bool | None) -> None:
    bank.tell(sr.CsrAnswered(accepted=accepted, at_s=bank.world.now_s))


def give(bank: Bank, pem: str = "CHAIN") -> Verdict | None:
    return bank.ask(lambda call: sr.ChainGiven(call=call, pem=pem, at_s=bank.world.now_s))


def test_a_trigger_is_answered_and_leads_to_a_request() -> None:
    """M7, TC_074."""
    bank = Bank(variables=NAMED, serial="S1")
    assert trigger(bank) is Verdict.ACCEPTED
    assert bank.tasks() == [MakeRequest(common_name="S1", organization="Operator")]
    bank.finish(csr="CSR")
    assert [each.csr for each in bank.world.of(ef.SendCsr)] == ["CSR"]


def test_without_an_organisation_nothing_is_asked_for() -> None:
    """M7: needs CpoName."""
    bank = Bank()
    assert trigger(bank) is Verdict.REJECTED
    assert bank.tasks() == []


def test_an_accepted_request_is_repeated_with_growing_waits_and_then_no_more() -> None:
    """11.4: CertSigningWaitMinimum doubles CertSigningRepeatTimes times."""
    waits = {
        ("SecurityCtrlr", "CertSigningWaitMinimum"): "10",
        ("SecurityCtrlr", "CertSigningRepeatTimes"): "2",
    }
    bank = Bank(variables=NAMED | waits)
    trigger(bank)
    for wait_s in (10, 20):
        bank.finish(csr="CSR")
        answer(bank, True)
        before = len(bank.tasks())
        bank.world.wait(wait_s - 1)
        assert len(bank.tasks()) == before
        bank.world.wait(2)
        assert len(bank.tasks()) == before + 1
    bank.finish(csr="CSR")
    answer(bank, True)
    bank.world.wait(200)
    assert len(bank.tasks()) == 3


def test_a_refused_request_is_not_repeated() -> None:
    """central systems, 3: the old certificate stays."""
    bank = Bank(variables=NAMED)
    trigger(bank)
    bank.finish(csr="CSR")
    answer(bank, False)
    bank.world.wait(300)
    assert len(bank.tasks()) == 1
    assert "certificate.request_refused" in bank.noted()


def test_a_certificate_ends_the_waiting_and_is_connected_with_on_profile_3() -> None:
    """11.4, TC_074."""
    bank = Bank(Holdings(profile=3, rooted=True, certified=True), variables=NAMED, serial="S1")
    trigger(bank)
    bank.finish(csr="CSR")
    answer(bank, True)
    assert give(bank) is None
    task = bank.tasks()[-1]
    assert isinstance(task, TakeChain)
    assert (task.pem, task.common_name, task.organization) == ("CHAIN", "S1", "Operator")
    bank.finish(tried_next=True)
    assert bank.answered() is Verdict.ACCEPTED
    assert len(bank.world.of(ef.Reconnect)) == 1
    bank.world.wait(300)
    assert len(bank.tasks()) == 2


def test_a_certificate_that_cannot_be_used_is_refused_and_reported() -> None:
    """TC_077: InvalidChargePointCertificate reaches the CSMS."""
    bank = Bank(variables=NAMED)
    give(bank)
    bank.finish(done=False, problem="its CN is not S1")
    assert bank.answered() is Verdict.REJECTED
    assert bank.sent_kinds()[-1] == "InvalidChargePointCertificate"


def test_a_chain_that_is_too_long_is_refused_unread() -> None:
    bank = Bank(variables=NAMED)
    assert give(bank, "x" * 10_001) is Verdict.REJECTED
    assert bank.tasks() == []


def expiring(days: float) -> Holdings:
    own = OwnCertificate(
        subject="CN=S1", not_before=WALL, not_after=WALL + timedelta(days=days, seconds=1000)
    )
    return Holdings(profile=3, rooted=True, certified=True, certificate=own)


def test_a_certificate_is_renewed_a_month_before_its_end() -> None:
    """11.4, A03."""
    bank = Bank(expiring(30 + 100 / 86_400), variables=NAMED)
    bank.world.wait(90)
    assert bank.tasks() == []
    bank.world.wait(20)
    assert [type(task) for task in bank.tasks()] == [MakeRequest]


def test_a_renewal_that_leads_to_nothing_is_tried_again_a_day_later() -> None:
    bank = Bank(expiring(10), variables=NAMED, online=False)
    bank.world.accept()
    bank.finish(csr="CSR")
    answer(bank, False)
    bank.world.wait(80_000, step_s=1000)
    assert len(bank.tasks()) == 1
    bank.world.wait(8_000, step_s=1000)
    assert len(bank.tasks()) == 2


def test_without_a_connection_nothing_is_renewed() -> None:
    bank = Bank(expiring(10), variables=NAMED, online=False)
    bank.world.wait(100)
    assert bank.tasks() == []
    bank.world.accept()
    assert len(bank.tasks()) == 1


# --- Events ---------------------------------------------------------------------------------------


def test_which_events_are_sent() -> None:
    """11.5: edition 4, and what certification wants to see."""
    silent = {kind for kind, sent in EVENTS.items() if not sent}
    assert silent == {
        "FailedToAuthenticateAtCentralSystem",
        "CentralSystemFailedToAuthenticate",
        "InvalidMessages",
        "AttemptedReplayAttacks",
    }


def test_every_event_is_logged_and_only_the_weighty_ones_are_sent() -> None:
    """11.5."""
    bank = Bank()
    for kind in ("InvalidTLSVersion", "InvalidMessages"):
        bank.tell(sr.SecurityNoticed(kind=kind, info="why", at_s=bank.world.now_s))
    assert bank.logged() == ["InvalidTLSVersion", "InvalidMessages"]
    assert bank.sent_kinds()[-1] == "InvalidTLSVersion"
    assert "InvalidMessages" not in bank.sent_kinds()


def test_a_cause_is_told_once_until_the_csms_is_back_and_sent_then() -> None:
    """11.5, TC_078: without a connection it waits in the outbox."""
    bank = Bank()
    bank.world.away()
    event = sr.SecurityNoticed(kind="InvalidCentralSystemCertificate", info="expired", at_s=1.0)
    for _ in range(20):
        bank.tell(event)
    assert bank.logged() == ["InvalidCentralSystemCertificate"]
    bank.world.accept()
    assert bank.sent_kinds()[-1] == "InvalidCentralSystemCertificate"
    bank.tell(event)
    assert bank.logged() == ["InvalidCentralSystemCertificate"] * 2


def test_a_csms_that_repeats_itself_fills_the_log_but_not_the_outbox() -> None:
    """11.5: the log is bounded, and a record may be refused and kept for ever."""
    bank = Bank()
    for _ in range(30):
        installing(bank)
        bank.finish()
    assert bank.logged() == ["ReconfigurationOfSecurityParameters"] * 30
    assert bank.sent_kinds().count("ReconfigurationOfSecurityParameters") == 1


def test_a_station_that_is_torn_down_is_reported() -> None:
    """11.5: TamperDetectionActivated."""
    bank = Bank()
    bank.world.tell(HazardRaised(evse=1, hazard="tilted", at_s=bank.world.now_s))
    assert bank.sent_kinds()[-1] == "TamperDetectionActivated"
