"""What of the alerts outlives a restart."""

from __future__ import annotations

import json

import pytest

from chargepoint.station.alerts.book import OPEN_MAX, WEIGHTY_MORE
from chargepoint.station.alerts.settings import LimitSettings, RuleSettings
from chargepoint.station.alerts.values import Channel, Condition, EvseNews
from tests.station.alerts.stand import OFFLINE, PHONE, RCD, Stand, abouts, contact


def test_an_open_alert_is_not_told_again() -> None:
    stand = Stand()
    stand.look(RCD)
    stand.start()
    assert stand.wait(600, RCD) == []
    (alert,) = stand.desk.alerts(5)
    assert (alert.open, alert.raised_s, alert.count) == (True, 1000.0, 1)


def test_what_comes_again_after_a_restart_is_counted() -> None:
    stand = Stand()
    stand.look(RCD)
    stand.start()
    stand.wait(10, RCD)
    stand.wait(10)
    stand.wait(10, RCD)
    assert stand.desk.alerts(1)[0].count == 2


def test_an_alert_of_before_there_were_languages_for_it_is_told_in_its_own_words() -> None:
    stand = Stand(contact(language="de"))
    stand.look(RCD)
    kept = stand.spaces["alerts"]
    for code, text in kept.items():
        old = {key: value for key, value in json.loads(text).items() if key != "said"}
        kept[code] = json.dumps(old)
    stand.start()
    (alert,) = stand.desk.alerts(5)
    assert (alert.open, alert.told("de")) == (True, "32 mA against 30")


def test_an_alert_whose_cause_went_meanwhile_is_over_after_a_while_and_told_once() -> None:
    stand = Stand()
    stand.look(RCD)
    stand.start()
    assert stand.wait(110) == []
    assert abouts(stand.wait(60)) == ["cleared"]
    assert stand.wait(600) == []


def test_what_waits_is_sent_by_the_next_run_once() -> None:
    stand = Stand()
    stand.broken = {Channel.EMAIL}
    stand.look(RCD)
    stand.broken = set()
    stand.now_s += 5
    stand.start()
    assert abouts(stand.wait(100, RCD)) == ["raised"]


def test_what_was_on_its_way_is_sent_again_under_its_number() -> None:
    """Rather twice than never; the number lets whoever gets it twice know."""
    stand = Stand()
    stand.silent = {Channel.EMAIL}
    stand.look(RCD)
    stand.silent = set()
    stand.start()
    stand.look(RCD)
    assert [one.delivery for one in stand.tried] == [stand.tried[0].delivery] * 2


def test_numbers_and_codes_are_never_used_again() -> None:
    stand = Stand()
    numbers, codes = set(), set()
    for run in range(5):
        stand.start()
        place = Condition(id="over_current", place=f"EVSE {run}")
        (sent,) = stand.look(place)
        numbers.add(sent.delivery)
        codes.add(sent.data["alert"])
    assert (len(numbers), len(codes)) == (5, 5)


def test_acknowledgement_and_escalation_go_on() -> None:
    stand = Stand(contact(), contact("bob", escalation=1))
    stand.look(RCD)
    stand.wait(900, RCD, every_s=10)
    stand.start()
    stand.wait(920, RCD, every_s=10)
    assert [one.contact for one in stand.sent] == ["ada", "bob"]
    stand.perform(stand.desk.acknowledge("*", "bob", stand.now_s)[0])
    stand.start()
    assert stand.desk.alerts(0)[0].acknowledged_by == "bob"


def test_the_day_limit_counts_what_earlier_runs_have_sent() -> None:
    limits = LimitSettings(sms_per_minute=60.0, sms_per_day=2)
    stand = Stand(contact(ways=((Channel.SMS, PHONE),)), limits=limits)
    stand.look(RCD, Condition(id="over_current", place="EVSE 1"))
    assert len(stand.sent) == 2
    stand.start()
    assert stand.look(RCD, Condition(id="pe_lost", place="EVSE 1")) == []


def test_silences_last_over_a_restart() -> None:
    stand = Stand()
    stand.perform(stand.desk.mute("rcd_tripped", 10, stand.now_s))
    stand.perform(stand.desk.maintain(5, stand.now_s))
    stand.now_s += 60
    stand.start()
    assert stand.desk.counted(stand.now_s).maintenance_s == 240.0
    assert stand.look(RCD) == []
    assert stand.wait(300, RCD) == []
    assert abouts(stand.wait(300, RCD)) == ["raised"]


YEAR_S = 365 * 86_400.0


def test_a_clock_that_is_put_back_by_a_year_neither_silences_nor_delays_anything() -> None:
    rules = {"rcd_tripped": RuleSettings(escalate=True)}
    stand = Stand(contact(), contact("bob", escalation=1), rules=rules)
    stand.look(RCD)
    stand.perform(stand.desk.mute("pe_lost", 10, stand.now_s))
    stand.ahead_s = -YEAR_S
    stand.start()
    assert stand.desk.alerts(0)[0].raised_s <= stand.now_s
    pe_lost = Condition(id="pe_lost", place="EVSE 1")
    told = stand.wait(3600, RCD, pe_lost, every_s=10)
    assert ("bob", "escalated", "rcd_tripped") in {
        (one.contact, one.about, one.data["condition"]) for one in told
    }
    assert ("ada", "raised", "pe_lost") in {
        (one.contact, one.about, one.data["condition"]) for one in told
    }


def test_the_limit_of_a_day_is_over_after_a_day_though_the_clock_was_put_back() -> None:
    limits = LimitSettings(per_day=1)
    stand = Stand(limits=limits, remind_after_s=0.0)
    assert abouts(stand.look(RCD)) == ["raised"]
    stand.ahead_s = -YEAR_S
    stand.start()
    other = Condition(id="pe_lost", place="EVSE 1")
    assert abouts(stand.wait(2 * 86_400, RCD, other, every_s=600)) == ["raised"]


def test_lesser_matters_without_number_keep_no_fault_from_being_raised() -> None:
    stand = Stand()
    for number in range(OPEN_MAX + 100):
        stand.happen(Condition(id="problem_reported", place=f"report {number}"))
    assert len(stand.desk.alerts(0)) == OPEN_MAX
    stand.look(RCD)
    assert any(one.condition == "rcd_tripped" for one in stand.desk.alerts(0))
    crowded = [one for one in stand.told if one.name == "alert.crowded"]
    assert len(crowded) == 1
    many = [Condition(id="pe_lost", place=f"EVSE {number}") for number in range(1000)]
    stand.look(*many)
    stand.wait(3, *many)
    assert len(stand.desk.alerts(0)) <= OPEN_MAX + WEIGHTY_MORE
    assert stand.desk.counted(stand.now_s).waiting <= 500


def test_without_a_trusted_clock_alerts_count_from_the_restart() -> None:
    stand = Stand()
    stand.trusted = False
    (raised,) = stand.look(RCD)
    assert raised.data["raised_at"] == ""
    stand.now_s = 5.0  # the host has booted
    stand.start()
    assert stand.desk.alerts(0)[0].raised_s == 5.0
    assert stand.look(RCD) == []


def test_a_time_that_becomes_known_later_is_told_for_what_was_before() -> None:
    stand = Stand()
    stand.trusted = False
    stand.look(RCD)
    stand.trusted = True
    (cleared,) = stand.wait(90)
    assert cleared.data["raised_at"] == "T1000"


def test_damaged_rows_are_forgotten_and_the_rest_is_kept() -> None:
    stand = Stand()
    stand.look(RCD)
    stand.spaces["alerts"]["XXXX"] = "{"
    stand.spaces["alerts"]["YYYY"] = "[1]"
    stand.spaces["deliveries"]["77"] = "null"
    stand.spaces["alert_settings"]["muted/rcd_tripped"] = "7"
    stand.start()
    stand.look(RCD)
    assert len(stand.desk.alerts(0)) == 1
    assert "XXXX" not in stand.spaces["alerts"]
    assert "77" not in stand.spaces["deliveries"]
    assert "muted/rcd_tripped" not in stand.spaces["alert_settings"]


def test_an_alert_that_the_catalogue_no_longer_knows_is_forgotten() -> None:
    stand = Stand()
    stand.look(RCD)
    (key,) = stand.spaces["alerts"]
    kept = stand.spaces["alerts"][key]
    stand.spaces["alerts"][key] = kept.replace("rcd_tripped", "long_gone")
    stand.start()
    stand.look()
    assert stand.desk.alerts(5) == []
    assert stand.spaces["alerts"] == {}
    assert stand.spaces["deliveries"] == {}


def test_messages_to_a_contact_that_is_gone_are_dropped() -> None:
    stand = Stand(contact(), contact("bob"))
    stand.broken = {Channel.EMAIL}
    stand.look(RCD)
    stand.broken = set()
    other = Stand(contact(), now_s=stand.now_s)
    other.spaces = stand.spaces
    other.start()
    other.look(RCD)
    assert [one.contact for one in other.sent] == ["ada"]


def test_history_is_bounded_and_takes_its_messages_along() -> None:
    stand = Stand(limits=LimitSettings(per_minute=1e6, per_day=10_000))
    for number in range(130):
        stand.happen(Condition(id="over_current", place=f"EVSE {number}"))
        stand.wait(100, every_s=50)
    assert len(stand.spaces["alerts"]) == 100
    assert len(stand.spaces["deliveries"]) == 200
    assert len(stand.sent) == 260


def test_a_driver_is_told_once_and_forgotten() -> None:
    stand = Stand()
    done: tuple[int, str] = (1, "done")
    effects, problem = stand.desk.subscribe(1, "done", Channel.SMS, PHONE, "de", stand.now_s)
    stand.perform(effects)
    assert (problem, done) == ("", (1, "done"))
    stand.start()
    assert stand.handle(EvseNews(at_s=stand.now_s, evse=2, news="done")) == []
    (told,) = stand.handle(EvseNews(at_s=stand.now_s, evse=1, news="done"))
    assert (told.address, told.about) == (PHONE, "notice")
    assert "beendet" in told.short
    assert stand.handle(EvseNews(at_s=stand.now_s, evse=1, news="done")) == []
    assert PHONE not in str(stand.spaces)


@pytest.mark.parametrize(
    ("site", "unplugged", "language", "text"),
    [
        ("Market Garage", False, "en", "Charging at place 1 of Market Garage has ended. "
         "Please unplug when you can, so that others can charge."),
        ("Market Garage", True, "en", "Charging at place 1 of Market Garage has ended."),
        ("", True, "de", "Der Ladevorgang an Platz 1 von CP7 ist beendet."),
    ],
)  # fmt: skip
def test_a_driver_reads_the_name_of_the_site_and_is_asked_to_unplug_only_what_is_plugged_in(
    site: str, unplugged: bool, language: str, text: str
) -> None:
    stand = Stand(site=site)
    stand.perform(stand.desk.subscribe(1, "done", Channel.SMS, PHONE, language, stand.now_s)[0])
    news = EvseNews(at_s=stand.now_s, evse=1, news="done", unplugged=unplugged)
    (told,) = stand.handle(news)
    assert (told.text, told.short) == (text, text)


def test_a_wish_of_a_driver_ends_after_a_day() -> None:
    stand = Stand()
    stand.perform(stand.desk.subscribe(1, "free", Channel.SMS, PHONE, "en", stand.now_s)[0])
    stand.wait(86_500, every_s=3600)
    assert stand.handle(EvseNews(at_s=stand.now_s, evse=1, news="free")) == []
    assert PHONE not in str(stand.spaces)


def test_one_address_can_wait_for_few_things() -> None:
    stand = Stand()
    problems = [
        stand.desk.subscribe(evse, "free", Channel.SMS, PHONE, "en", stand.now_s)[1]
        for evse in range(1, 6)
    ]
    assert problems[:3] == ["", "", ""]
    assert all("waits for 3" in problem for problem in problems[3:])


def test_nothing_of_an_offline_alert_is_lost_in_a_restart_before_it_is_raised() -> None:
    stand = Stand()
    stand.look(OFFLINE)
    stand.wait(300, OFFLINE)
    stand.start()
    assert abouts(stand.wait(700, OFFLINE)) == ["raised"]
