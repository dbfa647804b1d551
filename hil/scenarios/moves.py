"""What most scenarios have in common: a vehicle that charges, a contactor that opens, the limits.

Clauses are sequences of IEC 61851-1 Annex A, Table A.6, as docs/iec61851.md cites them.
"""

from __future__ import annotations

from hil.bench import Asks, Closed, Draws, Instrument, Offers, Open, Says, SignalsFault, Told
from hil.scenarios.scenario import Trial

OPEN_LIMIT_S = 0.1
"""Sequences 2.2, 8.1 and safety faults: contactor open."""
CLOSE_LIMIT_S = 3.0
"""Sequence 4: contactor closed after S2."""
OFFER_LIMIT_S = 10.0
"""Sequence 3 has no limit of its own; sequence 5 gives 10 s for a change of the limit."""
S2_LIMIT_S = 5.0
"""The simulated vehicle takes up to 1 s; real ones more."""
DRAW_LIMIT_S = 10.0
VEHICLE_STOP_LIMIT_S = 3.0
"""Sequence 10.1: the vehicle opens S2 after the oscillator went off."""
FAULT_SHOWN_LEAST_S = 0.3
"""Table A.5: state F is held for this long."""
FAULT_WITHIN_S = 1.0
"""Our choice: the contact has half a second to be seen open first."""
SAFETY = "safety fault"
SEEN_S = 0.3
"""A round of the bus and a step of the program, on a slow line."""
METER_S = 1.0
"""A meter is read this often: both the beginning of an overdraw and the end of its grace are seen
by a reading."""
OVERDRAW_RISE_S = 0.5
"""The simulated vehicle takes too much this long after the fault was set."""
CURRENT_A = 16.0
ANY_A = (5.9, 80.0)
NOTHING_A = (0.0, 0.0)
IDLE_A = (0.0, 1.0)
DRAWING_A = (5.0, 80.0)

USUAL = frozenset(
    {
        Instrument.VEHICLE,
        Instrument.CONTACT,
        Instrument.PILOT,
        Instrument.CURRENT,
        Instrument.WIRE,
        Instrument.LEASES,
    }
)
FAULTY = USUAL | {Instrument.FAULTS}
TOLD = FAULTY | {Instrument.WORDS}


def charge(trial: Trial, current_a: float = CURRENT_A) -> float:
    """A vehicle plugs in, has leave, and charges: sequences 1.1, 3 and 4. When it closed."""
    bench, evse = trial.bench, trial.evse
    bench.plug_in(evse)
    return energise(trial, bench.permit(evse, current_a))


def energise(trial: Trial, since_s: float) -> float:
    """From leave, or whatever is waited for, to a current that flows. When the contact closed."""
    bench, evse = trial.bench, trial.evse
    offered_s = trial.time("offer", Offers(evse, *ANY_A), since_s, OFFER_LIMIT_S, "3")
    asked_s = bench.expect(Asks(evse, True), S2_LIMIT_S, offered_s)
    closed_s = trial.time("S2 closed → energised", Closed(evse), asked_s, CLOSE_LIMIT_S, "4")
    bench.expect(Draws(evse, *DRAWING_A), DRAW_LIMIT_S, closed_s)
    return closed_s


def opens(
    trial: Trial, what: str, since_s: float, clause: str, limit_s: float = OPEN_LIMIT_S
) -> float:
    """The contact opens in time; and the command to open is seen, as a goal of ours.

    A board that opens by itself may be faster than the command; the clause asks for the contact.
    """
    evse = trial.evse
    opened_s = trial.time(f"{what} → open", Open(evse), since_s, limit_s, clause)
    told = f"{what} → open command on the wire"
    trial.time(told, Told(evse, False), since_s, limit_s, "our goal", judged=False)
    return opened_s


def stops_in_order(trial: Trial, what: str, since_s: float, limit_s: float, clause: str) -> float:
    """x1, the vehicle stops by itself, the contact opens without a current. When it opened."""
    bench, evse = trial.bench, trial.evse
    off_s = trial.time(f"{what} → x1", Offers(evse, *NOTHING_A), since_s, limit_s, clause)
    dead_s = bench.expect(Draws(evse, *IDLE_A), VEHICLE_STOP_LIMIT_S, off_s)
    s2_s = bench.expect(Asks(evse, False), VEHICLE_STOP_LIMIT_S, off_s)
    opened_s = trial.time("S2 opened → open", Open(evse), s2_s, OPEN_LIMIT_S, "8.2")
    trial.between("no current → open", dead_s, opened_s, VEHICLE_STOP_LIMIT_S, "10.1")
    return opened_s


def stays_off(trial: Trial, what: str, for_s: float, clause: str) -> None:
    """Nothing closes and nothing is offered."""
    evse = trial.evse
    trial.holds(f"{what}: no offer, open", for_s, clause, Offers(evse, *NOTHING_A), Open(evse))


def shows_fault(trial: Trial, since_s: float) -> None:
    """State F for as long as the vehicle needs to see it."""
    evse = trial.evse
    trial.time("→ state F", SignalsFault(evse), since_s, FAULT_WITHIN_S, "Table A.5")
    trial.holds("state F shown", FAULT_SHOWN_LEAST_S, "Table A.5", SignalsFault(evse), Open(evse))


def over(trial: Trial, fault: str, opened_because: str, held_s: float = 0.0) -> None:
    """`fault` while charging opens at once, or when it has lasted for `held_s`."""
    charge(trial)
    clause = f"{SAFETY} + {held_s:g} s" if held_s else SAFETY
    injected_s = trial.bench.inject(trial.evse, fault)
    opens(trial, opened_because, injected_s, clause, held_s + OPEN_LIMIT_S)


def goes_on(trial: Trial, what: str, for_s: float, clause: str) -> None:
    """Closed, offered and drawn as before."""
    evse = trial.evse
    sights = Closed(evse), Offers(evse, *ANY_A), Draws(evse, *DRAWING_A)
    trial.holds(f"{what}: goes on", for_s, clause, *sights)


def says(trial: Trial, hazard: str, since_s: float, limit_s: float, clause: str) -> float:
    """The station tells of `hazard` in time."""
    return trial.time(f"→ told: {hazard}", Says(trial.evse, hazard), since_s, limit_s, clause)


def latest_s(trial: Trial) -> float:
    """The instant of the latest measurement."""
    return trial.measured[-1].at_s or 0.0


def charge_little(trial: Trial) -> None:
    """A vehicle charges with 6 A, long enough for its current to be judged."""
    charge(trial, 6.0)
    trial.bench.keeps(4.0, Closed(trial.evse))


def overdraws(trial: Trial, what: str, over_s: float, clause: str) -> None:
    """The vehicle takes more than it was offered since `over_s`: a stop after the grace."""
    evse, grace_s = trial.evse, trial.settings.over_current_grace_s
    limit_s = OVERDRAW_RISE_S + METER_S + grace_s + METER_S + SEEN_S
    trial.time(f"{what} → x1", Offers(evse, *NOTHING_A), over_s, limit_s, clause, grace_s)
    trial.time(f"{what} → open", Open(evse), over_s, limit_s + 6.0 + SEEN_S, "10.1, 10.2")
