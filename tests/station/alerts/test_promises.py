"""Whatever happens in whatever order: to each address at most one message that an alert was
raised, and one that it is over."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.station.alerts.settings import LimitSettings, Quiet
from chargepoint.station.alerts.values import Channel, Condition, LinkUp, Message
from tests.station.alerts.stand import PHONE, Stand, contact

CONDITIONS = (
    Condition(id="rcd_tripped", place="EVSE 1"),
    Condition(id="over_current", place="EVSE 1"),
    Condition(id="over_current", place="EVSE 2"),
    Condition(id="csms_offline"),
    Condition(id="station_unused"),
)
STEPS = st.one_of(
    st.tuples(st.just("look"), st.sets(st.sampled_from(range(len(CONDITIONS))))),
    st.tuples(st.just("happen"), st.sampled_from(range(len(CONDITIONS)))),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 20.0, 70.0, 700.0, 2000.0, 30_000.0])),
    st.tuples(st.just("break"), st.sampled_from(list(Channel))),
    st.tuples(st.just("mend"), st.sampled_from(list(Channel))),
    st.tuples(st.just("acknowledge"), st.just(None)),
    st.tuples(st.just("mute"), st.sampled_from([0.0, 5.0])),
    st.tuples(st.just("maintain"), st.sampled_from([0.0, 10.0])),
    st.tuples(st.just("restart"), st.just(None)),
)


def _contacts() -> tuple[Any, ...]:
    night = Quiet(begin_min=13 * 60, end_min=15 * 60)
    return (
        contact(),
        contact("bob", quiet=night, ways=((Channel.SMS, PHONE), (Channel.EMAIL, "b@x.y"))),
        contact("eve", escalation=1, ways=((Channel.WEBHOOK, "http://e/"),)),
        contact("joe", cleared=False, severity_min="info"),
    )


def _do(stand: Stand, step: tuple[str, Any]) -> None:
    kind, value = step
    match kind:
        case "look":
            stand.look(*(CONDITIONS[index] for index in sorted(value)))
        case "happen":
            stand.happen(CONDITIONS[value])
        case "wait":
            stand.now_s += value
            stand.look()
        case "break":
            stand.broken.add(value)
        case "mend":
            stand.broken.discard(value)
            stand.handle(LinkUp(at_s=stand.now_s, channels=frozenset({value})))
        case "acknowledge":
            stand.perform(stand.desk.acknowledge("*", "somebody", stand.now_s)[0])
        case "mute":
            stand.perform(stand.desk.mute("over_current", value, stand.now_s))
        case "maintain":
            stand.perform(stand.desk.maintain(value, stand.now_s))
        case "restart":
            stand.start()


def _told(message: Message) -> tuple[str, str, str, str]:
    about = "raised" if message.about == "escalated" else message.about
    return str(message.data["alert"]), message.contact, message.address, about


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_each_address_hears_of_each_alert_once_and_of_its_end_once(
    steps: list[tuple[str, Any]],
) -> None:
    limits = LimitSettings(per_minute=1e6, per_day=100_000, sms_per_minute=1e6, sms_per_day=10_000)
    stand = Stand(*_contacts(), limits=limits)
    for step in steps:
        _do(stand, step)
    stand.broken.clear()
    stand.wait(200_000, every_s=2000)
    counts = Counter(_told(one) for one in stand.sent if one.about in ("raised", "cleared"))
    assert [told for told, count in counts.items() if count > 1] == []
    assert stand.desk.counted(stand.now_s).waiting == 0
    assert all(len(one.short) <= 160 for one in stand.sent)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_nobody_hears_more_than_once_in_an_interval_that_an_alert_is_open_still(
    steps: list[tuple[str, Any]],
) -> None:
    limits = LimitSettings(per_minute=1e6, per_day=100_000, sms_per_minute=1e6, sms_per_day=10_000)
    stand = Stand(*_contacts(), limits=limits, remind_after_s=2500.0)
    heard: dict[tuple[str, ...], list[float]] = {}
    for step in [*steps, *[("look", {0, 1}), ("wait", 2000.0), ("look", {0, 1})] * 3]:
        before = len(stand.sent)
        _do(stand, step)
        for one in stand.sent[before:]:
            if one.about != "cleared":
                key = (str(one.data["alert"]), one.contact, one.channel.value)
                heard.setdefault(key, []).append(stand.now_s)
    assert all(
        later - earlier >= 2500.0 for times in heard.values() for earlier, later in pairwise(times)
    )
    severities = {one.severity for one in stand.sent if one.about == "reminded"}
    assert severities <= {"error", "critical"}


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_whoever_hears_of_the_end_of_a_lesser_alert_has_heard_of_its_beginning(
    steps: list[tuple[str, Any]],
) -> None:
    limits = LimitSettings(per_minute=1e6, per_day=100_000, sms_per_minute=1e6, sms_per_day=10_000)
    stand = Stand(contact(severity_min="info"), limits=limits)
    for step in steps:
        if step[0] != "break":
            _do(stand, step)
    stand.wait(200_000, every_s=2000)
    lesser = [one for one in stand.sent if one.severity == "info"]
    begun = {one.data["alert"] for one in lesser if one.about == "raised"}
    ended = {one.data["alert"] for one in lesser if one.about == "cleared"}
    assert ended <= begun
