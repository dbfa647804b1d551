"""Every hazard that the plant can cause, while it charges or before, judged by contact and pilot.

Where a hazard must last before it counts, the limit is that time and the 100 ms of a safety fault.
"""

from __future__ import annotations

import signal

from hil.bench import Asks, Closed, Instrument, Offers, Open, SignalsFault, Told
from hil.scenarios.moves import (
    CURRENT_A,
    FAULT_SHOWN_LEAST_S,
    FAULTY,
    NOTHING_A,
    OFFER_LIMIT_S,
    OPEN_LIMIT_S,
    SAFETY,
    SEEN_S,
    USUAL,
    charge,
    charge_little,
    energise,
    latest_s,
    opens,
    over,
    overdraws,
    shows_fault,
    stays_off,
    stops_in_order,
)
from hil.scenarios.scenario import Case, Trial

SAMPLES_S = 0.06
"""Samples that the diode check, the cable coding and the pilot filter take."""
PROXIMITY_S = 0.5
"""The coding must be invalid for this long."""
CLOSE_FEEDBACK_S = 0.25
"""The auxiliary contact must follow a close command within this time."""
WELD_SEEN_S = 0.5
"""The auxiliary contact must follow an open command within this time, else it is welded."""
OPENED_ALONE_S = 0.1
HOT_S = 1.0
"""Over-temperature must last this long."""


def _charges_after_a_new_plug_in(trial: Trial, fault: str) -> None:
    """With the cause gone it takes the vehicle's leaving; then everything is as before."""
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, fault, False)
    stays_off(trial, "cause gone, still plugged in", 2.0, "until unplugged")
    bench.unplug(evse)
    bench.keeps(1.2, Open(evse))
    energise(trial, bench.plug_in(evse))


def pilot_shorted(trial: Trial) -> None:
    """Pilot to earth while charging: open; no offer until the plug was out."""
    over(trial, "pilot_shorted", "short")
    stays_off(trial, "pilot shorted", 1.0, "state E")
    _charges_after_a_new_plug_in(trial, "pilot_shorted")


def pilot_out_of_range(trial: Trial) -> None:
    """A pilot level that no state has."""
    over(trial, "pilot_out_of_range", "level out of range")
    stays_off(trial, "level out of range", 1.0, "pilot fault")
    _charges_after_a_new_plug_in(trial, "pilot_out_of_range")


def diode_missing(trial: Trial) -> None:
    """What plugs in has no diode: it is never energised."""
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "diode_missing")
    bench.plug_in(evse)
    permitted_s = bench.permit(evse, CURRENT_A)
    offered_s = bench.expect(Offers(evse, 6.0, 80.0), OFFER_LIMIT_S, permitted_s)
    trial.time("offer → state F", SignalsFault(evse), offered_s, 3.0, "diode check")
    stays_off(trial, "no diode", 5.0, "diode check")


def diode_lost(trial: Trial) -> None:
    """The negative half-wave goes while charging: something else than the vehicle is there."""
    charge(trial)
    lost_s = trial.bench.inject(trial.evse, "diode_missing")
    opens(trial, "diode lost", lost_s, "safety fault + 60 ms", SAMPLES_S + OPEN_LIMIT_S)
    stays_off(trial, "no diode", 3.5, "until unplugged")


def proximity_invalid(trial: Trial) -> None:
    """A crushed cable at a socket outlet: 30 Ω between PP and PE."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    broken_s = bench.inject(evse, "proximity_invalid")
    limit_s = PROXIMITY_S + SAMPLES_S + OPEN_LIMIT_S
    opens(trial, "PP broken", broken_s, "safety fault + 0.5 s + 60 ms", limit_s)
    stays_off(trial, "PP broken", 2.0, "until unplugged")


def contactor_welded(trial: Trial) -> None:
    """The contact stays closed when the vehicle pauses: F, and no service until a technician."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    bench.inject(evse, "contactor_welded")
    asked_s = bench.stop_request(evse)
    s2_s = bench.expect(Asks(evse, False), 3.0, asked_s)
    told_s = trial.time("S2 opened → open command", Told(evse, False), s2_s, OPEN_LIMIT_S, "8.1")
    limit_s = WELD_SEEN_S + SEEN_S
    trial.time("open command → F", SignalsFault(evse), told_s, limit_s, "weld check")
    trial.holds("state F shown", FAULT_SHOWN_LEAST_S, "Table A.5", SignalsFault(evse))
    bench.unplug(evse)
    bench.inject(evse, "contactor_welded", False)
    bench.expect(Open(evse), 1.0)
    bench.plug_in(evse)
    stays_off(trial, "next vehicle", 4.0, "until serviced")
    energise(trial, bench.reset_hazard(evse, "contactor_welded"))


def contactor_welded_at_rest(trial: Trial) -> None:
    """Contacts that close by themselves with nobody there: the next vehicle gets no offer."""
    bench, evse = trial.bench, trial.evse
    bench.permit(evse, CURRENT_A)
    bench.inject(evse, "contactor_welded")
    bench.keeps(WELD_SEEN_S + SEEN_S, Closed(evse))
    bench.plug_in(evse)
    trial.holds("vehicle: no offer", 4.0, "weld check", Offers(evse, *NOTHING_A))


def contactor_not_closing(trial: Trial) -> None:
    """The coil is broken: the command is taken back, and not repeated at once."""
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "contactor_not_closing")
    bench.plug_in(evse)
    permitted_s = bench.permit(evse, CURRENT_A)
    told_s = bench.expect(Told(evse, True), OFFER_LIMIT_S, permitted_s)
    limit_s = CLOSE_FEEDBACK_S + SEEN_S
    trial.time("close command → taken back", Told(evse, False), told_s, limit_s, "feedback 250 ms")
    stays_off(trial, "not closing", 4.0, "30 s between tries")


def contactor_opened_alone(trial: Trial) -> None:
    """The coil loses its supply while charging: told open, and not closed when it is back."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    lost_s = bench.inject(evse, "contactor_opened_alone")
    limit_s = OPENED_ALONE_S + SEEN_S
    trial.time("coil lost → open command", Told(evse, False), lost_s, limit_s, "feedback")
    bench.inject(evse, "contactor_opened_alone", False)
    stays_off(trial, "coil back", 4.0, "30 s between tries")


def supply_fails(trial: Trial) -> None:
    """Mains fail while charging and come back: nothing closes by itself with them."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    failed_s = bench.supply(False)
    limit_s = OPENED_ALONE_S + SEEN_S
    trial.time("mains off → open command", Told(evse, False), failed_s, limit_s, "power return")
    bench.supply(True)
    trial.holds("mains back: stays open", 3.0, "power return", Open(evse))


def residual_current(trial: Trial) -> None:
    """A residual current: open, F; only a new plug-in charges again."""
    over(trial, "rcd_tripped", "trip")
    shows_fault(trial, latest_s(trial))
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "rcd_tripped", False)
    bench.keeps(3.5, Open(evse))
    _charges_after_a_new_plug_in(trial, "rcd_tripped")


def emergency_stopped(trial: Trial) -> None:
    """The emergency stop: open, F; releasing it does not start anything, new leave does."""
    bench, evse = trial.bench, trial.evse
    over(trial, "emergency_stopped", "emergency stop")
    shows_fault(trial, latest_s(trial))
    bench.inject(evse, "emergency_stopped", False)
    trial.holds("released: stays open", 5.0, "new leave", Open(evse))
    bench.revoke(evse)
    bench.keeps(0.5, Open(evse))
    energise(trial, bench.permit(evse, CURRENT_A))


def over_temperature(trial: Trial) -> None:
    """Too hot: an orderly stop."""
    charge(trial, 10.0)
    hot_s = trial.bench.inject(trial.evse, "over_temperature")
    stops_in_order(trial, "72 °C", hot_s, HOT_S + SEEN_S, "1 s, then 10.1")
    stays_off(trial, "still hot", 2.0, "until cool")


def over_current(trial: Trial) -> None:
    """The vehicle draws more than it was offered: an orderly stop after the grace."""
    charge_little(trial)
    over_s = trial.bench.inject(trial.evse, "over_current")
    overdraws(trial, "overdraw", over_s, "grace + 2 meter readings")
    stays_off(trial, "overdrawn", 2.0, "until unplugged")


def board_fault(trial: Trial) -> None:
    """The board reports a fault of its own."""
    over(trial, "board_fault", "board fault")
    shows_fault(trial, latest_s(trial))
    trial.bench.inject(trial.evse, "board_fault", False)
    trial.holds("fault gone: stays open", 5.0, "good for 30 s", Open(trial.evse))


def readings_frozen(trial: Trial) -> None:
    """The board answers, but its sample counter stands still: its readings count as missing."""
    charge(trial)
    frozen_s = trial.bench.inject(trial.evse, "reading_stale")
    limit_s = trial.settings.stale_after_s + OPEN_LIMIT_S
    opens(trial, "frozen", frozen_s, "stale + safety fault", limit_s)
    trial.holds("frozen: stays open", 2.0, "stale", Open(trial.evse))
    thawed_s = trial.bench.inject(trial.evse, "reading_stale", False)
    energise_again(trial, thawed_s)


def board_lost(trial: Trial) -> None:
    """The board hears nothing and says nothing: its watchdog opens; back, it charges again."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    lost_s = bench.inject(evse, "board_lost")
    limit_s = trial.settings.watchdog_s + OPEN_LIMIT_S
    trial.time("silent → open by watchdog", Open(evse), lost_s, limit_s, "watchdog")
    bench.keeps(1.0, Open(evse))
    back_s = bench.inject(evse, "board_lost", False)
    energise_again(trial, back_s)


def board_exchanged(trial: Trial) -> None:
    """After a silence another board answers: it is never told to close."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    bench.inject(evse, "board_refused")
    lost_s = bench.inject(evse, "board_lost")
    limit_s = trial.settings.watchdog_s + OPEN_LIMIT_S
    trial.time("silent → open by watchdog", Open(evse), lost_s, limit_s, "watchdog")
    bench.keeps(1.5, Open(evse))
    bench.inject(evse, "board_lost", False)
    stays_off(trial, "another board", 5.0, "identity")


def program_killed(trial: Trial) -> None:
    """The safety program is killed: the watchdog opens; started anew, it charges again."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    killed_s = bench.signal(signal.SIGKILL)
    limit_s = trial.settings.watchdog_s + OPEN_LIMIT_S
    trial.time("SIGKILL → open by watchdog", Open(evse), killed_s, limit_s, "watchdog")
    stays_off(trial, "nobody steers", 1.0, "watchdog")
    energise_again(trial, bench.restart())


def program_hangs(trial: Trial) -> None:
    """The safety program stands still: the watchdog opens; awake again, it sees that."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    stopped_s = bench.signal(signal.SIGSTOP)
    limit_s = trial.settings.watchdog_s + OPEN_LIMIT_S
    trial.time("SIGSTOP → open by watchdog", Open(evse), stopped_s, limit_s, "watchdog")
    stays_off(trial, "nobody steers", 1.0, "watchdog")
    woken_s = bench.signal(signal.SIGCONT)
    trial.holds("awake: does not close at once", 1.0, "watchdog", Open(evse))
    trial.time("awake → energised", Closed(evse), woken_s, 20.0, "good for 5 s")


def energise_again(trial: Trial, since_s: float) -> None:
    """By itself, with leave and vehicle still there."""
    trial.time("good again → energised", Closed(trial.evse), since_s, 20.0, "by itself")


PROGRAMS = USUAL | {Instrument.PROGRAMS}
SUPPLIED = USUAL | {Instrument.SUPPLY}

# fmt: off
CASES = (
    Case(play=pilot_shorted, title="Pilot shorted to earth", clause="state E", needs=FAULTY,
         hazards=("pilot_shorted",)),
    Case(play=pilot_out_of_range, title="Pilot level out of range",
         clause="pilot fault", needs=FAULTY,
         hazards=("pilot_out_of_range",)),
    Case(play=diode_missing, title="No diode at plug-in", clause="diode check", needs=FAULTY,
         hazards=("diode_missing",)),
    Case(play=diode_lost, title="Diode lost while charging", clause="diode check", needs=FAULTY,
         hazards=("diode_missing",)),
    Case(play=proximity_invalid, title="Cable coding broken",
         clause="PP", needs=FAULTY, socket=True,
         hazards=("proximity_invalid",)),
    Case(play=contactor_welded, title="Contactor welds under load",
         clause="weld check", needs=FAULTY,
         hazards=("contactor_welded",)),
    Case(play=contactor_welded_at_rest, title="Contactor closed at rest",
         clause="weld check", needs=FAULTY,
         hazards=("contactor_welded",)),
    Case(play=contactor_not_closing, title="Contactor does not close",
         clause="feedback", needs=FAULTY,
         hazards=("contactor_not_closing",)),
    Case(play=contactor_opened_alone, title="Coil loses its supply",
         clause="feedback", needs=FAULTY,
         hazards=("contactor_opened_alone",)),
    Case(play=supply_fails, title="Mains fail and return", clause="power return", needs=SUPPLIED,
         hazards=("contactor_opened_alone",)),
    Case(play=residual_current, title="Residual current", clause=SAFETY, needs=FAULTY,
         hazards=("rcd_tripped",)),
    Case(play=emergency_stopped, title="Emergency stop", clause=SAFETY, needs=FAULTY,
         hazards=("emergency_stopped",)),
    Case(play=over_temperature, title="Over-temperature", clause="10.1", needs=FAULTY,
         hazards=("over_temperature",)),
    Case(play=over_current, title="Over-current", clause="10.1", needs=FAULTY,
         hazards=("over_current",)),
    Case(play=board_fault, title="Board reports a fault", clause=SAFETY, needs=FAULTY,
         hazards=("board_fault",)),
    Case(play=readings_frozen, title="Readings stand still", clause="stale", needs=FAULTY,
         hazards=("reading_stale",)),
    Case(play=board_lost, title="Board silent", clause="watchdog", needs=FAULTY,
         hazards=("board_lost",)),
    Case(play=board_exchanged, title="Another board answers", clause="identity", needs=FAULTY,
         hazards=("board_refused",)),
    Case(play=program_killed, title="Safety program killed", clause="watchdog", needs=PROGRAMS),
    Case(play=program_hangs, title="Safety program hangs", clause="watchdog", needs=PROGRAMS,
         hazards=("watchdog_tripped",)),
)
# fmt: on
