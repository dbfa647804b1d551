"""Keys and certificates over OCPP with the real programs, also when they are killed in between."""

from __future__ import annotations

import json
import signal
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hil.csms.server import Csms
from hil.stage import free_port
from tests.agent.authorities import authority, server
from tests.system import stage_csms
from tests.system.stage_csms import Scene, scene
from tests.system.tls_front import Front

pytestmark = pytest.mark.system

KEY, NEW_KEY = "0123456789abcdef", "fedcba9876543210"
PROFILE_1 = {"csms.security_profile": 1, "csms.password": KEY}


class Guarded(Csms):
    """A central system that wants a password, and can want another one from now on."""

    def demand(self, key: str) -> None:
        self._password = key


@pytest.fixture(autouse=True)
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_csms, "SERVER", Guarded)


def demand(world: Scene, key: str) -> None:
    assert isinstance(world.csms, Guarded)
    world.csms.demand(key)


async def started(world: Scene) -> None:
    """Simulator, safety program and agent, up to Available."""
    demand(world, KEY)
    await world.do(world.stage.start_simulator)
    world.stage.start("control")
    world.stage.start("agent")
    await world.booted()


async def killed(world: Scene) -> None:
    """The agent dies without a word and is started again."""
    await world.do(world.stage.end, "agent", signal.SIGKILL)
    world.stage.start("agent")
    await world.until(lambda: len(world.central.boots) == 2, "the second BootNotification")


def security_events(world: Scene) -> list[str]:
    return [
        str(message.payload["type"])
        for message in world.csms.messages
        if message.incoming and message.action == "SecurityEventNotification" and message.payload
    ]


def written(directory: Path) -> bytes:
    """Everything that the programs have written, except the file that is for the key."""
    paths = [path for path in directory.rglob("*") if path.is_file()]
    return b"".join(
        path.read_bytes() for path in paths if path.name not in ("credentials.json", "station.toml")
    )


async def test_a_new_key_is_used_at_once_and_after_a_kill_and_is_written_nowhere(
    tmp_path: Path,
) -> None:
    """11.2, TC_073, TC_085."""
    async with scene(tmp_path, changes=PROFILE_1) as world:
        await started(world)
        change = {"key": "AuthorizationKey", "value": NEW_KEY}
        assert await world.call("ChangeConfiguration", **change) == {"status": "Accepted"}
        demand(world, NEW_KEY)
        await world.until(
            lambda: "ReconfigurationOfSecurityParameters" in security_events(world),
            "the security event",
        )
        shown = await world.call("GetConfiguration", key=["AuthorizationKey"])
        assert shown == {"configurationKey": [{"key": "AuthorizationKey", "readonly": False}]}
        await killed(world)
        assert NEW_KEY.encode() not in written(tmp_path)
        log = world.stage.config.state_dir / "security.log"

        def kinds() -> list[str]:
            return [json.loads(line)["event"] for line in log.read_text().splitlines()]

        await world.until(lambda: kinds().count("StartupOfTheDevice") == 2, "its line in the log")
        assert "ReconfigurationOfSecurityParameters" in kinds()


async def test_a_key_that_the_csms_forgets_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    """11.2: the old key until a connection with the new one."""
    async with scene(tmp_path, changes=PROFILE_1) as world:
        await started(world)
        await world.call("ChangeConfiguration", key="AuthorizationKey", value=NEW_KEY)

        def back() -> bool:
            return world.csms.connected(world.identity) and "security.change_given_up" in (
                world.stage.log("agent")
            )

        await world.until(back, "the connection with the old key")


async def test_certificates_are_installed_listed_and_deleted_over_a_kill(tmp_path: Path) -> None:
    """11.4, TC_075_2, TC_076, TC_084."""
    async with scene(tmp_path, changes=PROFILE_1) as world:
        await started(world)
        kind = {"certificateType": "CentralSystemRootCertificate"}

        async def listed() -> dict[str, Any]:
            return await world.call("GetInstalledCertificateIds", **kind)

        assert await listed() == {"status": "NotFound"}
        root = authority().pem
        answer = await world.call("InstallCertificate", certificate=root, **kind)
        assert answer == {"status": "Accepted"}
        await killed(world)
        (named,) = (await listed())["certificateHashData"]
        answer = await world.call("DeleteCertificate", certificateHashData=named)
        assert answer == {"status": "Accepted"}
        assert await listed() == {"status": "NotFound"}
        lower = {"key": "SecurityProfile", "value": "0"}
        assert await world.call("ChangeConfiguration", **lower) == {"status": "Rejected"}


async def test_a_certificate_is_asked_for_on_request_once_there_is_a_name(tmp_path: Path) -> None:
    """M7, TC_074: the request; this central system knows no signing and refuses it."""
    async with scene(tmp_path, changes=PROFILE_1) as world:
        await started(world)
        trigger = {"requestedMessage": "SignChargePointCertificate"}
        assert await world.call("ExtendedTriggerMessage", **trigger) == {"status": "Rejected"}
        await world.call("ChangeConfiguration", key="CpoName", value="Operator")
        assert await world.call("ExtendedTriggerMessage", **trigger) == {"status": "Accepted"}

        def asked() -> bool:
            return "SignCertificate" in world.story()

        await world.until(asked, "SignCertificate")


async def test_an_upgrade_to_tls_is_tried_given_up_and_kept_once_the_csms_has_tls(
    tmp_path: Path,
) -> None:
    """11.3, TC_083: first with a front end that still is plain, then with one that speaks TLS."""
    front, root = Front(free_port()), authority()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*server(root).files(tmp_path, "front"))
    upgrade = {"key": "SecurityProfile", "value": "2"}
    kind = {"certificateType": "CentralSystemRootCertificate"}
    changes = PROFILE_1 | {"csms.url": f"ws://127.0.0.1:{front.port}/ocpp"}
    async with scene(tmp_path, changes=changes) as world:
        front.target = int(urlsplit(world.csms.url).port or 0)
        await front.listen()
        await started(world)
        assert await world.call("ChangeConfiguration", **upgrade) == {"status": "Rejected"}
        await world.call("InstallCertificate", certificate=root.pem, **kind)

        assert await world.call("ChangeConfiguration", **upgrade) == {"status": "Accepted"}
        await world.until(
            lambda: "security.change_given_up" in world.stage.log("agent"), "the way back"
        )
        assert await shown(world) == "1"

        assert await world.call("ChangeConfiguration", **upgrade) == {"status": "Accepted"}
        await front.listen(tls)
        await world.until(lambda: "security.changed" in world.stage.log("agent"), "the new profile")
        assert await shown(world) == "2"
        await killed(world)
        assert await shown(world) == "2"
        await front.stop()


async def shown(world: Scene) -> str:
    """The security profile as GetConfiguration tells it, once there is a connection."""
    await world.until(lambda: world.csms.connected(world.identity), "a connection")
    answer = await world.call("GetConfiguration", key=["SecurityProfile"])
    return str(answer["configurationKey"][0]["value"])
