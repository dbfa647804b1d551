"""What a transaction costs by the tariff of the station: shown, never billed here.

Start price, energy by the register, time from start to end, and time in which the vehicle stays
plugged in after it has stopped charging by itself; of each such pause some minutes are free. What
was promised on the day of the start holds to the end; within it the time of day decides
(`price_plan`): the register at the instant of a change is interpolated between the two readings
around it. While the time is not known, the dearest price counts and the cost is provisional. What
the CSMS tells of costs takes its place (`pricing`).

Kept in space `tariff`, one bill for each running transaction: written when a pause begins or ends
and when a price changes, and flushed together with the transaction's own next checkpoint, so that
a power cut leaves both of the same age. What has happened since is filled in from the transaction:
until the next change the register alone tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

import msgspec

from chargepoint.price_plan import ZERO, Kind, PricePlan, Prices, PriceTable, dearest
from chargepoint.station.clock import Clock
from chargepoint.station.cost import LocalCost, in_words, rounded, summed, tax_in
from chargepoint.station.desk import Desk
from chargepoint.station.records import ChargingState, Stamp, TransactionId
from chargepoint.station.session import Session, Stage
from chargepoint.station.tally import Mark, Scale, Tally, Worth, worth_of
from chargepoint.station.transaction import Transaction

SPACE = "tariff"

MWH_IN_KWH = Decimal(1_000_000)
MS_IN_HOUR = Decimal(3_600_000)


class Bill(msgspec.Struct, kw_only=True):
    """What must be known of a running transaction to tell its cost."""

    transaction: TransactionId
    energy: Tally
    idle: Tally
    """Of pauses that are over, beyond what is free."""
    charged: bool = False
    """Energy has flowed: what comes then is a pause."""
    since: Stamp | None = None
    """Beginning of the present pause."""


class Tariff:
    """The cost at each EVSE. `flushed_s`: when a transaction's state went to the disk last."""

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        plan: PricePlan,
        sessions: Mapping[int, Session],
        flushed_s: Callable[[TransactionId], float | None],
        kept: Mapping[str, str],
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._plan = plan
        self._sessions = sessions
        self._flushed_s = flushed_s
        self._bills = _restored(kept)
        self._unflushed: set[int] = set()
        """EVSEs whose bill has changed since it went to the disk."""
        self._running: dict[int, Transaction] = {}
        self._final: dict[int, LocalCost] = {}
        self._tables: dict[date, PriceTable] = {}
        self._dearest = PriceTable(
            prices=dearest(each.dearest for each in plan.tables()),
            windows=plan.windows,
            local=plan.local,
        )

    def shown(self, evse: int) -> LocalCost | None:
        """The cost so far of what runs at an EVSE, or of what ended and is still plugged in."""
        session = self._sessions.get(evse)
        transaction = None if session is None else session.transaction
        if session is None or transaction is None:
            return self._final.get(evse)
        here = transaction.register_stamp.boot == self._desk.boot
        counts = session.stage is Stage.RUNNING or (here and session.stage is Stage.ENDING)
        until = self._desk.stamp() if counts else transaction.register_stamp
        return self._cost(evse, transaction, until, final=False)

    def due(self) -> None:
        """Follow the sessions: pauses begin and end, transactions end, vehicles leave."""
        for evse, session in self._sessions.items():
            running, before = session.transaction, self._running.get(evse)
            if before is not None and (running is None or running.id != before.id):
                self._end(evse, before)
            if running is not None:
                self._running[evse] = running
                self._final.pop(evse, None)
                if session.stage is Stage.RUNNING:
                    self._follow(evse, running)
            elif not session.vehicle.connected:
                self._final.pop(evse, None)

    # --- A transaction that runs ------------------------------------------------------------------

    def _follow(self, evse: int, transaction: Transaction) -> None:
        bill = self._bill(evse, transaction)
        self._bills[evse] = bill
        table, _ = self._table(transaction)
        moved = self._follow_pause(bill, transaction, self._scale("idle", table))
        mark = _energy(transaction)
        if mark != bill.energy.marks[-1]:
            moved |= bill.energy.add(mark, self._scale("energy", table))
        if moved:
            self._unflushed.add(evse)
        flush = evse in self._unflushed and self._flushed_now(transaction)
        if moved or flush:
            self._desk.put(SPACE, str(evse), bill, durable=flush)
        if flush:
            self._unflushed.discard(evse)

    def _flushed_now(self, transaction: Transaction) -> bool:
        return self._flushed_s(transaction.id) == self._desk.now_s

    def _follow_pause(self, bill: Bill, transaction: Transaction, scale: Scale) -> bool:
        """True: something has changed that must be kept."""
        state = transaction.charging_state
        if state is ChargingState.CHARGING and not bill.charged:
            bill.charged = True
            return True
        if state is ChargingState.SUSPENDED_EV:
            if not bill.charged or bill.since is not None:
                return False
            bill.since = self._desk.stamp()
            return True
        if bill.since is None:
            return False
        for mark in self._pause(bill, self._desk.stamp()):
            bill.idle.add(mark, scale)
        bill.since = None
        return True

    def _bill(self, evse: int, transaction: Transaction) -> Bill:
        bill = self._bills.get(evse)
        if bill is not None and bill.transaction == transaction.id:
            return bill
        begin = Mark(at=transaction.started, amount=0)
        return Bill(
            transaction=transaction.id,
            energy=Tally(marks=[begin]),
            idle=Tally(marks=[begin]),
        )

    def _end(self, evse: int, transaction: Transaction) -> None:
        ended = transaction.ended
        until = self._desk.stamp() if ended is None else ended.stamp
        self._final[evse] = self._cost(evse, transaction, until, final=True)
        del self._running[evse]
        self._unflushed.discard(evse)
        if self._bills.pop(evse, None) is not None:
            self._desk.delete(SPACE, str(evse), durable=False)

    # --- What it costs ----------------------------------------------------------------------------

    def _cost(self, evse: int, transaction: Transaction, until: Stamp, *, final: bool) -> LocalCost:
        plan, bill = self._plan, self._bill(evse, transaction)
        table, day_known = self._table(transaction)
        pause = self._pause(bill, until)
        start = self._start(transaction, table)
        energy = bill.energy.worth(self._scale("energy", table), (_energy(transaction),))
        time = self._time(transaction, until, table)
        idle = bill.idle.worth(self._scale("idle", table), pause)
        exact = {
            "start": start.sum,
            "energy": energy.sum / MWH_IN_KWH,
            "time": time.sum / MS_IN_HOUR,
            "idle": idle.sum / MS_IN_HOUR,
        }
        parts = summed(exact, plan)
        cost = rounded(sum((part.amount for part in parts), ZERO), plan.currency)
        prices, now_known = self._prices(until, table)
        words = in_words(plan, prices)
        return LocalCost(
            currency=plan.currency,
            price=words if day_known and now_known else f"at most {words}",
            cost=cost,
            final=final,
            idle=not final and bool(pause) and prices.idle > 0,
            parts=parts,
            tax=tax_in(cost, parts, plan),
            provisional=not (day_known and (start + energy + time + idle).certain),
        )

    def _start(self, transaction: Transaction, table: PriceTable) -> Worth:
        prices, known = self._prices(transaction.started, table)
        return Worth(sum=prices.start, certain=known or not table.varies("start"))

    def _time(self, transaction: Transaction, until: Stamp, table: PriceTable) -> Worth:
        lasted_ms = self._between_ms(transaction.started, until)
        if lasted_ms is None:
            return Worth(certain=not table.dearest.time)
        began, now = Mark(at=transaction.started, amount=0), Mark(at=until, amount=lasted_ms)
        return worth_of((began, now), self._scale("time", table))

    def _pause(self, bill: Bill, until: Stamp) -> tuple[Mark, ...]:
        """Where the present pause begins to cost, and how much it has grown to; empty: nowhere."""
        since, free_s = bill.since, float(self._plan.idle_free_min) * 60
        if since is None:
            return ()
        begin = Stamp(boot=since.boot, at_s=since.at_s + free_s)
        paid_ms = self._between_ms(begin, until)
        if not paid_ms:
            return ()
        before_ms = bill.idle.marks[-1].amount
        return Mark(at=begin, amount=before_ms), Mark(at=until, amount=before_ms + paid_ms)

    # --- What is in force -------------------------------------------------------------------------

    def _scale(self, kind: Kind, table: PriceTable) -> Scale:
        return Scale(kind=kind, table=table, wall=self._clock.wall)

    def _table(self, transaction: Transaction) -> tuple[PriceTable, bool]:
        """What was promised at the start; False: the day is not known, the dearest is taken."""
        wall = self._clock.wall(transaction.started)
        if wall is None and self._plan.days():
            return self._dearest, False
        day = date.min if wall is None else self._plan.local(wall).date()
        if day not in self._tables:
            self._tables = {day: self._plan.table(day)}
        return self._tables[day], True

    def _prices(self, at: Stamp, table: PriceTable) -> tuple[Prices, bool]:
        """The prices of an instant; False: it is not known, the dearest are taken."""
        wall = self._clock.wall(at)
        if wall is None and table.windows:
            return table.dearest, False
        return (table.prices if wall is None else table.at(wall)), True

    def _between_ms(self, since: Stamp, until: Stamp) -> int | None:
        """Never below 0; None: another boot, and no wall time."""
        if since.boot == until.boot:
            return max(0, round((until.at_s - since.at_s) * 1000))
        began, ended = self._clock.wall(since), self._clock.wall(until)
        if began is None or ended is None:
            return None
        return max(0, round((ended - began).total_seconds() * 1000))


def _energy(transaction: Transaction) -> Mark:
    """The energy so far, in the whole Wh that the CSMS is told."""
    return Mark(at=transaction.register_stamp, amount=transaction.energy_wh * 1000)


def _restored(kept: Mapping[str, str]) -> dict[int, Bill]:
    """What cannot be read is reckoned again from the start of the transaction."""
    found: dict[int, Bill] = {}
    for key, text in kept.items():
        try:
            found[int(key)] = msgspec.json.decode(text, type=Bill)
        except (ValueError, msgspec.MsgspecError):
            continue
    return found
