"""What nobody looks after is told again."""

from __future__ import annotations

from typing import Any

from chargepoint.station.alerts.settings import Quiet
from chargepoint.station.alerts.values import Channel, Condition
from tests.station.alerts.stand import RCD, Stand, abouts, contact

HOUR_S = 3600.0
WARNING = Condition(id="bus_errors", place="safety")


def stand(*contacts: Any, **more: Any) -> Stand:
    return Stand(*contacts, remind_after_s=6 * HOUR_S, **more)


def test_a_fault_is_told_again_under_its_code_until_somebody_acknowledges() -> None:
    one = stand()
    (raised,) = one.look(RCD)
    assert one.wait(5.9 * HOUR_S, RCD, every_s=60) == []
    (again,) = one.wait(HOUR_S, RCD, every_s=60)
    assert (again.about, again.data["alert"]) == ("reminded", raised.data["alert"])
    assert again.subject.startswith("Still open, nobody looks after it. Urgent fault: ")
    assert f"OK {raised.data['alert']}" in again.short
    assert abouts(one.wait(6 * HOUR_S, RCD, every_s=60)) == ["reminded"]
    (alert,) = one.desk.alerts(0)
    assert alert.reminded == 2
    assert [row.about for row in one.desk.deliveries(alert)] == ["raised", "reminded"]
    one.perform(one.desk.acknowledge("*", "ada", one.now_s)[0])
    assert one.wait(20 * HOUR_S, RCD, every_s=60) == []


def test_a_lesser_matter_is_not_told_again_and_nothing_is_where_nobody_wants_it() -> None:
    one, never = stand(), Stand(remind_after_s=0.0)
    one.wait(60, WARNING)
    never.wait(60, RCD)
    assert one.wait(20 * HOUR_S, WARNING, every_s=60) == []
    assert never.wait(200 * HOUR_S, RCD, every_s=600) == []


def test_everybody_is_told_again_each_from_their_own_time_after_the_escalation() -> None:
    one = stand(contact(), contact("bob", escalation=1), escalate_after_s=8 * HOUR_S)
    one.look(RCD)
    told = [(m.contact, m.about) for m in one.wait(14.1 * HOUR_S, RCD, every_s=60)]
    assert told == [("bob", "escalated"), ("ada", "reminded"), ("ada", "reminded"),
                    ("bob", "reminded")]  # fmt: skip


def test_quiet_hours_hold_a_reminder_and_the_next_counts_from_it() -> None:
    """It is noon; quiet from 17:00 to 23:00."""
    quiet = Quiet(begin_min=17 * 60, end_min=23 * 60)
    one = stand(contact(quiet=quiet, quiet_severity="critical"))
    pe = Condition(id="csms_offline")
    one.wait(660, pe, every_s=60)
    assert one.wait(10 * HOUR_S, pe, every_s=60) == []
    assert abouts(one.wait(1 * HOUR_S, pe, every_s=60)) == ["reminded"]
    assert one.wait(5.5 * HOUR_S, pe, every_s=60) == []
    assert abouts(one.wait(1 * HOUR_S, pe, every_s=60)) == ["reminded"]


def test_while_muted_nobody_is_reminded_and_afterwards_once() -> None:
    one = stand()
    one.look(RCD)
    one.perform(one.desk.mute("rcd_tripped", 20 * 60, one.now_s))
    assert one.wait(19 * HOUR_S, RCD, every_s=60) == []
    assert abouts(one.wait(2 * HOUR_S, RCD, every_s=60)) == ["reminded"]


def test_a_reminder_that_could_not_go_is_not_sent_when_all_is_over() -> None:
    one = stand()
    one.look(RCD)
    one.broken = {Channel.EMAIL}
    one.wait(6.5 * HOUR_S, RCD, every_s=60)
    assert one.tried[-1].about == "reminded"
    one.wait(120)
    one.broken = set()
    assert abouts(one.wait(2 * HOUR_S, every_s=60)) == ["cleared"]


def test_who_heard_of_it_by_a_reminder_only_hears_the_end() -> None:
    """The first message was refused for good; nothing is tried more often for that."""
    one = stand()
    one.silent = {Channel.EMAIL}
    one.look(RCD)
    one.settle(one.tried[0], "failed")
    one.silent = set()
    assert abouts(one.wait(6.5 * HOUR_S, RCD, every_s=60)) == ["reminded"]
    assert abouts(one.wait(120)) == ["cleared"]


def test_a_reminder_that_is_refused_for_good_takes_nothing_from_the_end() -> None:
    one = stand()
    one.look(RCD)
    one.silent = {Channel.EMAIL}
    one.wait(6.5 * HOUR_S, RCD, every_s=60)
    one.wait(70)
    one.silent = set()
    one.settle(one.tried[-1], "failed")
    assert abouts(one.sent) == ["raised", "cleared"]
    assert one.wait(20 * HOUR_S, every_s=60) == []


def test_nobody_is_reminded_of_what_is_gone_and_only_may_come_back() -> None:
    one = stand()
    one.look(RCD)
    one.wait(6 * HOUR_S - 30, RCD, every_s=30)
    assert abouts(one.wait(200)) == ["cleared"]


def test_a_restart_changes_no_interval() -> None:
    one = stand()
    one.look(RCD)
    one.wait(4 * HOUR_S, RCD, every_s=60)
    one.start()
    assert one.wait(1.9 * HOUR_S, RCD, every_s=60) == []
    assert abouts(one.wait(0.2 * HOUR_S, RCD, every_s=60)) == ["reminded"]
    one.start()
    (alert,) = one.desk.alerts(0)
    assert alert.reminded == 1
    assert one.wait(5.8 * HOUR_S, RCD, every_s=60) == []
