"""The lock of a socket outlet: when it holds, when it lets go, and a motor that does not follow."""

from __future__ import annotations

from hil.bench import Closed, Draws, Locked, Offers, Open
from hil.scenarios.moves import (
    DRAW_LIMIT_S,
    DRAWING_A,
    FAULTY,
    OFFER_LIMIT_S,
    OPEN_LIMIT_S,
    SEEN_S,
    TOLD,
    USUAL,
    charge,
    energise,
    opens,
    over,
    says,
    stays_off,
    stops_in_order,
)
from hil.scenarios.scenario import Case, Trial

GENTLE_A = 10.0
ATTEMPTS = 2
"""After the first drive; 5 in service."""
DRIVEN_S = 1.0
"""The switch must have followed by then."""
BACK_S = 0.5
"""The opposite is commanded for so long between two drives."""
TRAVEL_S = 0.25
"""Of the simulated motor."""
SPRUNG_S = 0.05
"""It must be seen open for so long before it counts."""
FAULT_FREE_S = 5.0
"""A plug is freed this long after a fault (EVerest)."""
EXHAUSTED_S = DRIVEN_S + ATTEMPTS * (DRIVEN_S + BACK_S)


def locks_the_plug(trial: Trial) -> None:
    """Locked before the contact closes, held while it is closed, then free."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse)
    bench.permit(evse, GENTLE_A)
    locked_s = bench.expect(Locked(evse, True), OFFER_LIMIT_S)
    closed_s = bench.expect(Closed(evse), OFFER_LIMIT_S)
    trial.between("locked → closed", locked_s, closed_s, OFFER_LIMIT_S, "lock first")
    bench.expect(Draws(evse, *DRAWING_A), DRAW_LIMIT_S, closed_s)
    trial.holds("locked while closed", 0.5, "lock held", Locked(evse, True), Closed(evse))
    opened_s = stops_in_order(trial, "revoke", bench.revoke(evse), 1.0, "10.1")
    trial.time("open → free", Locked(evse, False), opened_s, 5.0, "lock last")


def lock_jams(trial: Trial) -> None:
    """The bolt does not go in: driven again and again, never energised, then told."""
    bench, evse = trial.bench, trial.evse
    bench.inject(evse, "connector_not_locked")
    bench.plug_in(evse)
    permitted_s = bench.permit(evse, GENTLE_A)
    limit_s = EXHAUSTED_S + 1.0
    says(trial, "connector_not_locked", permitted_s, limit_s, "13: attempts")
    stays_off(trial, "not locked", 3.0, "13: no energy unlocked")
    bench.inject(evse, "connector_not_locked", False)
    bench.unplug(evse)
    bench.keeps(1.2, Open(evse))
    energise(trial, bench.plug_in(evse))


def lock_springs_open(trial: Trial) -> None:
    """The bolt comes out under load."""
    over(trial, "lock_opened", "lock springs", SPRUNG_S)
    stays_off(trial, "lock open", 2.0, "until unplugged")


def lock_does_not_release(trial: Trial) -> None:
    """The bolt stays in after the session: told, tried again, and the next session is served."""
    bench, evse = trial.bench, trial.evse
    charge(trial, GENTLE_A)
    bench.inject(evse, "lock_stuck")
    opened_s = stops_in_order(trial, "revoke", bench.revoke(evse), 1.0, "10.1")
    says(trial, "lock_stuck", opened_s, EXHAUSTED_S + 1.0, "13: attempts")
    trial.holds("held, open", 1.0, "13", Locked(evse, True), Open(evse))
    bench.inject(evse, "lock_stuck", False)
    energise(trial, bench.permit(evse, GENTLE_A))
    opened_s = stops_in_order(trial, "revoke again", bench.revoke(evse), 1.0, "10.1")
    trial.time("open → free", Locked(evse, False), opened_s, 5.0, "lock last")


def fault_frees_the_plug(trial: Trial) -> None:
    """After a fault in C the plug is freed in 5 s, with the contact open."""
    over(trial, "rcd_tripped", "trip")
    bench, evse = trial.bench, trial.evse
    opened_s = bench.expect(Open(evse), 1.0)
    trial.time(
        "open → free",
        Locked(evse, False),
        opened_s,
        FAULT_FREE_S + TRAVEL_S + 2 * SEEN_S,
        "F: after 5 s",
        FAULT_FREE_S - SEEN_S,
    )


def short_frees_the_plug(trial: Trial) -> None:
    """State E: the plug is freed at once, with the contact open."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    shorted_s = bench.inject(evse, "pilot_shorted")
    opened_s = opens(trial, "short", shorted_s, "state E")
    trial.time("open → free", Locked(evse, False), opened_s, 1.0 + TRAVEL_S, "E: at once")


def cable_cut(trial: Trial) -> None:
    """The cable is torn out of a locked socket: neither pilot nor proximity contact is left."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    cut_s = bench.inject(evse, "cable_cut")
    opened_s = opens(trial, "cable cut", cut_s, "2.2", OPEN_LIMIT_S)
    says(trial, "cable_cut", opened_s, 1.0 + SEEN_S, "0.5 s")
    bench.unplug(evse)
    bench.inject(evse, "cable_cut", False)
    bench.plug_in(evse)
    stays_off(trial, "next vehicle", 3.0, "until serviced")
    energise(trial, bench.reset_hazard(evse, "cable_cut"))


def cable_rating_limits(trial: Trial) -> None:
    """A 13 A cable is offered 13 A, whatever the leases allow."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse, 13)
    permitted_s = bench.permit(evse, 16.0)
    trial.time("13 A cable → offer", Offers(evse, 12.9, 13.0), permitted_s, OFFER_LIMIT_S, "3, PP")
    bench.expect(Closed(evse), OFFER_LIMIT_S)
    bench.expect(Draws(evse, 10.0, 13.0), OFFER_LIMIT_S)
    trial.holds("never more", 1.0, "PP", Offers(evse, 6.0, 13.0), Draws(evse, 0.0, 13.0))


FEW = {"safety.lock_attempts": ATTEMPTS}

# fmt: off
CASES = (
    Case(play=locks_the_plug, title="Plug locked around the energy",
         clause="lock", needs=USUAL, socket=True),
    Case(play=cable_rating_limits, title="Rating of the cable",
         clause="PP", needs=USUAL, socket=True),
    Case(play=lock_jams, title="Lock does not engage",
         clause="13", needs=TOLD, socket=True, changes=FEW, hazards=("connector_not_locked",)),
    Case(play=lock_springs_open, title="Lock springs open under load",
         clause="13", needs=FAULTY, socket=True, hazards=("lock_opened",)),
    Case(play=lock_does_not_release, title="Lock does not release",
         clause="13", needs=TOLD, socket=True, changes=FEW, hazards=("lock_stuck",), long=True),
    Case(play=fault_frees_the_plug, title="Plug freed after a fault",
         clause="F", needs=FAULTY, socket=True),
    Case(play=short_frees_the_plug, title="Plug freed in state E",
         clause="E", needs=FAULTY, socket=True),
    Case(play=cable_cut, title="Cable torn out", clause="2.2", needs=TOLD, socket=True,
         hazards=("cable_cut",)),
)
# fmt: on
