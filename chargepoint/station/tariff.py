"""What a transaction costs by the tariff of the station: shown, never billed here.

Start price, energy by the register, time from start to end, and time in which the vehicle stays
plugged in after it has stopped charging by itself; of each such pause some minutes are free. The
prices that held on the day of the start hold to the end. Reckoned in decimals and rounded once, at
the end. What the CSMS tells of costs takes its place (`pricing`).

Kept in space `tariff`: the pauses of running transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk
from chargepoint.station.records import ChargingState, Stamp, TransactionId
from chargepoint.station.session import Session
from chargepoint.station.transaction import Transaction

SPACE = "tariff"

MINOR_UNITS = {"BHD": 3, "CLP": 0, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "OMR": 3,
               "PYG": 0, "TND": 3, "UGX": 0, "VND": 0}  # fmt: skip
"""Decimals of currencies that do not have two (ISO 4217)."""

HOUR_S = Decimal(3600)
ZERO = Decimal(0)


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """What is paid, in the currency of the tariff."""

    energy: Decimal = ZERO
    """Per kWh."""
    time: Decimal = ZERO
    """Per hour."""
    idle: Decimal = ZERO
    """Per hour plugged in after the vehicle has stopped charging."""
    start: Decimal = ZERO
    """Per transaction."""


class PriceChange(msgspec.Struct, frozen=True, kw_only=True):
    """Prices from a day on; None: as before."""

    since: date
    energy: Decimal | None = None
    time: Decimal | None = None
    idle: Decimal | None = None
    start: Decimal | None = None


def day_in_utc(at: datetime) -> date:
    return at.astimezone(UTC).date()


class TariffSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[tariff]` of the configuration. `day_of`: the day on which an instant is for customers."""

    currency: str
    prices: Prices
    idle_free_min: Decimal = ZERO
    changes: tuple[PriceChange, ...] = ()
    day_of: Callable[[datetime], date] = day_in_utc

    def prices_on(self, day: date) -> Prices:
        """The prices with all changes up to `day` made."""
        prices = self.prices
        for change in sorted(self.changes, key=lambda each: each.since):
            if change.since <= day:
                new = {
                    name: price
                    for name in ("energy", "time", "idle", "start")
                    if (price := getattr(change, name)) is not None
                }
                prices = msgspec.structs.replace(prices, **new)
        return prices


class LocalCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction costs so far, or has cost."""

    currency: str
    price: str
    """In words."""
    cost: Decimal
    final: bool
    idle: bool
    """Time without charging is being charged for."""


class Pauses(msgspec.Struct, kw_only=True):
    """How long the vehicle of a transaction has been done, as far as it costs."""

    transaction: TransactionId
    charged: bool = False
    """Energy has flowed: what comes then is a pause."""
    paid_s: float = 0.0
    """Of pauses that are over, beyond what is free."""
    since: Stamp | None = None
    """Beginning of the present one."""


class Tariff:
    """The cost at each EVSE."""

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        settings: TariffSettings,
        sessions: Mapping[int, Session],
        kept: Mapping[str, str],
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._settings = settings
        self._sessions = sessions
        self._pauses = _restored(kept)
        self._running: dict[int, Transaction] = {}
        self._final: dict[int, LocalCost] = {}

    def shown(self, evse: int) -> LocalCost | None:
        """The cost so far of what runs at an EVSE, or of what ended and is still plugged in."""
        session = self._sessions.get(evse)
        transaction = None if session is None else session.transaction
        if transaction is None:
            return self._final.get(evse)
        return self._cost(self._settings, evse, transaction, final=False)

    def due(self) -> None:
        """Follow the sessions: pauses begin and end, transactions end, vehicles leave."""
        settings = self._settings
        for evse, session in self._sessions.items():
            running, before = session.transaction, self._running.get(evse)
            if before is not None and (running is None or running.id != before.id):
                self._end(settings, evse, before)
            if running is not None:
                self._running[evse] = running
                self._final.pop(evse, None)
                self._follow(evse, running)
            elif not session.vehicle.connected:
                self._final.pop(evse, None)

    # --- Inside -----------------------------------------------------------------------------------

    def _follow(self, evse: int, transaction: Transaction) -> None:
        pauses = self._pauses.get(evse)
        if pauses is None or pauses.transaction != transaction.id:
            pauses = self._pauses[evse] = Pauses(transaction=transaction.id)
        pausing = transaction.charging_state is ChargingState.SUSPENDED_EV
        changed = False
        if transaction.charging_state is ChargingState.CHARGING and not pauses.charged:
            pauses.charged = changed = True
        if pausing and pauses.charged and pauses.since is None:
            pauses.since, changed = self._desk.stamp(), True
        elif not pausing and pauses.since is not None:
            pauses.paid_s += self._pause_s(pauses)
            pauses.since, changed = None, True
        if changed:
            self._desk.put(SPACE, str(evse), pauses, durable=False)

    def _end(self, settings: TariffSettings, evse: int, transaction: Transaction) -> None:
        cost = self._cost(settings, evse, transaction, final=True)
        if cost is not None:
            self._final[evse] = cost
        del self._running[evse]
        if self._pauses.pop(evse, None) is not None:
            self._desk.delete(SPACE, str(evse), durable=False)

    def _cost(
        self, settings: TariffSettings, evse: int, transaction: Transaction, *, final: bool
    ) -> LocalCost | None:
        prices = self._prices(settings, transaction)
        if prices is None:
            return None
        pauses = self._pauses.get(evse)
        pauses = pauses if pauses is not None and pauses.transaction == transaction.id else None
        pause_s = 0.0 if pauses is None else self._pause_s(pauses)
        idle_s = 0.0 if pauses is None else pauses.paid_s + pause_s
        sums = (
            prices.start,
            prices.energy * _exact(transaction.register_wh - transaction.meter_start_wh) / 1000,
            prices.time * _exact(self._lasted_s(transaction)) / HOUR_S,
            prices.idle * _exact(idle_s) / HOUR_S,
        )
        return LocalCost(
            currency=settings.currency,
            price=in_words(settings, prices),
            cost=rounded(sum(sums, ZERO), settings.currency),
            final=final,
            idle=not final and pause_s > 0 and prices.idle > 0,
        )

    def _prices(self, settings: TariffSettings, transaction: Transaction) -> Prices | None:
        """None: prices change, and it is not known which held at the start."""
        started_at = self._clock.wall(transaction.started)
        if started_at is None:
            return None if settings.changes else settings.prices
        return settings.prices_on(settings.day_of(started_at))

    def _lasted_s(self, transaction: Transaction) -> float:
        started = transaction.started
        if started.boot == self._desk.boot:
            return max(0.0, self._desk.now_s - started.at_s)
        began, now = self._clock.wall(started), self._clock.now(self._desk.now_s)
        return 0.0 if began is None or now is None else max(0.0, (now - began).total_seconds())

    def _pause_s(self, pauses: Pauses) -> float:
        """Of the present pause, beyond what is free."""
        since = pauses.since
        if since is None or since.boot != self._desk.boot:
            return 0.0
        free_s = float(self._settings.idle_free_min) * 60
        return max(0.0, self._desk.now_s - since.at_s - free_s)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` with the decimals of its currency; half a unit counts as a whole one."""
    places = MINOR_UNITS.get(currency, 2)
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def in_words(settings: TariffSettings, prices: Prices) -> str:
    """The prices in English, for consoles; pages have words of their own."""
    free = settings.idle_free_min
    after = f" after {free.normalize():f} min" if free else ""
    parts = (
        (prices.start, "per charge"),
        (prices.energy, "per kWh"),
        (prices.time, "per hour"),
        (prices.idle, f"per hour plugged in when done{after}"),
    )
    told = [f"{price.normalize():f} {settings.currency} {what}" for price, what in parts if price]
    return ", ".join(told) or "free of charge"


def _exact(value: float) -> Decimal:
    return Decimal(str(round(value, 3)))


def _restored(kept: Mapping[str, str]) -> dict[int, Pauses]:
    """What cannot be read costs nobody anything."""
    found: dict[int, Pauses] = {}
    for key, text in kept.items():
        try:
            found[int(key)] = msgspec.json.decode(text, type=Pauses)
        except (ValueError, msgspec.MsgspecError):
            continue
    return found
