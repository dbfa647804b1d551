"""Hostile values in every request of the agent's socket: all answered, nothing ends or grows."""

from __future__ import annotations

import asyncio
import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.ipc.cards import AnyCardRequest, LearnCard
from chargepoint.ipc.care import AnyCareRequest, AwaitToken, HealthStatus
from chargepoint.ipc.codec import decode_answer
from chargepoint.ipc.messages import LINE_MAX_BYTES
from chargepoint.ipc.service import AnyRequest, Disconnect, Done, Request
from tests.system.stage_csms import scene
from tests.system.test_besieged import rss_mb

pytestmark = pytest.mark.system

# fmt: off
HOSTILE: dict[Any, tuple[Any, ...]] = {
    int:   (1, 0, -1, 2**63 - 1, -(2**63), 10**30),
    float: (0.5, -0.0, -1.0, 5e-324, 1e308, 10**30),
    str:   ("safety", "", "*", "x" * 30_000, "\0\x1b[2J\r\n\u202e", "../../etc/passwd", "f" * 64),
    bool:  (False, True),
}
# fmt: on
NO_NUMBERS = (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"[" * 30_000)
SHORT_S = 0.05
LATE_MAX_S = 2.0
"""Mostly what a crowded machine takes away; a request that is worked at for so long is a defect."""
"""Nobody holds a card before the reader for longer here."""

AT_ONCE = 8
GROWTH_MAX_MB = 30.0


def values(kind: Any) -> tuple[Any, ...]:
    """What is put into a field of this type; the first is nearly right."""
    if kind in HOSTILE:
        return HOSTILE[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return (*arguments, "", "nothing of this")
    if origin is tuple:
        each = values(arguments[0])
        return ([], list(each[:1]), list(each[-3:]), [each[1]] * 4_000, [each[0]] * 4_000)
    assert origin in (typing.Union, types.UnionType), kind
    return (None, *(one for part in arguments if part is not type(None) for one in values(part)))


def requests(kind: type[Request]) -> Iterator[bytes]:
    """Each hostile value in each field among good ones, and hostile ones in all fields at once."""
    hints = typing.get_type_hints(kind)
    fields = {field.name: values(hints[field.name]) for field in msgspec.structs.fields(kind)}
    if kind in (AwaitToken, LearnCard):
        fields["within_s"] = (SHORT_S, *fields["within_s"][1:])
    good = {name: each[0] for name, each in fields.items()}
    for name, each in fields.items():
        for value in each if name != "follow" else ():
            yield json.dumps({"type": kind.__name__, **good, name: value}).encode()
    for number in range(max(map(len, fields.values()), default=0)):
        all_at_once = {name: each[number % len(each)] for name, each in fields.items()}
        yield json.dumps({"type": kind.__name__, **all_at_once, "follow": False}).encode()
    for text in NO_NUMBERS if fields else ():
        [name, *_] = fields
        yield b'{"type":"%s","%s":%s}' % (kind.__name__.encode(), name.encode(), text)
    yield json.dumps({"type": kind.__name__, **good}).encode()


async def answered(path: Path, request: bytes) -> Any:
    """The last answer; an empty one is None."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_MAX_BYTES)
    last = None
    try:
        writer.write(request + b"\n")
        async with asyncio.timeout(8):
            while line := await reader.readline():
                last = decode_answer(line)
    finally:
        writer.close()
    return last


async def test_hostile_values_in_every_request_are_answered_and_nothing_ends_or_grows(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path / "stage", strict=False) as world:
        await world.do(world.stage.start_simulator)
        world.stage.start("control")
        agent = world.stage.start("agent")
        await world.booted()
        path = world.stage.config.agent_socket()
        await answered(path, b'{"type":"Sign","digest":"%s","about":""}' % (b"0" * 64))
        before_mb = rss_mb(agent.pid)
        idle = [await asyncio.open_unix_connection(str(path)) for _ in range(2)]
        deaf = [await asyncio.open_unix_connection(str(path)) for _ in range(3)]
        for _, writer in deaf:
            writer.write(b'{"type":"GetLog","last":2000,"level":"debug","follow":true}\n')
        unions = (AnyCardRequest, AnyCareRequest, AnyRequest)
        kinds = [kind for union in unions for kind in typing.get_args(union)]
        for kind in kinds:
            if kind is Disconnect:
                continue
            lines = [line for line in requests(kind) if len(line) < LINE_MAX_BYTES]
            for number in range(0, len(lines), AT_ONCE):
                batch = lines[number : number + AT_ONCE]
                found = await asyncio.gather(*(answered(path, line) for line in batch))
                for line, last in zip(batch, found, strict=True):
                    empty = line.startswith(b'{"type": "GetMessages"')  # ends without a word
                    assert last is not None or empty, line[:200]
        for _, writer in (*idle, *deaf):
            writer.close()
        health = await answered(path, b'{"type":"GetHealth"}')
        assert isinstance(health, HealthStatus)
        assert health.loop_late_max_s < LATE_MAX_S
        assert await answered(path, b'{"type":"Resend","sequence":0}') == Done(
            ok=False, detail="no record 0 was refused"
        )
        log = world.stage.log("agent")
        assert "service.request_failed" not in log
        assert "control.lost" not in log
        assert rss_mb(agent.pid) - before_mb < GROWTH_MAX_MB
        places = (world.stage.config.state_dir, world.stage.config.run_dir)
        kept = [file for place in places for file in place.rglob("*") if not file.is_dir()]
        open_to_all = {file.name for file in kept if file.stat().st_mode & 0o007}
        assert open_to_all <= {"station_key.pub"}
        assert all(process.poll() is None for process in world.stage.processes.values())
