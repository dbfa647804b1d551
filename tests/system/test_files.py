"""Firmware and diagnostics over real processes: transfers, the restart, the last word."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.agent.file_servers import Shelf, http_server
from tests.system.stage_csms import CARD, Scene, scene

pytestmark = pytest.mark.system

INSTALLER = {"firmware.installer": ["cp", "{file}", "installed"]}
LONG_AGO = "2026-01-02T00:00:00Z"


def statuses(world: Scene, action: str) -> list[str]:
    """What the station told with this message, in order."""
    return [
        str(message.payload["status"])
        for message in world.csms.messages
        if message.incoming and message.kind == "call" and message.action == action
    ]


async def told(world: Scene, action: str, last: str) -> list[str]:
    await world.until(lambda: statuses(world, action)[-1:] == [last], f"{action} {last}")
    return statuses(world, action)


async def test_an_update_is_installed_with_a_restart_and_told_once(tmp_path: Path) -> None:
    """10.1, TC_044_1: while a transaction runs it waits, and the ledger loses nothing."""
    shelf = Shelf(files={"/fw.bin": b"new software" * 10_000})
    with http_server(shelf) as url:
        async with scene(tmp_path, changes=INSTALLER) as world:
            await world.start()
            await world.do(world.stage.plug_in)
            await world.do(world.stage.card, CARD)
            await world.sampled(await world.started())
            answer = await world.call(
                "UpdateFirmware", location=f"{url}/fw.bin", retrieveDate=LONG_AGO
            )
            assert answer == {}
            action = "FirmwareStatusNotification"
            assert await told(world, action, "Downloaded") == ["Downloading", "Downloaded"]
            await world.do(world.stage.card, CARD)
            await world.stopped()
            heard = await told(world, action, "Installed")
            assert heard == ["Downloading", "Downloaded", "Installing", "Installed"]
            assert len(world.central.boots) == 2
            installed = world.stage.config.state_dir / "firmware" / "installed"
            assert installed.read_bytes() == shelf.files["/fw.bin"]


async def test_an_update_without_an_installer_fails_and_nothing_restarts(tmp_path: Path) -> None:
    """10.1, TC_044_3."""
    with http_server(Shelf(files={"/fw.bin": b"new"})) as url:
        async with scene(tmp_path) as world:
            await world.start()
            await world.call("UpdateFirmware", location=f"{url}/fw.bin", retrieveDate=LONG_AGO)
            await told(world, "FirmwareStatusNotification", "InstallationFailed")
            await world.status(1, "Available")
            assert len(world.central.boots) == 1


async def test_diagnostics_and_the_security_log_are_uploaded(tmp_path: Path) -> None:
    """10.3, TC_045_1, TC_079."""
    shelf = Shelf()
    with http_server(shelf) as url:
        async with scene(tmp_path) as world:
            await world.start()
            answer = await world.call("GetDiagnostics", location=f"{url}/in/")
            await told(world, "DiagnosticsStatusNotification", "Uploaded")
            log: dict[str, Any] = {"remoteLocation": f"{url}/in/"}
            named = await world.call("GetLog", logType="SecurityLog", requestId=5, log=log)
            heard = await told(world, "LogStatusNotification", "Uploaded")
    assert heard == ["Uploading", "Uploaded"]
    made = zipfile.ZipFile(io.BytesIO(shelf.stored[f"/in/{answer['fileName']}"]))
    assert b"BootNotification" in made.read("messages.jsonl")
    assert b"agent.started" in made.read("log.txt")
    assert b"StartupOfTheDevice" in shelf.stored[f"/in/{named['filename']}"]
