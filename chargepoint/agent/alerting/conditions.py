"""What of the station's status is which condition: one row of `ROWS` per theme.

Pure: everything is read from a `View`. Limits have their reasons beside them; how long something
must hold before anybody is told stands in `station.alerts.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from chargepoint.agent.alerting.view import View
from chargepoint.catalog import entries
from chargepoint.ipc.care import DeviceHealth
from chargepoint.station.alerts.values import Condition

RECORDS_OLD_S = 4 * 3600.0
RECORDS_MANY = 1000
CERTIFICATE_DAYS = 30.0
CERTIFICATE_URGENT_DAYS = 7.0
SIM_DAYS = 14.0
DISK_FREE_RATIO = 0.05
DISK_FREE_BYTES = 200e6
DISK_URGENT_BYTES = 50e6
"""A few hours of logs; below it the journal stops and updates fail."""

DISK_LIFE = 0.9
SLOPE_AHEAD_MIN = 15.0
SLOPE_LEAST = 0.2
"""Degrees per minute; slower is the weather."""

SLOPE_WITHIN_C = 20.0
"""Far below the limit no trend is of interest."""

SESSIONS_FAILED = 3
UNUSED_DAYS = 14.0
BLOCKED_S = 4 * 3600.0
CPU_HOT_C = 80.0
"""A Raspberry Pi slows down at 80 to 85 degrees."""

CONTROL_P99_S = 0.1
"""Five times its tick."""

AGENT_LATE_S = 2.0
BUS_ERROR_RATIO = 0.1
BUS_REQUESTS_LEAST = 20
STARTS_UNUSUAL = 3
TAMPERING = ("door_open", "tilted", "lock_opened")


def conditions(view: View) -> tuple[Condition, ...]:
    """Everything that holds now."""
    return tuple(one for row in ROWS for one in row(view))


def hazards(view: View) -> Iterator[Condition]:
    """All of them, and those that were there when the safety program was last seen."""
    for evse in view.status.evses:
        control = evse.control
        found = view.watched.hazards.get(evse.evse, ()) if control is None else control.hazards
        for hazard in found:
            if hazard in entries():
                yield Condition(id=hazard, place=_evse(evse.evse))


def faults(view: View) -> Iterator[Condition]:
    """What a device says of itself, or the station concludes of it.

    The status names the weightiest only: a meter or reader does not answer again because a hazard
    came on top.
    """
    whole = view.status.fault
    if whole and whole in entries():
        yield Condition(id=whole)
    for evse in view.status.evses:
        fault = evse.fault
        if not fault or fault == "control_lost" or fault not in entries():
            continue
        found = _silent(view, evse.evse) if _hazard(fault) else (fault,)
        for one in found:
            yield Condition(id=one, place=_evse(evse.evse))


def control_lost(view: View) -> Iterator[Condition]:
    for loop in view.health.loops:
        if not loop.connected:
            yield Condition(id="control_lost", place=loop.bus)


def tampered(view: View) -> Iterator[Condition]:
    for one in hazards(view):
        if one.id in TAMPERING:
            yield Condition(id="tampered", place=one.place, detail=entries()[one.id].title)


def csms_offline(view: View) -> Iterator[Condition]:
    csms = view.status.csms
    if csms.configured and csms.state != "accepted":
        yield Condition(id="csms_offline", detail=csms.last_error or csms.state)


def records(view: View) -> Iterator[Condition]:
    ledger = view.status.ledger
    oldest_s = ledger.oldest_waiting_s or 0.0
    if oldest_s > RECORDS_OLD_S or ledger.waiting > RECORDS_MANY:
        detail = f"{ledger.waiting} wait, the oldest for {oldest_s / 3600:.0f} h"
        yield Condition(id="records_waiting", detail=detail)
    if ledger.quarantined:
        yield Condition(id="records_refused", detail=f"{ledger.quarantined} refused")


def clock(view: View) -> Iterator[Condition]:
    if view.status.clock in ("none", "monotonic"):
        yield Condition(id="clock_untrusted")


def certificates(view: View) -> Iterator[Condition]:
    for one in view.health.certificates:
        if one.days_left is not None and one.days_left < CERTIFICATE_DAYS:
            urgent = one.days_left < CERTIFICATE_URGENT_DAYS
            yield Condition(
                id="certificate_expiring",
                place=f"{one.use} {one.subject}"[:80],
                detail=f"{one.days_left:.0f} days left, until {one.expires_at}",
                severity="error" if urgent else "",
            )


def sim(view: View) -> Iterator[Condition]:
    days = view.sim_days_left
    if days is not None and days < SIM_DAYS:
        yield Condition(id="sim_expiring", detail=f"{days:.0f} days left")


def modem(view: View) -> Iterator[Condition]:
    found = view.health.modem
    if found is not None and not found.ready:
        yield Condition(id="modem_failed", detail=found.detail)


def dead_man(view: View) -> Iterator[Condition]:
    if view.dead_man_problem:
        yield Condition(id="dead_man_failing", detail=view.dead_man_problem)


def disk(view: View) -> Iterator[Condition]:
    host = view.health.host
    free, size = host.disk_free_bytes, host.disk_size_bytes
    if free is not None and size and free < min(DISK_FREE_RATIO * size, DISK_FREE_BYTES):
        yield Condition(
            id="disk_full_soon",
            detail=f"{free / 1e6:.0f} MB of {size / 1e6:.0f} MB are free",
            severity="error" if free < DISK_URGENT_BYTES else "",
        )
    if host.disk_life_used is not None and host.disk_life_used >= DISK_LIFE:
        yield Condition(id="disk_worn", detail=f"{host.disk_life_used:.0%} of its life is used")
    if host.disk_read_only:
        yield Condition(id="disk_read_only")


def host(view: View) -> Iterator[Condition]:
    found = view.health.host
    if found.under_voltage:
        yield Condition(id="host_under_voltage")
    if found.cpu_temperature_c is not None and found.cpu_temperature_c >= CPU_HOT_C:
        detail = f"{found.cpu_temperature_c:.0f} °C"
        yield Condition(id="host_hot", detail=detail)


def lateness(view: View) -> Iterator[Condition]:
    for loop in view.health.loops:
        if loop.connected and loop.tick_p99_s > CONTROL_P99_S:
            detail = f"99 of 100 steps within {loop.tick_p99_s * 1000:.0f} ms"
            yield Condition(id="control_late", place=loop.bus, detail=detail)
    if view.health.loop_late_max_s > AGENT_LATE_S:
        yield Condition(id="agent_late", detail=f"{view.health.loop_late_max_s:.1f} s late")


def temperature(view: View) -> Iterator[Condition]:
    """Where it will be in a quarter of an hour, if it goes on like this."""
    for evse in view.status.evses:
        slope = view.watched.temperature_slopes.get(evse.evse, 0.0)
        now_c = None if evse.control is None else evse.control.temperature_c
        if now_c is None or slope < SLOPE_LEAST or now_c < view.derate_c - SLOPE_WITHIN_C:
            continue
        ahead_c = now_c + slope * SLOPE_AHEAD_MIN
        if ahead_c >= view.derate_c:
            detail = f"{now_c:.0f} °C, rising by {slope:.1f} °C a minute; limit {view.derate_c:.0f}"
            yield Condition(id="temperature_rising", place=_evse(evse.evse), detail=detail)


def upkeep(view: View) -> Iterator[Condition]:
    for item in view.maintenance:
        if item.state not in ("due", "overdue"):
            continue
        worn = item.task.startswith(("contactor", "closing_time"))
        yield Condition(
            id="contactor_worn" if worn else f"maintenance_{item.state}",
            place=f"{_evse(item.evse)}, {item.task}" if item.evse else item.task,
            detail=item.detail,
            severity="error" if item.state == "overdue" else "",
        )


def sessions(view: View) -> Iterator[Condition]:
    for evse, count in view.watched.failed_sessions.items():
        if count >= SESSIONS_FAILED:
            detail = f"{count} in a row"
            yield Condition(id="sessions_failing", place=_evse(evse), detail=detail)
    for evse, blocked_s in view.watched.blocked_s.items():
        if blocked_s >= BLOCKED_S:
            detail = f"for {blocked_s / 3600:.0f} h"
            yield Condition(id="station_blocked", place=_evse(evse), detail=detail)
    if view.watched.unused_days >= UNUSED_DAYS:
        yield Condition(id="station_unused", detail=f"for {view.watched.unused_days:.0f} days")


def restarts(view: View) -> Iterator[Condition]:
    watched = view.watched
    if watched.unclean_starts >= STARTS_UNUSUAL:
        detail = f"{watched.unclean_starts} times in an hour"
        yield Condition(id="restarts_unusual", place="agent", detail=detail)
    if watched.control_starts >= STARTS_UNUSUAL:
        detail = f"{watched.control_starts} times in an hour"
        yield Condition(id="restarts_unusual", place="control", detail=detail)


def buses(view: View) -> Iterator[Condition]:
    for bus, (errors, requests) in view.watched.bus_errors.items():
        if requests >= BUS_REQUESTS_LEAST and errors > requests * BUS_ERROR_RATIO:
            detail = f"{errors} of {requests} requests in a minute"
            yield Condition(id="bus_errors", place=bus, detail=detail)


def devices(view: View) -> Iterator[Condition]:
    """Those whose loss is not told by a hazard or a fault already."""
    told = {evse.evse: evse.fault for evse in view.status.evses}
    for device in view.health.devices:
        if device.answers is False and not _told(device, view, told):
            yield Condition(id="device_lost", place=device.device, detail=device.detail)


def _told(device: DeviceHealth, view: View, faults_told: Mapping[int, str | None]) -> bool:
    if device.device in view.boards:
        return True
    lost, evses = _serves(device.device, view)
    found = [faults_told.get(evse) for evse in evses]
    return any(fault is not None and (fault == lost or _hazard(fault)) for fault in found)


def _serves(device: str, view: View) -> tuple[str, tuple[int, ...]]:
    """The fault that its silence is, and where."""
    if device in view.meters:
        return "meter_lost", (view.meters[device],)
    return "reader_lost", view.readers.get(device, ())


def _silent(view: View, evse: int) -> Iterator[str]:
    """Faults of what serves `evse` and does not answer."""
    for device in view.health.devices:
        lost, evses = _serves(device.device, view)
        if device.answers is False and evse in evses:
            yield lost


def _hazard(name: str) -> bool:
    found = entries().get(name)
    return found is not None and found.kind == "hazard"


def _evse(evse: int) -> str:
    return f"EVSE {evse}"


Row = Callable[[View], Iterable[Condition]]
ROWS: tuple[Row, ...] = (
    hazards,
    faults,
    control_lost,
    tampered,
    csms_offline,
    records,
    clock,
    certificates,
    sim,
    modem,
    dead_man,
    disk,
    host,
    lateness,
    temperature,
    upkeep,
    sessions,
    restarts,
    buses,
    devices,
)
