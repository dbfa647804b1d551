"""Records that the CSMS had refused for good, sent again because a technician asked for it.

They go to the end of the queue under new numbers and leave the quarantine in the same commit. With
the start of a transaction goes whatever else of it was refused, and its end: where that was sent
without a number of the CSMS (errata 3.18) it is made again, so that the new start is not left open.
"""

from __future__ import annotations

from collections.abc import Sequence

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk
from chargepoint.station.events import ResendRequested
from chargepoint.station.history import History, Past
from chargepoint.station.outbox import Outbox
from chargepoint.station.records import (
    Record,
    SecurityEventHappened,
    TransactionEnded,
    TransactionStarted,
)
from chargepoint.station.transaction import CONNECTOR


class Resending:
    """Takes records out of the quarantine, each once."""

    def __init__(self, desk: Desk, clock: Clock, outbox: Outbox, history: History) -> None:
        self._desk = desk
        self._clock = clock
        self._outbox = outbox
        self._history = history
        self._taken: set[int] = set()

    def problem(self, records: Sequence[Record]) -> str:
        """Why these records cannot be sent again; empty when they can."""
        for record in records:
            if record.sequence in self._taken:
                return f"record {record.sequence} waits to be sent already"
            if self._clock.wall(record.stamp) is None:
                return f"the time of record {record.sequence} is not known any more"
        return ""

    def request(self, event: ResendRequested) -> None:
        """Queue them, unless something is in the way."""
        if self.problem(event.records):
            return
        for record in event.records:
            self._taken.add(record.sequence)
            self._outbox.release(record, self._csms_id(record))
        first = event.records[0]
        ended = any(isinstance(record, TransactionEnded) for record in event.records)
        if isinstance(first, TransactionStarted) and not ended:
            past = self._history.find(first.transaction)
            if past is not None:
                self._outbox.append(_end(past, self._outbox.next_sequence()), durable=True)
        sequences = ",".join(str(record.sequence) for record in event.records)
        self._desk.note("record.resent", sequences=sequences)

    def _csms_id(self, record: Record) -> int | None:
        if isinstance(record, SecurityEventHappened | TransactionStarted):
            return None
        return self._history.csms_id(record.transaction)


def _end(past: Past, sequence: int) -> TransactionEnded:
    return TransactionEnded(
        sequence=sequence,
        number=past.number,
        transaction=past.transaction,
        evse=past.evse,
        connector=CONNECTOR,
        stamp=past.ended,
        meter_stop_wh=past.meter_stop_wh,
        reason=past.reason,
        trigger=past.trigger,
        offline=True,
    )
