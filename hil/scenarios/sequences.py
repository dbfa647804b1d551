"""The sequences of IEC 61851-1 Annex A that `chargepoint/evse` implements, with leases at hand."""

from __future__ import annotations

import signal

from hil.bench import Asks, Closed, Draws, Instrument, Offers, Open
from hil.scenarios.moves import (
    ANY_A,
    CLOSE_LIMIT_S,
    CURRENT_A,
    DRAW_LIMIT_S,
    DRAWING_A,
    FAULTY,
    NOTHING_A,
    OFFER_LIMIT_S,
    OPEN_LIMIT_S,
    USUAL,
    charge,
    energise,
    opens,
    stays_off,
    stops_in_order,
)
from hil.scenarios.scenario import Case, Trial

GENTLE_A = 10.0
"""A current that the vehicle has ramped down before it opens S2."""
LIMIT_CHANGE_S = 10.0
"""Sequence 5: a new limit is offered."""
FOLLOW_S = 5.0
"""Sequence 6: the vehicle follows a new offer."""
STEADY_LEAST_S = 3.0
"""Sequence 9.2: x1 before the oscillator starts again."""
RAMP_DOWN_LEAST_S = 6.0
"""Sequence 10.2: not opened under load before this."""
CLOSING_PAUSE_S = 12.0
"""From command to command."""
TRAVEL_S = 0.1
"""A command on the line and a contact on its way may be this much longer one time than another."""
D_BEGINS_S = 0.06
"""State D is made of samples over this time; C and D are both asking."""
SLACK_S = 0.3
"""What a step of the program, a round of the bus and the renewing of leases may add."""


def connects_without_leave(trial: Trial) -> None:
    """Without leave a connected vehicle gets neither an offer nor energy; leave brings both."""
    trial.bench.plug_in(trial.evse)
    stays_off(trial, "connected, no leave", 2.0, "1.1")
    energise(trial, trial.bench.permit(trial.evse, CURRENT_A))


def leave_before_the_vehicle(trial: Trial) -> None:
    """Leave that is there before the vehicle: nothing is offered to an empty plug."""
    trial.bench.permit(trial.evse, CURRENT_A)
    stays_off(trial, "nothing plugged in", 1.5, "1.1")
    energise(trial, trial.bench.plug_in(trial.evse))


def unplugs_before_charging(trial: Trial) -> None:
    """The plug is pulled out of B2: the offer ends, nothing closes."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse)
    bench.stop_request(evse)
    offer_s = bench.permit(evse, CURRENT_A)
    trial.time("offer", Offers(evse, *ANY_A), offer_s, OFFER_LIMIT_S, "3")
    trial.holds("S2 open: stays open", 1.0, "4", Open(evse), Offers(evse, *ANY_A))
    pulled_s = bench.unplug(evse)
    trial.time("unplug → x1", Offers(evse, *NOTHING_A), pulled_s, 1.0, "2.1")
    stays_off(trial, "unplugged", 1.0, "2.1")


def vehicle_opens_s2(trial: Trial) -> None:
    """The vehicle pauses (S2) with the oscillator running, and then goes on."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    asked_s = bench.stop_request(evse)
    s2_s = bench.expect(Asks(evse, False), 3.0, asked_s)
    opened_s = opens(trial, "S2 opened", s2_s, "8.1")
    trial.holds("the offer stays", 1.0, "8.1", Offers(evse, *ANY_A), Open(evse))
    bench.request_power(evse, CURRENT_A)
    s2_s = bench.expect(Asks(evse, True), 5.0)
    closed_s = trial.time("S2 closed → energised", Closed(evse), s2_s, CLOSE_LIMIT_S, "4")
    trial.between(
        "opening → next closing", opened_s, closed_s, 30.0, "4", trial.settings.reclose_wait_s
    )


def unplugged_under_load(trial: Trial) -> None:
    """The plug is pulled while current flows."""
    charge(trial)
    opens(trial, "unplug", trial.bench.unplug(trial.evse), "2.2")
    stays_off(trial, "unplugged", 1.0, "2.2")


def station_stops(trial: Trial) -> None:
    """Leave is taken back: x1, the vehicle ramps down and opens S2, the contact opens."""
    charge(trial, GENTLE_A)
    stops_in_order(trial, "revoke", trial.bench.revoke(trial.evse), 1.0, "10.1")
    stays_off(trial, "without leave", 1.0, "10.1")


def vehicle_ignores_the_pilot(trial: Trial) -> None:
    """A vehicle that goes on drawing after x1 gets its 6 s, then the contact opens under load."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    bench.inject(evse, "vehicle_ignores_pilot")
    revoked_s = bench.revoke(evse)
    off_s = trial.time("revoke → x1", Offers(evse, *NOTHING_A), revoked_s, 1.0, "10.1")
    trial.time(
        "x1 → open under load",
        Open(evse),
        off_s,
        trial.settings.ramp_down_s + SLACK_S,
        "10.2",
        RAMP_DOWN_LEAST_S,
    )
    stays_off(trial, "vehicle still asks", 1.0, "10.2")


def limit_changes(trial: Trial) -> None:
    """A lower limit is offered at once, a higher one in time; the vehicle follows, still closed."""
    bench, evse = trial.bench, trial.evse
    closed_s = charge(trial)
    bench.expect(Draws(evse, 15.5, 16.0), DRAW_LIMIT_S, closed_s)
    lowered_s = bench.limit(evse, GENTLE_A)
    sight = Offers(evse, GENTLE_A - 0.1, GENTLE_A)
    lower_s = trial.time("16 A → 10 A offered", sight, lowered_s, LIMIT_CHANGE_S, "5")
    trial.time("vehicle at 10 A", Draws(evse, 5.0, GENTLE_A), lower_s, FOLLOW_S, "6")
    raised_s = bench.limit(evse, 16.0)
    higher_s = trial.time(
        "10 A → 16 A offered", Offers(evse, 15.9, 16.0), raised_s, LIMIT_CHANGE_S, "5"
    )
    trial.time("vehicle at 16 A", Draws(evse, 15.5, 16.0), higher_s, FOLLOW_S, "6")
    trial.holds("stays closed", 0.5, "5", Closed(evse))


def limit_below_minimum(trial: Trial) -> None:
    """Below 6 A nothing can be offered: a pause in order; then x1 for 3 s before the next offer."""
    bench, evse = trial.bench, trial.evse
    charge(trial, GENTLE_A)
    limited_s = bench.limit(evse, 5.0)
    stops_in_order(trial, "5 A", limited_s, 1.0, "10.1, below 6 A")
    off_s = bench.expect(Offers(evse, *NOTHING_A), 10.0, limited_s)
    stays_off(trial, "limit 5 A", 0.5, "below 6 A")
    bench.limit(evse, GENTLE_A)
    trial.time("x1 → offer again", Offers(evse, *ANY_A), off_s, 15.0, "9.2", STEADY_LEAST_S)
    s2_s = bench.expect(Asks(evse, True), 5.0)
    trial.time("S2 closed → energised", Closed(evse), s2_s, CLOSE_LIMIT_S, "4")


def ventilated(trial: Trial) -> None:
    """State D where there is ventilation: energised like C; back in C it stays closed."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse)
    bench.request_ventilation(evse)
    energise(trial, bench.permit(evse, CURRENT_A))
    bench.request_power(evse, CURRENT_A)
    trial.holds("D → C: stays closed", 1.0, "D as C", Closed(evse), Draws(evse, *DRAWING_A))
    opens(trial, "unplug from C after D", bench.unplug(evse), "2.2")


def ventilation_missing(trial: Trial) -> None:
    """State D without ventilation: opens at once while charging, and is not served afterwards."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    asked_s = bench.request_ventilation(evse)
    opens(trial, "C → D", asked_s, "D not served, + 60 ms", D_BEGINS_S + OPEN_LIMIT_S)
    stays_off(trial, "state D", 3.0, "D not served")


def ventilation_missing_from_the_start(trial: Trial) -> None:
    """A vehicle that asks with state D is never served without ventilation."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse)
    bench.request_ventilation(evse)
    offered_s = bench.permit(evse, CURRENT_A)
    asked_s = trial.time("offer → S2 (D)", Asks(evse, True), offered_s, 5.0, "3")
    trial.time("D → x1", Offers(evse, *NOTHING_A), asked_s, CLOSE_LIMIT_S + SLACK_S, "D not served")
    stays_off(trial, "state D refused", 2.0, "D not served")


def limit_lease_ends(trial: Trial) -> None:
    """Nobody renews the limit: the failsafe current is offered; renewed, the limit is back."""
    bench, evse, settings = trial.bench, trial.evse, trial.settings
    closed_s = charge(trial)
    bench.expect(Draws(evse, 15.5, 16.0), DRAW_LIMIT_S, closed_s)
    lapsed_s = bench.lapse(evse, "limit")
    failsafe_a = settings.failsafe_current_a
    failsafe_s = trial.time(
        "last renewal → failsafe current",
        Offers(evse, failsafe_a - 0.1, failsafe_a),
        lapsed_s,
        settings.limit_lease_s + SLACK_S,
        "limit lease",
        settings.limit_lease_s - SLACK_S,
    )
    trial.time("vehicle at failsafe", Draws(evse, 5.0, failsafe_a), failsafe_s, FOLLOW_S, "6")
    raised_s = bench.limit(evse, 16.0)
    trial.time("renewed → 16 A", Offers(evse, 15.9, 16.0), raised_s, LIMIT_CHANGE_S, "5")
    trial.holds("stays closed", 0.5, "limit lease", Closed(evse))


def permission_lease_ends(trial: Trial) -> None:
    """Nobody renews the permission: an orderly stop."""
    charge(trial, GENTLE_A)
    lapsed_s = trial.bench.lapse(trial.evse, "permission")
    limit_s = trial.settings.permission_lease_s + SLACK_S
    stops_in_order(trial, "last renewal", lapsed_s, limit_s, "permission lease")
    stays_off(trial, "permission over", 1.0, "permission lease")


def program_ends_in_order(trial: Trial) -> None:
    """SIGTERM to the safety program while charging: the same orderly stop."""
    charge(trial, GENTLE_A)
    told_s = trial.bench.signal(signal.SIGTERM)
    stops_in_order(trial, "SIGTERM", told_s, 1.0, "10.1")


def own_minimum(trial: Trial) -> None:
    """A station whose minimum is 8 A pauses at 7 A; no vehicle is ever offered less than 8."""
    bench, evse = trial.bench, trial.evse
    charge(trial, GENTLE_A)
    stops_in_order(trial, "7 A", bench.limit(evse, 7.0), 1.0, "10.1, below the minimum")
    stays_off(trial, "limit 7 A", 1.0, "below the minimum")


def limit_lease_ends_in_a_pause(trial: Trial) -> None:
    """With a failsafe current of 0 nobody charges without somebody who renews the limit."""
    charge(trial, GENTLE_A)
    lapsed_s = trial.bench.lapse(trial.evse, "limit")
    limit_s = trial.settings.limit_lease_s + SLACK_S
    stops_in_order(trial, "last renewal", lapsed_s, limit_s, "limit lease")
    stays_off(trial, "limit over", 1.0, "limit lease")


def closings_keep_their_distance(trial: Trial) -> None:
    """Where contactors want to be spared, a vehicle that comes back soon has to wait."""
    bench, evse = trial.bench, trial.evse
    closed_s = charge(trial)
    bench.expect(Asks(evse, False), 3.0, bench.stop_request(evse))
    bench.expect(Open(evse), 1.0)
    asked_s = bench.request_power(evse, CURRENT_A)
    again_s = bench.expect(Closed(evse), 20.0, asked_s)
    least_s = CLOSING_PAUSE_S - TRAVEL_S
    trial.between("closing → next closing", closed_s, again_s, 25.0, "5", least_s)


PROGRAMS = USUAL | {Instrument.PROGRAMS}

# fmt: off
CASES = (
    Case(play=connects_without_leave, title="Connect, then leave",
         clause="1.1, 3, 4", needs=USUAL),
    Case(play=leave_before_the_vehicle, title="Leave before the vehicle",
         clause="1.1, 3, 4", needs=USUAL),
    Case(play=unplugs_before_charging, title="Unplug out of B2",
         clause="2.1", needs=USUAL),
    Case(play=vehicle_opens_s2, title="Vehicle pauses: S2 opens under x2",
         clause="7, 8.1, 4", needs=USUAL),
    Case(play=unplugged_under_load, title="Unplug under load",
         clause="2.2", needs=USUAL),
    Case(play=station_stops, title="Station stops: ramp-down",
         clause="10.1", needs=USUAL),
    Case(play=vehicle_ignores_the_pilot, title="Vehicle ignores the pilot: forced open",
         clause="10.2", needs=FAULTY),
    Case(play=limit_changes, title="Limit changes while charging",
         clause="5, 6", needs=USUAL),
    Case(play=limit_below_minimum, title="Pause by a limit below 6 A",
         clause="10.1, 9.2", needs=USUAL),
    Case(play=ventilated, title="State D with ventilation",
         clause="4, D as C", needs=USUAL, ventilated=True),
    Case(play=ventilation_missing, title="State D without ventilation, while charging",
         clause="D not served", needs=USUAL, hazards=("ventilation_missing",)),
    Case(play=ventilation_missing_from_the_start, title="State D without ventilation, from B2",
         clause="D not served", needs=USUAL),
    Case(play=limit_lease_ends, title="Limit lease ends: failsafe current",
         clause="limit lease", needs=USUAL),
    Case(play=permission_lease_ends, title="Permission lease ends: orderly stop",
         clause="permission lease", needs=USUAL),
    Case(play=program_ends_in_order, title="Safety program is told to end",
         clause="10.1", needs=PROGRAMS),
    Case(play=own_minimum, title="Minimum of the station",
         clause="10.1", needs=USUAL, changes={"evse.0.current_min_a": 8.0}),
    Case(play=limit_lease_ends_in_a_pause, title="Limit lease ends: pause",
         clause="limit lease", needs=USUAL, changes={"safety.failsafe_current_a": 0.0}),
    Case(play=closings_keep_their_distance, title="Pause between closings",
         clause="4", needs=USUAL, changes={"safety.closing_pause_s": CLOSING_PAUSE_S}),
)
# fmt: on
