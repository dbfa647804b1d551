"""What became of a record: acknowledged, refused, or neither, as the station's outbox counts it.

A CALLERROR or a time-out while the link is up is an attempt; a busy CSMS is not (a few times), nor
is a link that went away. An answer that comes after its time-out still counts: sending a start
twice makes a second transaction (OCPP-J errata 3.2; rules Q4, Q5, Q9 to Q11).
"""

from __future__ import annotations

import msgspec

from chargepoint.ocpp.frames import Payload
from chargepoint.ocpp.times import Timestamps
from chargepoint.ocpp.v16.id_tag_info import token_info, transaction_id
from chargepoint.ocpp.v16.transactions import GIVEN_UP_ID, NotYet, Request, record_requests
from chargepoint.station.effects import SendRecord
from chargepoint.station.events import RecordAcknowledged, RecordRefused, RecordReturned

BUSY_CODES = frozenset({"RpcFrameworkError"})
"""`Call already in progress`: the CSMS waits for our answer and refuses ours meanwhile."""

BUSY_MAX = 10
"""Times that a busy CSMS is not counted as an attempt, per record."""

UNKNOWN_CODES = frozenset({"NotImplemented", "NotSupported"})

DISPENSABLE = frozenset({"DataTransfer", "MeterValues", "SecurityEventNotification"})
"""Actions that a CSMS may not know; every one knows starts and stops of transactions."""

Outcome = RecordAcknowledged | RecordRefused | RecordReturned


class RecordCall(msgspec.Struct, frozen=True):
    """Context of a call that carries a record, or a part of one."""

    sequence: int
    rest: tuple[Request, ...]
    """Parts that follow when this one is answered."""


class Delivery:
    """Outcomes of records on one connection after the other."""

    def __init__(self) -> None:
        self.connected()

    def connected(self) -> None:
        """What an earlier connection taught us of the CSMS no longer counts."""
        self._unknown: set[str] = set()
        self._busy: dict[int, int] = {}
        self._late: dict[int, RecordAcknowledged] = {}

    def begin(self, effect: SendRecord, times: Timestamps, now_s: float) -> list[Request] | Outcome:
        """The requests of a record, or its outcome when nothing has to be sent."""
        sequence = effect.record.sequence
        try:
            requests = record_requests(effect, times, now_s)
        except NotYet as error:
            return refused(sequence, "NotYet", str(error), now_s, counts=False)
        if not requests:
            return RecordAcknowledged(sequence=sequence, at_s=now_s)
        if requests[0][0] in self._unknown:
            return self._not_supported(sequence, "NotSupported", now_s)
        return requests

    def answered(
        self, call: RecordCall, action: str, payload: Payload, now_s: float
    ) -> RecordAcknowledged:
        """The CSMS took the last part of a record; its verdict, where there is one."""
        self._forget(call.sequence)
        number = transaction_id(payload) if action == "StartTransaction" else None
        if action == "StartTransaction" and number is None:
            number = GIVEN_UP_ID  # delivered, but there will never be an id
        return RecordAcknowledged(
            sequence=call.sequence,
            at_s=now_s,
            csms_transaction_id=number,
            info=token_info(payload),
        )

    def keep(self, outcome: RecordAcknowledged) -> None:
        """A late answer while the record is on its way again: used if that fails."""
        self._late[outcome.sequence] = outcome

    def failed(
        self, call: RecordCall, action: str, code: str, description: str, now_s: float
    ) -> Outcome:
        """The CSMS answered with a CALLERROR."""
        late = self._late.pop(call.sequence, None)
        if late is not None:
            return late
        if code in UNKNOWN_CODES and action in DISPENSABLE:
            self._unknown.add(action)
            return self._not_supported(call.sequence, code, now_s, description)
        busy = code in BUSY_CODES and self._busy.get(call.sequence, 0) < BUSY_MAX
        if busy:
            self._busy[call.sequence] = self._busy.get(call.sequence, 0) + 1
        return refused(call.sequence, code, description, now_s, counts=not busy)

    def timed_out(self, call: RecordCall, action: str, alone: bool, now_s: float) -> Outcome:
        """No answer in time. `alone`: the CSMS answered everything else."""
        late = self._late.pop(call.sequence, None)
        if late is not None:
            return late
        if alone and action == "SecurityEventNotification":
            self._unknown.add(action)
            return self._not_supported(call.sequence, "Timeout", now_s)
        return refused(call.sequence, "Timeout", action, now_s)

    def _not_supported(
        self, sequence: int, code: str, now_s: float, description: str = ""
    ) -> RecordRefused:
        return RecordRefused(
            sequence=sequence, at_s=now_s, code=code, description=description, not_supported=True
        )

    def _forget(self, sequence: int) -> None:
        self._busy.pop(sequence, None)
        self._late.pop(sequence, None)


def refused(
    sequence: int, code: str, description: str, now_s: float, counts: bool = True
) -> RecordRefused:
    """A refusal that is an attempt, unless `counts` says otherwise."""
    return RecordRefused(
        sequence=sequence, at_s=now_s, code=code, description=description, counts=counts
    )
