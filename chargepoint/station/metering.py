"""When values are taken during a transaction, and what is collected for its end (section 8).

Two independent series: *sampled*, counted from the start of the transaction, and *aligned*, on a
grid from midnight UTC (`AlignedGrid`; E1). Each has a list for values that are sent at once and one
for values that the end carries. Those for the end are kept one by one in space `samples`, so that
they survive the agent without being written again and again; begin and end are always among them,
those in between are thinned when there are too many (E4, Q9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.events import EvseView
from chargepoint.station.evse_meter import EvseMeter
from chargepoint.station.meter_guard import Register
from chargepoint.station.phase_rotation import rotated, rotation_of
from chargepoint.station.records import Measurand, ReadingContext, Sample, Stamp, TransactionId
from chargepoint.station.sampling import Source, Wanted, sampled_values
from chargepoint.station.settings import EvseSettings
from hal.values import MeterReading

SPACE = "samples"
_REGISTER = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER
ENDED_MAX = 100
"""Samples that the end of a transaction carries, begin and end included."""

_SENT = {
    ReadingContext.SAMPLE_PERIODIC: ("SampledDataCtrlr", "TxUpdatedMeasurands"),
    ReadingContext.SAMPLE_CLOCK: ("AlignedDataCtrlr", "Measurands"),
    ReadingContext.TRIGGER: ("SampledDataCtrlr", "TxUpdatedMeasurands"),
    ReadingContext.OTHER: ("SampledDataCtrlr", "TxUpdatedMeasurands"),
}
_KEPT = {
    ReadingContext.SAMPLE_PERIODIC: ("SampledDataCtrlr", "TxEndedMeasurands"),
    ReadingContext.SAMPLE_CLOCK: ("AlignedDataCtrlr", "TxEndedMeasurands"),
}
_SIGNED = {
    ReadingContext.TRANSACTION_BEGIN: ("SampledDataCtrlr", "SignReadings"),
    ReadingContext.TRANSACTION_END: ("SampledDataCtrlr", "SignReadings"),
    ReadingContext.SAMPLE_PERIODIC: ("SampledDataCtrlr", "SignUpdatedReadings"),
    ReadingContext.SAMPLE_CLOCK: ("AlignedDataCtrlr", "SignUpdatedReadings"),
}
"""Which variable wants a reading signed; it exists where the meter can."""


@dataclass(slots=True)
class _Kept:
    """A sample for the end of the transaction, and its key in the store."""

    key: str
    sample: Sample


class Metering:
    """Values of one EVSE; the session says when a transaction starts and ends."""

    def __init__(
        self, desk: Desk, model: DeviceModel, settings: EvseSettings, meter: EvseMeter
    ) -> None:
        self._desk = desk
        self._model = model
        self._settings = settings
        self._meter = meter
        self._next_s: float | None = None
        self._transaction: TransactionId | None = None
        self._kept: list[_Kept] = []
        self._number = 0
        self._before_wh: dict[ReadingContext, float] = {}
        self._unmetered = False
        """The transaction has no register of its own; the meter's would not fit its end (E16)."""
        model.listen("SampledDataCtrlr", "TxUpdatedInterval", self._restart_timer)

    # --- A transaction ----------------------------------------------------------------------------

    def begin(
        self, transaction: TransactionId, view: EvseView | None, unmetered: bool = False
    ) -> None:
        """A transaction starts now."""
        self._transaction, self._unmetered = transaction, unmetered
        self._kept, self._number, self._before_wh = [], 0, {}
        register = self._meter.register
        if register is not None:
            self._before_wh[ReadingContext.SAMPLE_PERIODIC] = register.energy_wh
        self._restart_timer()
        sample = self._taken(self._for_end(), ReadingContext.TRANSACTION_BEGIN, view)
        if sample is not None:
            self._keep(sample)

    def resume(
        self, transaction: TransactionId, kept: Mapping[str, str], unmetered: bool = False
    ) -> None:
        """A transaction of an earlier run: `go_on` with it, or `end` it."""
        self._transaction, self._unmetered = transaction, unmetered
        own = {key: text for key, text in kept.items() if key.startswith(f"{transaction}/")}
        ordered = sorted(own, key=_place)
        self._kept = [_Kept(key, msgspec.json.decode(own[key], type=Sample)) for key in ordered]
        self._number = _place(ordered[-1]) + 1 if ordered else 0

    def go_on(self, started_s: float) -> None:
        """The resumed transaction is alive: sample on, counted from its start."""
        interval_s = self._interval_s()
        passed_s = self._desk.now_s - started_s
        if interval_s > 0:
            self._next_s = self._desk.now_s + interval_s - passed_s % interval_s

    def end(
        self, view: EvseView | None, stamp: Stamp, register_wh: float, reading: MeterReading | None
    ) -> tuple[Sample, ...]:
        """What the end carries, its own register among it; `forget` afterwards."""
        self._next_s = None
        source = Source(
            reading=self._reading(reading),
            register_wh=register_wh,
            view=view,
            evse=self._settings,
        )
        values = sampled_values(self._for_end(), source)
        samples = tuple(kept.sample for kept in self._kept)
        if not values:
            return samples
        context = ReadingContext.TRANSACTION_END
        signed = self._signed(context, reading)
        return (*samples, Sample(stamp=stamp, context=context, values=values, signed=signed))

    def forget(self) -> None:
        """The end is in the outbox: what was kept for it can go."""
        for kept in self._kept:
            self._desk.delete(SPACE, kept.key, durable=False)
        self._kept, self._transaction, self._next_s = [], None, None
        self._unmetered = False

    # --- A meter that falls silent ----------------------------------------------------------------

    def interrupted(self) -> Sample | None:
        """The last register before the meter fell silent, told now: samples stay in order."""
        register = self._meter.register
        if register is None:
            return None
        wanted = [each for each in self._sampled() if each[0] is _REGISTER]
        values = sampled_values(wanted, Source(register_wh=register.energy_wh))
        if not values:
            return None
        context = ReadingContext.INTERRUPTION_BEGIN
        return Sample(stamp=self._desk.stamp(), context=context, values=values)

    def resumed(self, view: EvseView | None) -> Sample | None:
        """The first values after that."""
        return self._taken(self._sampled(), ReadingContext.INTERRUPTION_END, view)

    # --- Values -----------------------------------------------------------------------------------

    def sample(
        self, context: ReadingContext, view: EvseView | None, at_s: float | None = None
    ) -> Sample | None:
        """Values of now for `context`; in a transaction its end gets its share too."""
        component, variable = _SENT[context]
        wanted = self._model.measurands(component, variable)
        interval_wh = self._interval_wh(context)
        if self._transaction is not None and context in _KEPT:
            component, variable = _KEPT[context]
            for_end = self._model.measurands(component, variable)
            kept = self._taken(for_end, context, view, at_s, interval_wh)
            if kept is not None:
                self._keep(kept)
        return self._taken(wanted, context, view, at_s, interval_wh)

    def deadline_s(self) -> float | None:
        """When the next periodic sample is due."""
        return self._next_s

    def is_due(self) -> bool:
        """Whether a periodic sample is due; if so, the next one is set."""
        if self._next_s is None or self._next_s > self._desk.now_s:
            return False
        interval_s = self._interval_s()
        missed = (self._desk.now_s - self._next_s) // interval_s
        self._next_s += (missed + 1) * interval_s
        return True

    # --- Inside -----------------------------------------------------------------------------------

    def _sampled(self) -> tuple[Wanted, ...]:
        return self._model.measurands("SampledDataCtrlr", "TxUpdatedMeasurands")

    def _interval_s(self) -> int:
        return self._model.number("SampledDataCtrlr", "TxUpdatedInterval")

    def _restart_timer(self) -> None:
        interval_s = self._interval_s()
        running = self._transaction is not None and interval_s > 0
        self._next_s = self._desk.now_s + interval_s if running else None

    def _for_end(self) -> tuple[Wanted, ...]:
        lists = (self._model.measurands(*place) for place in _KEPT.values())
        return tuple(dict.fromkeys(wanted for one in lists for wanted in one))

    def _interval_wh(self, context: ReadingContext) -> float | None:
        register = self._register
        if register is None or context not in _KEPT:
            return None
        before_wh = self._before_wh.get(context)
        self._before_wh[context] = register.energy_wh
        return None if before_wh is None else max(0.0, register.energy_wh - before_wh)

    def _taken(
        self,
        wanted: tuple[Wanted, ...],
        context: ReadingContext,
        view: EvseView | None,
        at_s: float | None = None,
        interval_wh: float | None = None,
    ) -> Sample | None:
        register = self._register
        source = Source(
            reading=self._reading(self._meter.fresh),
            register_wh=None if register is None else register.energy_wh,
            interval_wh=interval_wh,
            view=view,
            evse=self._settings,
        )
        values = sampled_values(wanted, source)
        if not values:
            return None
        signed = self._signed(context, source.reading)
        return Sample(stamp=self._desk.stamp(at_s), context=context, values=values, signed=signed)

    def _reading(self, reading: MeterReading | None) -> MeterReading | None:
        """With the phases of the connector."""
        if reading is None:
            return None
        rotations = self._model.text("Ocpp16Ctrlr", "ConnectorPhaseRotation")
        return rotated(reading, rotation_of(rotations, self._settings.id))

    def _signed(self, context: ReadingContext, reading: MeterReading | None) -> str | None:
        """What the meter has signed, where that is wanted (E15)."""
        place = _SIGNED.get(context)
        wanted = None if place is None else self._model.get(*place)
        if reading is None or wanted is None or wanted.value != "true":
            return None
        return reading.signed

    @property
    def _register(self) -> Register | None:
        """The register of now, where it is the transaction's."""
        return None if self._unmetered else self._meter.fresh_register

    def _keep(self, sample: Sample) -> None:
        if len(self._kept) >= ENDED_MAX - 1:
            for kept in self._kept[1::2]:
                self._desk.delete(SPACE, kept.key, durable=False)
            self._kept = self._kept[::2]
        key = f"{self._transaction}/{self._number}"
        self._number += 1
        self._kept.append(_Kept(key, sample))
        self._desk.put(SPACE, key, sample, durable=False)


class AlignedGrid:
    """Instants of the clock-aligned series; there are none while the wall time is not known."""

    def __init__(self, desk: Desk, model: DeviceModel, clock: Clock) -> None:
        self._desk = desk
        self._model = model
        self._clock = clock
        self._next_s: float | None = None
        model.listen("AlignedDataCtrlr", "Interval", self.reset)

    def reset(self) -> None:
        """The interval or the clock has changed: look for the next instant anew."""
        self._next_s = self._instant_after(self._desk.now_s)

    def deadline_s(self) -> float | None:
        return self._next_s

    def passed(self) -> float | None:
        """The grid instant that has come, once; after a long pause only the latest."""
        if self._next_s is None or self._next_s > self._desk.now_s:
            return None
        interval_s = self._model.number("AlignedDataCtrlr", "Interval")
        at_s = self._next_s
        if interval_s:
            at_s += (self._desk.now_s - at_s) // interval_s * interval_s
        self._next_s = self._instant_after(self._desk.now_s)
        return at_s

    def _instant_after(self, now_s: float) -> float | None:
        interval_s = self._model.number("AlignedDataCtrlr", "Interval")
        wall = self._clock.now(now_s)
        if not interval_s or wall is None:
            return None
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        passed_s = (wall - midnight) / timedelta(seconds=1)
        # A hair later counts as the same instant: the clock has microseconds, floats have not.
        return now_s + interval_s - (passed_s + 1e-6) % interval_s + 1e-6


def _place(key: str) -> int:
    return int(key.rpartition("/")[2])
