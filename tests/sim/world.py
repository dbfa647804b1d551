"""A whole station in virtual time: plant, safety cores, agent core, disk, a CSMS with its books.

Everything comes from one seed. `run` plays random but possible actions (people, cars, faults,
kills, outages) and checks the invariants after every step; `settle` brings everything back, lets
all records through, and checks the books. A failure names seed and step.
"""

from __future__ import annotations

import heapq
import itertools
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

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
)
from chargepoint.config import Csms
from chargepoint.evse.evse import BoardLevel, Evse, Inputs
from chargepoint.evse.settings import EvseSettings as SafetySettings
from chargepoint.ipc.messages import EvseSnapshot, Phase
from chargepoint.ocpp.v16.adapter import Adapter16
from chargepoint.ocpp.view import BootInformation
from chargepoint.station import events as e
from chargepoint.station.effects import (
    Append,
    Delete,
    Fetch,
    Put,
    Quarantine,
    Remove,
    Restart,
    UnlockConnector,
)
from chargepoint.station.records import IdToken
from chargepoint.station.settings import EvseSettings, StationSettings
from chargepoint.station.station import Station
from hal.errors import NoReply
from hal.values import PilotState
from hil.csms.central import Behaviour, Central
from hil.plant.board import BoardOptions, ReferenceBoard
from hil.plant.evse import PlantEvse
from hil.plant.meter import EnergyMeter
from hil.plant.plant import Plant
from hil.plant.vehicle import Request, Traits, Vehicle
from tests.sim.parts import TRAITS, WATCHDOG_S, Disk, Link, SimBoard, meter_reading
from tests.sim.reason_rules import ReasonRules
from tests.sim.stop_rules import StopRules

BEGIN = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
EVSES = (1, 2)
FINE_S, COARSE_S = 0.1, 8.0
BUSY_S = 1.5
"""After anything happened the world goes in fine steps for this long."""
RENEW_S = 2.5
RECONNECT_S = 3.0
QUEUE_MAX = 2000
SHARED_LINE = 2
"""The EVSE whose meter hangs on the line of its board, and falls silent with it."""
LEASE_GRACE_S = 7.0
"""Ramp-down time and a little for the last step."""
TOKENS = ("04A1B2C3", "04D5E6F7", "04112233")


class Control:
    """The safety side of one EVSE; the board is read in every step."""

    def __init__(self, number: int, board: SimBoard, boot: int) -> None:
        self.number, self.board, self.boot = number, board, boot
        # Steps are coarse while nothing happens, so age alone must not make a reading stale here.
        self.evse = Evse(SafetySettings(evse=number, stale_after_s=2 * COARSE_S), TRAITS)
        self.shown: EvseSnapshot | None = None
        self.failures = 0
        self.left_s: float | None = None
        """Since when the leave has been gone while the contactor is closed."""

    def step(self, meter: Any, now_s: float) -> None:
        try:
            reading = self.board.read(now_s)
            self.failures = 0
        except NoReply:
            reading = None
            self.failures += 1
        level = BoardLevel.LOST if self.failures >= 3 else BoardLevel.HEARD
        outputs = self.evse.step(Inputs(reading=reading, meter=meter, board=level), now_s)
        self.command = outputs.command
        try:
            self.board.command(outputs.command, now_s)
        except NoReply:
            self.failures += 1


class World:
    """One station, two EVSEs, one reader, one CSMS."""

    sockets = False
    """As the station believes; the boards have cables."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.steps = 0
        self.chance = random.Random(seed)
        self.now_s = 1000.0
        self.host_boot = 1
        self.central = Central(Behaviour(), now=self.wall)
        self.link = Link(self.central)
        self.disk = Disk()
        self.plant = self._plant()
        self.boards = {number: SimBoard(self.plant.evses[number]) for number in EVSES}
        self.registers = {number: self.register(number) for number in EVSES}
        self.controls: dict[int, Control] = {}
        self.core: Core | None = None
        self.connection = 0
        self.connected = False
        self.actions: dict[str, int] = {}
        self._busy_until_s = self.now_s + BUSY_S
        self._renewed_s = 0.0
        self._metered_s = 0.0
        self._reconnect_s = self.now_s
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._ids = random.Random(seed + 1)
        self._reasons = ReasonRules(self.expect)
        self.stops = StopRules(EVSES, WATCHDOG_S, self.expect)
        self.start_control()
        self.start_agent()

    def wall(self) -> datetime:
        return BEGIN + timedelta(seconds=self.now_s)

    def register(self, evse: int) -> float:
        return self.plant.evses[evse].meter.values.energy_import_wh

    def _plant(self) -> Plant:
        evses = {}
        for number in EVSES:
            board = ReferenceBoard(BoardOptions(), self.now_s)
            board.set_watchdog(WATCHDOG_S)
            evses[number] = PlantEvse(
                number,
                phases=3,
                connector="cable",
                vehicle=Vehicle(Traits(charge_ratio=0.3, battery_wh=60_000)),
                board=board,
                meter=EnergyMeter(3, self.chance.uniform(1000, 9000)),
            )
        plant = Plant(evses, now_s=self.now_s, step_idle_s=COARSE_S)
        plant.touch()
        return plant

    # --- Programs ---------------------------------------------------------------------------------

    def start_control(self) -> None:
        boot = self.controls[1].boot + 1 if self.controls else 1
        self.controls = {
            number: Control(number, board, boot) for number, board in self.boards.items()
        }
        if self.core is not None:
            self._tell(e.ControlLost(at_s=self.now_s))
            self._connect_control()

    def start_agent(self) -> None:
        settings = StationSettings(
            id="SIM",
            vendor="chargepoint",
            model="sim",
            evses=tuple(
                EvseSettings(id=number, current_max_a=16.0, reader="cards", socket=self.sockets)
                for number in EVSES
            ),
            variables={("SampledDataCtrlr", "TxUpdatedInterval"): "120"},
        )
        station = Station(settings, self.disk.restored(), f"host-{self.host_boot}")
        adapter = Adapter16(
            station,
            BootInformation(vendor="chargepoint", model="sim", connectors=len(EVSES)),
            Csms(url="ws://sim/"),
            lambda: str(uuid.UUID(int=self._ids.getrandbits(128), version=4)),
        )
        self.core = Core(station, {"ocpp1.6": adapter})
        self.connected = False
        self._reconnect_s = self.now_s + 0.2
        self._begin(self.core)
        self._connect_control()

    def _begin(self, core: Core) -> None:
        clock = e.ClockRead(wall=self.wall(), synchronised=False, rtc=False, at_s=self.now_s)
        self._tell(clock)

    def kill_agent(self) -> None:
        """SIGKILL: the disk keeps what was written, the socket goes."""
        self.core = None
        self.connected = False
        self.link.cut()

    def _connect_control(self) -> None:
        boot = f"control-{self.controls[1].boot}"
        self._tell(e.ControlConnected(boot=boot, at_s=self.now_s))
        for control in self.controls.values():
            control.shown = None

    # --- Core and its effects ---------------------------------------------------------------------

    def _tell(self, happening: Any) -> None:
        if self.core is None:
            return
        self._busy_until_s = self.now_s + BUSY_S
        for effect in self.core.handle(happening, self.now_s):
            if self.core is None:
                return
            self._carry_out(effect)

    def _carry_out(self, effect: ShellEffect) -> None:
        self.stops.carried(effect, self.now_s)
        match effect:
            case Append() | Remove() | Quarantine() | Put() | Delete():
                self.disk.apply(effect)
            case Fetch(after=after, limit=limit):
                records = self.disk.fetch(after, limit)
                self._soon(lambda: self._tell(e.RecordsFetched(records=records)))
            case SendText(connection=connection, text=text):
                if self.connected and connection == self.connection:
                    self.link.send(text, self.now_s)
            case CloseSocket():
                self._soon(self._lose_link)
            case UnlockConnector(evse=evse, request=request):
                done, _ = self.controls[evse].evse.unlock()
                finished = e.UnlockFinished(
                    evse=evse, request=request, unlocked=done, at_s=self.now_s
                )
                self._soon(lambda: self._tell(finished))
            case Restart():
                self._soon(self._restart)
            case SetGrants():
                self._renew()
            case _:
                pass

    def _soon(self, action: Callable[[], None]) -> None:
        self.at(self.now_s, action)

    def at(self, at_s: float, action: Callable[[], None]) -> None:
        """Do something at an instant."""
        heapq.heappush(self._later, (at_s, next(self._order), action))

    def _restart(self) -> None:
        self.kill_agent()
        self.at(self.now_s + 1.0, self.start_agent)

    def _renew(self) -> None:
        self._renewed_s = self.now_s
        assert self.core is not None
        for grant in self.core.grants:
            evse = self.controls[grant.evse].evse
            evse.set_operative(grant.operative)
            evse.renew_limit(grant.current_a, self.now_s + 10.0, self.now_s)
            if grant.permitted:
                evse.renew_permission(self.now_s + 120.0, self.now_s)
            else:
                evse.revoke()

    def _lose_link(self) -> None:
        if self.connected:
            self.connected = False
            self.link.cut()
            self._reconnect_s = self.now_s + RECONNECT_S
            self._tell(SocketClosed(connection=self.connection))

    # --- Time -------------------------------------------------------------------------------------

    def run(self, duration_s: float, act: bool = True) -> None:
        """Let time pass, with random actions if `act`."""
        until_s = self.now_s + duration_s
        if act:
            self._plan_action()
        while self.now_s < until_s:
            self._step(min(until_s, self._next_s()))
            self._check()

    def _next_s(self) -> float:
        busy = self.now_s < self._busy_until_s or any(
            evse.moving for evse in self.plant.evses.values()
        )
        step_s = self.now_s + (FINE_S if busy else COARSE_S)
        due = [self._later[0][0]] if self._later else []
        if self.core is not None and (core_s := self.core.deadline_s()) is not None:
            due.append(core_s)
        if self.core is not None and not self.connected and self.link.up:
            due.append(self._reconnect_s)
        if (link_s := self.link.due_s()) is not None:
            due.append(link_s)
        due += [
            at_s
            for control in self.controls.values()
            if (at_s := control.evse.deadline_s()) is not None
        ]
        return max(self.now_s + 0.001, min([step_s, *due]))

    def _step(self, to_s: float) -> None:
        self.steps += 1
        self.now_s = to_s
        self.plant.advance(to_s)
        while self._later and self._later[0][0] <= to_s:
            heapq.heappop(self._later)[2]()
        self._step_controls()
        self._step_link()
        if self.core is not None:
            due_s = self.core.deadline_s()
            if due_s is not None and due_s <= self.now_s:
                self._tell(Due())
        if self.core is not None and self.now_s - self._renewed_s >= RENEW_S:
            self._renew()

    def _step_controls(self) -> None:
        metered = self.now_s - self._metered_s >= 1.0
        for number, control in self.controls.items():
            heard = metered and not (number == SHARED_LINE and self.boards[number].silent)
            reading = meter_reading(self.plant.evses[number], self.now_s) if heard else None
            control.step(reading, self.now_s)
            snapshot = msgspec.structs.replace(control.evse.snapshot(), temperature_c=None)
            if snapshot != control.shown:
                control.shown = snapshot
                self._tell(e.EvseObserved(view=view(snapshot), at_s=self.now_s))
            if reading is not None and self.core is not None:
                for effect in self.core.handle(
                    e.MeterRead(evse=number, reading=reading), self.now_s
                ):
                    self._carry_out(effect)
        if metered:
            self._metered_s = self.now_s
        self.plant.touch()

    def _step_link(self) -> None:
        if self.core is None:
            return
        if not self.connected and self.link.up and self.now_s >= self._reconnect_s:
            self.connection += 1
            self.connected = True
            self._tell(SocketOpened(connection=self.connection, subprotocol="ocpp1.6"))
        for text in self.link.take(self.now_s):
            if self.connected:
                self._tell(FrameReceived(connection=self.connection, text=text))

    # --- Actions ----------------------------------------------------------------------------------

    def _plan_action(self) -> None:
        wait_s = self.chance.expovariate(1 / 240.0)
        self.at(self.now_s + wait_s, self._act)

    def _act(self) -> None:
        name, action = self.chance.choice(self._possible())
        self.actions[name] = self.actions.get(name, 0) + 1
        self._busy_until_s = self.now_s + BUSY_S
        action()
        self._plan_action()

    def _possible(self) -> list[tuple[str, Callable[[], None]]]:
        number = self.chance.choice(EVSES)
        evse = self.plant.evses[number]
        token = self.chance.choice(TOKENS)
        soon_s = self.now_s + self.chance.uniform(0.05, 90.0)
        found: list[tuple[str, Callable[[], None]]] = [
            ("card", lambda: self.card(token)),
            ("card", lambda: self.card(token)),
            ("remote start", lambda: self._remote_start(number)),
            ("remote stop", self._remote_stop),
            ("csms away", lambda: self._csms_away(soon_s)),
            ("csms refuses", lambda: self._csms_refuses(soon_s)),
            ("agent killed", lambda: self._agent_killed(soon_s)),
            ("control restarted", self.start_control),
            ("both killed", lambda: self._both_killed(soon_s)),
            ("power lost", self.lose_power),
            ("board silent", lambda: self._board_silent(number)),
            ("inoperative", lambda: self._availability(number)),
            ("meter values asked", lambda: self._trigger(number)),
            ("reset", self._reset),
        ]
        if not evse.vehicle.plugged:
            found += [("plug in", lambda: self._plug_in(number))] * 6
            return found
        found += [("unplug", lambda: self._unplug(number))] * 3
        found += [
            ("pause", lambda: self._vehicle(number, Request.PAUSE, soon_s)),
            ("residual current", lambda: self._fault(number, soon_s)),
            ("current", lambda: self._current(number)),
        ]
        return found

    def card(self, token: str) -> None:
        self._tell(
            e.TokenPresented(
                reader="cards", id_token=IdToken(value=token), evses=EVSES, at_s=self.now_s
            )
        )

    def _plug_in(self, number: int) -> None:
        self.plant.evses[number].vehicle.plug_in()

    def _unplug(self, number: int) -> None:
        self.plant.evses[number].vehicle.unplug()

    def _vehicle(self, number: int, request: Request, until_s: float) -> None:
        vehicle = self.plant.evses[number].vehicle
        vehicle.request = request
        self.at(until_s, lambda: setattr(vehicle, "request", Request.CHARGE))

    def _current(self, number: int) -> None:
        self.plant.evses[number].vehicle.current_max_a = self.chance.uniform(6.0, 20.0)

    def _fault(self, number: int, until_s: float) -> None:
        evse = self.plant.evses[number]
        evse.rcd_fault = True
        self.at(until_s, lambda: setattr(evse, "rcd_fault", False))

    def _board_silent(self, number: int) -> None:
        board = self.boards[number]
        board.silent = True
        self.at(
            self.now_s + self.chance.uniform(0.05, 15.0), lambda: setattr(board, "silent", False)
        )

    def _csms_away(self, until_s: float) -> None:
        self.link.up = False
        self._lose_link()
        away_s = until_s if self.chance.random() < 0.7 else self.now_s + 3600.0
        self.at(away_s, lambda: setattr(self.link, "up", True))

    def _csms_refuses(self, until_s: float) -> None:
        refuse = self.central.behaviour.refuse
        action = self.chance.choice(("MeterValues", "StatusNotification", "Heartbeat"))
        refuse[action] = "InternalError"
        self.at(until_s, lambda: refuse.pop(action, None) and None)

    def _agent_killed(self, until_s: float) -> None:
        if self.core is not None:
            self.kill_agent()
            self.at(until_s, self.start_agent)

    def _both_killed(self, until_s: float) -> None:
        self._agent_killed(until_s)
        self.start_control()

    def lose_power(self) -> None:
        """The host goes down: both programs, the volatile tier and the monotonic clock's boot."""
        back_s = self.now_s + self.chance.uniform(2.0, 600.0)
        self.kill_agent()
        self.disk.lose_power()
        self.host_boot += 1
        for number, evse in self.plant.evses.items():
            assert isinstance(evse.board, ReferenceBoard)
            evse.board.set_contactor(False)
            evse.board.set_duty(1.0)
            self.boards[number].silent = True
        self.start_control()
        self.at(back_s, self._power_back)

    def _power_back(self) -> None:
        for board in self.boards.values():
            board.silent = False
        self.start_control()
        if self.core is None:
            self.start_agent()

    def _remote_start(self, number: int) -> None:
        self._call("RemoteStartTransaction", connectorId=number, idTag="REMOTE")

    def _remote_stop(self) -> None:
        for number in EVSES:
            transaction = self.central.open_transaction("SIM", number)
            if transaction is not None:
                self._call("RemoteStopTransaction", transactionId=transaction.id)
                return

    def _availability(self, number: int) -> None:
        self._call("ChangeAvailability", connectorId=number, type="Inoperative")
        self.at(
            self.now_s + self.chance.uniform(5, 200),
            lambda: self._make_operative(number),
        )

    def _make_operative(self, number: int) -> None:
        if not self.connected:
            self.at(self.now_s + 60.0, lambda: self._make_operative(number))
            return
        self._call("ChangeAvailability", connectorId=number, type="Operative")

    def _trigger(self, number: int) -> None:
        self._call("TriggerMessage", requestedMessage="MeterValues", connectorId=number)

    def _reset(self) -> None:
        self._call("Reset", type=self.chance.choice(("Soft", "Hard")))

    def _call(self, action: str, **payload: object) -> None:
        if self.connected:
            self.link.call(action, payload, self.now_s)

    # --- Invariants -------------------------------------------------------------------------------

    def _check(self) -> None:
        for control in self.controls.values():
            self._check_evse(control)
        for number, evse in self.plant.evses.items():
            silent, register_wh = self.boards[number].silent, self.register(number)
            self.stops.check(
                number, max(evse.current_a), register_wh, silent=silent, now_s=self.now_s
            )
        if self.core is not None:
            assert isinstance(self.core.station, Station)
            snapshots = {number: each.evse.snapshot() for number, each in self.controls.items()}
            self._reasons.check(self.core.station, snapshots, self.now_s)
        waiting = len(self.disk.durable) + len(self.disk.volatile)
        self.expect(waiting < QUEUE_MAX, f"{waiting} records wait")

    def _check_evse(self, control: Control) -> None:
        snapshot = control.evse.snapshot()
        if not control.command.closed:
            control.left_s = None
        else:
            name = f"EVSE {control.number} closed"
            self.expect(snapshot.pilot is PilotState.C, f"{name} in pilot {snapshot.pilot}")
            stopping = set(snapshot.hazards) - {"over_temperature", "over_current"}
            self.expect(not stopping, f"{name} with {snapshot.hazards}")
            if snapshot.permitted:
                control.left_s = None
            elif control.left_s is None:
                control.left_s = self.now_s
            else:
                away_s = self.now_s - control.left_s
                self.expect(
                    away_s < LEASE_GRACE_S + COARSE_S, f"{name} {away_s:.1f} s without leave"
                )
            self.expect(
                snapshot.phase in (Phase.CLOSING, Phase.ENERGISED, Phase.STOPPING),
                f"{name} in {snapshot.phase}",
            )
        self.expect(
            snapshot.offered_a <= max(snapshot.limit_a, 0.0) + 1e-6,
            f"EVSE {control.number} offers {snapshot.offered_a} of {snapshot.limit_a} A",
        )

    def settle(self) -> None:
        """Everything works again, every car leaves, every record gets through; check the books."""
        self._later = [entry for entry in self._later if entry[2] != self._act]
        self.central.behaviour.refuse.clear()
        for number in EVSES:
            self.boards[number].silent = False
            self.plant.evses[number].rcd_fault = False
            self.plant.evses[number].vehicle.request = Request.CHARGE
        self.run(700.0, act=False)
        self.link.up = True
        if self.core is None:
            self.start_agent()
        self.run(60.0, act=False)
        for number in EVSES:
            self._unplug(number)
        self.run(1200.0, act=False)
        self._check_books()

    def _check_books(self) -> None:
        self.expect(self.central.violations == [], f"violations: {self.central.violations[:3]}")
        self.expect(not self.disk.durable, f"still owed: {list(self.disk.durable.values())[:3]}")
        self.expect(not self.disk.volatile, "samples are still owed")
        for number in EVSES:
            mine = [
                t for t in self.central.transactions.values() if t.start["connectorId"] == number
            ]
            register = int(self.registers[number])
            for transaction in mine:
                self.expect(transaction.stop is not None, f"{transaction.id} has no end")
                assert transaction.stop is not None
                self.expect(
                    transaction.start["meterStart"] == register,
                    f"{transaction.id} starts at {transaction.start['meterStart']}, not {register}",
                )
                self.expect(
                    transaction.start["timestamp"] <= transaction.stop["timestamp"],
                    f"{transaction.id} ends before it starts",
                )
                register = transaction.stop["meterStop"]
            now_wh = int(self.register(number))
            self.expect(
                register == now_wh,
                f"EVSE {number}: {now_wh - register} Wh were never reported",
            )

    def expect(self, holds: bool, what: str) -> None:
        """An invariant; names seed and step when it does not hold."""
        if not holds:
            raise AssertionError(f"seed {self.seed}, step {self.steps}, {self.now_s:.2f} s: {what}")


def view(snapshot: EvseSnapshot) -> e.EvseView:
    """What the agent is told of an EVSE."""
    return e.EvseView(
        evse=snapshot.evse,
        phase=e.EvsePhase(snapshot.phase.value),
        pilot=snapshot.pilot,
        plug_in=snapshot.plug_in,
        connected=snapshot.connected,
        contactor_closed=snapshot.contactor_closed,
        offered_a=snapshot.offered_a,
        limit_a=snapshot.limit_a,
        cable_current_a=snapshot.cable_current_a,
        locked=snapshot.locked,
        temperature_c=snapshot.temperature_c,
        hazards=snapshot.hazards,
        limited_by=snapshot.limited_by,
        phases=snapshot.phases,
    )
