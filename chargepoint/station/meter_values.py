"""Values on the clock grid and on request, for every EVSE and for the station's main meter.

In a transaction the grid's values are records; outside one, and on request, they are sent at once
or not at all (Q11).
"""

from __future__ import annotations

from collections.abc import Mapping

from chargepoint.station.desk import Desk
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Answer, ReportMeterValues, Verdict
from chargepoint.station.events import MeterValuesTriggered
from chargepoint.station.evse_meter import EvseMeter
from chargepoint.station.metering import AlignedGrid, Metering
from chargepoint.station.outbox import Outbox
from chargepoint.station.records import ReadingContext
from chargepoint.station.session import Session, Stage
from chargepoint.station.settings import EvseSettings, StationSettings

MAIN = 0


class MeterValues:
    """What is measured for its own sake."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        grid: AlignedGrid,
        outbox: Outbox,
        sessions: Mapping[int, Session],
        station: StationSettings,
    ) -> None:
        self._desk = desk
        self._grid = grid
        self._outbox = outbox
        self._sessions = sessions
        supply_a = station.current_max_a or sum(evse.current_max_a for evse in station.evses)
        main = EvseSettings(id=MAIN, current_max_a=supply_a, has_meter=False)
        self.main = EvseMeter(desk, main, station.energy_speed)
        self._main_metering = Metering(desk, model, main, self.main)

    def due(self) -> None:
        """Take the values of a grid instant that has come."""
        at_s = self._grid.passed()
        if at_s is None:
            return
        for evse, session in self._sessions.items():
            if session.charge is None:
                self._report(evse, ReadingContext.SAMPLE_CLOCK, at_s)
            elif session.stage is Stage.RUNNING:
                session.charge.aligned(at_s)
        if self.main.present:
            self._report(MAIN, ReadingContext.SAMPLE_CLOCK, at_s)

    def trigger(self, event: MeterValuesTriggered) -> None:
        """Answer, then report the present values (M1 to M3)."""
        concerned = self._concerned(event.evse)
        verdict = Verdict.ACCEPTED if concerned else Verdict.REJECTED
        self._desk.emit(Answer(call=event.call, verdict=verdict))
        for evse in concerned:
            self._report(evse, ReadingContext.TRIGGER, self._desk.now_s)

    def deadline_s(self) -> float | None:
        return self._grid.deadline_s()

    def _concerned(self, evse: int | None) -> list[int]:
        main = [MAIN] if self.main.present else []
        if evse is None:
            return [*main, *self._sessions]
        if evse == MAIN:
            return main or (list(self._sessions) if len(self._sessions) == 1 else [])
        return [evse] if evse in self._sessions else []

    def _report(self, evse: int, context: ReadingContext, at_s: float) -> None:
        session = self._sessions.get(evse)
        metering = self._main_metering if session is None else session.metering
        view = None if session is None else session.vehicle.view
        sample = metering.sample(context, view, at_s)
        if sample is None or not self._desk.online:
            return
        transaction = None if session is None or not session.transaction else session.transaction.id
        self._desk.emit(
            ReportMeterValues(
                evse=evse,
                samples=(sample,),
                transaction=transaction,
                csms_transaction_id=self._outbox.csms_id(transaction) if transaction else None,
            )
        )
