"""The driver's view as it changes."""

from __future__ import annotations

import pytest

from chargepoint.ipc.service import LedgerTransaction
from chargepoint.web.driver_feed import Feed, last_session
from chargepoint.web.driver_view import DriverView
from tests.web.driver_samples import context, evse, hazard, station
from tests.web.test_driver_pages import row


async def test_a_stream_begins_with_the_view_and_tells_each_change() -> None:
    made, agent = context(station())
    events = Feed(made).events("en")
    seen = [(await anext(events)).data]
    for status in (station(evse("Charging")), station(hazard("door_open")), None):
        agent.status = status
        await made.live.look(age_max_s=0)
        seen.append((await anext(events)).data)
    assert [view.evses[0].state for view in seen] == ["free", "charging", "out_of_order", "unknown"]
    assert [view.reached for view in seen] == [True, True, True, False]
    await events.aclose()  # type: ignore[attr-defined]


async def test_a_stream_of_one_place_tells_of_that_alone() -> None:
    made, _ = context(station(evse("Available", 1), evse("Charging", 2)), evses=2)
    events = Feed(made).events("de", 2)
    view = (await anext(events)).data
    assert isinstance(view, DriverView)
    assert [each.evse for each in view.evses] == [2]
    assert view.evses[0].headline == "Lädt"
    await events.aclose()  # type: ignore[attr-defined]


async def test_a_ledger_that_does_not_answer_leaves_the_figures_out() -> None:
    made, agent = context(station(evse("Finishing", cost=None)))
    agent.transactions = []
    view = await Feed(made).view("en")
    assert view.evses[0].figures == ()


@pytest.mark.parametrize(
    ("began", "ended", "wanted"),
    [
        ("2026-11-24T13:00:00Z", "2026-11-24T13:30:00Z", 1800.0),
        ("", "2026-11-24T13:30:00Z", None),
        ("2026-11-24T13:00:00Z", "2026-11-24T12:00:00Z", None),
    ],
)
def test_a_session_lasts_as_long_as_its_times_say_or_nobody_knows(
    began: str, ended: str, wanted: float | None
) -> None:
    base = row(1, 5000)
    fields = {name: getattr(base, name) for name in base.__struct_fields__}
    over = LedgerTransaction(**{**fields, "started_at": began, "ended_at": ended})
    assert last_session([over], 1).duration_s == wanted
    assert last_session([over], 2).energy_kwh is None
