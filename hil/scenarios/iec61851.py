"""Sequences of IEC 61851-1 Annex A that an instrument can judge, with their limits."""

from __future__ import annotations

from collections.abc import Mapping

from hil.bench import Bench, Closed, Draws, Offers, Open
from hil.scenarios.scenario import Measured, Place, Scenario

OPEN_LIMIT_S = 0.1
"""Sequences 2.2 and 8.1: contactor open after the pilot left C."""
CLOSE_LIMIT_S = 3.0
"""Sequence 4: contactor closed after S2."""
S2_WAIT_S = 3.0
OFFER_WAIT_S = 20.0
DRAW_WAIT_S = 10.0
CURRENT_A = 16.0
DRAWING_A = (1.0, 80.0)


def charges(bench: Bench, place: Place) -> list[Measured]:
    """A vehicle plugs in, is authorised, and charges: sequences 1.1, 3 and 4."""
    bench.plug_in(place.evse)
    bench.request_power(place.evse, CURRENT_A)
    if place.reader:
        bench.present_token(place.token, place.reader)
    offered_s = bench.expect(Offers(place.evse, 6.0, 80.0), OFFER_WAIT_S)
    limit_s = S2_WAIT_S + CLOSE_LIMIT_S
    closed_s = bench.expect(Closed(place.evse), limit_s, since_s=offered_s)
    bench.expect(Draws(place.evse, *DRAWING_A), DRAW_WAIT_S, since_s=closed_s)
    took_s = closed_s - offered_s
    return [Measured(what="offer to closed", took_s=took_s, limit_s=limit_s, clause="4")]


def unplugged_under_load(bench: Bench, place: Place) -> list[Measured]:
    """The plug is pulled while it charges: sequence 2.2."""
    charges(bench, place)
    pulled_s = bench.unplug(place.evse)
    took_s = bench.expect(Open(place.evse), OPEN_LIMIT_S) - pulled_s
    return [Measured(what="unplug to open", took_s=took_s, limit_s=OPEN_LIMIT_S, clause="2.2")]


def vehicle_pauses(bench: Bench, place: Place) -> list[Measured]:
    """The vehicle reduces its current and opens S2; then it goes on: sequences 7, 8.1 and 4."""
    charges(bench, place)
    asked_s = bench.stop_request(place.evse)
    limit_s = S2_WAIT_S + OPEN_LIMIT_S
    took_s = bench.expect(Open(place.evse), limit_s) - asked_s
    bench.request_power(place.evse, CURRENT_A)
    bench.expect(Closed(place.evse), OFFER_WAIT_S)
    bench.unplug(place.evse)
    bench.expect(Open(place.evse), OPEN_LIMIT_S)
    return [Measured(what="pause to open", took_s=took_s, limit_s=limit_s, clause="8.1")]


def residual_current(bench: Bench, place: Place) -> list[Measured]:
    """A residual current while it charges opens at once; nothing closes while it is there."""
    charges(bench, place)
    tripped_s = bench.inject(place.evse, "rcd_tripped")
    took_s = bench.expect(Open(place.evse), OPEN_LIMIT_S) - tripped_s
    bench.inject(place.evse, "rcd_tripped", active=False)
    bench.unplug(place.evse)
    return [
        Measured(what="trip to open", took_s=took_s, limit_s=OPEN_LIMIT_S, clause="safety fault")
    ]


# fmt: off
SCENARIOS: Mapping[str, Scenario] = {
    "charges":              charges,
    "unplugged_under_load": unplugged_under_load,
    "vehicle_pauses":       vehicle_pauses,
    "residual_current":     residual_current,
}
# fmt: on
