"""The line to the safety programs, against a small one of our own on a real socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.agent.control_link import UNSENT_MAX_BYTES, ControlLinks, SafetyBus
from chargepoint.agent.latches import Latches
from chargepoint.ipc.codec import decode_command, encode
from chargepoint.ipc.messages import (
    BusHealth,
    Command,
    ContactorOpened,
    DeviceLost,
    Fact,
    HazardCleared,
    HazardRaised,
    Health,
    Hello,
    LatchHazard,
    Measured,
    Observed,
    Phase,
    RcdTested,
    RenewPermission,
    Replied,
    ResetHazard,
    Revoke,
    Snapshot,
    StopCause,
    TokenRead,
    Unlock,
)
from chargepoint.ipc.service import Done
from chargepoint.station import events as ev
from chargepoint.station.events import (
    ControlConnected,
    ControlLost,
    Event,
    EvseObserved,
    EvsePhase,
    MeterLost,
    MeterRead,
    TokenPresented,
    UnlockFinished,
)
from chargepoint.station.kept_hazards import Kept
from hal.values import MeterReading, TokenKind
from tests.agent.samples import snapshot


class SafetyProgram:
    """Answers Hello with a snapshot, keeps what it is told, says what the test wants."""

    def __init__(self, path: Path, evses: tuple[int, ...], boot: str = "b1") -> None:
        self.path, self.evses, self.boot = path, evses, boot
        self.heard: list[Command] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.reads = True
        self.hazards: tuple[str, ...] = ()
        self.before_snapshot: list[Fact] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.close()
        self.writers.clear()

    def say(self, fact: Fact | bytes) -> None:
        self.writers[-1].write(fact if isinstance(fact, bytes) else encode(fact))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while self.reads and (line := await reader.readline()):
            command = decode_command(line)
            self.heard.append(command)
            if isinstance(command, Hello):
                for fact in self.before_snapshot:
                    writer.write(encode(fact))
                evses = tuple(
                    msgspec.structs.replace(snapshot(evse), hazards=self.hazards)
                    for evse in self.evses
                )
                said = Snapshot(seq=7, at_s=1.0, boot=self.boot, evses=evses, missed=False)
                writer.write(encode(said))


class Agent:
    """The links and what the station is told."""

    def __init__(self, programs: list[SafetyProgram], latches: Latches | None = None) -> None:
        self.told: list[Event] = []
        buses = [
            SafetyBus(
                name=program.path.name,
                socket=program.path,
                evses=program.evses,
                meters={f"meter{evse}": evse for evse in program.evses},
            )
            for program in programs
        ]
        self.links = ControlLinks(
            buses, {"cards": (1, 2)}, self._tell, time.monotonic, latches or Latches()
        )

    def _tell(self, event: Event) -> None:
        self.told.append(event)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30.0):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


@asynccontextmanager
async def connected(
    place: Path, *evses: tuple[int, ...], latches: Latches | None = None
) -> AsyncIterator[tuple[Agent, list[SafetyProgram]]]:
    """Safety programs with these EVSEs, and the links to them, all connected."""
    programs = [
        SafetyProgram(place / f"{number}.sock", ids, f"b{number}")
        for number, ids in enumerate(evses or ((1, 2),), start=1)
    ]
    for program in programs:
        await program.start()
    agent = Agent(programs, latches)
    running = asyncio.create_task(agent.links.run())
    try:
        await agent.until(lambda: agent.links.connected)
        yield agent, programs
    finally:
        running.cancel()
        for program in programs:
            program.stop()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_connection_tells_the_boot_and_the_state_of_every_evse(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, _):
        first, *rest = agent.told
        assert isinstance(first, ControlConnected)
        assert first.boot == "b1"
        assert [event.view.evse for event in rest if isinstance(event, EvseObserved)] == [1, 2]
        assert set(agent.links.evses) == {1, 2}


async def test_facts_become_events(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        agent.told.clear()
        reading = MeterReading(taken_s=5.0, energy_import_wh=10.0)
        program.say(Observed(seq=8, at_s=5.0, evse=snapshot(2, Phase.ENERGISED)))
        program.say(Measured(seq=9, at_s=5.0, evse=1, meter=reading))
        program.say(
            TokenRead(seq=10, at_s=5.5, reader="cards", token="AB", kind=TokenKind.ISO14443)
        )
        program.say(DeviceLost(seq=11, at_s=6.0, device="meter2", detail="no reply"))
        program.say(DeviceLost(seq=12, at_s=6.0, device="board1", detail="no reply"))
        await agent.until(lambda: len(agent.told) == 4)
        observed, measured, token, lost = agent.told
        assert isinstance(observed, EvseObserved)
        assert observed.view.phase is EvsePhase.ENERGISED
        assert measured == MeterRead(evse=1, reading=reading)
        assert isinstance(token, TokenPresented)
        assert (token.id_token.value, token.evses, token.at_s) == ("AB", (1, 2), 5.5)
        assert lost == MeterLost(evse=2, at_s=6.0)


async def test_commands_reach_the_program_of_their_evse(tmp_path: Path) -> None:
    async with connected(tmp_path, (1,), (2,)) as (agent, (one, two)):
        agent.links.send(2, Revoke(evse=2))
        agent.links.send(9, Revoke(evse=9))
        await agent.until(lambda: len(two.heard) == 2)
        assert two.heard[1:] == [Revoke(evse=2)]
        assert len(one.heard) == 1


async def test_several_safety_programs_are_one_to_the_station(tmp_path: Path) -> None:
    async with connected(tmp_path, (1,), (2,)) as (agent, (one, _)):
        assert [event.boot for event in agent.of(ControlConnected)] == ["b1+b2"]
        one.hang_up()
        await agent.until(lambda: agent.of(ControlLost))
        await agent.until(lambda: len(agent.of(ControlConnected)) == 2)
        after = agent.told[agent.told.index(agent.of(ControlConnected)[1]) + 1 :]
        assert [event.view.evse for event in after if isinstance(event, EvseObserved)] == [1, 2]


async def test_a_lost_program_is_told_and_met_again_with_what_was_missed(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        program.say(Observed(seq=8, at_s=5.0, evse=snapshot(1)))
        await agent.until(lambda: len(agent.told) == 4)
        program.stop()
        await agent.until(lambda: agent.of(ControlLost))
        assert agent.links.evses == {}
        agent.links.send(1, Revoke(evse=1))
        await program.start()
        await agent.until(lambda: agent.links.connected)
        assert program.heard[-1] == Hello(client="agent", boot="b1", after=8)


async def test_an_unlock_is_answered_in_any_case(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        agent.links.unlock(1, "u1")
        agent.links.unlock(2, "u2")
        agent.links.unlock(3, "u3")
        await agent.until(lambda: len(program.heard) == 3)
        assert program.heard[1] == Unlock(evse=1, request="u1")
        program.say(Replied(seq=0, at_s=1.0, request="u1", ok=True))
        await agent.until(lambda: len(agent.of(UnlockFinished)) == 2)
        program.hang_up()
        await agent.until(lambda: len(agent.of(UnlockFinished)) == 3)
        outcomes = {event.request: event.unlocked for event in agent.of(UnlockFinished)}
        assert outcomes == {"u1": True, "u2": False, "u3": False}
        await agent.until(lambda: agent.links.connected)


async def test_a_line_that_is_no_fact_ends_the_connection_and_a_new_one_follows(
    tmp_path: Path,
) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        program.say(b'{"type":"Nonsense"}\n')
        await agent.until(lambda: agent.of(ControlLost))
        await agent.until(lambda: len(agent.of(ControlConnected)) == 2)


async def test_a_program_that_does_not_read_is_left(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        program.reads = False
        agent.links.send(1, Revoke(evse=1))
        for _ in range(20):
            agent.links.send(1, Unlock(evse=1, request="x" * UNSENT_MAX_BYTES))
        await agent.until(lambda: agent.of(ControlLost))
        program.reads = True
        await agent.until(lambda: agent.links.connected)


async def test_health_is_kept_for_the_status(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        bus = BusHealth(
            bus="1.sock",
            requests=1,
            timeouts=0,
            bad_replies=0,
            refused=0,
            down=False,
            latency_p99_s=0.01,
        )
        health = Health(seq=8, at_s=1.0, ticks=1, tick_p99_s=0.1, tick_max_s=0.2, buses=(bus,))
        program.say(health)
        await agent.until(lambda: agent.links.health)
        assert msgspec.to_builtins(agent.links.health["1.sock"]) == msgspec.to_builtins(health)


# --- Hazards that outlive restarts ----------------------------------------------------------------

WELDED = "contactor_welded"


async def test_a_new_run_hears_of_kept_hazards_before_any_permission(tmp_path: Path) -> None:
    latches = Latches({(2, WELDED): Kept(detail="closed for 1.2 s", boot="b0")})
    async with connected(tmp_path, latches=latches) as (agent, (program,)):
        program.stop()
        await agent.until(lambda: agent.of(ControlLost))
        program.boot = "b2"
        await program.start()
        agent.links.send(2, RenewPermission(evse=2, until_s=9.0))
        while not agent.links.connected:  # whoever renews leases knows nothing of connections
            agent.links.send(2, RenewPermission(evse=2, until_s=9.0))
            await asyncio.sleep(0)
        agent.links.send(2, RenewPermission(evse=2, until_s=9.0))
        await agent.until(lambda: isinstance(program.heard[-1], RenewPermission))
        kinds = [type(command) for command in program.heard]
        second = kinds[kinds.index(Hello, 1) :]
        assert second[:3] == [Hello, LatchHazard, RenewPermission]


async def test_a_hazard_is_told_to_the_next_run_although_nothing_was_written_yet(
    tmp_path: Path,
) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        program.say(HazardRaised(seq=8, at_s=5.0, evse=1, hazard=WELDED, detail="d", persists=True))
        await agent.until(lambda: agent.of(ev.HazardKept))
        assert agent.of(ev.HazardRaised) == [ev.HazardRaised(evse=1, hazard=WELDED, at_s=5.0)]
        program.stop()
        await agent.until(lambda: agent.of(ControlLost))
        program.boot, program.heard = "b2", []
        await program.start()
        await agent.until(lambda: len(program.heard) == 2)
        assert program.heard[1] == LatchHazard(evse=1, hazard=WELDED, detail="d")


async def test_a_hazard_that_was_reset_while_we_were_away_is_forgotten(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        program.say(HazardRaised(seq=8, at_s=5.0, evse=1, hazard=WELDED, detail="d", persists=True))
        await agent.until(lambda: agent.of(ev.HazardKept))
        program.before_snapshot = [HazardCleared(seq=9, at_s=6.0, evse=1, hazard=WELDED)]
        program.hang_up()
        await agent.until(lambda: agent.of(ev.HazardForgotten))
        assert agent.of(ev.HazardForgotten) == [ev.HazardForgotten(evse=1, hazard=WELDED)]
        agent.links.send(1, Revoke(evse=1))
        await agent.until(lambda: Revoke(evse=1) in program.heard)
        assert not any(isinstance(command, LatchHazard) for command in program.heard)


async def test_what_is_counted_becomes_events(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        agent.told.clear()
        program.say(
            ContactorOpened(seq=8, at_s=5.0, evse=1, cause=StopCause.HAZARD, under_load=True)
        )
        program.say(RcdTested(seq=9, at_s=6.0, evse=2, passed=False, detail="no trip"))
        await agent.until(lambda: len(agent.told) == 2)
        assert agent.told == [
            ev.ContactorOpened(evse=1, under_load=True, at_s=5.0),
            ev.RcdTested(evse=2, passed=False, at_s=6.0),
        ]


async def test_the_safety_program_decides_whether_a_hazard_is_lifted(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        asked = asyncio.create_task(agent.links.lift_hazard(2, WELDED))
        await agent.until(lambda: len(program.heard) == 2)
        command = program.heard[1]
        assert isinstance(command, ResetHazard)
        assert (command.evse, command.hazard) == (2, WELDED)
        program.say(
            Replied(seq=0, at_s=1.0, request=command.request, ok=False, detail="still closed")
        )
        assert await asked == Done(ok=False, detail="still closed")


async def test_no_hazard_is_lifted_where_nobody_decides(tmp_path: Path) -> None:
    async with connected(tmp_path) as (agent, (program,)):
        assert not (await agent.links.lift_hazard(9, WELDED)).ok
        program.stop()
        await agent.until(lambda: agent.of(ControlLost))
        assert not (await agent.links.lift_hazard(1, WELDED)).ok
