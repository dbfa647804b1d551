"""Vehicles that are not like others: asleep, without S2, slow, hungry on one phase; and phases."""

from __future__ import annotations

from hil.bench import (
    Asks,
    Closed,
    Draws,
    Instrument,
    Live,
    Offers,
    SignalsFault,
    ToldPhases,
)
from hil.scenarios.moves import (
    ANY_A,
    CURRENT_A,
    FAULTY,
    NOTHING_A,
    OFFER_LIMIT_S,
    SEEN_S,
    TOLD,
    USUAL,
    charge,
    charge_little,
    overdraws,
    says,
    stays_off,
    stops_in_order,
)
from hil.scenarios.scenario import Case, Trial

GENTLE_A = 10.0
WAKE_AFTER_S = 10.0
"""Shortest allowed; 30 in service."""
WAKE_SHOWN_S = 4.0
STEADY_S = 3.0
SIMPLIFIED_A = 10.0
"""Most that a vehicle without S2 is offered (A.2.3)."""
CLOSE_WAIT_S = 3.0
"""Sequence 4: served in this time, else x1."""
SWITCH_WAIT_S = 5.0
"""Pilot off after the phases were switched: shortest allowed; 15 in service."""
SWITCH_EVERY_S = 60.0
"""Shortest allowed between two changes; 300 in service."""
SLOW_A = 1.0


def vehicle_wakes(trial: Trial) -> None:
    """A vehicle that sleeps is shown state F once, wakes, and charges."""
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "vehicle_asleep")
    bench.plug_in(evse)
    offered_s = bench.expect(Offers(evse, *ANY_A), OFFER_LIMIT_S, bench.permit(evse, CURRENT_A))
    shown_s = trial.time(
        "offer → state F",
        SignalsFault(evse),
        offered_s,
        WAKE_AFTER_S + SEEN_S,
        "A.5.3",
        WAKE_AFTER_S - SEEN_S,
    )
    least_s = WAKE_SHOWN_S + STEADY_S - SEEN_S
    limit_s = WAKE_SHOWN_S + STEADY_S + 2 * SEEN_S
    again_s = trial.time(
        "state F → offer again", Offers(evse, *ANY_A), shown_s, limit_s, "A.5.3", least_s
    )
    asked_s = bench.expect(Asks(evse, True), 5.0, again_s)
    trial.time("S2 closed → energised", Closed(evse), asked_s, CLOSE_WAIT_S, "4")


def woken_once(trial: Trial) -> None:
    """A vehicle that still does not ask after state F keeps its offer, and is left in peace."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse)
    bench.stop_request(evse)
    offered_s = bench.expect(Offers(evse, *ANY_A), OFFER_LIMIT_S, bench.permit(evse, CURRENT_A))
    shown_s = trial.time(
        "offer → state F", SignalsFault(evse), offered_s, WAKE_AFTER_S + SEEN_S, "A.5.3"
    )
    bench.expect(Offers(evse, *ANY_A), 10.0, shown_s)
    trial.holds("not woken again", WAKE_AFTER_S + 1.5, "A.5.3, once", Offers(evse, *ANY_A))


def wake_up_off(trial: Trial) -> None:
    """With `wake_up = false` no vehicle ever sees state F for sleeping."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse)
    bench.stop_request(evse)
    bench.expect(Offers(evse, *ANY_A), OFFER_LIMIT_S, bench.permit(evse, CURRENT_A))
    trial.holds("not woken", WAKE_AFTER_S + 1.5, "A.5.3, opted out", Offers(evse, *ANY_A))


def simplified_pilot(trial: Trial) -> None:
    """No S2: in C from the plug-in on. It is offered 10 A, and closed within the time of 4."""
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "simplified_pilot")
    bench.plug_in(evse)
    stays_off(trial, "C without leave", 1.0, "1.2")
    permitted_s = bench.permit(evse, CURRENT_A)
    ten = Offers(evse, SIMPLIFIED_A - 0.1, SIMPLIFIED_A)
    offered_s = trial.time("leave → 10 A offered", ten, permitted_s, OFFER_LIMIT_S, "A.2.3")
    trial.time("offer → energised", Closed(evse), offered_s, CLOSE_WAIT_S, "4")
    bench.expect(Draws(evse, 5.0, SIMPLIFIED_A), 10.0)
    trial.holds("never more than 10 A", 1.0, "A.2.3", ten, Closed(evse))


def simplified_pilot_refused(trial: Trial) -> None:
    """The same where the configuration refuses it: neither offer nor energy."""
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "simplified_pilot")
    plugged_s = bench.plug_in(evse)
    bench.permit(evse, CURRENT_A)
    says(trial, "simplified_pilot", plugged_s, 1.0 + SEEN_S, "A.2.3")
    stays_off(trial, "refused", 4.0, "A.2.3")


def slow_vehicle(trial: Trial) -> None:
    """A vehicle whose current rises very slowly is left to it, and stopped in order."""
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "vehicle_slow")
    bench.plug_in(evse)
    offered_s = bench.expect(Offers(evse, *ANY_A), OFFER_LIMIT_S, bench.permit(evse, CURRENT_A))
    closed_s = bench.expect(Closed(evse), 8.0, offered_s)
    trial.time("energised → 1 A", Draws(evse, SLOW_A, CURRENT_A), closed_s, 6.0, "6", 2.0)
    trial.holds("stays closed", 1.0, "4", Closed(evse))
    stops_in_order(trial, "revoke", bench.revoke(evse), 1.0, "10.1")


def over_current_one_phase(trial: Trial) -> None:
    """Only L2 takes too much: the largest phase counts."""
    charge_little(trial)
    over_s = trial.bench.inject(trial.evse, "over_current_one_phase")
    overdraws(trial, "overdraw of L2", over_s, "grace + 2 readings")


def phases_switched(trial: Trial) -> None:
    """3 → 1 → 3 phases: a pause in order, contactor open, switched, rest, offer; not too often."""
    bench, evse = trial.bench, trial.evse
    charge(trial, GENTLE_A)
    trial.holds("three phases", 0.5, "14", Live(evse, 3))
    asked_s = bench.limit(evse, GENTLE_A, 1)
    first_s = _switch(trial, "3 → 1", asked_s, 1)
    soon_s = bench.limit(evse, GENTLE_A, 3)
    trial.holds("back at once: not yet", 3.0, "14, wear", Live(evse, 1), Closed(evse))
    limit_s = SWITCH_EVERY_S + SEEN_S - (soon_s - first_s)
    off_s = trial.time(
        "3 phases wanted → x1", Offers(evse, *NOTHING_A), soon_s, limit_s, "14, wear", 20.0
    )
    _switch(trial, "1 → 3", off_s, 3)


def phase_switch_stuck(trial: Trial) -> None:
    """The contactor of L2 and L3 stays where it is: told, and nothing is offered."""
    bench, evse = trial.bench, trial.evse
    charge(trial, GENTLE_A)
    bench.inject(evse, "phase_switch_stuck")
    asked_s = bench.limit(evse, GENTLE_A, 1)
    stops_in_order(trial, "1 phase wanted", asked_s, 1.0, "10.1")
    told_s = bench.expect(ToldPhases(evse, 1), 3.0, asked_s)
    says(trial, "phase_switch_stuck", told_s, 1.0 + SEEN_S, "0.5 s + 0.5 s")
    stays_off(trial, "stuck", SWITCH_WAIT_S + 3.0, "14")


def _switch(trial: Trial, what: str, since_s: float, phases: int) -> float:
    """Stop, switch, rest, offer, close on `phases`; when the switch was told."""
    bench, evse = trial.bench, trial.evse
    opened_s = stops_in_order(trial, what, since_s, 1.0, "10.1")
    told_s = trial.time(
        f"{what}: open → switched", ToldPhases(evse, phases), opened_s, 1.0, "14: open first"
    )
    offered_s = trial.time(
        f"{what}: switched → offer",
        Offers(evse, *ANY_A),
        told_s,
        SWITCH_WAIT_S + SEEN_S,
        "14: rest",
        SWITCH_WAIT_S,
    )
    closed_s = bench.expect(Closed(evse), 8.0, offered_s)
    bench.expect(Draws(evse, 5.0, GENTLE_A), 10.0, closed_s)
    trial.holds(f"{phases} phases at the outlet", 0.5, "14", Live(evse, phases))
    return told_s


OUTLET = USUAL | {Instrument.OUTLET}
SWITCHING = {
    "evse.0.phase_switching": True,
    "safety.phase_switch_wait_s": SWITCH_WAIT_S,
    "safety.phase_switch_every_s": SWITCH_EVERY_S,
}
WAKING = {"safety.wake_after_s": WAKE_AFTER_S}

# fmt: off
CASES = (
    Case(play=vehicle_wakes, title="Sleeping vehicle woken by state F",
         clause="A.5.3", needs=FAULTY, changes=WAKING),
    Case(play=woken_once, title="Woken once, then left in peace",
         clause="A.5.3", needs=USUAL, changes=WAKING, long=True),
    Case(play=wake_up_off, title="Wake-up opted out",
         clause="A.5.3", needs=USUAL, changes={**WAKING, "evse.0.wake_up": False}),
    Case(play=simplified_pilot, title="Simplified pilot: 10 A",
         clause="A.2.3, 1.2", needs=FAULTY),
    Case(play=simplified_pilot_refused, title="Simplified pilot refused",
         clause="A.2.3", needs=TOLD, changes={"evse.0.simplified_pilot": "refuse"},
         hazards=("simplified_pilot",)),
    Case(play=slow_vehicle, title="Current rises slowly", clause="4, 6", needs=FAULTY),
    Case(play=over_current_one_phase, title="Over-current of one phase",
         clause="10.1", needs=FAULTY, hazards=("over_current",)),
    Case(play=phases_switched, title="One and three phases",
         clause="14", needs=OUTLET, changes=SWITCHING, long=True),
    Case(play=phase_switch_stuck, title="Phase switch stuck",
         clause="14", needs=TOLD, changes=SWITCHING, hazards=("phase_switch_stuck",)),
)
# fmt: on
