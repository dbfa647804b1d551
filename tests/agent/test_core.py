"""The pure core: routing between the real station and the real 1.6 adapter, in strict order."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest

from chargepoint.agent.core import (
    CloseSocket,
    Core,
    Due,
    FrameReceived,
    SendText,
    SetGrants,
    ShellEffect,
    SocketClosed,
    SocketOpened,
    UnsettledError,
)
from chargepoint.config import Csms
from chargepoint.ocpp.adapter import Close, Noted, Output, Send, Tell, Trace
from chargepoint.ocpp.v16.adapter import Adapter16
from chargepoint.ocpp.view import BootInformation
from chargepoint.station.effects import (
    Append,
    AskAuthorization,
    Effect,
    Grant,
    Note,
    Put,
    ReportConnector,
    SendRecord,
)
from chargepoint.station.events import (
    AuthorizationUnanswered,
    ControlConnected,
    CsmsAccepted,
    CsmsLost,
    Event,
    EvseObserved,
    EvsePhase,
    EvseView,
    MeterRead,
    RecordReturned,
    Ticked,
    TokenPresented,
)
from chargepoint.station.records import IdToken, TransactionStarted
from chargepoint.station.settings import EvseSettings, Restored, StationSettings
from chargepoint.station.station import Station
from hal.values import MeterReading, PilotState
from tests.agent.samples import started

SOCKET = SocketOpened(connection=1, subprotocol="ocpp1.6")
GRANT = Grant(evse=1, permitted=False, current_a=0.0, operative=True)


class ScriptedStation:
    """A station that answers an event of a type with prepared effects."""

    def __init__(self, **script: Sequence[Effect]) -> None:
        self.script = script
        self.heard: list[Event] = []
        self.given: tuple[Grant, ...] = ()
        self.due_s: float | None = None

    def handle(self, event: Event, now_s: float) -> Sequence[Effect]:
        self.heard.append(event)
        return self.script.get(type(event).__name__, ())

    def grants(self, now_s: float) -> tuple[Grant, ...]:
        return self.given

    def deadline_s(self) -> float | None:
        return self.due_s


class ScriptedAdapter:
    """An adapter that answers an effect of a type, or an entry point, with prepared outputs."""

    subprotocol = "ocpp1.6"

    def __init__(self, **script: Sequence[Output]) -> None:
        self.script = script
        self.heard: list[str] = []
        self.due_s: float | None = None

    def connected(self, now_s: float) -> Sequence[Output]:
        return self._out("connected")

    def disconnected(self, now_s: float) -> Sequence[Output]:
        return self._out("disconnected")

    def received(self, text: str, now_s: float) -> Sequence[Output]:
        return self._out("received")

    def handle(self, effect: Effect, now_s: float) -> Sequence[Output]:
        return self._out(type(effect).__name__)

    def tick(self, now_s: float) -> Sequence[Output]:
        return self._out("tick")

    def deadline_s(self) -> float | None:
        return self.due_s

    def _out(self, name: str) -> Sequence[Output]:
        self.heard.append(name)
        return self.script.get(name, ())


def put(key: str) -> Put:
    return Put(space="s", key=key, value="1", durable=True)


ASK = AskAuthorization(request="r", id_token=IdToken(value="AB"))
TICKED = Ticked(at_s=1.0)


def test_effects_come_out_in_the_order_in_which_they_must_be_done() -> None:
    station = ScriptedStation(Ticked=[put("1"), ASK, put("2")])
    adapter = ScriptedAdapter(AskAuthorization=[Send(text="ask"), Noted(name="a.b")])
    core = Core(station, {"ocpp1.6": adapter})
    core.handle(SOCKET, 1.0)
    assert core.handle(TICKED, 1.0) == [
        put("1"),
        SendText(connection=1, text="ask"),
        Note(name="a.b"),
        put("2"),
    ]


def test_what_the_adapter_tells_is_handled_in_the_same_round() -> None:
    station = ScriptedStation(CsmsAccepted=[put("accepted")])
    adapter = ScriptedAdapter(received=[Tell(event=CsmsAccepted(at_s=1.0)), Send(text="x")])
    core = Core(station, {"ocpp1.6": adapter})
    core.handle(SOCKET, 1.0)
    out = core.handle(FrameReceived(connection=1, text="…"), 1.0)
    assert out == [SendText(connection=1, text="x"), put("accepted")]
    assert core.accepted


def test_frames_of_an_earlier_connection_are_not_heard() -> None:
    adapter = ScriptedAdapter()
    core = Core(ScriptedStation(), {"ocpp1.6": adapter})
    core.handle(SOCKET, 1.0)
    core.handle(SocketClosed(connection=1), 2.0)
    core.handle(SocketOpened(connection=2, subprotocol="ocpp1.6"), 3.0)
    core.handle(FrameReceived(connection=1, text="…"), 3.0)
    core.handle(SocketClosed(connection=1), 3.0)
    assert adapter.heard == ["connected", "disconnected", "connected"]
    assert core.active is adapter


def test_a_second_connection_ends_the_first_one_for_the_adapter() -> None:
    adapter = ScriptedAdapter(disconnected=[Tell(event=CsmsLost(at_s=1.0))])
    core = Core(ScriptedStation(), {"ocpp1.6": adapter})
    core.handle(SOCKET, 1.0)
    core.handle(SocketOpened(connection=2, subprotocol="ocpp1.6"), 2.0)
    assert adapter.heard == ["connected", "disconnected", "connected"]


def test_the_end_of_a_connection_is_told_to_the_station() -> None:
    station = ScriptedStation()
    adapter = ScriptedAdapter(disconnected=[Tell(event=CsmsLost(at_s=2.0))])
    core = Core(station, {"ocpp1.6": adapter})
    core.handle(SOCKET, 1.0)
    core.handle(SocketClosed(connection=1), 2.0)
    assert station.heard == [CsmsLost(at_s=2.0)]
    assert core.active is None
    assert not core.accepted


def test_a_wish_to_close_names_the_connection() -> None:
    adapter = ScriptedAdapter(received=[Close(code=1001, reason="mute")])
    core = Core(ScriptedStation(), {"ocpp1.6": adapter})
    core.handle(SOCKET, 1.0)
    out = core.handle(FrameReceived(connection=1, text="…"), 1.0)
    assert out == [CloseSocket(connection=1, code=1001, reason="mute")]


def test_every_version_hears_of_connectors_and_only_the_one_in_use_of_the_rest() -> None:
    report = ReportConnector(report=None)  # type: ignore[arg-type]
    station = ScriptedStation(Ticked=[report, ASK])
    one, other = ScriptedAdapter(), ScriptedAdapter()
    core = Core(station, {"ocpp2.0.1": one, "ocpp1.6": other})
    core.handle(SOCKET, 1.0)
    core.handle(TICKED, 1.0)
    assert one.heard == ["ReportConnector"]
    assert other.heard == ["connected", "ReportConnector", "AskAuthorization"]


def test_without_any_csms_questions_and_records_come_straight_back() -> None:
    station = ScriptedStation(Ticked=[ASK, SendRecord(record=started(7))])
    core = Core(station, {})
    assert core.handle(TICKED, 1.0) == []
    assert station.heard[1:] == [
        AuthorizationUnanswered(request="r", at_s=1.0),
        RecordReturned(sequence=7, at_s=1.0),
    ]


def test_a_change_of_the_grants_comes_last_and_only_once() -> None:
    station = ScriptedStation(Ticked=[put("1")])
    core = Core(station, {})
    station.given = (GRANT,)
    assert core.handle(TICKED, 1.0) == [put("1"), SetGrants(grants=(GRANT,))]
    assert core.handle(TICKED, 2.0) == [put("1")]
    assert core.grants == (GRANT,)


def test_due_wakes_whoever_asked_for_it() -> None:
    station, adapter = ScriptedStation(), ScriptedAdapter()
    core = Core(station, {"ocpp1.6": adapter})
    core.handle(SOCKET, 1.0)
    station.due_s, adapter.due_s = 5.0, 4.0
    assert core.deadline_s() == 4.0
    core.handle(Due(), 4.0)
    assert (station.heard, adapter.heard) == ([], ["connected", "tick"])
    core.handle(Due(), 5.0)
    assert station.heard == [Ticked(at_s=5.0)]


def test_parts_that_keep_each_other_busy_without_end_are_a_mistake_of_ours() -> None:
    station = ScriptedStation(Ticked=[ASK])
    core = Core(station, {"ocpp1.6": ScriptedAdapter(AskAuthorization=[Tell(event=TICKED)])})
    with pytest.raises(UnsettledError):
        core.handle(TICKED, 1.0)


# --- With the real station and the real adapter ---------------------------------------------------


class World:
    """A core with one EVSE, spoken to as the shell and a CSMS would."""

    def __init__(self) -> None:
        settings = StationSettings(id="CP", vendor="v", model="m", evses=(EvseSettings(id=1),))
        station = Station(settings, Restored(), "boot")
        ids = (str(number) for number in itertools.count(1))
        adapter = Adapter16(
            station,
            BootInformation(vendor="v", model="m"),
            Csms(url="ws://h/x"),
            lambda: next(ids),
        )
        self.core = Core(station, {"ocpp1.6": adapter})
        self.now_s = 100.0
        self.out: list[ShellEffect] = []
        self.answered = 0

    def do(self, happening: Any) -> list[ShellEffect]:
        out = self.core.handle(happening, self.now_s)
        self.out += out
        return out

    def frames(self) -> list[Any]:
        return [json.loads(e.text) for e in self.out if isinstance(e, SendText)]

    def answer(self, payload: dict[str, Any]) -> list[ShellEffect]:
        """The CSMS answers our last call."""
        self.answered += 1
        call = [frame for frame in self.frames() if frame[0] == 2][-1]
        return self.do(FrameReceived(connection=1, text=json.dumps([3, call[1], payload])))

    def answer_all(self) -> None:
        """The CSMS has nothing to say to whatever waits for its answer."""
        while len(self.frames()) > self.answered:
            self.answer({})

    def observe(self, phase: EvsePhase, pilot: PilotState, connected: bool) -> None:
        view = EvseView(
            evse=1,
            phase=phase,
            pilot=pilot,
            plug_in=1 if connected else 0,
            connected=connected,
            contactor_closed=phase is EvsePhase.ENERGISED,
            offered_a=0.0,
            limit_a=32.0,
            cable_current_a=None,
            locked=None,
            temperature_c=None,
            hazards=(),
        )
        self.do(EvseObserved(view=view, at_s=self.now_s))


def test_the_first_word_to_the_csms_is_the_boot_notification() -> None:
    world = World()
    out = world.do(SOCKET)
    sent = [json.loads(e.text) for e in out if isinstance(e, SendText)]
    assert [frame[2] for frame in sent] == ["BootNotification"]
    assert [e.action for e in out if isinstance(e, Trace)] == ["BootNotification"]


def test_a_session_is_stored_before_it_is_told_and_power_comes_last() -> None:
    world = World()
    world.do(ControlConnected(boot="c", at_s=world.now_s))
    world.observe(EvsePhase.IDLE, PilotState.A, False)
    world.do(SOCKET)
    world.answer({"status": "Accepted", "currentTime": "2026-11-24T10:00:00Z", "interval": 300})
    world.answer_all()
    reading = MeterReading(taken_s=world.now_s, energy_import_wh=5000.0)
    world.do(MeterRead(evse=1, reading=reading))
    world.observe(EvsePhase.CONNECTED, PilotState.B, True)
    world.answer_all()
    token = IdToken(value="04A1")
    world.do(TokenPresented(reader="r", id_token=token, evses=(1,), at_s=world.now_s))
    assert world.frames()[-1][2] == "Authorize"
    out = world.answer({"idTagInfo": {"status": "Accepted"}})
    kinds = [type(effect) for effect in out]
    (append,) = [effect for effect in out if isinstance(effect, Append)]
    assert isinstance(append.record, TransactionStarted)
    assert append.durable
    assert kinds[-1] is SetGrants
    grants = [effect.grants for effect in out if isinstance(effect, SetGrants)]
    assert grants[0][0].permitted
