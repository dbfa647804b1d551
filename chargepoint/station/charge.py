"""One transaction while it lasts: its register, samples, checkpoints, problems and its end."""

from __future__ import annotations

from chargepoint.station.desk import Desk, earliest
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.ending import Ending
from chargepoint.station.events import EvsePhase, EvseView
from chargepoint.station.evse_meter import EvseMeter
from chargepoint.station.faults import FAULT_WAIT_S, ending_reason
from chargepoint.station.metering import Metering
from chargepoint.station.records import (
    ChargingState,
    ReadingContext,
    Sample,
    Stamp,
    StopReason,
    TokenInfo,
    TokenStatus,
    Trigger,
)
from chargepoint.station.settings import EvseSettings, StationSettings
from chargepoint.station.transaction import Transaction, TransactionBooks
from chargepoint.station.vehicle import Vehicle

LOSS_WINDOW_S = 1800.0
"""Time in which energy may have flowed between the last checkpoint and a power loss, at most."""


class Evse:
    """What a session and its transaction share: the hardware of one EVSE as the station sees it."""

    def __init__(
        self, desk: Desk, model: DeviceModel, station: StationSettings, settings: EvseSettings
    ) -> None:
        self.station = station
        self.settings = settings
        self.vehicle = Vehicle(desk)
        self.meter = EvseMeter(desk, settings, station.energy_speed)
        self.metering = Metering(desk, model, settings, self.meter)


class Charge:
    """A transaction that has started and not ended."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        books: TransactionBooks,
        evse: Evse,
        transaction: Transaction,
    ) -> None:
        self._desk = desk
        self._model = model
        self._books = books
        self._evse = evse
        self._interrupted = False
        """The CSMS was told that the meter is silent."""
        self.transaction = transaction

    @property
    def paused(self) -> bool:
        """The CSMS turned the token down, and what it still grants is used up."""
        from_wh = self.transaction.invalid_from_wh
        if from_wh is None:
            return False
        granted_wh = self._model.number("TxCtrlr", "MaxEnergyOnInvalidId")
        return self.transaction.register_wh - from_wh >= granted_wh

    # --- Events -----------------------------------------------------------------------------------

    def verdict(self, info: TokenInfo) -> bool:
        """The verdict in the answer to the start (section 4.3); True: the transaction must end."""
        transaction = self.transaction
        if info.status is TokenStatus.ACCEPTED:
            if info.group is not None and info.group != transaction.group:
                transaction.group = info.group
                self._books.checkpoint(transaction, durable=False)
            return False
        status = info.status.value
        self._desk.note("transaction.token_refused", evse=transaction.evse, status=status)
        if self._model.flag("TxCtrlr", "StopTxOnInvalidId"):
            return True
        if transaction.invalid_from_wh is None:
            transaction.invalid_from_wh = transaction.register_wh
            self._books.checkpoint(transaction, durable=True)
        return False

    def follow(self, view: EvseView) -> None:
        """The EVSE as it is now: a change of the charging state is a record."""
        state = charging_state(view, paused=self.paused)
        if state is not None and state is not self.transaction.charging_state:
            self.transaction.charging_state = state
            self._books.update(self.transaction, Trigger.CHARGING_STATE_CHANGED)

    def take_register(self) -> None:
        """Follow the meter upwards; an exchanged meter's register is not this transaction's."""
        register = self._evse.meter.register
        if register is None or self.transaction.unmetered or self._meter_replaced:
            return
        transaction, stamp = self.transaction, self._desk.stamp(register.taken_s)
        known = transaction.register_stamp
        if known.boot == stamp.boot and stamp.at_s < known.at_s:
            return  # read before the transaction began
        if register.energy_wh >= transaction.register_wh:
            transaction.register_wh = register.energy_wh
            transaction.register_stamp = stamp

    def due(self) -> StopReason | None:
        """Sample and keep what is due; a reason, if a problem ends the transaction."""
        metering = self._evse.metering
        self._follow_meter()
        if metering.is_due():
            sample = metering.sample(ReadingContext.SAMPLE_PERIODIC, self._evse.vehicle.view)
            self._record(Trigger.METER_VALUE_PERIODIC, sample)
        if self._books.checkpoint_deadline_s(self.transaction) <= self._desk.now_s:
            self.flush()
        return self._problem()

    def aligned(self, at_s: float) -> None:
        """Values for an instant of the clock-aligned grid."""
        view = self._evse.vehicle.view
        sample = self._evse.metering.sample(ReadingContext.SAMPLE_CLOCK, view, at_s)
        self._record(Trigger.METER_VALUE_CLOCK, sample)

    def flush(self) -> None:
        """Bring the state to the disk."""
        self._books.checkpoint(self.transaction, durable=True)

    def adopt(self, control_boot: str, plug_in: int) -> None:
        """It goes on with this plug-in of this run of the safety program."""
        self.transaction.control_boot = control_boot
        self.transaction.plug_in = plug_in
        self.flush()

    def stop(self, ending: Ending) -> None:
        """No more leave: kept, so that it holds after a restart of the agent too."""
        self.transaction.ending = ending
        self._books.checkpoint(self.transaction, durable=False)

    def finish(self, ending: Ending) -> None:
        """Write the end."""
        transaction, evse = self.transaction, self._evse
        if ending.loss:
            self._take_plausible_register()
        stamp = self._end_stamp(ending)
        reading = None if ending.loss else evse.meter.fresh
        view = None if ending.loss else evse.vehicle.view
        samples = evse.metering.end(view, stamp, transaction.register_wh, reading)
        self._books.end(
            transaction,
            stamp=stamp,
            reason=ending.reason,
            trigger=ending.trigger,
            id_token=ending.id_token,
            samples=samples if evse.meter.present else (),
        )
        evse.metering.forget()
        self._books.forget(transaction)
        self._desk.note(
            "transaction.ended",
            evse=transaction.evse,
            reason=ending.reason.value,
            energy_wh=transaction.energy_wh,
        )

    def deadline_s(self) -> float | None:
        return earliest(
            self._evse.metering.deadline_s(),
            self._books.checkpoint_deadline_s(self.transaction),
            self._fault_deadline_s(),
            self._silence_deadline_s(),
        )

    # --- Inside -----------------------------------------------------------------------------------

    def _record(self, trigger: Trigger, sample: Sample | None) -> None:
        if sample is not None:
            self._books.update(self.transaction, trigger, (sample,))

    def _follow_meter(self) -> None:
        """Mark where the meter fell silent, with its last register, and where it came back."""
        meter, metering = self._evse.meter, self._evse.metering
        if meter.lost is self._interrupted or self.transaction.unmetered:
            return
        self._interrupted = meter.lost
        if meter.lost:
            self._record(Trigger.ABNORMAL_CONDITION, metering.interrupted())
        else:
            self._record(Trigger.ABNORMAL_CONDITION, metering.resumed(self._evse.vehicle.view))

    def _problem(self) -> StopReason | None:
        """Problems that end a transaction: `faults`, and the meter (fault-codes, section 4)."""
        reason = ending_reason(self._evse.vehicle.hazards)
        if reason is not None:
            return reason
        patience_s = earliest(self._fault_deadline_s(), self._silence_deadline_s())
        exhausted = patience_s is not None and self._desk.now_s >= patience_s
        return StopReason.OTHER if exhausted or self._meter_replaced else None

    @property
    def _meter_replaced(self) -> bool:
        replaced_s, started = self._evse.meter.replaced_s, self.transaction.started
        if replaced_s is None or self.transaction.unmetered:
            return False
        return started.boot != self._desk.boot or replaced_s >= started.at_s

    def _fault_deadline_s(self) -> float | None:
        since_s = self._evse.vehicle.fault_since_s
        return None if since_s is None else since_s + FAULT_WAIT_S

    def _silence_deadline_s(self) -> float | None:
        settings, since_s = self._evse.settings, self._evse.meter.silent_since_s
        if since_s is None or not settings.meter_required:
            return None
        return since_s + settings.meter_lost_stop_s

    def _take_plausible_register(self) -> None:
        """After a power loss the meter knows better than the checkpoint, if it can be believed."""
        register = self._evse.meter.fresh_register
        if register is None or self.transaction.unmetered:
            return
        flowed_wh = register.energy_wh - self.transaction.register_wh
        if 0 <= flowed_wh <= self._evse.meter.guard.room_wh(LOSS_WINDOW_S):
            self.transaction.register_wh = register.energy_wh

    def _end_stamp(self, ending: Ending) -> Stamp:
        return self.transaction.register_stamp if ending.loss else self._desk.stamp()


def charging_state(view: EvseView, *, paused: bool) -> ChargingState | None:
    """State of a running transaction; None while it is changing."""
    match view.phase:
        case EvsePhase.ENERGISED:
            return ChargingState.CHARGING
        case EvsePhase.OFFERING | EvsePhase.WAKING:
            return ChargingState.SUSPENDED_EVSE if paused else ChargingState.SUSPENDED_EV
        case EvsePhase.WAITING | EvsePhase.FAULTED | EvsePhase.OUT_OF_SERVICE:
            return ChargingState.SUSPENDED_EVSE
        case EvsePhase.IDLE:
            return ChargingState.IDLE
        case EvsePhase.CONNECTED:
            return ChargingState.SUSPENDED_EVSE if paused else None
        case EvsePhase.STARTING | EvsePhase.CLOSING | EvsePhase.STOPPING | EvsePhase.OPENING:
            return None
