"""Prices and costs that the CSMS tells: kept for whatever shows them, never reckoned here.

Application note California Pricing, version 3.1, over DataTransfer. The station keeps the price for
a token and the cost of a transaction, sends meter values when the CSMS wants them for its sums, and
tells when a vehicle leaves after the end of its transaction (`IdleFeeAfterStop`), as a record like
any other. None of it decides about charging.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk, earliest
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Answer, ReportMeterValues, Verdict
from chargepoint.station.history import History
from chargepoint.station.option_variables import PRICES
from chargepoint.station.outbox import Outbox
from chargepoint.station.prices import (
    Cost,
    FinalCostTold,
    MeterTrigger,
    PriceRequest,
    RunningCostTold,
    UserPriceTold,
)
from chargepoint.station.records import (
    ChargingState,
    ConnectorUnplugged,
    ReadingContext,
    TransactionId,
)
from chargepoint.station.session import Session

SPACE = "left_plugged"
TOKENS_MAX = 16
"""Tokens whose price is remembered until they are used or overtaken."""

POWER_GRAIN_W = 100.0
"""A power that wavers around the wanted one by less has not crossed it again."""


class _Watch(msgspec.Struct, kw_only=True):
    """A trigger of one transaction, and what was seen last."""

    trigger: MeterTrigger
    above: bool | None = None
    state: ChargingState | None = None
    told_time: bool = False
    told_energy: bool = False


class Pricing:
    """Prices and costs of the EVSEs of one station."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        clock: Clock,
        outbox: Outbox,
        history: History,
        sessions: Mapping[int, Session],
        kept: Mapping[str, str],
    ) -> None:
        self._desk = desk
        self._model = model
        self._clock = clock
        self._outbox = outbox
        self._history = history
        self._sessions = sessions
        self._prices: dict[str, dict[str, str]] = {}
        self._costs: dict[int, Cost] = {}
        self._watches: dict[int, _Watch] = {}
        self._last: dict[int, TransactionId] = {}
        """The transaction at each EVSE, or the one that has just ended there."""
        self._left = {int(key): TransactionId(msgspec.json.decode(kept[key])) for key in kept}
        """Ended transactions whose vehicle has not left."""

    @property
    def enabled(self) -> bool:
        """The feature exists here and is switched on."""
        variable = self._model.get(PRICES, "Enabled")
        return variable is not None and variable.value == "true"

    def shown(self, evse: int) -> Cost | None:
        """What may be shown at an EVSE now."""
        return self._costs.get(evse) if self.enabled else None

    def request(self, event: PriceRequest) -> None:
        """Take what the CSMS tells; NotSupported where there is nothing to show it."""
        verdict = Verdict.NOT_SUPPORTED
        if self.enabled:
            verdict = Verdict.ACCEPTED if self._take(event) else Verdict.REJECTED
        self._desk.emit(Answer(call=event.call, verdict=verdict))

    def due(self) -> None:
        """Follow the sessions: new and ended transactions, triggers, vehicles that leave."""
        if not self.enabled:
            return
        for evse, session in self._sessions.items():
            transaction = session.transaction
            if transaction is not None:
                if self._last.get(evse) != transaction.id:
                    self._begun(evse, session)
                self._watch(evse, session)
            elif evse in self._last:
                self._ended(evse, session)
            self._look_for_leaving(evse, session)

    def deadline_s(self) -> float | None:
        """When a wanted time comes."""
        return earliest(*(self._time_s(watch) for watch in self._watches.values()))

    # --- What the CSMS tells ----------------------------------------------------------------------

    def _take(self, event: PriceRequest) -> bool:
        match event:
            case UserPriceTold(id_token=id_token, texts=texts):
                return self._take_price(id_token.key, texts)
            case RunningCostTold():
                evse = self._running(event.transaction)
                if evse is None:
                    return False
                self._show(evse, cost=event.cost, idle=event.idle)
                self._watches.pop(evse, None)
                if event.trigger is not None:
                    self._watches[evse] = _Watch(trigger=event.trigger)
                return True
            case FinalCostTold():
                evse = self._running(event.transaction) or self._past(event.transaction)
                if evse is None:
                    return False
                self._show(evse, cost=event.cost, final=True, text=self._spoken(event.texts))
                return True
            case _:
                return False

    def _take_price(self, key: str, texts: dict[str, str]) -> bool:
        self._prices.pop(key, None)
        self._prices[key] = texts
        while len(self._prices) > TOKENS_MAX:
            del self._prices[next(iter(self._prices))]
        for evse, session in self._sessions.items():
            transaction = session.transaction
            if transaction is not None and transaction.id_token.key == key:
                self._show(evse, price=self._spoken(texts))
        return True

    def _running(self, csms_id: int) -> int | None:
        for evse, session in self._sessions.items():
            transaction = session.transaction
            if transaction is not None and self._outbox.csms_id(transaction.id) == csms_id:
                return evse
        return None

    def _past(self, csms_id: int) -> int | None:
        """The EVSE whose last transaction this was."""
        for evse, transaction in self._last.items():
            past = self._history.find(transaction)
            if past is not None and past.csms_id == csms_id:
                return evse
        return None

    def _spoken(self, texts: Mapping[str, str]) -> str:
        """In the language that is set, else as the CSMS says it."""
        return texts.get(self._model.text(PRICES, "Language"), texts.get("", ""))

    def _show(self, evse: int, **changed: object) -> None:
        self._costs[evse] = msgspec.structs.replace(self._costs.get(evse, Cost()), **changed)

    # --- Sessions ---------------------------------------------------------------------------------

    def _begun(self, evse: int, session: Session) -> None:
        transaction = session.transaction
        assert transaction is not None
        self._last[evse] = transaction.id
        self._forget_left(evse)
        self._watches.pop(evse, None)
        texts = self._prices.pop(transaction.id_token.key, None)
        price = self._default_price() if texts is None else self._spoken(texts)
        self._costs[evse] = Cost(price=price)

    def _default_price(self) -> str:
        text = self._model.text(PRICES, "DefaultPrice")
        if not text:
            return ""
        prices = msgspec.json.decode(text, type=dict[str, object])
        offline = "" if self._desk.online else prices.get("priceTextOffline", "")
        return str(offline or prices["priceText"])

    def _ended(self, evse: int, session: Session) -> None:
        self._watches.pop(evse, None)
        wanted = self._model.flag(PRICES, "IdleFeeAfterStop")
        transaction = self._last[evse]
        if not session.vehicle.connected:
            return
        past = self._history.find(transaction)
        if wanted and evse not in self._left and past is not None and session.used:
            self._left[evse] = transaction
            self._desk.put(SPACE, str(evse), transaction, durable=True)

    def _look_for_leaving(self, evse: int, session: Session) -> None:
        if evse not in self._left or not session.vehicle.known or session.vehicle.connected:
            return
        transaction = self._left[evse]
        past = self._history.find(transaction)
        self._forget_left(evse)
        self._last.pop(evse, None)
        self._outbox.append(
            ConnectorUnplugged(
                sequence=self._outbox.next_sequence(),
                transaction=transaction,
                evse=evse,
                stamp=self._desk.stamp(),
                csms_id=None if past is None else past.csms_id,
            ),
            durable=True,
        )

    def _forget_left(self, evse: int) -> None:
        if self._left.pop(evse, None) is not None:
            self._desk.delete(SPACE, str(evse), durable=True)

    # --- Meter values for the CSMS's sums ---------------------------------------------------------

    def _watch(self, evse: int, session: Session) -> None:
        watch = self._watches.get(evse)
        if watch is not None and self._wanted(watch, session):
            self._report(evse, session)

    def _wanted(self, watch: _Watch, session: Session) -> bool:
        return any(
            (
                self._time_came(watch),
                _energy_came(watch, session),
                _power_crossed(watch, session),
                _state_began(watch, session),
            )
        )

    def _time_s(self, watch: _Watch) -> float | None:
        """The wanted time on our clock; None: none, told already, or no wall time is known."""
        now = self._clock.now(self._desk.now_s)
        if watch.told_time or watch.trigger.at is None or now is None:
            return None
        return self._desk.now_s + (watch.trigger.at - now).total_seconds()

    def _time_came(self, watch: _Watch) -> bool:
        due_s = self._time_s(watch)
        if due_s is None or due_s > self._desk.now_s:
            return False
        watch.told_time = True
        return True

    def _report(self, evse: int, session: Session) -> None:
        sample = session.metering.sample(ReadingContext.TRIGGER, session.vehicle.view)
        transaction = session.transaction
        if sample is None or transaction is None or not self._desk.online:
            return
        self._desk.emit(
            ReportMeterValues(
                evse=evse,
                samples=(replace(sample, context=ReadingContext.OTHER),),
                transaction=transaction.id,
                csms_transaction_id=self._outbox.csms_id(transaction.id),
            )
        )


def _energy_came(watch: _Watch, session: Session) -> bool:
    wanted_wh, register = watch.trigger.energy_wh, session.meter.fresh_register
    if watch.told_energy or wanted_wh is None or register is None:
        return False
    watch.told_energy = register.energy_wh >= wanted_wh
    return watch.told_energy


def _power_crossed(watch: _Watch, session: Session) -> bool:
    wanted_w, reading = watch.trigger.power_w, session.meter.fresh
    power_w = None if reading is None else reading.power_w
    if wanted_w is None or power_w is None or abs(power_w - wanted_w) < POWER_GRAIN_W:
        return False
    before, watch.above = watch.above, power_w > wanted_w
    return before is not None and before is not watch.above


def _state_began(watch: _Watch, session: Session) -> bool:
    assert session.transaction is not None
    before, watch.state = watch.state, session.transaction.charging_state
    return before is not None and before is not watch.state and watch.state in watch.trigger.states
