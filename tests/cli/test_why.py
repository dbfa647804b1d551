"""`chargepoint why`: a sentence first, then everything in force with what can be done about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from chargepoint.cli.main import main
from chargepoint.ipc.service import Reason, StationStatus
from tests.agent.test_service import STATUS
from tests.cli.agents import DEMO, Agent
from tests.cli.test_status_watch import status

STOPPED = (
    Reason(id="hazard", kind="inhibits", detail="rcd_tripped", binding=True),
    Reason(id="authorization_refused", kind="waits", detail="Expired"),
    Reason(id="limit_configuration", kind="limits", current_a=32.0),
)
FLOWING = (
    Reason(id="limit_local", kind="limits", current_a=10.5, binding=True),
    Reason(id="limit_configuration", kind="limits", current_a=32.0),
)


class Asked(Agent):
    def __init__(self, folder: Path) -> None:
        self.status: StationStatus = msgspec.structs.replace(
            STATUS,
            evses=(status(evse=1, reasons=STOPPED), status(evse=2, reasons=FLOWING)),
        )
        super().__init__(folder, lambda request: [self.status])

    def why(self, *arguments: str) -> Result:
        return self.call("why", *arguments)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Asked]:
    with Asked(tmp_path) as made:
        yield made


def test_a_sentence_first_then_each_reason_with_the_next_step(agent: Asked) -> None:
    result = agent.why("1")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("EVSE 1 is not charging: residual current")
    assert lines[1].startswith("  > stops  Residual current")
    assert any("    waits  The card was refused: it has expired." in line for line in lines)
    assert any("    limit  At most 32 A: the configured maximum" in line for line in lines)
    assert any("Try another card" in line for line in lines)


def test_what_limits_a_charge_is_told_in_the_same_way(agent: Asked) -> None:
    result = agent.why()
    assert "EVSE 2 is charging, 16 A offered: at most 10.5 A: the limit set at" in result.output
    assert "EVSE 1 is not charging" in result.output


def test_all_of_it_can_be_had_as_json(agent: Asked) -> None:
    found = json.loads(agent.why("2", "--json").output)
    assert [(one["evse"], one["charging"]) for one in found] == [(2, True)]
    first = found[0]["reasons"][0]
    assert (first["id"], first["binding"], first["current_a"]) == ("limit_local", True, 10.5)
    assert first["text"].startswith("At most 10.5 A")


def test_an_evse_that_does_not_exist_is_an_error(agent: Asked) -> None:
    result = agent.why("7")
    assert (result.exit_code, "no EVSE 7" in result.output) == (2, True)


def test_without_a_running_agent_it_says_so(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text(DEMO.read_text())
    result = CliRunner().invoke(main, ["why", "--config", str(config)])
    assert (result.exit_code, "does not answer" in result.output) == (1, True)
