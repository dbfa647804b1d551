"""The last transactions that have ended, for people, whatever became of their records.

The outbox forgets a record when the CSMS has it. What a technician asks for later (who charged when
and how much, under which number of the CSMS) is kept here: a bounded list in space `history`, one
short value per transaction, which the power may take with it as long as it is young. It is also
what a lost end can be made of again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec

from chargepoint.station.desk import Desk, masked
from chargepoint.station.records import IdToken, Stamp, StopReason, TransactionId, Trigger
from chargepoint.station.transaction import Transaction

SPACE = "history"
KEPT_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One transaction that has ended."""

    transaction: TransactionId
    evse: int
    token: str
    """Masked."""
    started: Stamp
    ended: Stamp
    meter_start_wh: int
    meter_stop_wh: int
    reason: StopReason
    trigger: Trigger
    number: int
    """Place of the end within the transaction."""
    csms_id: int | None = None
    card: int | None = None
    """Number of the station's own card; None: it was none of them."""


class History:
    """What is kept, oldest first. `card_of`: the number of an own card with this token."""

    def __init__(
        self, desk: Desk, kept: Mapping[str, str], card_of: Callable[[IdToken], int | None]
    ) -> None:
        self._desk = desk
        self._card_of = card_of
        self._past = {int(key): msgspec.json.decode(kept[key], type=Past) for key in kept}
        self._keys = {past.transaction: key for key, past in self._past.items()}

    def find(self, transaction: TransactionId) -> Past | None:
        """The transaction, if it has ended and is not forgotten yet."""
        key = self._keys.get(transaction)
        return None if key is None else self._past[key]

    def csms_id(self, transaction: TransactionId) -> int | None:
        """What the CSMS called an ended transaction."""
        past = self.find(transaction)
        return None if past is None else past.csms_id

    def ended(self, transaction: Transaction, csms_id: int | None) -> None:
        """A transaction has its end (`transaction.ended` is set)."""
        end = transaction.ended
        assert end is not None
        past = Past(
            transaction=transaction.id,
            evse=transaction.evse,
            token=masked(transaction.id_token),
            started=transaction.started,
            ended=end.stamp,
            meter_start_wh=transaction.meter_start_wh,
            meter_stop_wh=end.meter_stop_wh,
            reason=end.reason,
            trigger=end.trigger,
            number=end.number,
            csms_id=csms_id,
            card=self._card_of(transaction.id_token),
        )
        self._keep(end.sequence, past)
        while len(self._past) > KEPT_MAX:
            oldest = min(self._past)
            del self._keys[self._past.pop(oldest).transaction]
            self._desk.delete(SPACE, str(oldest), durable=False)

    def named(self, transaction: TransactionId, csms_id: int) -> None:
        """The CSMS has given it a number."""
        key = self._keys.get(transaction)
        if key is not None and self._past[key].csms_id != csms_id:
            self._keep(key, replace(self._past[key], csms_id=csms_id))

    def _keep(self, key: int, past: Past) -> None:
        self._past[key], self._keys[past.transaction] = past, key
        self._desk.put(SPACE, str(key), past, durable=False)
