"""Firmware and diagnostics over real processes: transfers, the restart, the last word."""

from __future__ import annotations

import base64
import io
import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.agent.authorities import Party, authority, server
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


def signature(signer: Party, body: bytes) -> str:
    assert isinstance(signer.key, ec.EllipticCurvePrivateKey)
    return base64.b64encode(signer.key.sign(body, ec.ECDSA(hashes.SHA256()))).decode()


def security_events(world: Scene) -> list[str]:
    return [
        str(message.payload["type"])
        for message in world.csms.messages
        if message.incoming
        and message.action == "SecurityEventNotification"
        and message.kind == "call"
    ]


async def test_a_signed_update_is_taken_only_from_the_manufacturer(tmp_path: Path) -> None:
    """10.2, TC_080, TC_081: the root comes by InstallCertificate."""
    body = b"signed software" * 1000
    root = authority("Manufacturer")
    signer, stranger = server(root, "signer"), server(authority("Other"), "stranger")
    action = "SignedFirmwareStatusNotification"
    with http_server(Shelf(files={"/fw.bin": body})) as url:
        async with scene(tmp_path, changes=INSTALLER) as world:

            async def update(request: int, by: Party, signed: str) -> str:
                firmware = {
                    "location": f"{url}/fw.bin",
                    "retrieveDateTime": LONG_AGO,
                    "signingCertificate": by.pem,
                    "signature": signed,
                }
                answer = await world.call(
                    "SignedUpdateFirmware", requestId=request, firmware=firmware
                )
                return str(answer["status"])

            await world.start()
            assert await update(1, signer, signature(signer, body)) == "InvalidCertificate"
            kind = "ManufacturerRootCertificate"
            installed = await world.call(
                "InstallCertificate", certificateType=kind, certificate=root.pem
            )
            assert installed == {"status": "Accepted"}
            assert await update(2, stranger, signature(stranger, body)) == "InvalidCertificate"
            assert await update(3, signer, signature(signer, b"other")) == "Accepted"
            heard = await told(world, action, "InvalidSignature")
            assert heard == ["Downloading", "Downloaded", "InvalidSignature"]
            assert await update(4, signer, signature(signer, body)) == "Accepted"
            heard = await told(world, action, "Installed")
            await world.until(
                lambda: "FirmwareUpdated" in security_events(world), "FirmwareUpdated"
            )
            assert heard[3:] == [
                "Downloading",
                "Downloaded",
                "SignatureVerified",
                "Installing",
                "InstallRebooting",
                "Installed",
            ]
            assert security_events(world).count("InvalidFirmwareSigningCertificate") == 2
            assert security_events(world).count("InvalidFirmwareSignature") == 1


async def test_a_download_goes_on_after_the_agent_was_killed(tmp_path: Path) -> None:
    """10.1: slowly, so that it can be killed in the middle."""
    shelf = Shelf(files={"/fw.bin": bytes(range(256)) * 8_000})
    slow = {**INSTALLER, "files.speed_max_kb_s": 400.0}
    with http_server(shelf) as url:
        async with scene(tmp_path, changes=slow) as world:
            await world.do(world.stage.start_simulator)
            world.stage.start("control")
            world.stage.start("agent")
            await world.booted()
            await world.call("UpdateFirmware", location=f"{url}/fw.bin", retrieveDate=LONG_AGO)
            part = world.stage.config.state_dir / "firmware" / "firmware.part"

            def begun() -> bool:
                return part.exists() and part.stat().st_size > 300_000

            await told(world, "FirmwareStatusNotification", "Downloading")
            while not begun():
                await world.pause(0.05)
            await world.do(world.stage.end, "agent", signal.SIGKILL)
            world.stage.start("agent")
            await world.until(lambda: len(shelf.headers) == 2, "the second request")
            await told(world, "FirmwareStatusNotification", "Installing")
            assert int(shelf.headers[1]["Range"].removeprefix("bytes=").rstrip("-")) > 300_000
            installed = world.stage.config.state_dir / "firmware" / "installed"

            def whole() -> bool:
                return installed.exists() and installed.read_bytes() == shelf.files["/fw.bin"]

            await world.until(whole, "the installed file")
