"""One EVSE from plug to unplug: who may charge, when the transaction starts, why it ends.

A transaction starts when a vehicle is connected, a token is authorized, nothing stops the connector
and the meter gives a register (X1); its record is stored before power is permitted (Q1). After a
restart of this program it goes on if the safety program says that it is still the same plug-in; if
that restarted too, it ends as a power loss (X8). What state the CSMS sees is decided in
`connector_state`, what a running transaction does in `charge`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from chargepoint.station.charge import Charge, Evse
from chargepoint.station.desk import Desk, earliest, masked
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.ending import Ending, lost, stopped
from chargepoint.station.events import EvseView
from chargepoint.station.evse_meter import EvseMeter
from chargepoint.station.meter_guard import Register
from chargepoint.station.metering import Metering
from chargepoint.station.records import (
    ChargingState,
    IdToken,
    StopReason,
    TokenInfo,
    TransactionId,
    Trigger,
)
from chargepoint.station.settings import EvseSettings
from chargepoint.station.transaction import Transaction, TransactionBooks
from chargepoint.station.vehicle import Vehicle


class Stage(Enum):
    """Where the session stands; the plug stands beside it."""

    FREE = "free"
    AUTHORIZED = "authorized"
    """A token may charge; something is missing: the vehicle, or a reading of the meter."""
    RESUMING = "resuming"
    """A transaction of an earlier run; whether it goes on is not known yet."""
    RUNNING = "running"
    ENDING = "ending"
    """Stopped; waiting for the contactor to open and for the meter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """The leave of one token to charge here, until `until_s`."""

    id_token: IdToken
    info: TokenInfo
    trigger: Trigger
    until_s: float
    remote_start_id: int | None = None


class Session:
    """The session of one EVSE.

    `operative` tells whether a new transaction may start, `reservation` gives the id of the
    reservation that a transaction of this leave uses up.
    """

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        evse: Evse,
        books: TransactionBooks,
        operative: Callable[[], bool],
        reservation: Callable[[Leave], int | None],
    ) -> None:
        self._desk = desk
        self._model = model
        self._evse = evse
        self._books = books
        self._operative = operative
        self._reservation = reservation
        self.stage = Stage.FREE
        self.charge: Charge | None = None
        self.leave: Leave | None = None
        self.last_token: IdToken | None = None
        """Who charged last with what is plugged in now; None: nobody did."""
        self._ending: Ending | None = None
        self._control_boot: str | None = None
        self._dropped_s = 0.0
        """When a leave was last given up."""

    # --- What others ask --------------------------------------------------------------------------

    @property
    def evse(self) -> int:
        return self._evse.settings.id

    @property
    def settings(self) -> EvseSettings:
        return self._evse.settings

    @property
    def vehicle(self) -> Vehicle:
        return self._evse.vehicle

    @property
    def meter(self) -> EvseMeter:
        return self._evse.meter

    @property
    def metering(self) -> Metering:
        return self._evse.metering

    @property
    def transaction(self) -> Transaction | None:
        """The transaction that has started and not ended."""
        return None if self.charge is None else self.charge.transaction

    @property
    def running(self) -> bool:
        """There is a transaction that can be stopped."""
        return self.stage in (Stage.RUNNING, Stage.RESUMING)

    @property
    def left_with_cable(self) -> bool:
        """The vehicle's end was pulled, which ends the transaction, and ours is still in (S8)."""
        reason = None if self._ending is None else self._ending.reason
        return reason is StopReason.EV_DISCONNECTED and self.settings.socket

    @property
    def used(self) -> bool:
        """What is plugged in has had its transaction."""
        return self.last_token is not None and self.vehicle.connected

    @property
    def attempt_until_s(self) -> float | None:
        """How long a vehicle that nobody has authorized is taken to be about to charge (B6)."""
        timeout_s = self._model.number("TxCtrlr", "EVConnectionTimeOut")
        waits = self.stage is Stage.FREE and self.vehicle.known and self.vehicle.connected
        if not (waits and timeout_s) or self.used:
            return None
        return max(self.vehicle.plugged_s, self._dropped_s) + timeout_s

    @property
    def given_up(self) -> bool:
        """Nobody has authorized it in time; a card may still start it (F2)."""
        until_s = self.attempt_until_s
        return until_s is not None and self._desk.now_s >= until_s

    @property
    def startable(self) -> bool:
        """Only a token, a vehicle or the meter is missing for a start."""
        return self.stage is Stage.FREE and self._operative() and not self.unusable

    @property
    def unusable(self) -> bool:
        """A problem stops the connector, or nothing may start for want of the meter."""
        return self.vehicle.faulted or (
            self.charge is None and self.settings.meter_required and self.meter.lost
        )

    @property
    def permitted(self) -> bool:
        """The safety program may energise, as far as the transaction is concerned."""
        if self.vehicle.kept:
            return False
        if self.stage is Stage.RUNNING:
            return self.vehicle.connected or not self._releases_plug
        return self.stage is Stage.RESUMING and self._same_control()

    @property
    def _releases_plug(self) -> bool:
        """A plug whose other end is pulled is unlocked, though the transaction goes on."""
        return self._model.flag("OCPPCommCtrlr", "UnlockOnEVSideDisconnect")

    @property
    def order(self) -> int:
        """Grows with the start of the transaction."""
        return 0 if self.charge is None else self.charge.transaction.start_sequence

    @property
    def paused(self) -> bool:
        return self.charge is not None and self.charge.paused

    # --- Tokens and stops -------------------------------------------------------------------------

    def authorize(
        self,
        id_token: IdToken,
        info: TokenInfo,
        trigger: Trigger,
        remote_start_id: int | None = None,
    ) -> Leave:
        """A token may charge here; the transaction starts as soon as it can."""
        timeout_s = self._model.number("TxCtrlr", "EVConnectionTimeOut")
        leave = self.leave = Leave(
            id_token=id_token,
            info=info,
            trigger=trigger,
            until_s=self._desk.now_s + timeout_s,
            remote_start_id=remote_start_id,
        )
        self.stage = Stage.AUTHORIZED
        self._try_start()
        return leave

    def withdraw(self) -> None:
        """The leave is given up without a transaction (B1)."""
        if self.stage is Stage.AUTHORIZED:
            self.leave, self.stage = None, Stage.FREE
            self._dropped_s = self._desk.now_s

    def verdict(self, transaction: TransactionId, info: TokenInfo) -> None:
        """The verdict that came with the answer to the start, while it still matters."""
        if self.charge is None or self.charge.transaction.id != transaction or not self.running:
            return
        if self.charge.verdict(info):
            self.stop(StopReason.DE_AUTHORIZED, Trigger.DE_AUTHORIZED)

    def stop(self, reason: StopReason, trigger: Trigger, id_token: IdToken | None = None) -> None:
        """End the transaction: no more leave, then the record once the register stands still."""
        if self.running and self.charge is not None:
            self._ending = stopped(reason, trigger, id_token, self._desk.now_s)
            self.charge.stop(self._ending)
            self.stage = Stage.ENDING
            self._try_end()

    def end_now(self, reason: StopReason, trigger: Trigger) -> None:
        """End the transaction with what is known at this instant."""
        self.stop(reason, trigger)
        if self.stage is Stage.ENDING:
            self._finish()

    # --- Events -----------------------------------------------------------------------------------

    def restore(self, text: str, kept_samples: Mapping[str, str]) -> None:
        """What was kept of a transaction of an earlier run."""
        transaction = self._books.restored(text)
        if transaction is None:
            return
        self.charge = self._charge(transaction)
        self.metering.resume(transaction.id, kept_samples, transaction.unmetered)
        self._ending = transaction.ending
        self.stage = Stage.RESUMING if self._ending is None else Stage.ENDING
        if transaction.register_stamp.boot == self._desk.boot:
            taken_s = transaction.register_stamp.at_s
            self.meter.remember(Register(energy_wh=transaction.register_wh, taken_s=taken_s))

    def wake(self) -> None:
        """The first event of this run. A host that has rebooted was without power."""
        self.vehicle.lost(self._desk.now_s)
        transaction = self.transaction
        if transaction is not None and transaction.register_stamp.boot != self._desk.boot:
            self._end_as_loss()
        elif self._ending is not None:
            self._ending = self._ending.again(self._desk.now_s)

    def control_connected(self, boot: str, at_s: float) -> None:
        """The safety program is there, in its run `boot`."""
        if self._control_boot not in (None, boot):
            self.vehicle.lost(at_s)
        self._control_boot = boot
        if self.stage is Stage.RESUMING and not self._same_control():
            self._end_as_loss()

    def control_lost(self, at_s: float) -> None:
        self.vehicle.lost(at_s)

    def observe(self, view: EvseView, at_s: float) -> None:
        """The EVSE as it is now."""
        connected = self.vehicle.connected
        self.vehicle.observe(view, at_s)
        if self.vehicle.known:
            if connected and not self.vehicle.connected:
                self._unplugged()
            self._compare_plug()
        if self.charge is not None and self.stage is Stage.RUNNING:
            self.charge.follow(view)

    def flush(self) -> None:
        """The program is about to end: the state goes to the disk."""
        if self.charge is not None:
            self.charge.flush()

    def due(self) -> None:
        """Everything that time, the meter or the safety program may have made possible."""
        self.vehicle.due()
        self.meter.due()
        if self.charge is not None and not self._undecided:
            self.charge.take_register()
        if self.stage is Stage.AUTHORIZED:
            self._try_start()
            self._expire()
        elif self.stage is Stage.RUNNING and self.charge is not None:
            reason = self.charge.due()
            if reason is not None:
                self.stop(reason, Trigger.ABNORMAL_CONDITION)
        elif self.stage is Stage.ENDING:
            self._try_end()

    def deadline_s(self) -> float | None:
        own: float | None = None
        if self.stage is Stage.AUTHORIZED and self.leave is not None:
            own = self.leave.until_s
        elif self.stage is Stage.ENDING and self._ending is not None:
            own = self._ending.until_s
        elif self.stage is Stage.RUNNING and self.charge is not None:
            own = self.charge.deadline_s()
        return earliest(own, self.vehicle.deadline_s(), self.meter.deadline_s())

    # --- Starting ---------------------------------------------------------------------------------

    def _try_start(self) -> None:
        leave = self.leave
        register = self.meter.fresh_register
        ready = self.vehicle.known and self.vehicle.connected and self._operative()
        if leave is None or self._control_boot is None or not ready or self.vehicle.faulted:
            return
        if self.meter.present and register is None and not self._may_go_unmetered:
            return
        believed = register or self.meter.register
        register_wh = 0.0 if believed is None else believed.energy_wh
        now = self._desk.stamp()
        transaction = Transaction(
            id=self._books.new_id(),
            evse=self.evse,
            id_token=leave.id_token,
            group=leave.info.group,
            started=now,
            start_sequence=self._books.next_sequence(),
            meter_start_wh=math.floor(register_wh),
            register_wh=register_wh,
            register_stamp=now,
            charging_state=ChargingState.EV_CONNECTED,
            control_boot=self._control_boot,
            plug_in=self.vehicle.plug_in,
            unmetered=self.meter.present and register is None,
        )
        reservation_id = self._reservation(leave)
        self._books.start(transaction, leave.trigger, leave.remote_start_id, reservation_id)
        self.charge = self._charge(transaction)
        self.leave, self.stage, self.last_token = None, Stage.RUNNING, leave.id_token
        self.metering.begin(transaction.id, self.vehicle.view, transaction.unmetered)
        self._desk.note(
            "transaction.started",
            evse=self.evse,
            token=masked(leave.id_token),
            meter_start_wh=transaction.meter_start_wh,
            offline=not self._desk.online,
        )

    @property
    def _may_go_unmetered(self) -> bool:
        """Nobody is billed here; a meter that is only slow to speak is still waited for."""
        return self.meter.lost and not self.settings.meter_required

    def _charge(self, transaction: Transaction) -> Charge:
        return Charge(self._desk, self._model, self._books, self._evse, transaction)

    def _expire(self) -> None:
        if self.leave is not None and self._desk.now_s >= self.leave.until_s:
            missing = "meter" if self.vehicle.connected else "vehicle"
            self._desk.note("authorization.expired", evse=self.evse, missing=missing)
            self.withdraw()

    # --- The plug ---------------------------------------------------------------------------------

    def _unplugged(self) -> None:
        """The vehicle is gone; outside a transaction that ends the session."""
        self.withdraw()
        if self.charge is None:
            self.last_token = None

    def _compare_plug(self) -> None:
        """Is it still the plug-in with which the transaction started?"""
        charge, boot, vehicle = self.charge, self._control_boot, self.vehicle
        if charge is None or boot is None or not self.running:
            return
        if self.stage is Stage.RESUMING:
            self.stage = Stage.RUNNING
            self.last_token = charge.transaction.id_token
            self.metering.go_on(charge.transaction.started.at_s)
            self._desk.note("transaction.resumed", evse=self.evse)
        if vehicle.connected and charge.transaction.control_boot != boot:
            charge.adopt(boot, vehicle.plug_in)
        if vehicle.connected and charge.transaction.plug_in == vehicle.plug_in:
            return
        if self._model.flag("TxCtrlr", "StopTxOnEVSideDisconnect"):
            self.stop(StopReason.EV_DISCONNECTED, Trigger.EV_DEPARTED)
        elif vehicle.connected:
            charge.adopt(boot, vehicle.plug_in)

    def _same_control(self) -> bool:
        """True as well while the safety program has not been heard yet."""
        transaction = self.transaction
        return transaction is not None and self._control_boot in (None, transaction.control_boot)

    # --- Ending -----------------------------------------------------------------------------------

    @property
    def _undecided(self) -> bool:
        """What the meter shows may not belong to the transaction."""
        return self.stage is Stage.RESUMING or (self._ending is not None and self._ending.loss)

    def _end_as_loss(self) -> None:
        self.stage, self._ending = Stage.ENDING, lost(self._desk.now_s)

    def _try_end(self) -> None:
        assert self._ending is not None
        self._ending = self._ending.hurried(self.vehicle, self._desk.now_s)
        if self._ending.ready(self.vehicle, self.meter, self._desk.now_s):
            self._finish()

    def _finish(self) -> None:
        assert self.charge is not None
        assert self._ending is not None
        self.charge.finish(self._ending)
        self.last_token = self.charge.transaction.id_token if self.vehicle.connected else None
        self.charge, self._ending, self.stage = None, None, Stage.FREE
