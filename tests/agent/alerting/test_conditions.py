"""Each row of the table: what of the status is which condition."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from chargepoint.agent.alerting.conditions import raised
from chargepoint.agent.alerting.view import Watched
from chargepoint.catalog import entries, languages
from chargepoint.config.alert_limits import LIMITS
from chargepoint.config.alerts import AlertRule
from chargepoint.evse.words import said, words
from chargepoint.ipc.care import CertificateHealth, DeviceHealth, MaintenanceItem, ModemHealth
from chargepoint.ipc.codec import decode_fact, encode
from chargepoint.ipc.messages import HazardRaised
from tests.agent.alerting.views import (
    CSMS,
    HEALTH,
    LEDGER,
    LOOP,
    STATUS,
    evse,
    health,
    host,
    seen,
    status,
)
from tests.station.alerts.stand import Stand, contact

MODEM = ModemHealth(
    ready=False,
    detail="no SIM card",
    operator="",
    signal_dbm=None,
    registered=False,
    roaming=False,
    sent_today=0,
)
DEVICE = DeviceHealth(
    device="reader", driver="pn532", bus="field", answers=False, since_s=5.0, detail="no reply"
)


def certificate(days: float | None) -> CertificateHealth:
    return CertificateHealth(use="client", subject="CP7", expires_at="soon", days_left=days)


def item(task: str, state: Any, number: int = 1) -> MaintenanceItem:
    return MaintenanceItem(
        task=task, evse=number, kind="life", used=9, limit=10, state=state, due_at="", detail="9"
    )


def csms(**changes: Any) -> Any:
    return status(csms=msgspec.structs.replace(CSMS, **changes))


def ledger(**changes: Any) -> Any:
    return status(ledger=msgspec.structs.replace(LEDGER, **changes))


def loop(**changes: Any) -> Any:
    return health(loops=(msgspec.structs.replace(LOOP, **changes),))


def test_a_healthy_station_has_none() -> None:
    assert seen() == ()


def test_at_a_station_alone_no_record_waits() -> None:
    alone = msgspec.structs.replace(CSMS, configured=False, state="off")
    kept = msgspec.structs.replace(LEDGER, waiting=5000, oldest_waiting_s=1e7)
    assert seen(status(csms=alone, ledger=kept)) == ()


# fmt: off
ROWS: list[tuple[str, str, str, Any]] = [
    # condition, place, severity, what of it
    ("rcd_tripped", "EVSE 1", "", {"told": status(evse(hazards=("rcd_tripped",)))}),
    ("meter_lost", "EVSE 1", "", {"told": status(evse(fault="meter_lost"))}),
    ("board_supply", "EVSE 1", "", {"told": status(evse(fault="board_supply"))}),
    ("local_list_conflict", "", "", {"told": status(fault="local_list_conflict")}),
    ("control_lost", "safety", "", {"found": loop(connected=False)}),
    ("csms_offline", "", "", {"told": csms(state="waiting", last_error="refused")}),
    ("csms_offline", "", "", {"told": csms(state="rejected")}),
    ("records_waiting", "", "", {"told": ledger(waiting=1, oldest_waiting_s=20_000.0)}),
    ("records_waiting", "", "", {"told": ledger(waiting=1001)}),
    ("records_refused", "", "", {"told": ledger(quarantined=1)}),
    ("clock_untrusted", "", "", {"told": status(clock="monotonic")}),
    ("certificate_expiring", "client CP7", "", {"found": health(certificates=(certificate(29),))}),
    ("certificate_expiring", "client CP7", "error",
     {"found": health(certificates=(certificate(-1),))}),
    ("sim_expiring", "", "", {"sim_days_left": 13.0}),
    ("dead_man_failing", "", "", {"dead_man_problem": "refused"}),
    ("modem_failed", "", "", {"found": health(modem=MODEM)}),
    ("disk_full_soon", "", "",
     {"found": health(host=host(disk_free_bytes=150_000_000, disk_size_bytes=32_000_000_000))}),
    ("disk_full_soon", "", "error",
     {"found": health(host=host(disk_free_bytes=1_000_000, disk_size_bytes=32_000_000_000))}),
    ("disk_worn", "", "", {"found": health(host=host(disk_life_used=0.9))}),
    ("disk_read_only", "", "", {"found": health(host=host(disk_read_only=True))}),
    ("host_under_voltage", "", "", {"found": health(host=host(under_voltage=True))}),
    ("host_hot", "", "", {"found": health(host=host(cpu_temperature_c=80.0))}),
    ("control_late", "safety", "", {"found": loop(tick_p99_s=0.2)}),
    ("agent_late", "", "", {"found": health(loop_late_max_s=2.5)}),
    ("temperature_rising", "EVSE 1", "",
     {"told": status(evse(temperature_c=55.0)),
      "watched": Watched(temperature_slopes={1: 1.0})}),
    ("contactor_worn", "EVSE 1, contactor/1", "", {"maintenance": (item("contactor/1", "due"),)}),
    ("contactor_worn", "EVSE 1, contactor/1", "error",
     {"maintenance": (item("contactor/1", "overdue"),)}),
    ("contactor_worn", "EVSE 1, closing_time/1", "",
     {"maintenance": (item("closing_time/1", "due"),)}),
    ("maintenance_due", "inspection", "", {"maintenance": (item("inspection", "due", 0),)}),
    ("maintenance_overdue", "inspection", "error",
     {"maintenance": (item("inspection", "overdue", 0),)}),
    ("sessions_failing", "EVSE 1", "", {"watched": Watched(failed_sessions={1: 3})}),
    ("station_blocked", "EVSE 1", "", {"watched": Watched(blocked_s={1: 14_400.0})}),
    ("station_unused", "", "", {"watched": Watched(unused_days=14.0)}),
    ("restarts_unusual", "agent", "", {"watched": Watched(unclean_starts=3)}),
    ("restarts_unusual", "control", "", {"watched": Watched(control_starts=3)}),
    ("bus_errors", "safety", "", {"watched": Watched(bus_errors={"safety": (30, 200)})}),
    ("device_lost", "reader", "", {"found": health(devices=(DEVICE,))}),
]
# fmt: on


@pytest.mark.parametrize(
    ("condition", "place", "severity", "what"),
    ROWS,
    ids=[f"{number}-{row[0]}" for number, row in enumerate(ROWS)],
)
def test_what_is_wrong_is_this_condition_and_no_other(
    condition: str, place: str, severity: str, what: dict[str, Any]
) -> None:
    (found,) = seen(**what)
    assert (found.id, found.place, found.severity) == (condition, place, severity)
    assert found.id in entries()


@pytest.mark.parametrize("language", languages())
def test_every_particular_is_told_in_every_language(language: str) -> None:
    for condition, _, _, what in ROWS:
        (found,) = seen(**what)
        if found.said is None:
            assert found.detail == "", condition
            continue
        assert found.said.text() == found.detail, condition
        same = _words(found.detail) & _words(found.said.text(language))
        assert language == "en" or same <= ALIKE, (condition, same)


ALIKE = {"refused", "soon", "SIM"}
"""What a server has said, a date, and a name."""


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-zA-Z]{3,}", text))


# fmt: off
LIMITED: list[Any] = [
    # a rule, and what it makes of the rows above
    ("agent_late", {"limit_s": 3.0}),
    ("bus_errors", {"limit_ratio": 0.2}),
    ("certificate_expiring", {"limit_days": 1.0}),
    ("control_late", {"limit_s": 0.3}),
    ("disk_full_soon", {"limit_mb": 100.0}),
    ("disk_worn", {"limit_ratio": 0.95}),
    ("host_hot", {"limit_c": 90.0}),
    ("records_waiting", {"limit_h": 6.0}),
    ("restarts_unusual", {"limit_count": 4.0}),
    ("sessions_failing", {"limit_count": 4.0}),
    ("sim_expiring", {"limit_days": 7.0}),
    ("station_blocked", {"limit_h": 12.0}),
    ("station_unused", {"limit_days": 60.0}),
    ("temperature_rising", {"limit_min": 5.0}),
]
# fmt: on


@pytest.mark.parametrize(("condition", "limit"), LIMITED, ids=[one[0] for one in LIMITED])
def test_a_limit_of_the_operator_holds(condition: str, limit: dict[str, Any]) -> None:
    what = next(row[3] for row in ROWS if row[0] == condition)
    assert seen(**what) != ()
    assert seen(**what, rules={condition: AlertRule(**limit)}) == ()


def test_every_limit_that_there_is_was_tried() -> None:
    assert [one[0] for one in LIMITED] == sorted(LIMITS)


# fmt: off
GOOD: list[Any] = [
    {"told": csms(configured=False, state="off")},
    {"told": ledger(waiting=500, oldest_waiting_s=3600.0)},
    {"told": status(clock="rtc")},
    {"found": health(certificates=(certificate(31), certificate(None)))},
    {"sim_days_left": 15.0},
    {"found": health(modem=msgspec.structs.replace(MODEM, ready=True))},
    {"found": health(host=host(disk_free_bytes=300_000_000, disk_size_bytes=4_000_000_000))},
    {"found": health(host=host(under_voltage=False, under_voltage_seen=True))},
    {"told": status(evse(temperature_c=40.0)), "watched": Watched(temperature_slopes={1: 2.0})},
    {"told": status(evse(temperature_c=60.0)), "watched": Watched(temperature_slopes={1: 0.1})},
    {"maintenance": (item("inspection", "good"), item("rcd_test", "unknown"))},
    {"watched": Watched(failed_sessions={1: 2}, blocked_s={1: 14_000.0}, unused_days=13.9)},
    {"watched": Watched(bus_errors={"safety": (15, 16), "field": (19, 200)})},
    {"found": health(devices=(msgspec.structs.replace(DEVICE, answers=None),))},
]
# fmt: on


@pytest.mark.parametrize("what", GOOD, ids=range(len(GOOD)))
def test_what_is_near_a_limit_is_none_yet(what: dict[str, Any]) -> None:
    assert seen(**what) == ()


def test_hazards_stay_while_the_safety_program_is_not_reached() -> None:
    gone = status(evse(control=None))
    watched = Watched(hazards={1: ("contactor_welded",)})
    (found,) = seen(gone, watched=watched)
    assert found.id == "contactor_welded"


def test_what_the_safety_program_has_measured_reaches_people_in_their_language() -> None:
    found = said("hot", temperature_c=75.5, limit_c=75.0)
    fact = HazardRaised(
        seq=1, at_s=7.0, evse=2, hazard="overheated", detail=words(found), said=found
    )
    told = decode_fact(encode(fact))
    assert isinstance(told, HazardRaised)
    stand = Stand(contact(language="de"))
    (message,) = stand.happen(raised(told))
    assert "Einzelheiten: 75,5 °C, Grenze 75 °C" in message.text


def test_an_open_door_is_a_hazard_and_tampering() -> None:
    found = seen(status(evse(hazards=("door_open",))))
    assert [one.id for one in found] == ["door_open", "tampered"]


def test_a_hazard_that_is_the_fault_too_is_told_once() -> None:
    assert len(seen(status(evse(hazards=("rcd_tripped",), fault="rcd_tripped")))) == 1


def test_the_loss_of_a_board_or_meter_is_told_by_its_hazard_or_fault_alone() -> None:
    lost = health(devices=(DEVICE,))
    assert seen(STATUS, lost, boards={"reader": 1}) == ()
    faulted = status(evse(fault="meter_lost"))
    assert [one.id for one in seen(faulted, lost, meters={"reader": 1})] == ["meter_lost"]
    assert [one.id for one in seen(STATUS, lost, meters={"reader": 1})] == ["device_lost"]


def test_the_loss_of_a_reader_is_told_where_it_serves_and_not_again_as_a_device() -> None:
    lost = health(devices=(DEVICE,))
    first = evse(fault="reader_lost")
    both = status(first, msgspec.structs.replace(first, evse=2))
    found = seen(both, lost, readers={"reader": (1, 2)})
    assert [(one.id, one.place) for one in found] == [
        ("reader_lost", "EVSE 1"),
        ("reader_lost", "EVSE 2"),
    ]


@pytest.mark.parametrize(
    ("serving", "lost"),
    [({"meters": {"reader": 1}}, "meter_lost"), ({"readers": {"reader": (1,)}}, "reader_lost")],
)
def test_a_hazard_on_top_does_not_end_the_loss_of_a_meter_or_reader(
    serving: dict[str, Any], lost: str
) -> None:
    """The status names the weightier of the two only."""
    told = status(evse(hazards=("door_open",), fault="door_open"))
    found = seen(told, health(devices=(DEVICE,)), **serving)
    assert [one.id for one in found] == ["door_open", lost, "tampered"]


def test_every_limit_of_the_catalogue_of_alerts_has_a_row_or_happens() -> None:
    """What has no row is told by the agent as something that happened."""
    happen = {"power_lost", "program_failed", "problem_reported"}
    own = {
        entry.id for entry in entries().values() if entry.kind == "alert" and "." not in entry.id
    }
    assert own - {row[0] for row in ROWS} == happen | {"tampered"}
    assert HEALTH.modem is None
