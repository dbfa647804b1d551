"""A CSMS that asks 10,000 things at once: bounded memory, and our own records still go out."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system

ASKED = 10_000
GROWTH_MAX_KB = 24_000
"""Bounds of one connection: an inbox of 2 MiB, 200 texts out, and what Python makes of them."""


def memory_kb(world: Scene) -> int:
    """Resident memory of the agent."""
    status = Path(f"/proc/{world.stage.processes['agent'].pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found.group(1))


async def test_ten_thousand_calls_at_once_are_all_answered_while_a_session_passes(
    tmp_path: Path, record_property: Any
) -> None:
    """CQ8, R12: each is served or refused; start, samples and stop do not wait for them."""
    async with scene(tmp_path, strict=False) as world:
        await world.do(world.stage.start_simulator)
        world.stage.start("control")
        world.stage.start("agent")
        await world.booted()
        await world.pause(1.0)
        before_kb = memory_kb(world)
        answers: Counter[int] = Counter()
        plain = world.csms._received

        async def listen(connection: ServerConnection, identity: str, text: Any) -> None:
            frame = json.loads(text)
            if frame[0] != 2 and str(frame[1]).startswith("flood-"):
                answers[frame[0]] += 1
            else:
                await plain(connection, identity, text)

        world.csms._received = listen  # type: ignore[method-assign]
        station = world.csms._stations[world.identity]
        began_s = time.monotonic()

        async def flood() -> None:
            for number in range(ASKED):
                await station.send(json.dumps([2, f"flood-{number}", "GetConfiguration", {}]))

        flooding = asyncio.create_task(flood())
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        transaction = await world.started()
        started_s = time.monotonic() - began_s
        await world.sampled(transaction)
        highest_kb = memory_kb(world)
        await world.do(world.stage.unplug)
        await world.stopped()
        await flooding
        await world.until(lambda: sum(answers.values()) == ASKED, "all answers", 60)
        highest_kb = max(highest_kb, memory_kb(world))
        measured = (
            f"{answers[3]} served, {answers[4]} refused in {time.monotonic() - began_s:.1f} s; "
            f"start after {started_s:.1f} s; {before_kb} kB before, {highest_kb} kB then"
        )
        record_property("measured", measured)
        print(measured)
        assert highest_kb - before_kb < GROWTH_MAX_KB
        assert world.csms.connects == 1
        assert answers[3] >= 300
        answer = await world.call("GetConfiguration", key=["NumberOfConnectors"])
        assert answer["configurationKey"][0]["value"] == "2"
