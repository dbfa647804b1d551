"""A small world around a station: store, safety program, meters and CSMS, all in virtual time.

The tests speak in verbs (`plug_in`, `card`, `wait`) and look at what reached the CSMS and the
store. Everything here is independent of how the station decides: the store does what effects say,
the safety program follows the grants, the meter counts while its contactor is closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from chargepoint import catalog
from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import ConnectorState, Effect, Grant, Verdict
from chargepoint.station.events import Call, Event, EvsePhase, EvseView
from chargepoint.station.records import (
    IdToken,
    Record,
    SecurityEventHappened,
    TokenInfo,
    TokenStatus,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from chargepoint.station.settings import EvseSettings, Restored, StationSettings
from chargepoint.station.station import Station
from hal.values import MeterReading, PilotState

WALL = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)
"""Wall time at monotonic second 0 of the first host boot."""

START_S = 1000.0
FIRST_WH = 120_000.9
FIRST_CSMS_ID = 500

V, S, U = ("AuthCtrlr", "SampledDataCtrlr", "TxCtrlr")
E = TypeVar("E")


class Store:
    """Does what store effects say; `restored` is what a new station would find."""

    def __init__(self) -> None:
        self.records: dict[int, Record] = {}
        self.quarantined: dict[int, tuple[Record, str]] = {}
        self.spaces: dict[str, dict[str, str]] = {}
        self.last_sequence = 0
        self.written_bytes = 0
        self.durable: list[bool] = []

    def apply(self, effect: Effect) -> None:
        match effect:
            case ef.Append(record=record):
                assert record.sequence > self.last_sequence
                self.records[record.sequence] = record
                self.last_sequence = record.sequence
            case ef.Remove(sequence=sequence):
                self.records.pop(sequence, None)
            case ef.Quarantine(sequence=sequence, code=code):
                self.quarantined[sequence] = (self.records.pop(sequence), code)
            case ef.Release(sequence=sequence):
                del self.quarantined[sequence]
            case ef.Put(space=space, key=key, value=value):
                self.spaces.setdefault(space, {})[key] = value
                self.written_bytes += len(value)
            case ef.Delete(space=space, key=None):
                self.spaces.pop(space, None)
            case ef.Delete(space=space, key=key):
                assert key is not None
                self.spaces.get(space, {}).pop(key, None)
            case _:
                raise AssertionError(effect)

    def fetch(self, effect: ef.Fetch) -> tuple[Record, ...]:
        found = [self.records[n] for n in sorted(self.records) if n > effect.after]
        return tuple(found[: effect.limit])

    def restored(self) -> Restored:
        spaces = {name: dict(keys) for name, keys in self.spaces.items()}
        return Restored(spaces=spaces, last_sequence=self.last_sequence, waiting=len(self.records))


STORE_EFFECTS = (ef.Append, ef.Remove, ef.Quarantine, ef.Release, ef.Put, ef.Delete)


@dataclass
class Evse:
    """Vehicle, contactor and meter of one EVSE."""

    id: int
    energy_wh: float = FIRST_WH
    connected: bool = False
    asks: bool = True
    closed: bool = False
    plug_in: int = 0
    phase: EvsePhase = EvsePhase.IDLE
    hazards: tuple[str, ...] = ()
    offered_a: float = 0.0
    metered: bool = True
    """The meter answers."""
    heard: bool = True
    """The board answers."""


@dataclass
class Csms:
    """What the CSMS of this world knows and how it answers."""

    answers: bool = True
    verdicts: dict[str, TokenInfo] = field(default_factory=dict)
    start_status: TokenStatus = TokenStatus.ACCEPTED
    refuses: dict[type, str] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    used_ids: list[int | None] = field(default_factory=list)
    """csms_transaction_id of each record that reached it."""
    given_up: list[bool] = field(default_factory=list)

    def verdict(self, id_token: IdToken) -> TokenInfo:
        return self.verdicts.get(id_token.value, TokenInfo(status=TokenStatus.ACCEPTED))


class World:
    """The station and what it lives in."""

    def __init__(
        self,
        *,
        evses: int = 1,
        socket: bool = False,
        meters: bool = True,
        online: bool = True,
        variables: Mapping[tuple[str, str], str] | None = None,
        **settings: object,
    ) -> None:
        self.now_s = START_S
        self.settings = StationSettings(
            id="TEST",
            evses=tuple(
                EvseSettings(id=n, current_max_a=16.0, socket=socket, has_meter=meters)
                for n in range(1, evses + 1)
            ),
            variables=variables or {},
            **settings,  # type: ignore[arg-type]
        )
        self.evses = {n: Evse(n, metered=meters) for n in range(1, evses + 1)}
        self.store = Store()
        self.csms = Csms()
        self.effects: list[Effect] = []
        self.host_boot, self.control_boot = 1, 1
        self.online = False
        self.before_effect: Callable[[Effect], None] = lambda effect: None
        self._calls = 0
        self._events: deque[Event] = deque()
        self.start()
        if online:
            self.accept()

    # --- Life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """A new agent on what the store holds; the safety program and the meters are there."""
        self.station = Station(self.settings, self.store.restored(), f"host-{self.host_boot}")
        self.online = False
        self.tell(ev.ControlConnected(boot=f"control-{self.control_boot}", at_s=self.now_s))
        for evse in self.evses.values():
            self.observe(evse)
        for evse in self.evses:
            self.meter(evse)

    def kill_agent(self, away_s: float = 2.0) -> None:
        """The agent dies and comes back; the safety program goes on."""
        self.station = None  # type: ignore[assignment]
        self._pass(away_s)
        self.start()

    def kill_control(self) -> None:
        """The safety program dies, contactors open, and it comes back."""
        self.tell(ev.ControlLost(at_s=self.now_s))
        self._restarted_control()
        self.now_s += 1.0
        self.tell(ev.ControlConnected(boot=f"control-{self.control_boot}", at_s=self.now_s))
        for evse in self.evses.values():
            self.observe(evse)

    def kill_both(self, *, host: bool = False, away_s: float = 60.0) -> None:
        """Both programs die; with `host` the power was away too."""
        self.station = None  # type: ignore[assignment]
        self._restarted_control()
        self.now_s += away_s
        if host:
            self.host_boot += 1
            self.now_s = 20.0
        self.start()

    def _restarted_control(self) -> None:
        self.control_boot += 1
        for evse in self.evses.values():
            evse.closed, evse.offered_a = False, 0.0
            evse.plug_in = 1 if evse.connected else 0
            evse.phase = EvsePhase.CONNECTED if evse.connected else EvsePhase.IDLE

    # --- Verbs ------------------------------------------------------------------------------------

    def accept(self) -> None:
        """The CSMS is there and has accepted us."""
        self.online = True
        wall = WALL + timedelta(seconds=self.now_s)
        self.tell(ev.TimeGiven(wall=wall, at_s=self.now_s))
        self.tell(ev.CsmsAccepted(at_s=self.now_s))

    def away(self) -> None:
        """The link to the CSMS is gone."""
        self.online = False
        self.tell(ev.CsmsLost(at_s=self.now_s))

    def plug_in(self, evse: int = 1) -> None:
        it = self.evses[evse]
        it.connected, it.phase, it.plug_in = True, EvsePhase.CONNECTED, it.plug_in + 1
        self.observe(it)

    def unplug(self, evse: int = 1) -> None:
        it = self.evses[evse]
        it.connected, it.closed, it.phase, it.offered_a = False, False, EvsePhase.IDLE, 0.0
        self.observe(it)

    def asks(self, evse: int, asks: bool) -> None:
        """The vehicle asks for energy, or pauses."""
        self.evses[evse].asks = asks
        self._control()

    def card(self, token: str, reader: str = "cards", evses: tuple[int, ...] = ()) -> None:
        self.tell(
            ev.TokenPresented(
                reader=reader,
                id_token=IdToken(value=token),
                evses=evses or tuple(self.evses),
                at_s=self.now_s,
            )
        )

    def hazard(self, evse: int, *hazards: str) -> None:
        it = self.evses[evse]
        it.hazards = hazards
        if hazards:
            it.closed, it.phase, it.offered_a = False, EvsePhase.FAULTED, 0.0
        else:
            it.phase = EvsePhase.CONNECTED if it.connected else EvsePhase.IDLE
        self.observe(it)

    def board_silent(self, evse: int) -> None:
        """The contactor stays as it is, and nobody knows."""
        it = self.evses[evse]
        it.heard, it.hazards, it.phase, it.offered_a = (
            False,
            ("board_lost",),
            EvsePhase.FAULTED,
            0.0,
        )
        self.observe(it)

    def watchdog_ran_out(self, evse: int) -> None:
        """The contactor of a silent board is open by now."""
        it = self.evses[evse]
        it.heard, it.closed = True, False
        self.observe(it)

    def meter(self, evse: int, energy_wh: float | None = None, **fields: object) -> None:
        """The meter is read; `energy_wh` sets its register first."""
        it = self.evses[evse]
        it.energy_wh = it.energy_wh if energy_wh is None else energy_wh
        if it.metered:
            reading = MeterReading(
                taken_s=self.now_s,
                energy_import_wh=it.energy_wh,
                voltage_v=(230.0, 231.0, 232.0),
                current_a=(16.0, 16.0, 16.0) if it.closed else (0.0, 0.0, 0.0),
                power_w=11_000.0 if it.closed else 0.0,
            )
            self.tell(ev.MeterRead(evse=evse, reading=replace(reading, **fields)))  # type: ignore[arg-type]

    def wait(self, duration_s: float, step_s: float = 1.0) -> None:
        """Time passes: meters are read every `step_s`, deadlines are kept."""
        end_s = self.now_s + duration_s
        while self.now_s < end_s:
            self._tick_until(min(self.now_s + step_s, end_s))
            for evse in self.evses:
                self.meter(evse)

    def ask(self, make: Callable[[Call], Event]) -> Verdict | None:
        """The CSMS asks; the verdict, or None while there is no answer."""
        self._calls += 1
        call = Call(f"call-{self._calls}")
        self.tell(make(call))
        return self.verdict(call)

    def verdict(self, call: str) -> Verdict | None:
        answers = [each for each in self.of(ef.Answer) if each.call == call]
        assert len(answers) <= 1
        return answers[0].verdict if answers else None

    def set(self, component: str, variable: str, value: str) -> Verdict | None:
        return self.ask(
            lambda call: ev.VariableSetRequested(
                call=call, component=component, variable=variable, value=value, at_s=self.now_s
            )
        )

    def remote_start(self, token: str, evse: int | None = 1, **more: object) -> Verdict | None:
        return self.ask(
            lambda call: ev.RemoteStartRequested(
                call=call,
                id_token=IdToken(value=token),
                evse=evse,
                at_s=self.now_s,
                **more,  # type: ignore[arg-type]
            )
        )

    def remote_stop(self, transaction: str | int) -> Verdict | None:
        return self.ask(
            lambda call: ev.RemoteStopRequested(call=call, transaction=transaction, at_s=self.now_s)
        )

    def operative(self, evse: int, operative: bool) -> Verdict | None:
        return self.ask(
            lambda call: ev.AvailabilityRequested(
                call=call, evse=evse, operative=operative, at_s=self.now_s
            )
        )

    def reset(self, kind: ev.ResetKind) -> Verdict | None:
        return self.ask(lambda call: ev.ResetRequested(call=call, kind=kind, at_s=self.now_s))

    def charging(self, evse: int = 1, token: str = "04A1") -> None:
        """Plug, card, and a minute of energy."""
        self.plug_in(evse)
        self.card(token)
        self.wait(60.0, step_s=5.0)

    # --- Looking ----------------------------------------------------------------------------------

    def of(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def notes(self) -> list[str]:
        return [note.name for note in self.of(ef.Note)]

    @property
    def delivered(self) -> list[Record]:
        """Transaction records that the CSMS has, in their order of arrival."""
        return [r for r in self.csms.records if not isinstance(r, SecurityEventHappened)]

    @property
    def starts(self) -> list[TransactionStarted]:
        return [r for r in self.csms.records if isinstance(r, TransactionStarted)]

    @property
    def ends(self) -> list[TransactionEnded]:
        return [r for r in self.csms.records if isinstance(r, TransactionEnded)]

    @property
    def updates(self) -> list[TransactionUpdated]:
        return [r for r in self.csms.records if isinstance(r, TransactionUpdated) and r.samples]

    def states(self, evse: int = 1) -> list[ConnectorState]:
        """All states that were reported of one EVSE, in order."""
        reports = [each.report for each in self.of(ef.ReportConnector)]
        return [report.state for report in reports if report.evse == evse]

    def state(self, evse: int = 1) -> ConnectorState | None:
        return (self.states(evse) or [None])[-1]  # type: ignore[list-item]

    def grant(self, evse: int = 1) -> Grant:
        return next(each for each in self.station.grants(self.now_s) if each.evse == evse)

    def forget(self) -> None:
        """Look only at what comes from here on."""
        self.effects = []

    # --- Machinery --------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """One event, carried out to the end, then what the others make of it."""
        self._events.append(event)
        if len(self._events) > 1:
            return  # told while another one is in hand: its turn comes below
        try:
            while self._events:
                self._carry_out(self.station.handle(self._events[0], self.now_s))
                if len(self._events) == 1:
                    self._control()
                self._events.popleft()
        finally:
            self._events.clear()

    def observe(self, evse: Evse) -> None:
        pilot = PilotState.A if not evse.connected else PilotState.B
        if evse.connected and evse.asks:
            pilot = PilotState.C
        view = EvseView(
            evse=evse.id,
            phase=evse.phase,
            pilot=pilot,
            plug_in=evse.plug_in,
            connected=evse.connected,
            contactor_closed=evse.closed if evse.heard else None,
            offered_a=evse.offered_a,
            limit_a=16.0,
            cable_current_a=None,
            locked=None,
            temperature_c=31.0,
            hazards=evse.hazards,
        )
        self.tell(ev.EvseObserved(view=view, at_s=self.now_s))

    def _carry_out(self, effects: list[Effect]) -> None:
        answers: list[Event] = []
        for effect in effects:
            self.before_effect(effect)
            self.effects.append(effect)
            if isinstance(effect, STORE_EFFECTS):
                self.store.apply(effect)
            elif isinstance(effect, ef.Fetch):
                answers.append(ev.RecordsFetched(records=self.store.fetch(effect)))
            elif isinstance(effect, ef.Note):
                assert effect.name in catalog.entries(), effect
            elif self.online and self.csms.answers:
                answers += self._csms_answers(effect)
        for event in answers:
            self.tell(event)

    def _csms_answers(self, effect: Effect) -> list[Event]:
        if isinstance(effect, ef.AskAuthorization):
            info = self.csms.verdict(effect.id_token)
            answer = ev.AuthorizationAnswered(request=effect.request, info=info, at_s=self.now_s)
            return [answer]
        if isinstance(effect, ef.SendRecord):
            return [self._csms_takes(effect)]
        return []

    def _csms_takes(self, effect: ef.SendRecord) -> Event:
        record = effect.record
        code = self.csms.refuses.get(type(record))
        if code is not None:
            return ev.RecordRefused(
                sequence=record.sequence,
                at_s=self.now_s,
                code=code,
                not_supported=code == "NotSupported",
            )
        self.csms.records.append(record)
        self.csms.used_ids.append(effect.csms_transaction_id)
        self.csms.given_up.append(effect.start_given_up)
        number, info = None, None
        if isinstance(record, TransactionStarted):
            ids = self.csms.ids
            number = ids.setdefault(record.transaction, FIRST_CSMS_ID + len(ids))
            info = replace(self.csms.verdict(record.id_token), status=self.csms.start_status)
        return ev.RecordAcknowledged(
            sequence=record.sequence, at_s=self.now_s, csms_transaction_id=number, info=info
        )

    def _control(self) -> None:
        """The safety program follows the grants."""
        for grant in self.station.grants(self.now_s):
            evse = self.evses[grant.evse]
            if evse.hazards or not evse.connected:
                continue
            offered = grant.current_a if grant.permitted and grant.current_a >= 6.0 else 0.0
            phase = EvsePhase.CONNECTED
            if offered:
                phase = EvsePhase.ENERGISED if evse.asks else EvsePhase.OFFERING
            closed = phase is EvsePhase.ENERGISED
            if (phase, closed, offered) != (evse.phase, evse.closed, evse.offered_a):
                evse.phase, evse.closed, evse.offered_a = phase, closed, offered
                self.observe(evse)
                return

    def _tick_until(self, end_s: float) -> None:
        for _ in range(1000):
            deadline_s = self.station.deadline_s()
            if deadline_s is None or deadline_s > end_s:
                break
            self._pass(max(0.0, deadline_s - self.now_s))
            self.now_s = max(self.now_s, deadline_s)
            self.tell(ev.Ticked(at_s=self.now_s))
        else:
            raise AssertionError("the station never comes to rest")
        self._pass(end_s - self.now_s)
        self.now_s = end_s

    def _pass(self, duration_s: float) -> None:
        for evse in self.evses.values():
            if evse.closed:
                evse.energy_wh += 11_000.0 * duration_s / 3600.0
        self.now_s += duration_s
