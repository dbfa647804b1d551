"""A CSMS can send anything: it is answered as OCPP-J says, or ignored, and nothing exits."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.system.stage_csms import Scene, scene

pytestmark = pytest.mark.system

DEEP = "[" * 20_000 + "]" * 20_000
HUGE = json.dumps([2, "huge", "DataTransfer", {"vendorId": "v", "data": "x" * 3_000_000}])

FRAMES: tuple[tuple[str | bytes, str | None], ...] = (
    # frame, expected code of the CALLERROR (None: no answer, `result`: a CALLRESULT)
    ("", None),
    ("no json", None),
    ("{}", None),
    ("[]", None),
    ("[2]", None),
    ("null", None),
    (DEEP, None),
    ('[9,"n1",{}]', None),
    ('[3,"nobody asked",{}]', None),
    ('[4,"nobody asked","x","y",{}]', None),
    (b"\x00\x01binary", None),
    ('[2,"a1","Explode",{}]', "NotImplemented"),
    ('[2,"a2","ReserveNow",{"connectorId":1}]', "OccurenceConstraintViolation"),
    ('[2,"a3","Reset",{}]', "OccurenceConstraintViolation"),
    ('[2,"a4","Reset",{"type":{"a":1}}]', "TypeConstraintViolation"),
    ('[2,"a5","Reset",{"type":"Sideways"}]', "PropertyConstraintViolation"),
    ('[2,"a6","Reset","text"]', "TypeConstraintViolation"),
    ('[2,17,"GetConfiguration",{"key":["HeartbeatInterval"]}]', "result"),
    ('[2,"a7","GetConfiguration",{"key":["HeartbeatInterval"],"extra":{"deep":[1]}}]', "result"),
    ('[2,"a8","GetConfiguration",{"key":null}]', "result"),
)


async def exchange(world: Scene, frames: tuple[tuple[str | bytes, str | None], ...]) -> list[Any]:
    """Send raw frames to the station and collect what it answers to them within a while."""
    station = world.csms._stations[world.identity]
    answers: list[Any] = []
    plain = world.csms._received

    async def listen(connection: ServerConnection, identity: str, text: Any) -> None:
        frame = json.loads(text)
        if frame[0] in (3, 4):
            answers.append(frame)
        else:
            await plain(connection, identity, text)

    world.csms._received = listen  # type: ignore[method-assign]
    for frame, _ in frames:
        await station.send(frame)
    expected = sum(1 for _, code in frames if code is not None)
    for _ in range(250):
        if len(answers) >= expected:
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    world.csms._received = plain  # type: ignore[method-assign]
    return answers


async def test_every_malformed_frame_is_answered_as_the_standard_says(tmp_path: Path) -> None:
    """R5 to R8, R11."""
    async with scene(tmp_path) as world:
        await world.start()
        answers = await exchange(world, FRAMES)
        said = {str(frame[1]): frame[2] if frame[0] == 4 else "result" for frame in answers}
        wanted = {
            str(json.loads(frame)[1]): code
            for frame, code in FRAMES
            if code is not None and isinstance(frame, str)
        }
        assert said == wanted
        assert world.csms.connected(world.identity)
        assert all(process.poll() is None for process in world.stage.processes.values())
        answer = await world.call("GetConfiguration", key=["NumberOfConnectors"])
        assert answer["configurationKey"][0]["value"] == "2"


async def test_a_frame_beyond_every_limit_costs_the_connection_at_most(tmp_path: Path) -> None:
    """R12: a huge frame; the station is back and serves."""
    async with scene(tmp_path) as world:
        await world.start()
        connects = world.csms.connects
        await world.csms._stations[world.identity].send(HUGE)
        await world.until(
            lambda: world.csms.connects > connects or bool(world.central.boots), "a sign of life"
        )
        await world.pause(1.0)
        await world.until(lambda: world.csms.connected(world.identity), "the station to be back")
        answer = await world.call("GetConfiguration", key=["NumberOfConnectors"])
        assert answer["configurationKey"][0]["value"] == "2"


async def test_a_flood_of_calls_is_served_or_refused_and_the_station_lives(tmp_path: Path) -> None:
    """2,000 calls at once: bounded memory, and a car still charges."""
    async with scene(tmp_path, strict=False) as world:
        await world.start()
        station = world.csms._stations[world.identity]
        for number in range(2000):
            await station.send(json.dumps([2, f"f{number}", "GetConfiguration", {}]))
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, "04A1B2C3D4E5F6")
        await world.started()
        await world.status(1, "Charging")


@pytest.mark.parametrize("answer", ["wrong subprotocol", "http 401", "closes at once"])
async def test_a_server_that_refuses_us_is_tried_for_ever(tmp_path: Path, answer: str) -> None:
    """T3, T4, CQ3: nothing that a handshake can say makes the station give up."""
    attempts = 0

    async def serve_one(connection: ServerConnection) -> None:
        await connection.close(1008, "go away")

    def process_request(connection: ServerConnection, request: Any) -> Any:
        nonlocal attempts
        attempts += 1
        return connection.respond(401, "no") if answer == "http 401" else None

    protocols: Any = None if answer == "wrong subprotocol" else ["ocpp1.6"]
    async with (
        serve(
            serve_one,
            "127.0.0.1",
            0,
            process_request=process_request,
            subprotocols=protocols,
        ) as server,
        scene(tmp_path) as world,
    ):
        port = server.sockets[0].getsockname()[1]
        text = world.stage.config_path.read_text()
        old = world.stage.config.csms
        assert old is not None
        world.stage.config_path.write_text(text.replace(old.url, f"ws://127.0.0.1:{port}/x"))
        world.stage.start("agent")
        for _ in range(600):
            if attempts >= 3:
                break
            await asyncio.sleep(0.02)
        assert attempts >= 3
        assert world.stage.processes["agent"].poll() is None
