"""Heat inside the enclosure and disturbances of the supply: less, a pause, or out at once."""

from __future__ import annotations

from hil.bench import Closed, Instrument, Live, Offers, Open
from hil.scenarios.moves import (
    ANY_A,
    FAULTY,
    METER_S,
    NOTHING_A,
    OPEN_LIMIT_S,
    SEEN_S,
    TOLD,
    charge,
    energise,
    goes_on,
    opens,
    over,
    says,
    stays_off,
    stops_in_order,
)
from hil.scenarios.scenario import Case, Trial

GENTLE_A = 10.0
HOT_S = 1.0
"""A temperature must last this long; steps of the derating are taken at once."""
LIMIT_CHANGE_S = 10.0
"""Sequence 5."""
SENSOR_S = 10.0
"""A fitted sensor may be silent for this long."""
SENSOR_LOST_A = 10.0
HALF_A = 8.0
QUARTER_A = 6.0
"""A quarter of 16 A is below what can be offered."""
HALF_C = 66.0
QUARTER_C = 68.5
BACK_C = 63.5
"""Below the second step by the hysteresis, not below the first."""
OVER_S = 1.5
UNDER_S = 3.0
DISTURBED_S = 3.0
GOOD_S = 5.0
"""In place of 60 s."""


def temperature_raised(trial: Trial) -> None:
    """62 °C: told, nothing more."""
    charge(trial)
    warm_s = trial.bench.inject(trial.evse, "temperature_raised")
    says(trial, "temperature_raised", warm_s, HOT_S + SEEN_S, "12: warn")
    goes_on(trial, "62 °C", 3.0, "12: warn")


def derates_in_steps(trial: Trial) -> None:
    """Half from 65 °C, a quarter (6 A at least) from 68 °C, and back with a hysteresis."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    _offers(trial, "66 °C → half", bench.temperature(evse, HALF_C), HALF_A)
    _offers(trial, "68.5 °C → quarter, 6 A", bench.temperature(evse, QUARTER_C), QUARTER_A)
    bench.keeps(1.5, Closed(evse))
    _offers(trial, "63.5 °C → half", bench.temperature(evse, BACK_C), HALF_A)
    bench.keeps(1.5, Offers(evse, HALF_A - 0.1, HALF_A))
    _offers(trial, "cool → all", bench.temperature(evse, None), 16.0)
    trial.holds("stays closed", 0.5, "12", Closed(evse))


def sensor_lost(trial: Trial) -> None:
    """A fitted sensor says nothing for 10 s: 10 A."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    lost_s = bench.inject(evse, "temperature_sensor_lost")
    trial.time(
        "sensor silent → 10 A",
        Offers(evse, SENSOR_LOST_A - 0.1, SENSOR_LOST_A),
        lost_s,
        SENSOR_S + SEEN_S,
        "12: 10 s",
        SENSOR_S - SEEN_S,
    )
    trial.holds("stays closed", 0.5, "12", Closed(evse))


def overheated(trial: Trial) -> None:
    """78 °C: open; cool again, it takes a minute, or a technician."""
    over(trial, "overheated", "78 °C", HOT_S)
    bench, evse = trial.bench, trial.evse
    stays_off(trial, "78 °C", 2.0, "until cool")
    bench.inject(evse, "overheated", False)
    trial.holds("cool: stays open", 3.0, "good for 60 s", Open(evse))
    bench.reset_hazard(evse, "over_temperature")
    energise(trial, bench.reset_hazard(evse, "overheated"))


def over_voltage(trial: Trial) -> None:
    """276 V: open under load; good for a while, it charges again by itself."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    high_s = bench.inject(evse, "over_voltage")
    opens(trial, "276 V", high_s, "meter + 1.5 s", METER_S + OVER_S + OPEN_LIMIT_S)
    stays_off(trial, "276 V", 1.5, "until good")
    _returns(trial, "over_voltage")


def under_voltage(trial: Trial) -> None:
    """161 V for 3 s: an orderly stop; good for a while, it charges again by itself."""
    bench, evse = trial.bench, trial.evse
    charge(trial, GENTLE_A)
    low_s = bench.inject(evse, "under_voltage")
    stops_in_order(trial, "161 V", low_s, METER_S + UNDER_S + SEEN_S, "15: 3 s")
    _returns(trial, "under_voltage")


def frequency_out_of_range(trial: Trial) -> None:
    """46 Hz for 3 s: an orderly stop."""
    bench, evse = trial.bench, trial.evse
    charge(trial, GENTLE_A)
    slow_s = bench.inject(evse, "frequency_out_of_range")
    stops_in_order(trial, "46 Hz", slow_s, METER_S + DISTURBED_S + SEEN_S, "3 s")
    _returns(trial, "frequency_out_of_range")


def phase_missing(trial: Trial) -> None:
    """L2 is gone: told; the vehicle charges on with what there is."""
    bench, evse = trial.bench, trial.evse
    charge(trial)
    lost_s = bench.inject(evse, "phase_missing")
    says(trial, "phase_missing", lost_s, METER_S + DISTURBED_S + SEEN_S, "3 s: warn")
    goes_on(trial, "L2 missing", 2.0, "warn")
    trial.holds("two phases at the outlet", 0.5, "warn", Live(evse, 2))


def phase_rotation_wrong(trial: Trial) -> None:
    """L1-L3-L2: told, nothing more."""
    charge(trial)
    turned_s = trial.bench.inject(trial.evse, "phase_rotation_wrong")
    says(trial, "phase_rotation_wrong", turned_s, METER_S + DISTURBED_S + SEEN_S, "3 s: warn")
    goes_on(trial, "L1-L3-L2", 2.0, "warn")


def _offers(trial: Trial, what: str, since_s: float, current_a: float) -> None:
    sight = Offers(trial.evse, current_a - 0.1, current_a)
    trial.time(what, sight, since_s, LIMIT_CHANGE_S, "5")


def _returns(trial: Trial, fault: str) -> None:
    """With the cause gone and good for GOOD_S, energy flows again by itself."""
    bench, evse = trial.bench, trial.evse
    good_s = bench.inject(evse, fault, False)
    trial.holds("good: no offer yet", GOOD_S - 1.0, "mains_good_s", Offers(evse, *NOTHING_A))
    limit_s = GOOD_S + METER_S + 3.0
    trial.time("good → offer", Offers(evse, *ANY_A), good_s, limit_s, "mains_good_s", GOOD_S)
    trial.time("good → energised", Closed(evse), good_s, limit_s + 4.0, "by itself")


CALM = {"safety.mains_good_s": GOOD_S}

# fmt: off
CASES = (
    Case(play=temperature_raised, title="Warm: told", clause="12", needs=TOLD,
         hazards=("temperature_raised",)),
    Case(play=derates_in_steps, title="Hot: half, a quarter, and back", clause="12, 5",
         needs=FAULTY | {Instrument.HEAT}, hazards=("temperature_high",)),
    Case(play=sensor_lost, title="Temperature sensor silent", clause="12", needs=FAULTY,
         hazards=("temperature_sensor_lost",)),
    Case(play=overheated, title="Overheated", clause="12", needs=FAULTY,
         hazards=("overheated",)),
    Case(play=over_voltage, title="Over-voltage", clause="meter", needs=FAULTY, changes=CALM,
         hazards=("over_voltage",)),
    Case(play=under_voltage, title="Under-voltage", clause="15", needs=FAULTY, changes=CALM,
         hazards=("under_voltage",), long=True),
    Case(play=frequency_out_of_range, title="Frequency out of range", clause="meter",
         needs=FAULTY, changes=CALM, hazards=("frequency_out_of_range",), long=True),
    Case(play=phase_missing, title="A phase is missing", clause="meter",
         needs=TOLD | {Instrument.OUTLET}, hazards=("phase_missing",)),
    Case(play=phase_rotation_wrong, title="Phases in the wrong order", clause="meter",
         needs=TOLD, hazards=("phase_rotation_wrong",)),
)
# fmt: on
