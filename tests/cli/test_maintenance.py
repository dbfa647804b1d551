"""`chargepoint maintenance`: shows what is due, and records who was here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from chargepoint.ipc.care import (
    MaintenanceItem,
    MaintenanceStatus,
    RecordVisit,
    UseStatus,
    Visit,
)
from chargepoint.ipc.service import Answered, Done
from tests.cli.agents import Agent

ITEM = MaintenanceItem(
    task="contactor/1",
    evse=1,
    kind="life",
    used=95_000.0,
    limit=100_000.0,
    state="due",
    due_at="2027-03-01",
    detail="95000 of 100000",
)
USE = UseStatus(
    evse=1,
    on_h=0.0,
    charging_h=812.4,
    energy_wh=5_432_100.0,
    starts=4,
    boots=0,
    temperature_min_c=-12.0,
    temperature_max_c=51.0,
    closings=4000,
    closing_reference_s=0.031,
    closing_recent_s=0.038,
)
SEEN = Visit(at="2026-11-24T08:00:00Z", by="Eva", note="all well", tasks=("inspection",))
STATUS = MaintenanceStatus(items=(ITEM,), visits=(SEEN,), uses=(USE,))


class Upkeep(Agent):
    def __init__(self, folder: Path) -> None:
        self.answer: Answered = STATUS
        super().__init__(folder, lambda request: [self.answer])

    def call(self, *arguments: str, said: str = "") -> Result:
        return super().call("maintenance", *arguments, said=said)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Upkeep]:
    with Upkeep(tmp_path) as made:
        yield made


def test_what_is_due_is_shown_with_the_counters_and_the_last_visits(agent: Upkeep) -> None:
    result = agent.call("show")
    assert result.exit_code == 0, result.output
    assert "due      contactor/1       Contactor of EVSE 1: closings: 95000 of 100000" in (
        result.output
    )
    assert ", due 2027-03-01" in result.output
    assert "812 h charging, 5432.1 kWh, 4 starts of the safety program, -12 to 51 °C" in (
        result.output
    )
    assert "contactor closed in 31 ms when new, 38 ms of late" in result.output
    assert "2026-11-24T08:00:00Z Eva: all well (inspection)" in result.output


def test_all_of_it_can_be_had_as_json(agent: Upkeep) -> None:
    found = json.loads(agent.call("show", "--json").output)
    assert found["items"][0]["state"] == "due"
    assert found["visits"][0]["by"] == "Eva"
    assert found["uses"][0]["closings"] == 4000


def test_a_visit_is_recorded_with_what_was_done(agent: Upkeep) -> None:
    agent.answer = Done(ok=True, detail="recorded")
    result = agent.call(
        "record", "tightened the terminals", "--task", "inspection", "--task", "rcd_test",
        "--by", "Eva",
    )  # fmt: skip
    assert (result.exit_code, result.output) == (0, "recorded\n")
    assert agent.asked == [
        RecordVisit(note="tightened the terminals", tasks=("inspection", "rcd_test"), by="Eva")
    ]


def test_a_task_that_does_not_exist_is_told_and_exits_with_1(agent: Upkeep) -> None:
    agent.answer = Done(ok=False, detail="no such task: lunch; expected inspection")
    result = agent.call("record", "had lunch", "--task", "lunch")
    assert (result.exit_code, "no such task: lunch" in result.output) == (1, True)
