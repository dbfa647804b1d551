"""What protects people: earth, residual current and its self-test, contacts, enclosure, feed."""

from __future__ import annotations

import signal

from hil.bench import Asks, Closed, Instrument, Live, Offers, Open, SignalsFault, Told, ToldTest
from hil.scenarios.moves import (
    ANY_A,
    CURRENT_A,
    FAULTY,
    NOTHING_A,
    OFFER_LIMIT_S,
    OPEN_LIMIT_S,
    SEEN_S,
    TOLD,
    USUAL,
    charge,
    energise,
    latest_s,
    over,
    says,
    shows_fault,
    stays_off,
)
from hil.scenarios.scenario import Case, Trial

HELD_S = 0.5
"""Tilt and door must be seen for this long."""
DOOR_GOOD_S = 10.0
TEST_LEAST_S = 0.3
"""The simulated monitor reports its test for half a second."""
TEST_LIMIT_S = 3.0
"""A test has ended, one way or the other (Tinkerforge)."""
WELD_SEEN_S = 0.5
LIVE_SEEN_S = 1.0
"""0.5 s after the open command, and for 0.5 s."""
DROPPED_S = 0.1
"""The auxiliary contact must be seen open for this long."""
RETRY_S = 2.0


def self_test_before_each_vehicle(trial: Trial) -> None:
    """After each vehicle the monitor is tested; the next one gets no offer before it passed."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    pulled_s = bench.unplug(evse)
    opened_s = bench.expect(Open(evse), 1.0, pulled_s)
    tested_s = trial.time("open → self-test", ToldTest(evse), opened_s, 1.0, "10: open, A")
    bench.plug_in(evse)
    offered_s = bench.expect(Offers(evse, *ANY_A), OFFER_LIMIT_S, tested_s)
    trial.between("self-test → offer", tested_s, offered_s, OFFER_LIMIT_S, "10", TEST_LEAST_S)


def self_test_at_the_start(trial: Trial) -> None:
    """A program that starts beside a waiting vehicle tests before it offers."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse)
    bench.permit(evse, CURRENT_A)
    bench.expect(Closed(evse), 15.0)
    bench.signal(signal.SIGKILL)
    bench.keeps(2.0, Asks(evse, True))
    started_s = bench.restart()
    offered_s = bench.expect(Offers(evse, *ANY_A), 20.0, started_s)
    test = trial.time("start → self-test", ToldTest(evse), started_s - 2.0, 4.0, "15")
    trial.between("self-test → offer", test, offered_s, 20.0, "15", TEST_LEAST_S)
    trial.time("energised again", Closed(evse), offered_s, 8.0, "4")


def self_test_fails(trial: Trial) -> None:
    """A monitor that does not notice its test: no offer; it works again, and so does the rest."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    bench.inject(evse, "rcd_test_failed")
    bench.unplug(evse)
    tested_s = bench.expect(ToldTest(evse), 2.0)
    says(trial, "rcd_test_failed", tested_s, TEST_LIMIT_S, "10: 1.2 s")
    bench.plug_in(evse)
    stays_off(trial, "monitor broken", 4.0, "10: no offer")
    energise(trial, bench.inject(evse, "rcd_test_failed", False))


def pe_lost(trial: Trial) -> None:
    """The earth is gone: open, F; back only when it was good for a minute, or by a technician."""
    over(trial, "pe_lost", "earth lost")
    shows_fault(trial, latest_s(trial))
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "pe_lost", False)
    trial.holds("earth back: stays open", 4.0, "good for 60 s", Open(evse))
    energise(trial, bench.reset_hazard(evse, "pe_lost"))


def tilted(trial: Trial) -> None:
    """The charger falls over: open; no next vehicle before a technician was there."""
    over(trial, "tilted", "tilted", HELD_S)
    _waits_for_service(trial, "tilted")


def door_open(trial: Trial) -> None:
    """Somebody opens the door: open; closed again, it takes new leave."""
    over(trial, "door_open", "door open", HELD_S)
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "door_open", False)
    trial.holds("door closed: stays open", 3.0, "new leave", Open(evse))
    revoked_s = bench.revoke(evse)
    bench.keeps(DOOR_GOOD_S - 2.0, Open(evse))
    trial.between("closed → new leave", revoked_s, bench.permit(evse, CURRENT_A), 60.0, "10 s", 5.0)
    energise(trial, latest_s(trial))


def output_live(trial: Trial) -> None:
    """Voltage at the outlet with the contact open: no offer, until serviced."""
    bench, evse = trial.bench, trial.evse
    bench.permit(evse, CURRENT_A)
    bridged_s = bench.inject(evse, "output_live")
    bench.expect(Live(evse, 3), 1.0)
    says(trial, "output_live", bridged_s, LIVE_SEEN_S + SEEN_S, "10: 0.5 s")
    bench.plug_in(evse)
    trial.holds("vehicle: no offer", 3.0, "10", Offers(evse, *NOTHING_A), Open(evse))
    bench.inject(evse, "output_live", False)
    stays_off(trial, "bridge gone", 2.0, "until serviced")
    energise(trial, bench.reset_hazard(evse, "output_live"))


def second_contactor_welded(trial: Trial) -> None:
    """One of two contactors in series stays closed: the other opens; F, and no next vehicle."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    bench.inject(evse, "second_contactor_welded")
    asked_s = bench.stop_request(evse)
    s2_s = bench.expect(Asks(evse, False), 3.0, asked_s)
    trial.time("S2 opened → open", Open(evse), s2_s, OPEN_LIMIT_S, "8.1")
    told_s = bench.expect(Told(evse, False), 1.0, s2_s)
    trial.time("open command → F", SignalsFault(evse), told_s, WELD_SEEN_S + SEEN_S, "weld check")
    bench.inject(evse, "second_contactor_welded", False)
    bench.unplug(evse)
    bench.keeps(1.0, Open(evse))
    bench.plug_in(evse)
    stays_off(trial, "next vehicle", 3.0, "until serviced")
    energise(trial, bench.reset_hazard(evse, "contactor_welded"))


def breaker_trips(trial: Trial) -> None:
    """The miniature breaker trips: the coil drops with it, told open, nothing closes by itself."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    tripped_s = bench.inject(evse, "breaker_tripped")
    trial.time("breaker → open", Open(evse), tripped_s, OPEN_LIMIT_S, "feedback")
    limit_s = DROPPED_S + SEEN_S
    trial.time("breaker → open command", Told(evse, False), tripped_s, limit_s, "feedback")
    trial.holds("breaker open: stays open", 3.0, "feedback", Open(evse))


def fault_under_offer(trial: Trial) -> None:
    """A residual current in B2, before the vehicle asks: the offer ends, nothing closes."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse)
    bench.stop_request(evse)
    bench.expect(Offers(evse, *ANY_A), OFFER_LIMIT_S, bench.permit(evse, CURRENT_A))
    tripped_s = bench.inject(evse, "rcd_tripped")
    trial.time("trip in B2 → no offer", Offers(evse, *NOTHING_A), tripped_s, 1.0, "fault in B2")
    bench.request_power(evse, CURRENT_A)
    trial.holds("stays open", 3.0, "fault in B2", Open(evse))


def hazard_outlives_the_program(trial: Trial) -> None:
    """A weld, and a safety program that ends: the next one is told of it before any permission."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    bench.inject(evse, "contactor_welded")
    s2_s = bench.expect(Asks(evse, False), 3.0, bench.stop_request(evse))
    trial.time("weld → F", SignalsFault(evse), s2_s, WELD_SEEN_S + 2 * SEEN_S, "weld check")
    bench.latch(evse, "contactor_welded")
    bench.unplug(evse)
    bench.inject(evse, "contactor_welded", False)
    bench.expect(Open(evse), 1.0)
    bench.signal(signal.SIGKILL)
    bench.restart()
    bench.plug_in(evse)
    stays_off(trial, "after the restart", 5.0, "until serviced")
    energise(trial, bench.reset_hazard(evse, "contactor_welded"))


def retries_wait_longer(trial: Trial) -> None:
    """A contactor that does not close is tried again after each wait, then not in this plug-in."""
    bench, evse, waits_s = trial.bench, trial.evse, RETRIES_S
    bench.inject(evse, "contactor_not_closing")
    bench.plug_in(evse)
    since_s = bench.permit(evse, CURRENT_A)
    tried_s = bench.expect(Told(evse, True), OFFER_LIMIT_S, since_s)
    for number, wait_s in enumerate(waits_s, start=1):
        back_s = bench.expect(Told(evse, False), 2.0, tried_s)
        tried_s = trial.time(
            f"taken back → try {number + 1}",
            Told(evse, True),
            back_s,
            wait_s + RETRY_SLACK_S,
            "retry_waits_s",
            wait_s,
        )
    stays_off_after = bench.expect(Told(evse, False), 2.0, tried_s)
    trial.time("last try → x1", Offers(evse, *NOTHING_A), stays_off_after, 1.0, "retry_waits_s")
    stays_off(trial, "tries used up", 2.0 * waits_s[-1], "until unplugged")
    bench.inject(evse, "contactor_not_closing", False)
    bench.unplug(evse)
    bench.keeps(1.2, Open(evse))
    energise(trial, bench.plug_in(evse))


def _waits_for_service(trial: Trial, fault: str) -> None:
    """F; the next vehicle gets nothing before a technician resets it."""
    bench, evse = trial.bench, trial.evse
    shows_fault(trial, latest_s(trial))
    bench.inject(evse, fault, False)
    bench.unplug(evse)
    bench.keeps(1.0, Open(evse))
    bench.plug_in(evse)
    stays_off(trial, "next vehicle", 3.0, "until serviced")
    energise(trial, bench.reset_hazard(evse, fault))


RETRIES_S = (4.0, 6.0, 8.0)
"""In place of 30 s, 60 s and 5 min."""
RETRY_SLACK_S = 3.0
"""S2 and the close command follow the offer."""
PROGRAMS = USUAL | {Instrument.PROGRAMS}
FALLIBLE = FAULTY | {Instrument.PROGRAMS}
SOON = {"safety.retry_waits_s": [RETRY_S] * 3}

# fmt: off
CASES = (
    Case(play=self_test_before_each_vehicle, title="Self-test before each vehicle",
         clause="10", needs=USUAL),
    Case(play=self_test_at_the_start, title="Self-test beside a waiting vehicle",
         clause="15", needs=PROGRAMS, changes=SOON),
    Case(play=self_test_fails, title="Self-test fails", clause="10", needs=TOLD, changes=SOON,
         hazards=("rcd_test_failed",)),
    Case(play=pe_lost, title="Protective earth lost", clause="safety fault", needs=FAULTY,
         hazards=("pe_lost",)),
    Case(play=tilted, title="Charger tilted", clause="safety fault", needs=FAULTY,
         hazards=("tilted",)),
    Case(play=door_open, title="Door opened", clause="safety fault", needs=FAULTY,
         hazards=("door_open",), long=True),
    Case(play=output_live, title="Outlet live with open contacts", clause="10",
         needs=TOLD | {Instrument.OUTLET}, hazards=("output_live",)),
    Case(play=second_contactor_welded, title="Second contactor welds", clause="weld check",
         needs=FAULTY, hazards=("contactor_welded",)),
    Case(play=breaker_trips, title="Miniature breaker trips", clause="feedback", needs=FAULTY,
         hazards=("contactor_opened_alone",)),
    Case(play=fault_under_offer, title="Residual current under an offer", clause="fault in B2",
         needs=FAULTY, hazards=("rcd_tripped",)),
    Case(play=hazard_outlives_the_program, title="A weld outlives the program",
         clause="15", needs=FALLIBLE, hazards=("contactor_welded",)),
    Case(play=retries_wait_longer, title="Retries wait longer each time",
         clause="5, retries", needs=FAULTY, changes={"safety.retry_waits_s": list(RETRIES_S)},
         hazards=("contactor_not_closing",), long=True),
)
# fmt: on
