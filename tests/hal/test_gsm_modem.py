"""The modem driver against the simulated modem, which has its own decoder of PDUs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hal.bus.serial import open_serial
from hal.drivers.gsm_modem import GsmModem
from hal.drivers.gsm_reports import NotSent, Received, Restarted, Sent, State
from hal.errors import BusDown
from hal.sms.received import StatusReport
from hal.sms.submit import pdus
from hil.plant.modem import Modem
from hil.wire.line_time import LineTime
from hil.wire.modem_unit import ModemUnit
from hil.wire.pty_line import PtyLine
from tests.hal.modem_line import NUMBER, Stand


def texts(stand: Stand) -> list[str]:
    return [message.text for message in stand.modem.sent]


# --- start ----------------------------------------------------------------------------------------


def test_a_modem_that_just_works_is_ready_within_seconds() -> None:
    stand = Stand()
    stand.run_until(lambda: stand.driver.status.state is State.READY, within_s=5.0)
    stand.run(2.0)
    status = stand.driver.status
    assert (status.registered, status.roaming, status.signal_dbm) == (True, False, -73)
    assert (status.operator, status.model) == ("Simulated Mobile", "SIMULATED MODEM 1.0")
    assert status.problem == ""
    assert "123456" not in status.sim


def test_the_start_ends_a_text_that_an_earlier_life_left_open() -> None:
    stand = Stand()
    stand.unit.hear(b"AT+CMGS=30\r0001", stand.line.now_s)
    stand.start()
    assert texts(stand) == []


def test_a_pin_is_entered_once() -> None:
    stand = Stand(Modem(pin="1234"), pin="1234").start()
    assert (stand.pin_tries, stand.pins_worked) == (1, 1)
    assert stand.unit.commands.count('AT+CPIN="1234"') == 1


def test_a_wrong_pin_is_never_sent_a_second_time() -> None:
    stand = Stand(Modem(pin="1234"), pin="9999")
    stand.run_until(lambda: stand.driver.status.state is State.FAILED)
    assert stand.driver.status.problem == "the SIM does not take alerts.modem.pin: the PIN is wrong"
    stand.pin_allowed = False
    stand.run(3600.0)
    assert stand.modem.pin_attempts == 2
    assert "tried before" in stand.driver.status.problem


def test_a_pin_that_may_not_be_tried_is_not_sent() -> None:
    stand = Stand(Modem(pin="1234"), pin="1234")
    stand.pin_allowed = False
    stand.run_until(lambda: stand.driver.status.state is State.FAILED)
    assert not [one for one in stand.unit.commands if one.startswith("AT+CPIN=")]


def test_a_missing_pin_is_said() -> None:
    stand = Stand(Modem(pin="1234"))
    stand.run_until(lambda: stand.driver.status.state is State.FAILED)
    assert stand.driver.status.problem == "the SIM wants a PIN, and alerts.modem.pin is empty"


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("sim_missing", "there is no SIM"),
        ("sim_blocked", "the SIM is blocked and wants its PUK"),
    ],
)
def test_a_sim_that_does_not_let_us_is_a_problem_until_it_does(fault: str, problem: str) -> None:
    stand = Stand(Modem(faults={fault}))
    stand.run_until(lambda: stand.driver.status.state is State.FAILED)
    assert stand.driver.status.problem == problem
    stand.unit.set_fault(fault, False, stand.line.now_s)
    stand.run_until(lambda: stand.driver.status.state is State.READY, within_s=30.0)


def test_no_network_becomes_a_problem_after_two_minutes() -> None:
    stand = Stand(Modem(faults={"no_network"}))
    stand.run_until(lambda: stand.driver.status.state is State.SEARCHING)
    assert stand.driver.status.problem == ""
    stand.run(125.0)
    assert stand.driver.status.problem == "no network"
    stand.unit.set_fault("no_network", False, stand.line.now_s)
    stand.run_until(lambda: stand.driver.status.state is State.READY, within_s=15.0)


def test_a_network_that_is_lost_is_noticed_whichever_way_it_was_had() -> None:
    stand = Stand(Modem(lte_only=True)).start()
    stand.modem.faults.add("no_network")
    stand.run_until(lambda: stand.driver.status.state is State.SEARCHING, within_s=310.0)


def test_a_refused_sim_is_said() -> None:
    stand = Stand(Modem(faults={"registration_denied"}))
    stand.run_until(lambda: stand.driver.status.problem == "the network refuses the SIM")
    assert stand.driver.status.state is State.SEARCHING


def test_a_modem_that_is_registered_for_packets_only_is_ready() -> None:
    Stand(Modem(lte_only=True)).start()


def test_a_service_centre_that_the_sim_lacks_is_set() -> None:
    stand = Stand(Modem(centre=""), centre="+491710760000").start()
    assert stand.modem.centre == "+491710760000"


# --- sending --------------------------------------------------------------------------------------


def test_a_message_arrives_as_it_was_written() -> None:
    stand = Stand().start()
    assert stand.send("Charger fault CX014") == Sent(job=1, references=(1,))
    (sent,) = stand.modem.sent
    assert (sent.to, sent.text, sent.parts) == (NUMBER, "Charger fault CX014", 1)
    assert sent.validity_s == 86_400.0


def test_a_long_message_arrives_in_parts_and_is_one() -> None:
    stand = Stand().start()
    text = "Schütz klebt ✓ " * 12
    assert stand.send(text) == Sent(job=1, references=(1, 2, 3))
    assert texts(stand) == [text]


def test_a_delivery_report_carries_the_reference_of_its_message() -> None:
    stand = Stand().start()
    assert stand.send("hello", report=True) == Sent(job=1, references=(1,))
    stand.run(5.0)
    assert StatusReport(reference=1, number=NUMBER, status=0) in stand.events
    assert stand.modem.store == {}


def test_reports_in_a_store_of_their_own_are_found_and_nothing_else_is_deleted() -> None:
    stand = Stand(Modem(own_report_store=True)).start()
    stand.unit._storing_notices = False
    stand.unit.receive("+4915112345678", "ack 1", stand.line.now_s)
    stand.unit._storing_notices = True
    stand.send("hello", report=True)
    stand.run(5.0)
    assert StatusReport(reference=1, number=NUMBER, status=0) in stand.events
    assert (len(stand.modem.reports), len(stand.modem.store)) == (0, 1)
    stand.run(900.0)
    assert Received(number="+4915112345678", text="ack 1") in stand.events


def test_an_undeliverable_message_is_reported() -> None:
    stand = Stand(Modem(faults={"undeliverable"})).start()
    stand.send("hello", report=True)
    stand.run(5.0)
    (report,) = (event for event in stand.events if isinstance(event, StatusReport))
    assert (report.outcome, report.reason) == ("failed", "its validity has expired")


@pytest.mark.parametrize(
    ("fault", "again", "reason"),
    [
        ("sms_refused", True, "the network is out of order"),
        ("sms_barred", False, "barred by the operator"),
    ],
)
def test_a_refusal_says_why_and_whether_it_may_pass(fault: str, again: bool, reason: str) -> None:
    stand = Stand(Modem(faults={fault})).start()
    assert stand.send("hello") == NotSent(job=1, again=again, reason=reason)


def test_a_service_centre_that_gets_lost_is_set_again_and_the_message_goes() -> None:
    stand = Stand(Modem(), centre="+491710760000").start()
    stand.modem.centre = ""
    assert stand.send("hello") == Sent(job=1, references=(1,))


def test_without_a_service_centre_nothing_goes_and_no_attempt_helps() -> None:
    stand = Stand(Modem(centre="")).start()
    assert stand.send("hello") == NotSent(
        job=1, again=False, reason="the number of the service centre is not known"
    )


def test_a_modem_that_fails_again_and_again_is_reset_once_and_then_only_retried() -> None:
    stand = Stand(Modem(faults={"sms_failing"})).start()
    for job in range(1, 8):
        stand.run_until(lambda: stand.driver.free)
        outcome = stand.send("hello", job=job)
        assert isinstance(outcome, NotSent)
        assert outcome.again
    assert stand.driver.status.resets == 1
    stand.unit.set_fault("sms_failing", False, stand.line.now_s)
    stand.run_until(lambda: stand.driver.free)
    assert isinstance(stand.send("hello", job=9), Sent)


def test_a_full_store_is_emptied_and_the_message_goes() -> None:
    modem = Modem()
    stand = Stand(modem).start()
    for _ in range(10):
        modem.keep("00040B911232547698F20000621010000000000161")
    modem.faults.add("store_full")
    assert stand.send("hello") == Sent(job=1, references=(1,))
    assert modem.store == {}


def test_unasked_lines_between_command_and_answer_disturb_nothing() -> None:
    stand = Stand(Modem(faults={"chatty"})).start()
    stand.unit.echo = True
    assert stand.send("hello", report=True) == Sent(job=1, references=(1,))
    assert texts(stand) == ["hello"]


def test_an_answer_in_pieces_is_understood() -> None:
    stand = Stand()
    stand.unit.trouble.faults.add("stutter")
    stand.start()
    assert isinstance(stand.send("hello"), Sent)


# --- receiving ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["ack 42", "Störung gesehen ✓"])
def test_a_message_that_comes_is_given_and_taken_out_of_the_store(text: str) -> None:
    stand = Stand().start()
    assert stand.unit.receive("+4915112345678", text, stand.line.now_s)
    stand.run(2.0)
    assert Received(number="+4915112345678", text=text) in stand.events
    assert stand.modem.store == {}


def test_what_came_while_nobody_listened_is_read_at_the_start() -> None:
    stand = Stand()
    stand.unit.receive("+4915112345678", "ack 1", stand.line.now_s)
    stand.start()
    assert Received(number="+4915112345678", text="ack 1") in stand.events


# --- trouble --------------------------------------------------------------------------------------


def test_a_modem_that_starts_again_is_set_up_again() -> None:
    stand = Stand(Modem(pin="1234"), pin="1234").start()
    stand.unit.restart(stand.line.now_s)
    stand.run_until(lambda: any(isinstance(one, Restarted) for one in stand.events))
    stand.run_until(lambda: stand.driver.status.state is State.READY, within_s=20.0)
    assert stand.driver.status.restarts == 1
    assert stand.pins_worked == 2
    assert isinstance(stand.send("hello"), Sent)


def test_a_message_under_way_while_the_modem_starts_again_comes_back() -> None:
    stand = Stand().start()
    stand.driver.send(5, stand.made("hello"))
    stand.events += stand.driver.step()
    stand.unit.restart(stand.line.now_s)
    stand.run_until(lambda: stand.outcome(5) is not None)
    outcome = stand.outcome(5)
    assert isinstance(outcome, NotSent)
    assert outcome.again


def test_a_sim_that_falls_out_is_noticed_and_one_that_comes_back_too() -> None:
    stand = Stand().start()
    stand.unit.set_fault("sim_missing", True, stand.line.now_s)
    stand.run_until(lambda: stand.driver.status.state is State.FAILED, within_s=60.0)
    assert stand.driver.status.problem == "there is no SIM"
    stand.unit.set_fault("sim_missing", False, stand.line.now_s)
    stand.run_until(lambda: stand.driver.status.state is State.READY, within_s=30.0)


def test_a_silent_modem_is_reset_once_an_hour_and_said_to_need_a_hand() -> None:
    stand = Stand().start()
    stand.unit.trouble.faults.add("silent")
    stand.run(3000.0)
    status = stand.driver.status
    assert status.state is State.FAILED
    assert status.problem == "the modem does not answer; switch it off and on"
    assert status.resets == 1
    stand.run(3600.0)
    assert stand.driver.status.resets == 2
    stand.unit.trouble.faults.clear()
    stand.run_until(lambda: stand.driver.status.state is State.READY, within_s=90.0)
    assert stand.driver.status.problem == ""


def test_a_modem_that_falls_silent_while_a_message_is_due_gives_it_back() -> None:
    stand = Stand().start()
    stand.unit.trouble.faults.add("silent")
    outcome = stand.send("hello")
    assert isinstance(outcome, NotSent)
    assert outcome.again


def test_noise_on_the_line_ends_nothing() -> None:
    stand = Stand()
    stand.unit.trouble.faults.add("noise")
    stand.unit.trouble.noise_ratio = 0.1
    stand.run(1200.0)
    stand.unit.trouble.faults.clear()
    stand.run_until(lambda: stand.driver.free, within_s=400.0)
    assert isinstance(stand.send("hello"), Sent)


def test_bytes_that_mean_nothing_are_borne() -> None:
    stand = Stand().start()
    stand.unit._put(stand.line.now_s, bytes(range(256)) * 40)
    stand.run(5.0)
    assert isinstance(stand.send("hello"), Sent)


def test_a_lost_line_gives_the_message_back_and_begins_anew() -> None:
    stand = Stand().start()
    stand.driver.send(7, stand.made("hello"))
    stand.line.gone = True
    with pytest.raises(BusDown):
        stand.driver.step()
    assert stand.driver.events() == [NotSent(job=7, again=True, reason="the serial line is lost")]
    stand.line.gone = False
    stand.start()


def test_a_weak_signal_counts_after_it_has_lasted() -> None:
    stand = Stand(Modem(faults={"weak_signal"})).start()
    assert (stand.driver.status.signal_dbm, stand.driver.status.weak) == (-107, False)
    stand.run(950.0)
    assert stand.driver.status.weak
    assert stand.driver.status.problem == "the radio signal is weak"


def test_a_modem_at_rest_is_asked_no_more_than_it_needs() -> None:
    stand = Stand().start()
    stand.run(5.0)
    before = len(stand.unit.commands)
    stand.run(3600.0)
    assert len(stand.unit.commands) - before <= 60 + 12 + 2 * 4


def test_the_whole_over_a_pty(tmp_path: Path) -> None:
    unit = ModemUnit(Modem(), LineTime(115_200))
    line = PtyLine(tmp_path / "modem", unit)
    line.start()
    bus = open_serial("modem", str(tmp_path / "modem"), 115_200)
    driver = GsmModem(bus.link("modem"))
    try:
        until_s = time.monotonic() + 10.0
        while not driver.free and time.monotonic() < until_s:
            driver.step(0.05)
        driver.send(1, pdus(NUMBER, "hello {€}"))
        events = []
        while not events and time.monotonic() < until_s:
            events += driver.step(0.05)
        assert events == [Sent(job=1, references=(1,))]
        assert [message.text for message in unit.modem.sent] == ["hello {€}"]
    finally:
        bus.close()
        line.stop()
