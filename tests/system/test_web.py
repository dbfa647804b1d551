"""The pages of a real station: what they show and do, and that the station does not need them."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.service import GetStatus, StationStatus
from chargepoint.web.accounts import Accounts, Role
from hil.stage import Stage, free_port

pytestmark = pytest.mark.system

PASSWORD = "correct-horse-battery"
WAIT_S = 60.0


class Owner:
    """A browser, as far as HTTP goes."""

    def __init__(self, stage: Stage) -> None:
        assert stage.config.web is not None
        self._address = stage.config.web.listen
        self._headers: dict[str, str] = {}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        headers = {**self._headers, "Content-Type": "application/json"}
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, headers)
            response = connection.getresponse()
            text = response.read().decode()
            assert response.status == 200, (path, response.status, text)
            cookie = response.headers.get("Set-Cookie", "")
        finally:
            connection.close()
        if cookie:
            found = json.loads(text)
            self._headers = {"Cookie": cookie.split(";")[0], "X-CSRF-Token": found["csrf"]}
        return text if path == "/metrics" else json.loads(text)

    def metrics(self) -> dict[tuple[str, str], float]:
        """Values by name and EVSE."""
        return {
            (sample.name.removeprefix("chargepoint_"), sample.labels.get("evse", "")): sample.value
            for family in text_string_to_metric_families(self.ask("GET", "/metrics"))
            for sample in family.samples
        }

    def reached(self) -> bool:
        try:
            return bool(self.ask("GET", "/api/session"))
        except (OSError, AssertionError, http.client.HTTPException):
            return False


def status(stage: Stage) -> StationStatus | None:
    try:
        (answer,) = ServiceClient(stage.config.agent_socket()).ask(GetStatus())
    except (Unreachable, ValueError):
        return None
    return answer if isinstance(answer, StationStatus) else None


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("pages")
    with Stage(folder, None, {"web.listen": f"127.0.0.1:{free_port()}"}) as stage:
        Accounts(stage.config.state_dir).set("olga", PASSWORD, Role.OWNER)
        stage.start_simulator()
        stage.start("run")
        stage.wait_until(lambda: status(stage) is not None, WAIT_S, "the agent", "run")
        stage.wait_until(Owner(stage).reached, WAIT_S, "the pages", "run")
        yield stage


@pytest.fixture(scope="module")
def owner(stage: Stage) -> Owner:
    owner = Owner(stage)
    owner.ask("POST", "/api/login", {"account": "olga", "password": PASSWORD})
    return owner


def test_what_control_measures_is_shown(stage: Stage, owner: Owner) -> None:
    stage.wait_until(
        lambda: ("evse_voltage_volts", "1") in owner.metrics(), WAIT_S, "a reading", "run"
    )
    found = owner.metrics()
    assert found["control_up", ""] == found["agent_up", ""] == 1
    assert found["evse_power_watts", "1"] == 0
    register_wh = stage.state()["evse"]["1"]["energy_wh"]
    assert found["evse_energy_joules_total", "1"] / 3600 == pytest.approx(register_wh, abs=1)
    stage.wait_until(
        lambda: owner.ask("GET", "/api/evses/1/series")["power_w"][-1] == 0, WAIT_S, "a plot", "run"
    )


def test_an_action_on_the_page_takes_effect_and_is_audited(stage: Stage, owner: Owner) -> None:
    owner.ask("POST", "/api/evses/2/enabled", {"enabled": False})
    evse = owner.ask("GET", "/api/status")["evses"][1]
    assert (evse["enabled"], evse["state"]) == (False, "Unavailable")
    line = owner.ask("GET", "/api/audit")[0]
    assert (line["by"], line["action"], line["ok"]) == ("olga", "SetEvseEnabled", True)
    owner.ask("POST", "/api/evses/2/enabled", {"enabled": True})


def pages_of(stage: Stage) -> int:
    """Process of the pages: the child of the supervisor that says so."""
    children = Path(f"/proc/{stage.processes['run'].pid}/task").glob("*/children")
    for child in " ".join(path.read_text() for path in children).split():
        if b"\0web\0" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return 0


def test_the_station_does_not_notice_that_its_pages_die(stage: Stage, owner: Owner) -> None:
    before, pages = status(stage), pages_of(stage)
    os.kill(pages, signal.SIGKILL)
    stage.wait_until(lambda: pages_of(stage) not in (0, pages), WAIT_S, "new pages", "run")
    stage.wait_until(owner.reached, WAIT_S, "the pages", "run")
    after = status(stage)
    assert before is not None
    assert after is not None
    assert after.uptime_s > before.uptime_s
    assert owner.ask("GET", "/api/session")["account"] == "", "logins do not outlive a restart"
