"""The station: composes its machines and routes between them, nothing more.

`handle` takes one event and returns what it leads to, in order; `grants` says what each EVSE may do
now; `deadline_s` when to come back without any other event. What the parts are, from the edge
inwards: `cards`, `remote`, `unlocking`, `resets`, `local_desk` (requests), `authorization` with
`local_list`, `token_cache` and `own_cards`, `reservations`, `session` with `charge`, `ending`,
`metering`, `evse_meter` (one per EVSE), `kept_hazards`, `connector_state`, `availability`, `limits`
with `local_limits`, `smart_charging`, `transaction` and `outbox` (the ledger), `counters`, `usage`,
`maintenance`, `tariff`, `security` and `safekeeping`, `files`, `device_model`, `clock`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from chargepoint.station import (
    acceptance,
    availability,
    clock,
    counters,
    device_model,
    events,
    history,
    kept_hazards,
    local_limits,
    local_list,
    maintenance,
    metering,
    outbox,
    own_cards,
    pricing,
    reservations,
    smart_charging,
    token_cache,
    transaction,
    usage,
)
from chargepoint.station.acceptance import Acceptance
from chargepoint.station.authorization import Authorization
from chargepoint.station.availability import Availability
from chargepoint.station.bounds import Bounds
from chargepoint.station.cards import Cards
from chargepoint.station.charge import Evse
from chargepoint.station.clock import Clock, ClockTrust
from chargepoint.station.connector_state import ConnectorReports
from chargepoint.station.counters import Counters
from chargepoint.station.desk import Desk, earliest
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Answer, Effect, Grant, Verdict
from chargepoint.station.events import Event
from chargepoint.station.file_requests import FileRequest
from chargepoint.station.files import Files
from chargepoint.station.forecast import Forecast
from chargepoint.station.free_vending import FreeVending
from chargepoint.station.history import History
from chargepoint.station.kept_hazards import KeptHazards
from chargepoint.station.limits import grants
from chargepoint.station.local_desk import LocalDesk
from chargepoint.station.local_limits import LocalLimits
from chargepoint.station.local_list import LocalList
from chargepoint.station.local_requests import LocalRequest
from chargepoint.station.maintenance import Maintenance
from chargepoint.station.meter_values import MeterValues
from chargepoint.station.metering import AlignedGrid
from chargepoint.station.outbox import Outbox
from chargepoint.station.overview import Overview, evse_overview, ledger_overview
from chargepoint.station.own_cards import OwnCards
from chargepoint.station.prices import PriceRequest
from chargepoint.station.pricing import Pricing
from chargepoint.station.reasons import Circumstances, Reason, reasons
from chargepoint.station.records import IdToken, TransactionEnded, TransactionStarted
from chargepoint.station.remote import Remote
from chargepoint.station.resending import Resending
from chargepoint.station.reservations import Reservations
from chargepoint.station.resets import Resets
from chargepoint.station.safekeeping import Safekeeping
from chargepoint.station.security import SecurityEvents
from chargepoint.station.security_requests import SecurityRequest
from chargepoint.station.session import Leave, Session
from chargepoint.station.settings import EvseSettings, Restored, StationSettings
from chargepoint.station.smart_charging import SmartCharging
from chargepoint.station.token_cache import TokenCache
from chargepoint.station.transaction import TransactionBooks
from chargepoint.station.unlocking import Unlocking
from chargepoint.station.usage import Usage

if TYPE_CHECKING:
    from chargepoint.station.cost import LocalCost
    from chargepoint.station.tariff import Tariff


class Station:
    """One charging station. `boot` is the boot id of the host, the same for all its programs."""

    def __init__(self, settings: StationSettings, restored: Restored, boot: str) -> None:
        self._settings = settings
        self._desk = desk = Desk(boot)
        self.clock = Clock(desk, restored.space(clock.SPACE), settings.built_at)
        self.device_model = DeviceModel(desk, settings, restored.space(device_model.SPACE))
        self._outbox = Outbox(
            desk,
            self.device_model,
            restored.space(outbox.SPACE),
            restored.last_sequence,
            restored.waiting,
        )
        self._acceptance = Acceptance(
            desk, settings.acceptance_needed, restored.space(acceptance.SPACE)
        )
        self.own_cards = OwnCards(
            desk,
            self.clock,
            restored.space(own_cards.SPACE),
            restored.space(own_cards.HEAD_SPACE),
            deciding=settings.own_cards,
            alone=settings.alone,
            day_of=settings.day_of,
        )
        self._history = History(desk, restored.space(history.SPACE), self.own_cards.number)
        self._outbox.remembered = self._history.csms_id
        self._books = TransactionBooks(desk, self._outbox, settings.id, self._history.ended)
        self.resending = Resending(desk, self.clock, self._outbox, self._history)
        self._availability = Availability(
            desk,
            [evse.id for evse in settings.evses],
            restored.space(availability.SPACE),
            restored.space(availability.LOCAL_SPACE),
        )
        self._local_limits = LocalLimits(
            desk, [evse.id for evse in settings.evses], restored.space(local_limits.SPACE)
        )
        self._sessions = {evse.id: self._session(evse) for evse in settings.evses}
        self._reports = ConnectorReports(desk)
        self._reservations = Reservations(
            desk,
            self.device_model,
            self.clock,
            self._sessions,
            self._availability.operative,
            self._reports.state,
            restored.space(reservations.SPACE),
        )
        cache = TokenCache(desk, restored.space(token_cache.SPACE))
        self._list = LocalList(
            desk,
            self.device_model,
            self.clock,
            restored.space(local_list.SPACE),
            restored.space(local_list.HEAD_SPACE),
        )
        self._authorization = Authorization(
            desk, self.device_model, self.clock, self._list, cache, self.own_cards
        )
        self.forecast = Forecast(
            desk,
            self.device_model,
            self._authorization,
            self._reservations,
            self._list.holds,
            self.own_cards,
        )
        self._security = SecurityEvents(desk, self._outbox, self.clock)
        self._safekeeping = Safekeeping(
            desk, self.device_model, self.clock, self._security, settings
        )
        self._cards = Cards(
            desk, self.device_model, self._authorization, self._reservations, self._sessions
        )
        self._smart_charging = SmartCharging(
            desk,
            self.clock,
            settings,
            self._sessions,
            self._outbox.csms_id,
            restored.space(smart_charging.SPACE),
            self._local_limits.limit_a,
        )
        self._bounds = Bounds(
            settings.current_max_a, self._smart_charging.limits, self._local_limits
        )
        self._remote = Remote(
            desk,
            self.device_model,
            self._authorization,
            self._outbox,
            self._sessions,
            self._smart_charging,
            self._reservations,
            settings.remote_start_needs_vehicle,
        )
        self._free_vending = FreeVending(self.device_model, self._sessions, self._admits)
        self.pricing = Pricing(
            desk,
            self.device_model,
            self.clock,
            self._outbox,
            self._history,
            self._sessions,
            restored.space(pricing.SPACE),
        )
        self._unlocking = Unlocking(desk, self._sessions)
        self._counters = Counters(self._sessions, restored.space(counters.SPACE))
        self.usage = Usage(desk, self._sessions, restored.space(usage.SPACE))
        self.maintenance = Maintenance(
            desk,
            self.clock,
            settings.maintenance,
            self._counters,
            self.usage,
            self._sessions,
            restored.space(maintenance.SPACE),
        )
        self._tariff = self._priced(restored)
        self._local_desk = LocalDesk(
            desk,
            self._availability,
            self._local_limits,
            self._unlocking,
            self.maintenance,
            self.own_cards,
            self._sessions,
            self._withdraw_inoperative,
        )
        self._resets = Resets(desk, self._outbox, self._security, self._sessions)
        self._files = Files(
            desk, self.clock, self._security, self._resets, self._sessions, settings, restored
        )
        self._grid = AlignedGrid(desk, self.device_model, self.clock)
        self._meter_values = MeterValues(
            desk, self.device_model, self._grid, self._outbox, self._sessions, settings
        )
        self._kept_hazards = KeptHazards(desk, restored.space(kept_hazards.SPACE))
        self._awake = False
        self._restore(restored)

    # --- The three shapes -------------------------------------------------------------------------

    def handle(self, event: Event, now_s: float) -> list[Effect]:
        """What `event` leads to, in the order in which it must be done."""
        self._desk.begin(now_s)
        if not self._awake:
            self._wake()
        self._pass_time()
        self._route(event)
        self._due()
        return self._counters.riding(self._desk.take())

    def grants(self, now_s: float) -> tuple[Grant, ...]:
        """What the safety program may do with each EVSE now."""
        sessions = tuple(self._sessions.values())
        return grants(
            sessions,
            self._availability.operative,
            self._settings.current_max_a,
            lambda evse: self._smart_charging.limits.limit(evse, now_s),
            self.device_model.text("Ocpp16Ctrlr", "ConnectorPhaseRotation"),
            self._local_limits.limit_a,
        )

    def deadline_s(self) -> float | None:
        """When to come back with Ticked."""
        sessions = self._sessions.values()
        return earliest(
            *(session.deadline_s() for session in sessions),
            self._authorization.deadline_s(),
            self._cards.deadline_s(),
            self._reservations.deadline_s(),
            self._unlocking.deadline_s(),
            self.pricing.deadline_s(),
            self._files.deadline_s(),
            self._resets.deadline_s(),
            self._safekeeping.deadline_s(),
            self._meter_values.deadline_s(),
            self._smart_charging.deadline_s(),
            self._local_limits.deadline_s(),
            self._outbox.deadline_s(),
            self._reports.deadline_s(sessions),
        )

    # --- Life -------------------------------------------------------------------------------------

    def _session(self, settings: EvseSettings) -> Session:
        def operative() -> bool:
            if not self._acceptance.open:
                return False
            return self._startable(settings.id) and not self._resets.pending

        def reservation(leave: Leave) -> int | None:
            return self._reservations.use(settings.id, leave.id_token, leave.info.group)

        evse = Evse(self._desk, self.device_model, self._settings, settings)
        return Session(self._desk, self.device_model, evse, self._books, operative, reservation)

    def _restore(self, restored: Restored) -> None:
        self._follow_kept()
        samples = restored.space(metering.SPACE)
        for key, text in restored.space(transaction.SPACE).items():
            session = self._sessions.get(int(key))
            if session is None:
                self._desk.note("transaction.orphaned", evse=int(key))
            else:
                session.restore(text, samples)
        opened = [each.transaction for each in self._sessions.values() if each.transaction]
        self._outbox.forget_ids_except({each.id for each in opened})
        for key in samples:
            if not any(key.startswith(f"{each.id}/") for each in opened):
                self._desk.delete(metering.SPACE, key, durable=False)

    def _wake(self) -> None:
        self._awake = True
        for session in self._sessions.values():
            session.wake()
        self._security.happened("StartupOfTheDevice")
        self.usage.started()

    def _due(self) -> None:
        """Let every machine do what has become possible; sending and reporting come last."""
        for session in self._sessions.values():
            session.due()
        self._smart_charging.due()
        self._local_limits.due()
        self._meter_values.main.due()
        self._authorization.due()
        self._cards.due()
        self._free_vending.due()
        self.pricing.due()
        if self._tariff is not None:
            self._tariff.due()
        self.maintenance.due()
        self._reservations.due()
        self._unlocking.due()
        self._meter_values.due()
        self._files.due()
        self._resets.due()
        self._safekeeping.due()
        self._outbox.pump()
        self._reports.update(
            self._sessions.values(),
            self._startable,
            self._cards.prepares,
            self._reservations.reserved,
            self._cards.readerless,
            local_list.CONFLICT_FAULT if self._list.in_conflict else None,
        )

    # --- Routing ----------------------------------------------------------------------------------

    def _route(self, event: Event) -> None:
        match event:
            case events.ControlConnected(boot=boot):
                for session in self._sessions.values():
                    session.control_connected(boot, event.at_s)
            case events.ControlLost():
                for session in self._sessions.values():
                    session.control_lost(event.at_s)
            case events.EvseObserved(view=view):
                if view.evse in self._sessions:
                    self._counters.observe(view)
                    self.usage.observe(view)
                    self._sessions[view.evse].observe(view, event.at_s)
            case events.HazardRaised(evse=evse, hazard=hazard):
                if hazard not in self._kept_hazards.of(evse):  # else it was counted before
                    self._counters.hazard(evse, hazard)
                    self._safekeeping.hazard(evse, hazard)
            case events.HazardKept():
                self._kept_hazards.keep(event)
                self._follow_kept()
            case events.HazardForgotten():
                self._kept_hazards.forget(event)
                self._follow_kept()
            case events.ContactorClosed(evse=evse, took_s=took_s):
                self.usage.closed(evse, took_s)
            case events.ContactorOpened(evse=evse, under_load=under_load):
                self._counters.opened(evse, under_load)
            case events.RcdTested(evse=evse, passed=passed):
                self._counters.rcd_tested(evse, passed)
            case events.MeterRead():
                self._meter_read(event)
            case events.TokenPresented():
                self._cards.presented(event)
            case events.ReaderLost():
                self._cards.reader_lost(event)
            case events.ReaderBack():
                self._cards.reader_back(event)
            case events.UnlockFinished():
                self._unlocking.finished(event)
            case events.LocalStartAsked():
                self._remote.start_here(event)
            case PriceRequest():
                self.pricing.request(event)
            case events.ResendRequested():
                self.resending.request(event)
            case events.StopAsked():
                for session in self._sessions.values():
                    session.flush()
                self.usage.flush()
            case events.Ticked() | events.MeterLost():
                pass  # what is due is done after any event; silence is noticed by its age
            case events.ClockRead() | events.TimeGiven():
                self._time_told(event)
            case events.RecordsFetched(records=records):
                self._outbox.fetched(records)
            case events.CsmsAccepted():
                self._desk.online = True
                self._acceptance.accepted()
                self._security.accepted()
            case events.CsmsLost():
                self._desk.online = False
                self._outbox.lost()
                self._authorization.lost()
            case events.AuthorizationAnswered(request=request, info=info):
                self._authorization.answered(request, info)
            case events.AuthorizationUnanswered(request=request):
                self._authorization.unanswered(request)
            case events.RecordAcknowledged():
                self._acknowledged(event)
            case events.RecordRefused():
                self._outbox.refused(event)
            case events.RecordReturned(sequence=sequence):
                self._outbox.returned(sequence)
            case events.RemoteStartRequested():
                self._remote.start(event)
            case events.RemoteStopRequested():
                self._remote.stop(event)
            case events.AvailabilityRequested():
                self._change_availability(event)
            case events.UnlockRequested():
                self._unlocking.request(event)
            case events.ResetRequested():
                self._resets.request(event)
            case events.ClearCacheRequested(call=call):
                cleared = self._authorization.clear_cache()
                self._answer(call, Verdict.ACCEPTED if cleared else Verdict.REJECTED)
            case events.MeterValuesTriggered():
                self._meter_values.trigger(event)
            case events.ChargingProfileSetRequested():
                self._smart_charging.set(event)
            case events.ChargingProfileClearRequested():
                self._smart_charging.clear(event)
            case events.CompositeScheduleRequested():
                self._smart_charging.compose(event)
            case events.LocalListSent():
                self._list.update(event)
            case events.LocalListVersionAsked():
                self._list.tell_version(event)
            case events.ReserveRequested():
                self._reservations.reserve(event)
            case events.CancelReservationRequested():
                self._reservations.cancel(event)
            case SecurityRequest():
                self._safekeeping.handle(event)
            case FileRequest():
                self._files.handle(event)
            case LocalRequest():
                self._local_desk.handle(event)
            case events.VariableSetRequested() if self._safekeeping.takes(event):
                pass  # a key or a profile: answered when it is stored
            case events.VariableSetRequested():
                place = (event.component, event.variable)
                self._answer(event.call, self.device_model.set(*place, event.value))
            case events.HeartbeatIntervalGiven(interval_s=interval_s):
                place = ("OCPPCommCtrlr", "HeartbeatInterval")
                self.device_model.set(*place, str(interval_s), keep=False)
            case _:
                assert_never(event)

    def _pass_time(self) -> None:
        """Until now everything was as the last event left it."""
        views = [session.vehicle.view for session in self._sessions.values()]
        self.usage.passed(view.evse for view in views if view is not None and view.contactor_closed)

    # --- Small change -----------------------------------------------------------------------------

    def _startable(self, evse: int) -> bool:
        """A transaction may start there, as far as CSMS, people here, an installation go."""
        held = evse != 0 and self._files.holding
        return self._availability.operative(evse) and not held

    def _admits(self, evse: int, id_token: IdToken) -> bool:
        return self._reservations.admits(evse, id_token, None)

    def _answer(self, call: events.Call, verdict: Verdict) -> None:
        self._desk.emit(Answer(call=call, verdict=verdict))

    def _follow_kept(self) -> None:
        for session in self._sessions.values():
            session.vehicle.kept = self._kept_hazards.of(session.evse)

    def _meter_read(self, event: events.MeterRead) -> None:
        session = self._sessions.get(event.evse)
        if session is not None:
            view = session.vehicle.view
            closed = None if view is None else view.contactor_closed
            verdict = session.meter.take(event.reading, closed)
            self.usage.metered(event.evse, session.meter.register, verdict)
        elif event.evse == 0:
            self._meter_values.main.take(event.reading, None)

    def _time_told(self, event: events.ClockRead | events.TimeGiven) -> None:
        trust = ClockTrust.CSMS
        if isinstance(event, events.ClockRead):
            host = ClockTrust.RTC if event.rtc else ClockTrust.MONOTONIC
            trust = ClockTrust.NTP if event.synchronised else host
        jump_s = self.clock.told(event.wall, trust, event.at_s)
        if jump_s is not None:
            self._security.happened("SettingSystemTime", f"moved by {jump_s:+.0f} s")
        if jump_s is not None or self._grid.deadline_s() is None:
            self._grid.reset()

    def _acknowledged(self, event: events.RecordAcknowledged) -> None:
        """The answer to a start carries the verdict that counts (A6); to an end, one to learn."""
        record = self._outbox.acknowledged_by(event)
        if isinstance(record, TransactionStarted) and event.csms_transaction_id is not None:
            self._history.named(record.transaction, event.csms_transaction_id)
        if event.info is None or not isinstance(record, TransactionStarted | TransactionEnded):
            return
        if record.id_token is not None:
            self._authorization.learn(record.id_token, event.info)
        if isinstance(record, TransactionStarted) and record.evse in self._sessions:
            self._sessions[record.evse].verdict(record.transaction, event.info)

    def _change_availability(self, event: events.AvailabilityRequested) -> None:
        busy = [evse for evse, session in self._sessions.items() if session.charge is not None]
        self._answer(event.call, self._availability.change(event.evse, event.operative, busy))
        self._withdraw_inoperative()

    def _withdraw_inoperative(self) -> None:
        """Who could have charged at an EVSE that is out of service cannot any more."""
        for evse, session in self._sessions.items():
            if not self._availability.operative(evse):
                session.withdraw()

    def _priced(self, restored: Restored) -> Tariff | None:
        """The tariff; loaded where there is one, because it brings decimals along."""
        if self._settings.tariff is None:
            return None
        from chargepoint.station.tariff import SPACE, Tariff

        kept = restored.space(SPACE)
        flushed_s = self._books.flushed_s
        plan = self._settings.tariff
        return Tariff(self._desk, self.clock, plan, self._sessions, flushed_s, kept)

    # --- At a glance ------------------------------------------------------------------------------

    def local_cost(self, evse: int) -> LocalCost | None:
        """What the transaction at an EVSE costs by the station's own tariff."""
        return None if self._tariff is None else self._tariff.shown(evse)

    def _reasons(self, session: Session, grant: Grant, now_s: float) -> tuple[Reason, ...]:
        evse = session.evse
        return reasons(
            Circumstances(
                session=session,
                grant=grant,
                bounds=self._bounds.of(session, grant, now_s),
                accepted=self._acceptance.open,
                enabled=self._availability.enabled(evse),
                wanted=self._availability.wanted(evse),
                station_wanted=self._availability.wanted(0),
                installing=self._files.holding,
                restarting=self._resets.pending,
                reserved=self._reservations.reserved(evse),
                card_waits=self._cards.prepares(evse),
                asking=self._cards.asking(evse),
                refusal=self._cards.refusal(evse, now_s),
            )
        )

    def reserved_until(self, evse: int) -> datetime | None:
        """When the reservation of this very EVSE ends by itself; None: there is none."""
        return self._reservations.until(evse)

    def overview(self, now_s: float) -> Overview:
        """What status displays show."""
        granted = {grant.evse: grant for grant in self.grants(now_s)}
        whole = self._reports.report(0)
        return Overview(
            evses=tuple(
                evse_overview(
                    session,
                    self._reports,
                    self._outbox,
                    self.clock,
                    self._counters.of(session.evse),
                    self._reasons(session, granted[session.evse], now_s),
                    self._availability.enabled(session.evse),
                    self._local_limits.limit_a(session.evse),
                    now_s,
                )
                for session in self._sessions.values()
            ),
            ledger=ledger_overview(self._outbox, self._desk.boot, now_s),
            clock=self.clock.trust,
            online=self._desk.online,
            station_operative=self._availability.operative(0),
            fault=None if whole is None else whole.fault,
        )
