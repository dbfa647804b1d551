"""`chargepoint alerts`: what is listed, and which times are refused before anybody is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chargepoint.ipc.service import Done
from tests.cli.agents import Agent

HELD = "maintenance mode is on for 30 min more; muted: rcd_tripped"


def test_the_list_ends_with_what_keeps_messages_back(tmp_path: Path) -> None:
    with Agent(tmp_path, lambda request: [Done(ok=True, detail=HELD)]) as agent:
        result = agent.call("alerts", "list")
        assert (result.exit_code, result.output) == (0, f"no alert is open\n{HELD}\n")
        assert json.loads(agent.call("alerts", "list", "--json").output) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("maintenance", "nan"),
        ("maintenance", "inf"),
        ("mute", "rcd_tripped", "nan"),
        ("list", "--closed", "-1"),
    ],
)
def test_a_number_that_is_none_asks_nobody(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with Agent(tmp_path, lambda request: [Done(ok=True)]) as agent:
        result = agent.call("alerts", *arguments)
        assert (result.exit_code, agent.asked) == (2, [])
