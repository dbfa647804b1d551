"""The contactor: it does not open, does not close, opens or closes by itself, or leaks.

Welded and driven look the same at the outlet, but one needs a new contactor and the other a search
for who else commands the board; so they are told apart. A second contact, where there is one, must
follow like the first, except that it stays open while only one phase is switched.
"""

from __future__ import annotations

from chargepoint.evse.observation import Observation
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.words import said
from chargepoint.ipc.messages import Said
from hal.values import BoardReading


def contactor_welded(o: Observation, settings: EvseSettings) -> Said | None:
    reading = o.reading
    if reading is None or o.opened_s is None:
        return None
    if reading.contactor_commanded:
        return None  # Not stuck but driven: `contactor_driven`.
    stuck = [name for name, closed in _contacts(reading) if closed]
    waited_s = reading.taken_s - o.opened_s
    if not stuck or waited_s < settings.open_feedback_s:
        return o.leaking
    limit_s = settings.open_feedback_s
    return said("contact_closed", contact=stuck[0], waited_s=waited_s, limit_s=limit_s)


def contactor_driven(o: Observation, settings: EvseSettings) -> Said | None:
    if o.reading is None or not o.reading.contactor_commanded or o.opened_s is None:
        return None
    if o.reading.taken_s - o.opened_s < settings.open_feedback_s:
        return None
    return said("driven")


def contactor_not_closing(o: Observation, settings: EvseSettings) -> Said | None:
    if o.closed_s is None or o.confirmed or o.reading is None:
        return None
    waited_s = o.reading.taken_s - o.closed_s
    missing = _missing(o, o.reading)
    if missing is None or waited_s < settings.close_feedback_s:
        return None
    limit_s = settings.close_feedback_s
    return said("contact_not_closed", contact=missing, waited_s=waited_s, limit_s=limit_s)


def contactor_opened_alone(o: Observation, _: EvseSettings) -> Said | None:
    if o.closed_s is None or not o.confirmed or o.reading is None:
        return None
    missing = _missing(o, o.reading)
    return said("contact_opened", contact=missing) if missing is not None else None


def output_live(o: Observation, settings: EvseSettings) -> Said | None:
    if o.reading is None or not o.reading.output_live or o.opened_s is None:
        return o.live
    if o.reading.taken_s - o.opened_s < settings.open_feedback_s:
        return o.live
    return said("voltage_seen")


def phase_switch_stuck(o: Observation, settings: EvseSettings) -> Said | None:
    if o.phases_s is None or o.reading is None or o.reading.phases is None:
        return None
    if o.reading.phases == o.phases or o.reading.taken_s - o.phases_s < settings.open_feedback_s:
        return None
    return said("phases", phases=o.reading.phases, commanded=o.phases)


def _contacts(reading: BoardReading) -> tuple[tuple[str, bool | None], ...]:
    return ("contactor", reading.contactor_closed), ("second contactor", reading.second_closed)


def _missing(o: Observation, reading: BoardReading) -> str | None:
    """Name of the contact that ought to be closed and is not."""
    if reading.contactor_closed is False:
        return "contactor"
    return "second contactor" if reading.second_closed is False and o.phases == 3 else None
