"""The order, the attempts and the end of every record that is owed to the CSMS.

Records leave strictly in order of creation, one at a time (Q1, Q3). One that the CSMS fails to
process is tried again after growing waits (Q4); then it is quarantined, never deleted, and the
queue goes on (csms-quirks Q10). A link that breaks is no attempt (Q5). The store holds the records;
here are only the next few of them and numbers, so that a long time offline costs no memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from chargepoint.station.desk import Desk
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Append, Fetch, Quarantine, Release, Remove, SendRecord
from chargepoint.station.events import RecordAcknowledged, RecordRefused
from chargepoint.station.records import (
    ConnectorUnplugged,
    Record,
    SecurityEventHappened,
    Stamp,
    TransactionEnded,
    TransactionId,
    TransactionStarted,
    TransactionUpdated,
)

SPACE = "csms_ids"
WINDOW = 20
"""Records that are held at hand; the others wait in the store."""

WAITING_MAX = 10_000
"""From here on every second sample in between is given up (Q9); starts and ends never are."""

UNCOUNTED_WAIT_S = 5.0
"""Pause after a refusal that is no attempt (busy, wall time not known yet)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsmsId:
    """What the CSMS calls a transaction; `given_up`: its start was never taken."""

    number: int | None = None
    given_up: bool = False


class Outbox:
    """Records on their way. `pump` sends the next one when it may be sent."""

    def __init__(
        self, desk: Desk, model: DeviceModel, kept: Mapping[str, str], last: int, waiting: int
    ) -> None:
        self._desk = desk
        self._model = model
        self.remembered: Callable[[TransactionId], int | None] = lambda transaction: None
        """The CSMS's number of a transaction that is over."""
        self._ids = {
            TransactionId(key): msgspec.json.decode(text, type=CsmsId) for key, text in kept.items()
        }
        self._last_sequence = last
        self._window: deque[Record] = deque()
        self._read_to = 0
        """Everything up to this sequence was taken from the store, or made while nothing waited."""
        self._more = waiting > 0
        """The store holds records behind the window."""
        self._fetching = False
        self._made_meanwhile = False
        """A record was made after the store was asked: it may not be in the answer."""
        self._samples: deque[int] = deque()
        """Sequences of samples behind the window that may be thinned out."""
        self._under_way = False
        self._attempts = 0
        self._retry_s = 0.0
        self._unsupported_noted = False
        self.waiting = waiting
        self.quarantined = 0
        """Since this start; below zero when older ones were sent again."""
        self.acknowledged = 0
        """Since this start."""

    # --- Making records ---------------------------------------------------------------------------

    def next_sequence(self) -> int:
        """The number that the next record must carry."""
        return self._last_sequence + 1

    def append(self, record: Record, *, durable: bool) -> None:
        """Take a record that carries `next_sequence` into the store and the queue."""
        assert record.sequence == self._last_sequence + 1
        self._last_sequence = record.sequence
        self.waiting += 1
        self._desk.emit(Append(record=record, durable=durable))
        if not self._more and not self._fetching and len(self._window) < WINDOW:
            self._window.append(record)
            self._read_to = record.sequence
            return
        self._more = True
        self._made_meanwhile = self._fetching
        if isinstance(record, TransactionUpdated):
            self._samples.append(record.sequence)
        if self.waiting > WAITING_MAX and not self._fetching:
            self._thin()

    def release(self, record: Record, csms_id: int | None) -> None:
        """Take a record of the quarantine once more, at the end of the queue.

        `csms_id` is used for a part of a transaction whose number is not at hand any more.
        """
        if (
            isinstance(record, TransactionUpdated | TransactionEnded)
            and record.transaction not in self._ids
        ):
            known = CsmsId(number=csms_id, given_up=csms_id is None)
            self._keep_id(record.transaction, known)
        self.append(replace(record, sequence=self.next_sequence()), durable=True)
        self._desk.emit(Release(sequence=record.sequence))
        self.quarantined -= 1

    # --- Ids --------------------------------------------------------------------------------------

    def csms_id(self, transaction: TransactionId) -> int | None:
        """The CSMS's number of a transaction, once it is known."""
        return self._ids.get(transaction, CsmsId()).number

    def forget_ids_except(self, open_transactions: set[TransactionId]) -> None:
        """Drop mappings that no record needs any more (left behind by a crash)."""
        if self.waiting == 0:
            for transaction in self._ids.keys() - open_transactions:
                self._forget_id(transaction)

    # --- What the CSMS and the store say ----------------------------------------------------------

    def lost(self) -> None:
        """The link is gone: what was under way is sent again after the next one."""
        self._under_way = False

    def fetched(self, records: Sequence[Record]) -> None:
        """The store gave the next records, oldest first."""
        self._fetching = False
        fresh = [record for record in records if record.sequence > self._read_to]
        self._window.extend(fresh)
        if fresh:
            self._read_to = fresh[-1].sequence
        beyond = bool(records) and self._read_to < self._last_sequence
        self._more = beyond or self._made_meanwhile
        if not self._more and not self._window:
            self.waiting = 0
        while self._samples and self._samples[0] <= self._read_to:
            self._samples.popleft()

    def acknowledged_by(self, event: RecordAcknowledged) -> Record | None:
        """The CSMS has the record; None when it is not the one in hand."""
        record = self._head(event.sequence)
        if record is None:
            return None
        self.acknowledged += 1
        if isinstance(record, TransactionStarted) and event.csms_transaction_id is not None:
            self._keep_id(record.transaction, CsmsId(number=event.csms_transaction_id))
        self._desk.emit(Remove(sequence=record.sequence))
        self._gone(record)
        return record

    def refused(self, event: RecordRefused) -> None:
        """The CSMS failed to process the record."""
        record = self._head(event.sequence)
        if record is None:
            return
        self._under_way = False
        if event.not_supported:
            self._note_unsupported(event)
            self._quarantine(record, event)
            return
        if not event.counts:
            self._retry_s = self._desk.now_s + UNCOUNTED_WAIT_S
            return
        self._attempts += 1
        if self._attempts >= self._attempts_max(record):
            self._desk.note(
                "record.quarantined",
                sequence=record.sequence,
                kind=type(record).__name__,
                code=event.code,
                description=event.description[:200],
                attempts=self._attempts,
            )
            self._quarantine(record, event)
            return
        wait_s = self._model.number("OCPPCommCtrlr", "MessageAttemptInterval") * self._attempts
        self._retry_s = self._desk.now_s + wait_s

    def returned(self, sequence: int) -> None:
        """The link went away before an answer: no attempt."""
        if self._head(sequence) is not None:
            self._under_way = False

    # --- Sending ----------------------------------------------------------------------------------

    def pump(self) -> None:
        """Send the next record, if one may be sent now; read on in the store, if it must be."""
        if not self._desk.online:
            return
        if not self._window and self._more and not self._fetching:
            self._fetching = True
            self._made_meanwhile = False
            self._desk.emit(Fetch(after=self._read_to, limit=WINDOW))
        if self._under_way or not self._window or self._retry_s > self._desk.now_s:
            return
        self._under_way = True
        record = self._window[0]
        known = CsmsId()
        if not isinstance(record, SecurityEventHappened):
            known = self._ids.get(record.transaction, known)
        if isinstance(record, ConnectorUnplugged) and known.number is None:
            number = record.csms_id or self.remembered(record.transaction)
            known = CsmsId(number=number, given_up=number is None)
        self._desk.emit(
            SendRecord(
                record=record,
                csms_transaction_id=known.number,
                start_given_up=known.given_up,
            )
        )

    def deadline_s(self) -> float | None:
        waiting = self._desk.online and self._window and not self._under_way
        return self._retry_s if waiting else None

    @property
    def oldest(self) -> Stamp | None:
        """When the record at the head was made; None when it is not at hand."""
        return self._window[0].stamp if self._window else None

    # --- Inside -----------------------------------------------------------------------------------

    def _head(self, sequence: int) -> Record | None:
        head = self._window[0] if self._window else None
        return head if head is not None and head.sequence == sequence else None

    def _gone(self, record: Record) -> None:
        """The record at the head has left the outbox."""
        self._window.popleft()
        self.waiting = max(0, self.waiting - 1)
        self._under_way = False
        self._attempts = 0
        self._retry_s = 0.0
        if isinstance(record, TransactionEnded):
            self._forget_id(record.transaction)

    def _quarantine(self, record: Record, event: RecordRefused) -> None:
        self.quarantined += 1
        if isinstance(record, TransactionStarted):
            self._keep_id(record.transaction, CsmsId(given_up=True))
        self._desk.emit(
            Quarantine(
                sequence=record.sequence, code=event.code, description=event.description[:500]
            )
        )
        self._gone(record)

    def _attempts_max(self, record: Record) -> int:
        if isinstance(record, SecurityEventHappened):
            return 1  # it stays in the quarantine and must not hold up a bill (csms-quirks Q11)
        return max(1, self._model.number("OCPPCommCtrlr", "MessageAttempts"))

    def _note_unsupported(self, event: RecordRefused) -> None:
        if not self._unsupported_noted:
            self._unsupported_noted = True
            self._desk.note("record.not_supported", sequence=event.sequence, code=event.code)

    def _keep_id(self, transaction: TransactionId, csms_id: CsmsId) -> None:
        if self._ids.get(transaction) != csms_id:
            self._ids[transaction] = csms_id
            self._desk.put(SPACE, transaction, csms_id, durable=True)

    def _forget_id(self, transaction: TransactionId) -> None:
        if self._ids.pop(transaction, None) is not None:
            self._desk.delete(SPACE, transaction, durable=False)

    def _thin(self) -> None:
        """Give up every second sample behind the window."""
        kept: deque[int] = deque()
        for place, sequence in enumerate(self._samples):
            if place % 2:
                kept.append(sequence)
            else:
                self._desk.emit(Remove(sequence=sequence))
        removed = len(self._samples) - len(kept)
        if removed:
            self.waiting -= removed
            self._samples = kept
            self._desk.note("outbox.thinned", removed=removed, waiting=self.waiting)
