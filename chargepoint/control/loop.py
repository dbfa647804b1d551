"""One tick of the safety program: read → step → write → tell, then a little slack for the rest.

    1. each board is read and its EVSE steps; a command that opens goes out at once, before anything
       else is read or written
    2. all other commands
    3. facts to the clients, commands from them (bounded)
    4. if time is left: one further transaction on the bus, a part of a meter reading or a
       technician's; on a bus that is slower than the pace, every SLACK_WAIT_MAX_S all the same, or
       every SLACK_WAIT_CLOSED_S while a contactor is closed

Nothing here waits: the bus bounds every transaction, the server never blocks. A tick does not raise
for anything that a device or a client does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chargepoint.control.journal import note
from chargepoint.control.server import Server
from chargepoint.control.unit import Unit
from chargepoint.ipc import messages as m
from hal.bus.modbus import BusCounters
from hal.bus.polling import Poll, PollingPlan
from hal.errors import DeviceError
from hal.values import BoardCommand

METER_EVERY_S = 1.0
METER_BACKOFF_MAX_S = 10.0
SERVICE_MAX = 8
"""Requests of technicians that may wait."""
SERVICE_REST = 4.0
"""While a contactor is closed technicians rest so many times as long as their last request took:
units that are not there must not hold up every tick, and with it the opening."""

SERVICE_WAIT_CLOSED_S = 0.25
"""Longest wait of a technician for a tick with room, while a contactor is closed."""

SLACK_WAIT_MAX_S = 0.1
"""Longest time without a transaction in the slack, however late the ticks are."""
SLACK_WAIT_CLOSED_S = 0.15
"""The same while a contactor is closed: on a slow bus its opening must not wait behind meters."""
HEALTH_EVERY_S = 1.0
TICKS_REMEMBERED = 512
"""Ticks over which `Health` looks back, about 10 s."""
READS = (1, 2, 3, 4)
UNITS = range(1, 248)
"""Units a technician may ask; 0 would be heard by every device of the bus."""
QUIET_PHASES = (m.Phase.IDLE, m.Phase.OUT_OF_SERVICE)


class Bus(Protocol):
    """The part of the safety bus that the loop itself uses."""

    @property
    def name(self) -> str: ...

    def transact(
        self, unit: int, function: int, address: int, count: int, values: Sequence[int]
    ) -> tuple[int, ...]: ...

    def health(self) -> BusCounters: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A technician's request and who waits for the answer."""

    client: int
    request: m.Transact


class Loop:
    """The EVSEs of one safety bus. `tick` is to be called every `safety.tick_s`."""

    def __init__(
        self,
        units: Sequence[Unit],
        server: Server,
        bus: Bus,
        board_units: frozenset[int],
        boot: str,
        now: Callable[[], float],
        tick_s: float = 0.02,
    ) -> None:
        self._units = {unit.number: unit for unit in units}
        self._server = server
        self._bus = bus
        self._board_units = board_units
        self._now = now
        self._tick_s = tick_s
        now_s = now()
        metered = [unit for unit in units if unit.meter is not None]
        self._plan = PollingPlan(
            [Poll(name=str(unit.number), every_s=METER_EVERY_S) for unit in metered],
            now_s,
            backoff_max_s=METER_BACKOFF_MAX_S,
        )
        self._service: deque[Asked] = deque()
        self._served_last = False
        self._served_s = now_s
        self._service_took_s = 0.0
        self._slack_s = now_s
        self._snapshots = tuple(unit.evse.snapshot() for unit in units)
        self._ticks = 0
        self._durations_s: deque[float] = deque(maxlen=TICKS_REMEMBERED)
        self._health_s = now_s
        self._may_be_closed = set(self._units)
        server.publish(m.Booted(seq=0, at_s=now_s, boot=boot))

    @property
    def units(self) -> Sequence[Unit]:
        return tuple(self._units.values())

    @property
    def quiet(self) -> bool:
        """Nothing is plugged in anywhere: the loop may go slower."""
        return all(snapshot.phase in QUIET_PHASES for snapshot in self._snapshots)

    @property
    def boards_read(self) -> bool:
        """Every board that can be had was read in the last tick.

        A board that is known to be gone does not count: a restart would not bring it back, and
        would stop the other EVSEs.
        """
        return all(unit.looked_after for unit in self._units.values())

    @property
    def at_rest(self) -> bool:
        """All contactors are open."""
        return all(unit.evse.at_rest for unit in self._units.values())

    def tick(self) -> None:
        """One round; bounded in time by the bus."""
        began_s = self._now()
        facts: list[m.Fact] = []
        snapshots: list[m.EvseSnapshot] = []
        later: list[tuple[Unit, BoardCommand]] = []
        for unit in self._units.values():
            reading = unit.read(self._now())
            outputs = unit.step(reading, self._now())
            if not self._opened_now(unit, outputs.command):
                later.append((unit, outputs.command))
            facts += outputs.facts
            snapshots.append(outputs.snapshot)
            facts += unit.take_facts()
        for unit, command in later:
            unit.command(command)
        self._snapshots = tuple(snapshots)
        self._tell(facts)
        self._slack(began_s)
        self._note_tick(began_s)

    def shut_down(self, *, immediate: bool = False) -> None:
        """Begin to stop: in order, or at once. Goes on with `tick` until `at_rest`."""
        for unit in self._units.values():
            unit.evse.shut_down(immediate=immediate)

    def make_safe(self) -> tuple[str, ...]:
        """Command the safe state to all boards; what was not confirmed. Never raises."""
        return tuple(filter(None, [unit.make_safe() for unit in self._units.values()]))

    # --- Writing ----------------------------------------------------------------------------------

    def _opened_now(self, unit: Unit, command: BoardCommand) -> bool:
        """Send a command that opens without waiting for the other boards to be read.

        It stays the first thing of each tick until the board has confirmed it. A command that keeps
        an open contactor open changes pilot or lock at most, and waits its turn.
        """
        if command.closed:
            self._may_be_closed.add(unit.number)
            return False
        if unit.number not in self._may_be_closed:
            return False
        if unit.command(command):
            self._may_be_closed.discard(unit.number)
        return True

    # --- Telling and hearing ----------------------------------------------------------------------

    def _tell(self, facts: list[m.Fact]) -> None:
        for fact in facts:
            note(fact)
            self._server.publish(fact)
        for client, command in self._server.pump(self._snapshots, self._now()):
            self._obey(client, command)

    def _obey(self, client: int, command: m.Command) -> None:
        now_s = self._now()
        if isinstance(command, m.Transact):
            self._queue(client, command)
            return
        number: int = getattr(command, "evse", 0)
        unit = self._units.get(number)
        if unit is None:
            self._refuse(client, f"{type(command).__name__}: no EVSE {number} on this bus")
            return
        evse = unit.evse
        match command:
            case m.RenewLimit(current_a=current_a, until_s=until_s, phases=phases):
                evse.renew_limit(current_a, until_s, now_s, phases)
            case m.RenewPermission(until_s=until_s):
                evse.renew_permission(until_s, now_s)
            case m.Revoke():
                evse.revoke()
            case m.SetOperative(operative=operative):
                evse.set_operative(operative)
            case m.LatchHazard(hazard=hazard, detail=detail, said=said):
                latched, reason = evse.latch_hazard(hazard, detail, said)
                if not latched:
                    self._refuse(client, reason)
            case m.Unlock(request=request):
                self._reply(client, request, *evse.unlock())
            case m.DrivePilot(duty_ratio=duty_ratio, until_s=until_s, request=request):
                self._reply(client, request, *evse.drive_pilot(duty_ratio, until_s, now_s))
            case m.ResetHazard(hazard=hazard, request=request):
                self._reply(client, request, *evse.reset_hazard(hazard))
            case _:
                self._refuse(client, f"{type(command).__name__}: not served")

    def _queue(self, client: int, request: m.Transact) -> None:
        plugged = any(snapshot.connected for snapshot in self._snapshots)
        refusal = ""
        if request.unit not in UNITS:
            refusal = f"unit {request.unit}: expected 1 to 247"
        elif self._writes_to_board(request) and plugged:
            refusal = "writing to a board is refused while a vehicle is connected"
        elif len(self._service) >= SERVICE_MAX:
            refusal = "too many requests wait"
        if refusal:
            self._reply(client, request.request, False, refusal)
        else:
            self._service.append(Asked(client, request))

    def _writes_to_board(self, request: m.Transact) -> bool:
        return request.unit in self._board_units and request.function not in READS

    def _reply(
        self, client: int, request: str, ok: bool, detail: str, values: tuple[int, ...] = ()
    ) -> None:
        fact = m.Replied(
            seq=0, at_s=self._now(), request=request, ok=ok, detail=detail, values=values
        )
        self._server.reply(client, fact)

    def _refuse(self, client: int, detail: str) -> None:
        self._server.reply(client, m.Refused(seq=0, at_s=self._now(), detail=detail))

    # --- Slack ------------------------------------------------------------------------------------

    def _slack(self, began_s: float) -> None:
        """One transaction, if there is time: meters and technicians take turns."""
        now_s = self._now()
        wait_max_s = SLACK_WAIT_MAX_S if self.at_rest else SLACK_WAIT_CLOSED_S
        if now_s - began_s >= self._tick_s and now_s - self._slack_s < wait_max_s:
            return
        self._slack_s = now_s
        due = self._plan.next(now_s)
        asked = self._service and self._service_fits(now_s, began_s + self._tick_s)
        if asked and (due is None or not self._served_last):
            self._served_last = True
            self._serve(self._service.popleft())
            self._served_s = self._now()
            self._service_took_s = self._served_s - now_s
        elif due is not None:
            self._served_last = False
            outcome = self._units[int(due)].read_meter_part(self._now())
            if outcome is not None:
                self._plan.done(due, self._now(), outcome)

    def _service_fits(self, now_s: float, end_s: float) -> bool:
        """Whether a technician's request may go out now.

        While a contactor is closed only when the last one would have ended within this tick, or
        none was served for long.
        """
        if self.at_rest:
            return True
        if now_s - self._served_s < SERVICE_REST * self._service_took_s:
            return False
        overdue = now_s - self._served_s >= SERVICE_WAIT_CLOSED_S
        return overdue or now_s + self._service_took_s <= end_s

    def _serve(self, asked: Asked) -> None:
        request = asked.request
        if self._writes_to_board(request):
            if any(snapshot.connected for snapshot in self._snapshots):
                detail = "a vehicle was connected meanwhile"
                self._reply(asked.client, request.request, False, detail)
                return
            for unit in self._units.values():
                unit.doubt()
            self._may_be_closed.update(self._units)
        try:
            values = self._bus.transact(
                request.unit, request.function, request.address, request.count, request.values
            )
        except (DeviceError, ValueError) as error:
            self._reply(asked.client, request.request, False, str(error))
        else:
            self._reply(asked.client, request.request, True, "", values)

    # --- Health -----------------------------------------------------------------------------------

    def _note_tick(self, began_s: float) -> None:
        now_s = self._now()
        self._ticks += 1
        self._durations_s.append(now_s - began_s)
        if now_s - self._health_s < HEALTH_EVERY_S:
            return
        self._health_s = now_s
        ordered = sorted(self._durations_s)
        counters = self._bus.health()
        health = m.BusHealth(
            bus=self._bus.name,
            requests=counters.requests,
            timeouts=counters.timeouts,
            bad_replies=counters.bad_replies,
            refused=counters.refused,
            down=counters.down,
            latency_p99_s=counters.latency_p99_s,
        )
        self._server.publish(
            m.Health(
                seq=0,
                at_s=now_s,
                ticks=self._ticks,
                tick_p99_s=ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))],
                tick_max_s=ordered[-1],
                buses=(health,),
            )
        )
