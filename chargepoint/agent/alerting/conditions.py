"""What of the station's status is which condition: one row of `ROWS` per theme.

Pure: everything is read from a `View`. From where on something is wrong stands in `config.
alert_limits`, how long it must hold before anybody is told in `station.alerts.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from chargepoint.agent.alerting.upkeep_report import item_detail
from chargepoint.agent.alerting.view import View
from chargepoint.catalog import entries
from chargepoint.catalog.details import detail, detail_of
from chargepoint.ipc.care import DeviceHealth
from chargepoint.ipc.messages import HazardRaised
from chargepoint.station.alerts.values import Condition, told

CERTIFICATE_URGENT_DAYS = 7.0
DISK_URGENT_BYTES = 50e6
"""A few hours of logs; below it the journal stops and updates fail."""

SLOPE_LEAST = 0.2
"""Degrees per minute; slower is the weather."""

SLOPE_WITHIN_C = 20.0
"""Far below the limit no trend is of interest."""

BUS_REQUESTS_LEAST = 20
HOUR_S = 3600.0
MB = 1e6
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


def raised(fact: HazardRaised) -> Condition:
    """A hazard as the safety program tells it, with what was measured."""
    said = detail_of(fact.said)
    return Condition(id=fact.hazard, place=_evse(fact.evse), detail=fact.detail, said=said)


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
            yield told("tampered", detail("tampered", what=one.id), place=one.place)


def csms_offline(view: View) -> Iterator[Condition]:
    csms = view.status.csms
    if csms.configured and csms.state != "accepted":
        yield told("csms_offline", detail("answer", reason=csms.last_error or csms.state))


def records(view: View) -> Iterator[Condition]:
    ledger = view.status.ledger
    hours = (ledger.oldest_waiting_s or 0.0) / HOUR_S
    old = hours > view.limit("records_waiting", "limit_h")
    many = ledger.waiting > view.limit("records_waiting", "limit_count")
    if view.status.csms.configured and (old or many):
        yield told("records_waiting", detail("records", waiting=ledger.waiting, hours=hours))
    if ledger.quarantined:
        yield told("records_refused", detail("refused", count=ledger.quarantined))


def clock(view: View) -> Iterator[Condition]:
    if view.status.clock in ("none", "monotonic"):
        yield Condition(id="clock_untrusted")


def certificates(view: View) -> Iterator[Condition]:
    limit_days = view.limit("certificate_expiring", "limit_days")
    for one in view.health.certificates:
        days = one.days_left
        if days is None or days >= limit_days:
            continue
        left = detail("certificate", days=days, expires_at=one.expires_at)
        over = detail("certificate_over", expires_at=one.expires_at)
        yield told(
            "certificate_expiring",
            left if days >= 0 else over,
            place=f"{one.use} {one.subject}"[:80],
            severity="error" if days < CERTIFICATE_URGENT_DAYS else None,
        )


def sim(view: View) -> Iterator[Condition]:
    days = view.sim_days_left
    if days is not None and days < view.limit("sim_expiring", "limit_days"):
        yield told("sim_expiring", detail("sim", days=days))


def modem(view: View) -> Iterator[Condition]:
    found = view.health.modem
    if found is not None and not found.ready:
        yield told("modem_failed", detail("answer", reason=found.detail))


def dead_man(view: View) -> Iterator[Condition]:
    if view.dead_man_problem:
        yield told("dead_man_failing", detail("answer", reason=view.dead_man_problem))


def disk(view: View) -> Iterator[Condition]:
    host = view.health.host
    free, size = host.disk_free_bytes, host.disk_size_bytes
    if free is not None and size and free < _disk_least(view, size):
        yield told(
            "disk_full_soon",
            detail("disk_free", free_mb=free / MB, size_mb=size / MB),
            severity="error" if free < DISK_URGENT_BYTES else None,
        )
    limit, used = view.limit("disk_worn", "limit_ratio"), host.disk_life_used
    if used is not None and used >= limit:
        said = detail("disk_life", used_percent=used * 100, limit_percent=limit * 100)
        yield told("disk_worn", said)
    if host.disk_read_only:
        yield Condition(id="disk_read_only")


def _disk_least(view: View, size: float) -> float:
    ratio = view.limit("disk_full_soon", "limit_ratio")
    return min(ratio * size, view.limit("disk_full_soon", "limit_mb") * MB)


def host(view: View) -> Iterator[Condition]:
    found = view.health.host
    if found.under_voltage:
        yield Condition(id="host_under_voltage")
    limit_c, now_c = view.limit("host_hot", "limit_c"), found.cpu_temperature_c
    if now_c is not None and now_c >= limit_c:
        yield told("host_hot", detail("temperature", temperature_c=now_c, limit_c=limit_c))


def lateness(view: View) -> Iterator[Condition]:
    limit_s = view.limit("control_late", "limit_s")
    for loop in view.health.loops:
        if loop.connected and loop.tick_p99_s > limit_s:
            said = detail("steps_late", p99_ms=loop.tick_p99_s * 1000, limit_ms=limit_s * 1000)
            yield told("control_late", said, place=loop.bus)
    limit_s, late_s = view.limit("agent_late", "limit_s"), view.health.loop_late_max_s
    if late_s > limit_s:
        yield told("agent_late", detail("late", late_s=late_s, limit_s=limit_s))


def temperature(view: View) -> Iterator[Condition]:
    """Where it will be in a while, if it goes on like this."""
    ahead_min = view.limit("temperature_rising", "limit_min")
    for evse in view.status.evses:
        slope = view.watched.temperature_slopes.get(evse.evse, 0.0)
        now_c = None if evse.control is None else evse.control.temperature_c
        if now_c is None or slope < SLOPE_LEAST or now_c < view.derate_c - SLOPE_WITHIN_C:
            continue
        if now_c + slope * ahead_min >= view.derate_c:
            said = detail(
                "temperature_slope", temperature_c=now_c, slope_c=slope, limit_c=view.derate_c
            )
            yield told("temperature_rising", said, place=_evse(evse.evse))


def upkeep(view: View) -> Iterator[Condition]:
    for item in view.maintenance:
        if item.state not in ("due", "overdue"):
            continue
        worn = item.task.startswith(("contactor", "closing_time"))
        yield told(
            "contactor_worn" if worn else f"maintenance_{item.state}",
            item_detail(item),
            place=f"{_evse(item.evse)}, {item.task}" if item.evse else item.task,
            severity="error" if item.state == "overdue" else None,
        )


def sessions(view: View) -> Iterator[Condition]:
    for evse, count in view.watched.failed_sessions.items():
        if count >= view.limit("sessions_failing", "limit_count"):
            yield told("sessions_failing", detail("failed", count=count), place=_evse(evse))
    limit_h = view.limit("station_blocked", "limit_h")
    for evse, blocked_s in view.watched.blocked_s.items():
        if blocked_s >= limit_h * HOUR_S:
            said = detail("blocked", hours=blocked_s / HOUR_S, limit_h=limit_h)
            yield told("station_blocked", said, place=_evse(evse))
    limit_days, days = view.limit("station_unused", "limit_days"), view.watched.unused_days
    if days >= limit_days:
        yield told("station_unused", detail("unused", days=days, limit_days=limit_days))


def restarts(view: View) -> Iterator[Condition]:
    limit = view.limit("restarts_unusual", "limit_count")
    starts = {"agent": view.watched.unclean_starts, "control": view.watched.control_starts}
    for program, count in starts.items():
        if count >= limit:
            said = detail("starts", count=count, limit=limit)
            yield told("restarts_unusual", said, place=program)


def buses(view: View) -> Iterator[Condition]:
    limit = view.limit("bus_errors", "limit_ratio")
    for bus, (errors, requests) in view.watched.bus_errors.items():
        if requests >= BUS_REQUESTS_LEAST and errors > requests * limit:
            said = detail("bus_errors", errors=errors, requests=requests, limit_percent=limit * 100)
            yield told("bus_errors", said, place=bus)


def devices(view: View) -> Iterator[Condition]:
    """Those whose loss is not told by a hazard or a fault already."""
    shown = {evse.evse: evse.fault for evse in view.status.evses}
    for device in view.health.devices:
        if device.answers is False and not _told(device, view, shown):
            said = detail("answer", reason=device.detail)
            yield told("device_lost", said, place=device.device)


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
