"""The books of one transaction: its records, and what must be known of it after a restart.

The state is kept in space `transactions` before anything is acted on. It names the records that it
leads to, so that after a crash between two writes nothing is made twice and nothing is missing:
a transaction whose start never reached the outbox did not happen; an end that was decided, but did
not reach it, is appended at the next start (rules X8, Q12).
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from chargepoint.station.desk import Desk
from chargepoint.station.ending import Ending
from chargepoint.station.outbox import Outbox
from chargepoint.station.records import (
    ChargingState,
    IdToken,
    Sample,
    Stamp,
    StopReason,
    TransactionEnded,
    TransactionId,
    TransactionStarted,
    TransactionUpdated,
    Trigger,
)

SPACE = "transactions"
CONNECTOR = 1
"""Each EVSE has one."""

CHECKPOINT_S = 900.0
"""Longest time between two flushed copies of the state: what a power loss may cost the bill."""


@dataclass(slots=True, kw_only=True)
class Transaction:
    """One transaction, as it is kept."""

    id: TransactionId
    evse: int
    id_token: IdToken
    group: str | None
    started: Stamp
    start_sequence: int
    meter_start_wh: int
    register_wh: float
    """Last register that was believed."""
    register_stamp: Stamp
    charging_state: ChargingState
    control_boot: str
    plug_in: int
    next_number: int = 1
    invalid_from_wh: float | None = None
    """The CSMS turned the token down when the register stood here (section 4.3)."""
    unmetered: bool = False
    """It began without a meter and stays without energy: what a register that returns has moved by
    since is not known to belong to it."""
    ending: Ending | None = None
    """It was stopped: a restart of the agent must not let it go on."""
    ended: TransactionEnded | None = None
    """The end, once it is decided on."""

    @property
    def energy_wh(self) -> int:
        return max(0, math.floor(self.register_wh) - self.meter_start_wh)


class TransactionBooks:
    """Writes records and checkpoints of the transactions of all EVSEs."""

    def __init__(
        self,
        desk: Desk,
        outbox: Outbox,
        station: str,
        remember: Callable[[Transaction, int | None], None],
    ) -> None:
        self._desk = desk
        self._remember = remember
        self._outbox = outbox
        self._station = station
        self._flushed_s: dict[TransactionId, float] = {}

    def new_id(self) -> TransactionId:
        """An id that never comes again: the sequence of its start is used once only."""
        name = f"{self._station}/{self._desk.boot}/{self._outbox.next_sequence()}"
        return TransactionId(str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}/{self._desk.now_s}")))

    def next_sequence(self) -> int:
        """The number that the next record will carry."""
        return self._outbox.next_sequence()

    def start(
        self,
        transaction: Transaction,
        trigger: Trigger,
        remote_start_id: int | None,
        reservation_id: int | None,
    ) -> None:
        """State first, then the record: both on the disk before power is permitted (Q1)."""
        self.checkpoint(transaction, durable=True)
        self._outbox.append(
            TransactionStarted(
                sequence=transaction.start_sequence,
                number=0,
                transaction=transaction.id,
                evse=transaction.evse,
                connector=CONNECTOR,
                id_token=transaction.id_token,
                stamp=transaction.started,
                meter_start_wh=transaction.meter_start_wh,
                trigger=trigger,
                charging_state=transaction.charging_state,
                offline=not self._desk.online,
                remote_start_id=remote_start_id,
                reservation_id=reservation_id,
            ),
            durable=True,
        )

    def update(
        self, transaction: Transaction, trigger: Trigger, samples: tuple[Sample, ...] = ()
    ) -> None:
        """A change or a sample."""
        number, transaction.next_number = transaction.next_number, transaction.next_number + 1
        flushed_s = self._flushed_s.get(transaction.id, self._desk.now_s)
        overdue = self._desk.now_s - flushed_s >= CHECKPOINT_S
        self.checkpoint(transaction, durable=overdue)
        self._outbox.append(
            TransactionUpdated(
                sequence=self._outbox.next_sequence(),
                number=number,
                transaction=transaction.id,
                evse=transaction.evse,
                connector=CONNECTOR,
                stamp=samples[0].stamp if samples else self._desk.stamp(),
                trigger=trigger,
                charging_state=transaction.charging_state,
                offline=not self._desk.online,
                samples=samples,
            ),
            durable=False,
        )

    def end(
        self,
        transaction: Transaction,
        *,
        stamp: Stamp,
        reason: StopReason,
        trigger: Trigger,
        id_token: IdToken | None,
        samples: tuple[Sample, ...],
    ) -> None:
        """The decision first, then the record; `forget` when both are given to the store."""
        transaction.ended = TransactionEnded(
            sequence=self._outbox.next_sequence(),
            number=transaction.next_number,
            transaction=transaction.id,
            evse=transaction.evse,
            connector=CONNECTOR,
            stamp=stamp,
            meter_stop_wh=max(transaction.meter_start_wh, math.floor(transaction.register_wh)),
            reason=reason,
            trigger=trigger,
            offline=not self._desk.online,
            id_token=id_token,
            samples=samples,
        )
        self.checkpoint(transaction, durable=True)
        self._outbox.append(transaction.ended, durable=True)
        self._remember(transaction, self._outbox.csms_id(transaction.id))

    def checkpoint(self, transaction: Transaction, *, durable: bool) -> None:
        """Keep the state; not `durable`: survives the agent, not the power."""
        if durable:
            self._flushed_s[transaction.id] = self._desk.now_s
        self._desk.put(SPACE, str(transaction.evse), transaction, durable=durable)

    def checkpoint_deadline_s(self, transaction: Transaction) -> float:
        return self._flushed_s.setdefault(transaction.id, self._desk.now_s) + CHECKPOINT_S

    def flushed_s(self, transaction: TransactionId) -> float | None:
        """When the state went to the disk last; None: not in this run."""
        return self._flushed_s.get(transaction)

    def forget(self, transaction: Transaction) -> None:
        """The end is in the outbox."""
        self._flushed_s.pop(transaction.id, None)
        self._desk.delete(SPACE, str(transaction.evse), durable=True)

    def restored(self, text: str) -> Transaction | None:
        """A transaction that was open when the last run ended; None when it was not, or no more.

        Finishes what a crash between two writes left undone.
        """
        transaction = msgspec.json.decode(text, type=Transaction)
        last = self._outbox.next_sequence() - 1
        if transaction.start_sequence > last:
            self.forget(transaction)
            return None
        ended = transaction.ended
        if ended is None:
            return transaction
        if ended.sequence > last:
            sequence = self._outbox.next_sequence()
            self._outbox.append(replace(ended, sequence=sequence), durable=True)
            self._remember(transaction, self._outbox.csms_id(transaction.id))
        self.forget(transaction)
        return None
