"""Alerts from what is seen to what is sent."""

from __future__ import annotations

from itertools import pairwise

from chargepoint.station.alerts.settings import LimitSettings, Quiet, RuleSettings
from chargepoint.station.alerts.values import Channel, Condition, LinkUp, Replied
from tests.station.alerts.stand import MAIL, OFFLINE, PHONE, RCD, UNUSED, Stand, abouts, contact


def test_a_hazard_is_told_at_once_and_its_end_once() -> None:
    stand = Stand()
    (raised,) = stand.look(RCD)
    assert (raised.about, raised.severity, raised.address) == ("raised", "critical", MAIL)
    assert "Residual current detected" in raised.subject
    assert "EVSE 1" in raised.text
    (cleared,) = stand.wait(90)
    assert cleared.about == "cleared"
    assert cleared.data["state"] == "cleared"
    assert cleared.data["raised_at"] == "T1000"


def test_a_condition_has_to_hold_before_it_is_raised() -> None:
    stand = Stand()
    stand.look(OFFLINE)
    assert stand.wait(590, OFFLINE) == []
    assert abouts(stand.wait(20, OFFLINE)) == ["raised"]


def test_a_condition_that_goes_before_its_time_is_never_raised() -> None:
    stand = Stand()
    stand.look(OFFLINE)
    stand.wait(500, OFFLINE)
    stand.wait(5)
    assert stand.wait(500, OFFLINE) == []


def test_a_thousand_flaps_in_a_minute_are_one_alert_and_one_clear_with_the_count() -> None:
    stand = Stand(contact(), contact("bob"))
    lost = Condition(id="board_lost", place="EVSE 1")
    for number in range(1000):
        stand.now_s = 1000.0 + number * 0.06
        stand.happen(lost)
    stand.wait(120)
    assert [(one.contact, one.about) for one in stand.sent] == [
        ("ada", "raised"),
        ("bob", "raised"),
        ("ada", "cleared"),
        ("bob", "cleared"),
    ]
    assert stand.sent[-1].data["count"] == 1000
    assert stand.desk.alerts(5)[0].count == 1000


def test_flaps_between_looks_count_once_each() -> None:
    stand = Stand()
    for _ in range(1000):
        stand.look(RCD)
        stand.now_s += 0.03
        stand.look()
        stand.now_s += 0.03
    assert stand.desk.alerts(0)[0].count == 1000
    assert abouts(stand.sent) == ["raised"]


def test_what_has_happened_is_not_over_before_a_look_could_show_that_it_holds() -> None:
    """With no hold-off at all the end would go out while the hazard still stands."""
    stand = Stand(rules={"rcd_tripped": RuleSettings(clear_after_s=0.0)})
    stand.happen(RCD)
    stand.now_s += 0.9
    assert abouts(stand.wait(60, RCD)) == []
    assert abouts(stand.sent) == ["raised"]


def test_one_occurrence_that_is_told_and_then_seen_counts_once() -> None:
    stand = Stand()
    stand.happen(RCD)
    stand.now_s += 0.5
    stand.look(RCD)
    assert stand.desk.alerts(0)[0].count == 1


def test_two_places_are_two_alerts() -> None:
    stand = Stand()
    stand.look(RCD, Condition(id="rcd_tripped", place="EVSE 2"))
    assert len(stand.sent) == 2
    assert stand.desk.counted(stand.now_s).open == 2


def test_quiet_hours_hold_back_what_is_not_weighty_enough() -> None:
    night = Quiet(begin_min=22 * 60, end_min=6 * 60)
    stand = Stand(contact(severity_min="info", quiet=night))
    stand.minute = 23 * 60
    assert abouts(stand.look(RCD, UNUSED)) == ["raised"]
    assert stand.wait(6.9 * 3600, RCD, UNUSED, every_s=60) == []
    (late,) = stand.wait(600, RCD, UNUSED, every_s=60)
    assert late.data["condition"] == "station_unused"


def test_quiet_hours_do_not_hold_while_nobody_knows_the_time() -> None:
    stand = Stand(contact(severity_min="info", quiet=Quiet(begin_min=0, end_min=1439)))
    stand.trusted = False
    assert abouts(stand.look(UNUSED)) == ["raised"]


def test_a_fault_that_came_and_went_in_quiet_hours_is_told_once_as_over() -> None:
    night = Quiet(begin_min=22 * 60, end_min=6 * 60)
    stand = Stand(contact(quiet=night))
    stand.minute = 23 * 60
    stand.look(Condition(id="over_current", place="EVSE 1"))
    stand.wait(8 * 3600, every_s=60)
    assert abouts(stand.sent) == ["cleared"]


def test_nobody_answers_and_the_next_contacts_are_told() -> None:
    stand = Stand(contact(), contact("bob", escalation=1), contact("eve", escalation=2))
    stand.look(RCD)
    assert [one.contact for one in stand.sent] == ["ada"]
    stand.wait(1810, RCD, every_s=10)
    assert [(one.contact, one.about) for one in stand.sent[1:]] == [("bob", "escalated")]
    stand.wait(1800, RCD, every_s=10)
    assert stand.sent[-1].contact == "eve"
    assert len(stand.sent) == 3


def test_nobody_else_is_called_for_what_is_gone_and_only_may_come_back() -> None:
    stand = Stand(contact(), contact("bob", escalation=1), escalate_after_s=60.0)
    stand.look(RCD)
    stand.wait(3, RCD)
    assert [(one.contact, one.about) for one in stand.wait(300)] == [("ada", "cleared")]


def test_what_comes_back_within_its_hold_off_calls_the_next_from_its_first_beginning() -> None:
    stand = Stand(contact(), contact("bob", escalation=1), escalate_after_s=60.0)
    stand.look(RCD)
    stand.wait(3, RCD)
    assert stand.wait(58) == []
    deadline_s = stand.desk.deadline_s(stand.now_s)
    assert deadline_s is not None
    assert deadline_s > stand.now_s
    (called,) = stand.look(RCD)
    assert (called.contact, called.about) == ("bob", "escalated")


def test_who_could_not_be_called_in_time_is_told_of_what_is_gone_only_as_over() -> None:
    stand = Stand(contact(), contact("bob", escalation=1), escalate_after_s=60.0)
    stand.broken = {Channel.EMAIL}
    stand.look(RCD)
    stand.wait(62, RCD)
    stand.broken = set()
    told = [(one.contact, one.about) for one in stand.wait(300)]
    assert ("bob", "escalated") not in told
    assert ("bob", "cleared") in told


def test_what_only_happens_calls_the_next_within_its_hold_off() -> None:
    """Nothing could show that a program's end is over."""
    stand = Stand(contact(), contact("bob", escalation=1), escalate_after_s=60.0)
    stand.happen(Condition(id="program_failed"))
    assert [(one.contact, one.about) for one in stand.wait(70)] == [("bob", "escalated")]


def test_all_messages_about_an_alert_follow_the_first_to_the_same_address() -> None:
    """Over a restart too; each address has its own first message."""
    hours = {"escalate_after_s": 3600.0, "remind_after_s": 7200.0}
    stand = Stand(contact(), contact("bob", escalation=1), **hours)
    (first,) = stand.look(RCD)
    stand.start()
    stand.wait(7300, RCD, every_s=10)
    stand.wait(100)
    (called,) = (one for one in stand.sent if one.about == "escalated")
    threads = [(one.contact, one.about, one.thread) for one in stand.sent]
    root, other = f"<{first.delivery}@ada>", f"<{called.delivery}@bob>"
    assert threads == [
        ("ada", "raised", ""),
        ("bob", "escalated", ""),
        ("ada", "reminded", root),
        ("ada", "cleared", root),
        ("bob", "cleared", other),
    ]


def test_an_acknowledged_alert_is_not_escalated() -> None:
    stand = Stand(contact(), contact("bob", escalation=1))
    (raised,) = stand.look(RCD)
    effects, detail = stand.desk.acknowledge(str(raised.data["alert"]).lower(), "ada", stand.now_s)
    stand.perform(effects)
    assert detail.endswith("acknowledged")
    stand.wait(4000, RCD, every_s=10)
    assert [one.contact for one in stand.sent] == ["ada"]
    assert stand.level is not None
    assert stand.level.acknowledged


def test_who_looks_after_an_alert_already_stays_when_all_are_acknowledged() -> None:
    stand = Stand()
    (raised,) = stand.look(RCD)
    stand.desk.acknowledge(str(raised.data["alert"]), "ada", stand.now_s)
    assert stand.desk.acknowledge("*", "bob", stand.now_s)[1] == "0 alerts acknowledged"
    assert stand.desk.alerts(1)[0].acknowledged_by == "ada"


def test_an_escalated_contact_hears_the_end_too() -> None:
    stand = Stand(contact(), contact("bob", escalation=1))
    stand.look(RCD)
    stand.wait(1810, RCD, every_s=10)
    stand.wait(90)
    assert [(one.contact, one.about) for one in stand.sent[2:]] == [
        ("ada", "cleared"),
        ("bob", "cleared"),
    ]


def test_more_than_the_limit_is_gathered_into_one_message() -> None:
    stand = Stand(contact(ways=((Channel.SMS, PHONE),)))
    places = [Condition(id="over_current", place=f"EVSE {n}") for n in range(1, 13)]
    assert len(stand.look(*places)) == 1
    (second,) = stand.wait(70, *places)
    assert second.data["more"] == 10
    assert second.short.endswith(f"+10 more Reply OK {second.data['alert']}")
    assert len(second.short) <= 160
    assert stand.wait(600, *places) == []


def test_no_more_messages_than_the_day_allows() -> None:
    limits = LimitSettings(sms_per_minute=60.0, sms_per_day=3)
    stand = Stand(contact(cleared=False, ways=((Channel.SMS, PHONE),)), limits=limits)
    for number in range(1, 7):
        stand.look(Condition(id="over_current", place=f"EVSE {number}"))
        stand.wait(120)
    assert len(stand.sent) == 3
    (gathered,) = stand.wait(86_400, every_s=600)[:1]
    assert gathered.data["more"] == 2


def test_what_keeps_a_message_back_is_told() -> None:
    limits = LimitSettings(sms_per_minute=60.0, sms_per_day=1)
    quiet = Quiet(begin_min=0, end_min=1439)
    stand = Stand(contact(ways=((Channel.SMS, PHONE),)), contact("bob", quiet=quiet), limits=limits)
    first, second = (Condition(id="over_current", place=f"EVSE {n}") for n in (1, 2))
    stand.look(first)
    stand.look(first, second)

    def waits() -> list[str]:
        rows = stand.desk.deliveries(stand.desk.alerts(0)[0])
        return [stand.desk.waits_for(row, stand.now_s) for row in rows]

    assert waits() == ["limit", "quiet_hours"]
    stand.perform(stand.desk.maintain(5, stand.now_s))
    assert waits() == ["silence", "silence"]


def test_lesser_matters_do_not_use_up_what_the_day_allows() -> None:
    """Four a day: the fourth is left to what is urgent."""
    limits = LimitSettings(sms_per_minute=60.0, sms_per_day=4)
    stand = Stand(contact(cleared=False, ways=((Channel.SMS, PHONE),)), limits=limits)
    for number in range(1, 6):
        stand.look(Condition(id="over_current", place=f"EVSE {number}"))
        stand.wait(120)
    assert [one.severity for one in stand.sent] == ["error"] * 3
    stand.look(RCD)
    assert [one.severity for one in stand.sent] == ["error"] * 3 + ["critical"]
    stand.look(RCD, Condition(id="output_live", place="EVSE 2"))
    assert stand.wait(600, RCD, Condition(id="output_live", place="EVSE 2")) == []


def test_a_failed_message_is_tried_again_ever_less_often() -> None:
    stand = Stand()
    stand.broken = {Channel.EMAIL}
    stand.look(RCD)
    tries = [stand.now_s]
    for _ in range(8000):
        before = len(stand.tried)
        stand.wait(1, RCD)
        if len(stand.tried) > before:
            tries.append(stand.now_s)
    pauses = [round(b - a) for a, b in pairwise(tries)]
    assert pauses == [10, 60, 300, 900, 3600]
    assert stand.sent == []


def test_a_message_is_sent_once_when_the_link_is_back() -> None:
    stand = Stand()
    stand.broken = {Channel.EMAIL}
    stand.look(RCD)
    stand.wait(300, RCD)
    stand.broken = set()
    up = LinkUp(at_s=stand.now_s, channels=frozenset({Channel.EMAIL}))
    assert abouts(stand.handle(up)) == ["raised"]
    assert stand.wait(4000, RCD, every_s=10) == []


def test_a_message_that_is_too_old_is_given_up_and_logged() -> None:
    stand = Stand(remind_after_s=0.0)
    stand.broken = {Channel.EMAIL}
    stand.look(RCD)
    stand.wait(86_500, RCD, every_s=60)
    stand.broken = set()
    assert stand.wait(7200, RCD, every_s=60) == []
    assert [one.fields["outcome"] for one in stand.told if one.name == "alert.undelivered"] == [
        "expired"
    ]
    assert stand.wait(120) == []


def test_what_could_not_be_sent_before_it_was_over_is_told_once() -> None:
    stand = Stand()
    stand.broken = {Channel.EMAIL}
    stand.look(RCD)
    stand.wait(300)
    stand.broken = set()
    stand.handle(LinkUp(at_s=stand.now_s, channels=frozenset({Channel.EMAIL})))
    assert abouts(stand.sent) == ["cleared"]


def test_the_end_waits_for_the_outcome_of_the_beginning() -> None:
    stand = Stand()
    stand.silent = {Channel.EMAIL}
    stand.look(RCD)
    stand.wait(100)
    assert abouts(stand.tried) == ["raised"]
    stand.settle(stand.tried[0], "sent")
    assert abouts(stand.tried) == ["raised", "cleared"]


def test_a_beginning_that_fails_after_the_end_is_not_tried_again() -> None:
    stand = Stand()
    stand.silent = {Channel.EMAIL}
    stand.look(RCD)
    stand.wait(100)
    stand.settle(stand.tried[0], "failed", retry=True)
    stand.wait(30)
    assert abouts(stand.tried) == ["raised", "cleared"]


def test_a_muted_condition_is_listed_but_not_sent() -> None:
    stand = Stand()
    stand.perform(stand.desk.mute("rcd_tripped", 10, stand.now_s))
    assert stand.look(RCD) == []
    assert stand.desk.counted(stand.now_s).open == 1
    assert abouts(stand.wait(610, RCD)) == ["raised"]


def test_what_came_and_went_in_maintenance_is_never_sent() -> None:
    stand = Stand()
    stand.perform(stand.desk.maintain(30, stand.now_s))
    stand.look(RCD)
    stand.wait(600)
    assert stand.wait(1800, every_s=10) == []
    assert len(stand.desk.alerts(5)) == 1


def test_what_is_still_open_after_maintenance_is_sent_then() -> None:
    stand = Stand()
    stand.perform(stand.desk.maintain(30, stand.now_s))
    stand.look(RCD)
    assert stand.wait(1790, RCD) == []
    assert abouts(stand.wait(20, RCD)) == ["raised"]


def test_an_answer_with_the_code_acknowledges_and_is_confirmed() -> None:
    stand = Stand(contact(ways=((Channel.SMS, PHONE),)))
    (raised,) = stand.look(RCD)
    code = str(raised.data["alert"])
    stand.wait(61, RCD)
    (confirmed,) = stand.handle(
        Replied(
            at_s=stand.now_s, channel=Channel.SMS, address="+49 151 12345678", text=f"ok {code}!"
        )
    )
    assert confirmed.about == "notice"
    assert code in confirmed.short
    assert stand.desk.alerts(0)[0].acknowledged_by == "ada (sms)"


def test_a_telephone_that_answers_by_itself_gets_one_answer_and_no_more() -> None:
    stand = Stand(contact(ways=((Channel.SMS, PHONE),)))
    (raised,) = stand.look(RCD)
    text = f"I am away. You wrote: {raised.short}"
    for _ in range(50):
        stand.now_s += 61
        stand.handle(Replied(at_s=stand.now_s, channel=Channel.SMS, address=PHONE, text=text))
    assert [one.about for one in stand.wait(120, RCD) or stand.sent].count("notice") == 1
    assert stand.told[-1].fields["reason"] == "acknowledged already"


def test_an_answer_of_a_stranger_changes_nothing() -> None:
    stand = Stand()
    (raised,) = stand.look(RCD)
    text = f"OK {raised.data['alert']}"
    stand.handle(Replied(at_s=stand.now_s, channel=Channel.EMAIL, address="x@y.z", text=text))
    assert stand.desk.alerts(0)[0].acknowledged_by == ""
    assert stand.told[-1].fields["reason"] == "unknown sender"


def test_a_quoted_message_acknowledges_nothing() -> None:
    stand = Stand()
    (raised,) = stand.look(RCD)
    text = f"I am on holiday.\n> {raised.subject}"
    stand.handle(Replied(at_s=stand.now_s, channel=Channel.EMAIL, address=MAIL, text=text))
    assert stand.desk.alerts(0)[0].acknowledged_by == ""


def test_an_acknowledged_alert_that_grows_more_serious_is_told_anew() -> None:
    stand = Stand()
    (raised,) = stand.look(Condition(id="disk_full_soon", severity="warning"))[:1] or stand.wait(
        70, Condition(id="disk_full_soon", severity="warning")
    )
    stand.perform(stand.desk.acknowledge(str(raised.data["alert"]), "ada", stand.now_s)[0])
    (worse,) = stand.look(Condition(id="disk_full_soon", severity="error"))
    assert (worse.about, worse.severity) == ("raised", "error")
    assert stand.desk.alerts(0)[0].acknowledged_by == ""


def test_a_contact_gets_what_concerns_its_role() -> None:
    stand = Stand(
        contact(role="service_partner"),
        contact("bob", conditions=frozenset({"maintenance_due"}), role="driver"),
        contact("eve", severity_min="error"),
    )
    stand.look(Condition(id="maintenance_due", place="EVSE 1"), RCD)
    assert [(one.contact, one.data["condition"]) for one in stand.sent] == [
        ("ada", "maintenance_due"),
        ("bob", "maintenance_due"),
        ("eve", "rcd_tripped"),
    ]


def test_the_csms_hears_only_what_no_status_tells() -> None:
    stand = Stand(contact("csms", role="csms", ways=((Channel.CSMS, "csms"),)))
    stand.look(RCD, Condition(id="disk_worn"))
    assert [one.data["condition"] for one in stand.wait(70, Condition(id="disk_worn"))] == [
        "disk_worn"
    ]


def test_rules_of_the_operator_win() -> None:
    rules = {
        "rcd_tripped": RuleSettings(enabled=False),
        "csms_offline": RuleSettings(raise_after_s=5.0, severity="critical"),
    }
    stand = Stand(rules=rules)
    stand.look(RCD, OFFLINE)
    (raised,) = stand.wait(10, RCD, OFFLINE)
    assert (raised.data["condition"], raised.severity) == ("csms_offline", "critical")


def test_a_test_message_ignores_quiet_hours_and_is_not_tried_again() -> None:
    quiet = Quiet(begin_min=0, end_min=1439)
    stand = Stand(contact(quiet=quiet, quiet_severity="critical"))
    stand.broken = {Channel.EMAIL}
    effects, numbers = stand.desk.test("ada", "", "root", stand.now_s)
    stand.perform(effects)
    assert [one.delivery for one in stand.tried] == list(numbers)
    stand.wait(100)
    assert len(stand.tried) == 1


def test_the_signal_shows_the_worst_and_goes_out() -> None:
    stand = Stand()
    stand.look(RCD, UNUSED)
    assert stand.level is not None
    assert (stand.level.severity, stand.level.acknowledged) == ("critical", False)
    stand.wait(100)
    assert stand.level.severity == ""


def test_a_problem_of_a_driver_is_over_when_it_is_acknowledged_and_nobody_is_told() -> None:
    stand = Stand()
    (raised,) = stand.happen(
        Condition(id="problem_reported", place="EVSE 1", detail="cable is torn")
    )
    assert "cable is torn" in raised.text
    stand.perform(stand.desk.acknowledge(str(raised.data["alert"]), "ada", stand.now_s)[0])
    assert not stand.desk.alerts(1)[0].open
    assert len(stand.sent) == 1


def test_what_a_driver_writes_is_not_logged() -> None:
    """They are promised that message and contact go to the operator and nowhere else."""
    stand = Stand()
    stand.happen(Condition(id="problem_reported", place="EVSE 1", detail="call 0151 2345678"))
    assert [one.name for one in stand.told] == ["alert.raised"]
    assert stand.told[0].fields["detail"] == ""
    assert stand.desk.alerts(1)[0].detail == "call 0151 2345678"


def test_german_contacts_read_german() -> None:
    stand = Stand(contact(language="de"))
    (raised,) = stand.look(RCD)
    assert "Fehlerstrom" in raised.subject
    assert raised.text.splitlines()[-1].startswith("Antworten Sie OK ")


def test_a_lesser_matter_whose_message_fails_after_its_end_is_not_told_at_all() -> None:
    stand = Stand(contact(severity_min="info"))
    stand.silent = {Channel.EMAIL}
    stand.look(UNUSED)
    stand.look()
    stand.settle(stand.tried[0], "failed", retry=True)
    stand.wait(4000, every_s=10)
    assert abouts(stand.tried) == ["raised"]
    assert stand.desk.counted(stand.now_s).waiting == 0


def test_a_fault_whose_message_fails_after_its_end_is_told_as_over() -> None:
    stand = Stand(contact(cleared=False))
    stand.silent = {Channel.EMAIL}
    stand.look(RCD)
    stand.wait(100)
    stand.settle(stand.tried[0], "failed", retry=True)
    stand.wait(30)
    assert abouts(stand.tried) == ["raised", "cleared"]
