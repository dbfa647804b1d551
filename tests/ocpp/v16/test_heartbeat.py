"""Heartbeats: at their interval, whatever else goes on."""

from __future__ import annotations

from datetime import timedelta

from chargepoint.ocpp.v16.heartbeat import Heartbeat
from chargepoint.station.events import TimeGiven
from tests.ocpp.fakes import START, Line
from tests.ocpp.v16.test_boot import event


def test_a_heartbeat_goes_out_at_each_interval() -> None:
    """B8, T12: pings are none of its business."""
    line = Line()
    line.accept()
    line.forget()
    for _ in range(3):
        line.wait(300)
        line.settle()
    assert line.actions() == ["Heartbeat"] * 3


def test_other_messages_do_not_replace_it() -> None:
    """CQ4: several central systems judge us by heartbeats alone."""
    line = Line()
    line.accept()
    line.forget()
    line.wait(299)
    line.effect(event())
    line.answer({})
    line.wait(1)
    assert line.actions() == ["SecurityEventNotification", "Heartbeat"]


def test_its_answer_tells_the_time() -> None:
    """B2."""
    line = Line()
    line.accept()
    line.forget()
    line.wait(300)
    line.answer({"currentTime": "2026-11-24T10:05:01Z"})
    assert line.told(TimeGiven) == [TimeGiven(wall=START + timedelta(seconds=301), at_s=300.0)]


def test_a_new_interval_counts_from_now() -> None:
    """Keys, rule 11: an interval key takes effect from now."""
    line = Line()
    line.accept()
    line.wait(100)
    line.view.device_model.set("OCPPCommCtrlr", "HeartbeatInterval", "50")
    line.ask("GetConfiguration", {"key": []})
    assert line.adapter.deadline_s() == 150


def test_odd_intervals_mean_the_default_and_a_day_is_the_longest() -> None:
    """B8: at least one per 24 h."""
    heartbeat = Heartbeat()
    heartbeat.start(0.0)
    # fmt: off
    for text, deadline_s in (("0", 300), ("", 300), (None, 300), ("soon", 300), ("-5", 300),
                             ("nan", 300), ("60", 60), ("999999999", 86_400), ("inf", 86_400)):
        heartbeat.set_interval(text, 0.0)
        assert heartbeat.deadline_s() == deadline_s, text
    # fmt: on


def test_there_is_no_heartbeat_without_a_connection() -> None:
    line = Line()
    line.accept()
    line.disconnect()
    line.forget()
    line.wait(1000)
    assert line.actions() == []


def test_unanswered_heartbeats_do_not_pile_up() -> None:
    line = Line()
    line.view.device_model.set("OCPPCommCtrlr", "HeartbeatInterval", "10")
    line.accept()
    line.wait(29)
    assert line.actions().count("Heartbeat") == 1


def test_a_mute_csms_is_found_out_in_minutes_also_by_an_idle_station() -> None:
    """CQ5: an unanswered heartbeat is followed by the next at once, until the link is given up."""
    line = Line()
    line.accept()
    line.forget()
    line.wait(300)
    for _ in range(4):
        line.wait(30)
        assert line.closed() == []
    line.wait(30)
    assert line.actions() == ["Heartbeat"] * 5
    assert [close.code for close in line.closed()] == [1001]
