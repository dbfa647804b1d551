"""What is done to a station: an abuse goes on until it is cancelled, then takes itself back."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from chargepoint.ipc.codec import encode
from chargepoint.ipc.messages import Hello, RenewLimit
from hil.csms.server import CallFailed
from tests.system.abuse.station import EVSES, Station

Abuse = Callable[[Station], Awaitable[None]]
BUS = "safety"
FLOOD_CALLS = 60
AGENT_ROOM_BYTES = 256 * 1024
CONTROL_ROOM_BYTES = 0
DAMAGED_RATIO = 0.05
DISK_ROOM_BYTES = 16 * 1024
UNLIMITED = resource.RLIM_INFINITY


# --- The agent ------------------------------------------------------------------------------------


async def agent_flooded(station: Station) -> None:
    """The CSMS sends as many calls as it can."""
    with station.judge.disturbed.open():
        while True:
            calls = [
                station.csms.call(station.identity, "GetConfiguration", {})
                for _ in range(FLOOD_CALLS)
            ]
            answers = await asyncio.gather(*calls, return_exceptions=True)
            if any(isinstance(answer, CallFailed) for answer in answers):
                await asyncio.sleep(0.2)


async def agent_stopped(station: Station) -> None:
    """SIGSTOP for as long as it lasts: the leases run out."""
    process = station.process("agent")
    with station.judge.agent_away.open():
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(3600.0)
        finally:
            process.send_signal(signal.SIGCONT)


async def agent_killed(station: Station) -> None:
    """SIGKILL at random instants, and started again."""
    try:
        while True:
            await asyncio.sleep(station.chance.uniform(0.3, 3.0))
            await station.kill("agent")
            await asyncio.sleep(station.chance.uniform(0.0, 1.5))
            await station.revive("agent")
    finally:
        await station.revive("agent")


async def agent_gone(station: Station) -> None:
    """Killed, and nobody starts it."""
    await station.kill("agent")
    try:
        with station.judge.agent_away.open():
            await asyncio.sleep(3600.0)
    finally:
        await station.revive("agent")


async def clock_leaps(station: Station) -> None:
    """The agent's wall clock leaps by seconds, hours and years, back and forth."""
    place = str(station.stage.config_path)
    command = [sys.executable, "-m", "tests.system.abuse.programs", "agent", place]
    station.agent_command = command
    await station.kill("agent", signal.SIGTERM)
    await station.revive("agent")
    try:
        await asyncio.sleep(3600.0)
    finally:
        station.agent_command = None
        await station.kill("agent", signal.SIGTERM)
        await station.revive("agent")


async def disk_full(station: Station) -> None:
    """No file of the agent may grow by more than a little: ledger, log and all."""
    process = station.process("agent")
    sizes = [path.stat().st_size for path in _files(station.stage.config.state_dir)]
    limit = min(sizes, default=0) + DISK_ROOM_BYTES
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, UNLIMITED))
    try:
        await asyncio.sleep(3600.0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))


async def agent_short_of_memory(station: Station) -> None:
    """The agent is flooded and may not grow."""
    with _no_more_memory(station, "agent", AGENT_ROOM_BYTES):
        await agent_flooded(station)


# --- The safety program ---------------------------------------------------------------------------


async def control_stopped(station: Station) -> None:
    """SIGSTOP for a moment or for seconds, again and again."""
    chance, judge = station.chance, station.judge
    while True:
        await asyncio.sleep(chance.uniform(0.2, 2.0))
        process = station.process("control")
        with judge.disturbed.open(), judge.control_away.open():
            process.send_signal(signal.SIGSTOP)
            try:
                await asyncio.sleep(chance.choice((0.1, 0.4, 1.2, 3.0)))
            finally:
                process.send_signal(signal.SIGCONT)


async def control_killed(station: Station) -> None:
    await _control_ended(station, signal.SIGKILL)


async def control_terminated(station: Station) -> None:
    await _control_ended(station, signal.SIGTERM)


async def _control_ended(station: Station, number: int) -> None:
    chance, judge = station.chance, station.judge
    try:
        while True:
            await asyncio.sleep(chance.uniform(0.5, 4.0))
            with judge.disturbed.open():
                await station.kill("control", number)
                with judge.control_away.open():
                    await asyncio.sleep(chance.uniform(0.0, 1.5))
                await station.revive("control")
                await asyncio.sleep(0.5)
    finally:
        await station.revive("control")


async def control_flooded(station: Station) -> None:
    """Strangers at the safety program's socket: garbage, endless lines, orders out of turn."""
    path = station.stage.config.control_socket(BUS)
    with station.judge.disturbed.open():
        while True:
            await asyncio.gather(*(_stranger(station, path) for _ in range(3)))


async def _stranger(station: Station, path: Path) -> None:
    chance = station.chance
    limit = RenewLimit(evse=chance.choice(EVSES), current_a=16.0, until_s=1e12)
    orders = b"".join(encode(limit) for _ in range(200))
    words = {
        "garbage": chance.randbytes(4000),
        "endless": b"x" * 200_000,
        "observer": encode(Hello(client="stranger", observer=True)) + orders,
        "newest": encode(Hello(client="stranger")) + orders * chance.choice((1, 5)),
        "deep": b"[" * 50_000 + b"\n",
        "silent": encode(Hello(client="stranger", observer=True, boot="none", after=0)),
    }
    said = words[chance.choice(tuple(words))]
    with contextlib.suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(said)
            await asyncio.wait_for(writer.drain(), 0.5)
            await asyncio.wait_for(reader.read(65536), 0.3)
        finally:
            writer.close()
    await asyncio.sleep(0.02)


async def control_short_of_memory(station: Station) -> None:
    """The safety program is flooded and may not grow."""
    with _no_more_memory(station, "control", CONTROL_ROOM_BYTES):
        await control_flooded(station)


# --- Bus, board, supply ---------------------------------------------------------------------------


def on_bus(*faults: str, on_s: tuple[float, ...], off_s: tuple[float, float]) -> Abuse:
    """Faults of the whole bus that come and go."""

    async def abuse(station: Station) -> None:
        chance = station.chance
        while True:
            await asyncio.sleep(chance.uniform(*off_s))
            await _for_a_while(station, BUS, chance.choice(faults), chance.choice(on_s))

    return abuse


def on_board(fault: str, on_s: tuple[float, ...], off_s: tuple[float, float]) -> Abuse:
    """A fault of one board that comes and goes."""

    async def abuse(station: Station) -> None:
        chance = station.chance
        while True:
            board = chance.choice(("board1", "board2"))
            await _for_a_while(station, board, fault, chance.choice(on_s))
            await asyncio.sleep(chance.uniform(*off_s))

    return abuse


async def bus_damaged(station: Station) -> None:
    """5 % of all frames, in both directions, for as long as it lasts."""
    await _for_a_while(station, BUS, "noise", 3600.0, ratio=DAMAGED_RATIO)


async def bus_silent(station: Station) -> None:
    """Silences of a second, at random."""
    await _for_a_while(station, BUS, "silences", 3600.0, silent_s=1.0, every_s=3.0)


async def _for_a_while(
    station: Station, device: str, fault: str, for_s: float, **more: float
) -> None:
    with station.judge.disturbed.open():
        await station.trouble(device, fault, True, **more)
        try:
            await asyncio.sleep(for_s)
        finally:
            await station.trouble(device, fault, False)


async def supply_fails(station: Station) -> None:
    """The mains go and come back; programs and boards live on."""
    chance = station.chance
    while True:
        await asyncio.sleep(chance.uniform(0.5, 4.0))
        with station.judge.disturbed.open():
            await station.do(station.stage.post, "/grid", {"supply": "off"})
            try:
                await asyncio.sleep(chance.choice((0.02, 0.3, 2.0)))
            finally:
                await station.do(station.stage.post, "/grid", {"supply": "on"})


# --- Pieces ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _no_more_memory(station: Station, program: str, room: int) -> Iterator[None]:
    process = station.process(program)
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    held = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmSize"))
    resource.prlimit(process.pid, resource.RLIMIT_AS, (held * 1024 + room, UNLIMITED))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (UNLIMITED, UNLIMITED))


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


LONG, SHORT = (4.0, 8.0), (0.2, 1.5)

# fmt: off
ABUSES: Mapping[str, Abuse] = {
    "agent flooded":            agent_flooded,
    "agent stopped":            agent_stopped,
    "agent killed":             agent_killed,
    "agent gone":               agent_gone,
    "agent, wall clock leaps":  clock_leaps,
    "agent, disk full":         disk_full,
    "agent short of memory":    agent_short_of_memory,
    "control flooded":          control_flooded,
    "control stopped":          control_stopped,
    "control killed":           control_killed,
    "control terminated":       control_terminated,
    "control short of memory":  control_short_of_memory,
    "bus, 5 % damaged frames":  bus_damaged,
    "bus, bursts of damage":    on_bus("crc", "truncated", on_s=(0.02, 0.05, 0.3), off_s=SHORT),
    "bus, silences of 1 s":     bus_silent,
    "bus, stuttering":          on_bus("stutter", on_s=LONG, off_s=SHORT),
    "bus, echoing adapter":     on_bus("echo", on_s=LONG, off_s=SHORT),
    "bus, noise":               on_bus("noise", on_s=LONG, off_s=SHORT),
    "bus, adapter pulled":      on_bus("unplugged", on_s=(0.3, 2.0), off_s=(1.0, 5.0)),
    "board, two on its address": on_board("twin", LONG, SHORT),
    "board slow":               on_board("slow", (0.5, 2.0), SHORT),
    "board refuses":            on_board("exception", (0.1, 1.0), SHORT),
    "board, stranger answers":  on_board("stranger", (0.1, 1.0), SHORT),
    "board frozen":             on_board("frozen", (0.2, 1.0), SHORT),
    "supply fails":             supply_fails,
}
# fmt: on
