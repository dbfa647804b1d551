"""The page that goes along with an e-mail about maintenance."""

from __future__ import annotations

import pytest

from chargepoint.agent.alerting.upkeep_report import report
from chargepoint.catalog import languages, phrase
from chargepoint.ipc.care import MaintenanceItem

ITEM = MaintenanceItem(
    task="inspection",
    evse=0,
    kind="interval",
    used=340,
    limit=365,
    state="due",
    due_at="<b>soon</b>",
    detail="",
)


@pytest.mark.parametrize("language", languages())
def test_it_lists_every_item_with_its_state_in_the_readers_language(language: str) -> None:
    page = report("CP&7", "2027-01-01 12:00", [ITEM], language)
    state = phrase("maintenance.due", language)
    task = phrase("task.inspection", language)
    assert f"<td>{task}</td><td>{state}</td><td>340</td><td>365</td>" in page
    assert "CP&amp;7" in page
    assert "&lt;b&gt;soon" in page
    assert "<script" not in page
