"""What is watched over time: trends, failed sessions, durations, counts; and how runs end."""

from __future__ import annotations

import io

import msgspec
import pytest

from chargepoint import log
from chargepoint.agent.alerting.overheard import Overheard, weighty
from chargepoint.agent.alerting.runs import KEY, Run, begun, unclean_starts
from chargepoint.agent.alerting.view import Watched
from chargepoint.agent.alerting.watches import Watches
from chargepoint.ipc.messages import BusHealth
from chargepoint.ipc.service import EvseStatus
from tests.agent.alerting.views import LOOP, RUNNING, evse, health, status

DAY_S = 86_400.0


class Watching:
    def __init__(self) -> None:
        self.watches = Watches()
        self.now_s = 0.0

    def look(self, *evses: EvseStatus, after_s: float = 1.0, **found: object) -> Watched:
        self.now_s += after_s
        return self.watches.look(status(*evses), health(**found), self.now_s, 1e9 + self.now_s)


def session(watching: Watching, energy_wh: int | None, *, hazard: bool = False) -> Watched:
    running = msgspec.structs.replace(RUNNING, id=str(watching.now_s), energy_wh=energy_wh)
    watching.look(evse(transaction=running, state="Charging"))
    if hazard:
        watching.look(evse(transaction=running, state="Faulted", hazards=("rcd_tripped",)))
    return watching.look(evse(), after_s=2.0)


def test_a_rising_temperature_has_a_slope() -> None:
    watching = Watching()
    for minute in range(6):
        found = watching.look(evse(temperature_c=40.0 + 2.0 * minute), after_s=60.0)
    assert found.temperature_slopes == {1: 2.0}


def test_two_readings_in_a_row_are_no_trend() -> None:
    watching = Watching()
    watching.look(evse(temperature_c=40.0))
    assert watching.look(evse(temperature_c=50.0), after_s=40.0).temperature_slopes == {1: 0.0}


def test_sessions_without_energy_or_ended_by_a_hazard_fail_and_a_good_one_ends_the_row() -> None:
    watching = Watching()
    assert session(watching, 5).failed_sessions == {1: 1}
    assert session(watching, 9000, hazard=True).failed_sessions == {1: 2}
    watching.now_s += 100.0
    assert session(watching, 99).failed_sessions == {1: 3}
    watching.now_s += 100.0
    assert session(watching, 9000).failed_sessions == {1: 0}


def test_a_session_without_a_meter_is_not_judged_by_its_energy() -> None:
    assert session(Watching(), None).failed_sessions == {1: 0}


def test_a_vehicle_that_rests_blocks_the_place() -> None:
    watching = Watching()
    watching.look(evse(state="SuspendedEV"))
    assert watching.look(evse(state="Finishing"), after_s=600.0).blocked_s == {1: 600.0}
    assert watching.look(evse(state="Charging")).blocked_s == {1: 0.0}


def test_days_without_a_vehicle_count_from_the_last_one() -> None:
    watching = Watching()
    watching.look(evse(connected=True))
    assert watching.look(evse(), after_s=15 * DAY_S).unused_days == 15.0
    assert watching.look(evse(connected=True)).unused_days == 0.0


def test_the_last_use_is_known_to_the_next_run() -> None:
    watches = Watches(used_epoch_s=1e9)
    found = watches.look(status(), health(), 5.0, 1e9 + 20 * DAY_S)
    assert found.unused_days == 20.0


def test_a_use_in_the_future_is_not_believed() -> None:
    watches = Watches(used_epoch_s=2e9)
    assert watches.look(status(), health(), 5.0, 1e9).unused_days == 0.0


def test_hazards_are_remembered_when_the_safety_program_is_gone() -> None:
    watching = Watching()
    watching.look(evse(hazards=("tilted",)))
    assert watching.look(evse(control=None)).hazards == {1: ("tilted",)}


def test_a_safety_program_that_comes_again_and_again_is_counted() -> None:
    watching = Watching()
    gone = (msgspec.structs.replace(LOOP, connected=False),)
    watching.look(loops=gone)
    watching.look()
    for _ in range(3):
        watching.look(loops=gone)
        found = watching.look()
    assert found.control_starts == 3
    assert watching.look(after_s=3601.0).control_starts == 0


def test_a_safety_program_that_is_back_between_two_looks_is_counted_once() -> None:
    watching = Watching()

    def at(ticks: int) -> Watched:
        return watching.look(loops=(msgspec.structs.replace(LOOP, ticks=ticks),))

    for ticks in (5000, 5050, 0, 40, 90, 90, 30):
        found = at(ticks)
    assert found.control_starts == 2


def test_bus_errors_are_those_of_the_last_minute() -> None:
    watching = Watching()

    def bus(requests: int, timeouts: int) -> BusHealth:
        return BusHealth(
            bus="safety",
            requests=requests,
            timeouts=timeouts,
            bad_replies=0,
            refused=0,
            down=False,
            latency_p99_s=0.01,
        )

    for step in range(12):
        found = watching.look(buses=(bus(step * 100, min(step, 6) * 50),), after_s=10.0)
    assert found.bus_errors == {"safety": (50, 600)}
    assert watching.look(buses=(bus(10, 1),)).bus_errors == {"safety": (0, 0)}


def test_drivers_hear_of_the_end_of_charging_and_of_a_free_place() -> None:
    watching = Watching()
    for state in ("Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Available"):
        watching.look(evse(state=state, connected=state != "Available"))
    news = [(one.news, one.unplugged) for one in watching.watches.news]
    assert news == [("done", False), ("free", False)]


@pytest.mark.parametrize("state", ["Available", "Finishing", "SuspendedEV"])
def test_an_end_that_was_the_pulling_of_the_plug_is_told_as_one(state: str) -> None:
    watching = Watching()
    watching.look(evse(state="Charging", connected=True))
    watching.look(evse(state=state, connected=False))
    first = watching.watches.news[0]
    assert (first.news, first.unplugged) == ("done", True)


# --- How runs end ---------------------------------------------------------------------------------


def kept(run: Run) -> dict[str, str]:
    return {KEY: msgspec.json.encode(run).decode()}


def test_the_first_run_tells_nothing() -> None:
    assert begun({}, "boot1", 1000.0) == (Run(boot="boot1"), None)


def test_an_orderly_end_tells_nothing() -> None:
    assert begun(kept(Run(boot="boot1", clean=True)), "boot1", 1000.0)[1] is None


def test_a_run_that_was_cut_off_is_a_failed_program_or_a_power_cut() -> None:
    _, failed = begun(kept(Run(boot="boot1")), "boot1", 1000.0)
    _, powerless = begun(kept(Run(boot="boot1")), "boot2", 1000.0)
    assert [one and one.id for one in (failed, powerless)] == ["program_failed", "power_lost"]


def test_starts_after_an_unclean_end_are_counted_for_an_hour() -> None:
    run = Run(boot="b")
    for at_s in (0.0, 3000.0, 4000.0, 5000.0):
        run, _ = begun(kept(run), "b", at_s)
    assert unclean_starts(run, 5000.0) == 3
    assert unclean_starts(run, 9000.0) == 0


def test_a_damaged_mark_tells_nothing() -> None:
    assert begun({KEY: "{"}, "boot1", 1000.0) == (Run(boot="boot1"), None)


# --- What is overheard ----------------------------------------------------------------------------


def test_errors_of_the_log_are_heard_with_their_place_and_counted() -> None:
    heard = Overheard()
    for _ in range(3):
        heard.hear("store.salvaged", {"level": "error", "records": 3, "reason": "not a database"})
    heard.hear("board.command_failed", {"evse": 2})
    heard.hear("message.made_invalid", {"evse": 2, "left_out": 4})
    heard.hear("agent.started", {})
    heard.hear("no.such_name", {})
    found = {one.id: (one.place, one.detail, times) for one, times in heard.take()}
    assert found == {
        "store.salvaged": ("", "records=3, reason=not a database", 3),
        "message.made_invalid": ("EVSE 2", "evse=2", 5),
    }
    assert heard.take() == []


def test_what_the_alerts_log_themselves_is_not_heard() -> None:
    assert not any(
        weighty(name) for name in ("alert.raised", "alert.undelivered", "channel.failed")
    )
    assert weighty("agent.overrun")
    assert not weighty("rcd_tripped")


def test_an_error_that_is_logged_anywhere_in_the_agent_is_heard_until_the_end() -> None:
    heard = Overheard()
    log.set_up("error", "json", io.StringIO())
    log.listen(heard.hear)
    try:
        log.get("agent").error("agent.overrun", dropped=7)
        log.get("agent").info("agent.started")
    finally:
        log.unlisten(heard.hear)
    log.get("agent").error("agent.overrun", dropped=8)
    ((found, times),) = heard.take()
    assert (found.id, found.detail, times) == ("agent.overrun", "dropped=7", 1)
