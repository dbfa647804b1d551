"""Every message that the station can send, before a central system with strict foreign schemas."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from chargepoint.ocpp.v16.profiles import KNOWN
from hil.csms.server import CallFailed
from tests.foreign.csms import ForeignCsms, require
from tests.foreign.requests16 import CALLS, requests
from tests.system import stage_csms
from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system

KEYS = {"ocpp.v16.CpoName": "Judge"}
"""Without an owner's name no certificate can be asked for."""


@pytest.fixture(autouse=True)
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    require()
    monkeypatch.setattr(stage_csms, "SERVER", ForeignCsms)


async def refusal(world: Scene, action: str, payload: dict[str, Any]) -> str:
    """Code of the CALLERROR to this request; empty: it was answered."""
    try:
        await world.csms.call(world.identity, action, payload)
    except CallFailed as failed:
        return "NotSupported" if "NotSupported" in str(failed) else str(failed)
    return ""


def said(world: Scene, kind: str) -> set[str]:
    return {m.action for m in world.csms.messages if m.incoming and m.kind == kind}


async def test_every_request_and_every_answer_is_legal_to_the_foreign_schemas(
    tmp_path: Path,
) -> None:
    """R1, R7, R11: what a claimed profile owes is answered; nothing sent is ever objected to."""
    async with scene(tmp_path, changes=KEYS) as world:
        await world.start()
        await world.do(world.stage.plug_in)
        await world.do(world.stage.card, CARD)
        transaction = await world.started()
        await world.sampled(transaction)
        answer = await world.call("GetConfiguration", key=["SupportedFeatureProfiles"])
        claimed = {*answer["configurationKey"][0]["value"].split(","), "Security"}
        for profile, action, payload in requests(datetime.now(UTC)):
            code = await refusal(world, action, payload)
            assert code == ("" if profile in claimed else "NotSupported"), action
        await world.call("RemoteStopTransaction", transactionId=transaction.id)
        await world.stopped()
        remote = await world.call("RemoteStartTransaction", connectorId=1, idTag="REMOTE01")
        assert remote["status"] in ("Accepted", "Rejected")
        boots = len(world.central.boots)
        await world.call("Reset", type="Soft")
        await world.until(lambda: len(world.central.boots) > boots, "the boot after the reset")
        owed = {call for profile in claimed for call in CALLS.get(profile, ())}
        await world.until(lambda: owed <= said(world, "call"), f"all of {sorted(owed)}")
        assert said(world, "result") >= KNOWN
        assert world.central.violations == []


async def test_the_judge_objects_to_what_is_not_legal() -> None:
    """Guards the judge: a wrong type, a missing field and an answer to nothing are all told."""
    async with ForeignCsms() as csms:
        async with connect(f"{csms.url}/CP", subprotocols=["ocpp1.6"]) as socket:  # type: ignore[list-item]
            for frame in (
                [2, "1", "BootNotification", {"chargePointModel": "m"}],
                [2, "2", "StatusNotification", {"connectorId": "1", "status": "Available"}],
                [3, "never asked", {}],
            ):
                await socket.send(json.dumps(frame))
            first, second = json.loads(await socket.recv()), json.loads(await socket.recv())
            assert (first[0], second[0]) == (4, 4)
            heard = lambda: len(csms.central.violations) >= 3  # noqa: E731
            assert await csms.wait_for(heard, 5)
        assert csms.central.transactions == {}
