"""`/metrics` in the text format of Prometheus: base units, and counters that end in `_total`.

What is not known now has no sample. Tokens, transactions and addresses are not told here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from chargepoint.ipc.care import HealthStatus
from chargepoint.ipc.messages import EvseSnapshot
from chargepoint.ipc.service import EvseStatus, StationStatus
from chargepoint.web.context import address_of
from chargepoint.web.desk import Desk
from hal.values import MeterReading

PREFIX = "chargepoint_"
TYPE = "text/plain; version=0.0.4; charset=utf-8"
JOULES_PER_WH = 3600.0
DAY_S = 86400.0
AGE_MAX_S = 5.0
TRUSTED = ("rtc", "csms", "ntp")
CSMS_STATES = ("off", "connecting", "waiting", "connected", "pending", "rejected", "accepted")

Number = float | int | bool | None
Labels = tuple[tuple[str, str], ...]


class Sample(msgspec.Struct, frozen=True):
    """One line: name without prefix, value, labels."""

    name: str
    value: Number
    labels: Labels = ()


# fmt: off
FAMILIES: dict[str, tuple[Literal["gauge", "counter"], str]] = {
    # name:                           (kind, help)
    "build_info":                     ("gauge", "Version of the software."),
    "agent_up":                       ("gauge", "1: the agent answers."),
    "agent_uptime_seconds":           ("gauge", "Since the start of the agent."),
    "agent_loop_late_seconds":        ("gauge", "Worst lateness of the agent in the last minute."),
    "agent_memory_bytes":             ("gauge", "Memory of the agent."),
    "agent_inbox_dropped_total":      ("counter", "Happenings that found no room."),
    "store_bytes":                    ("gauge", "Size of the store."),
    "clock_trusted":                  ("gauge", "1: the wall clock is trusted."),
    "csms_state":                     ("gauge", "1 for the state of the link to the CSMS."),
    "csms_failures":                  ("gauge", "Attempts in vain since the link last worked."),
    "ledger_waiting":                 ("gauge", "Records that wait for the CSMS."),
    "ledger_refused":                 ("gauge", "Records that the CSMS refused for good."),
    "ledger_oldest_seconds":          ("gauge", "Age of the oldest waiting record."),
    "ledger_acknowledged_total":      ("counter", "Records that the CSMS took."),
    "alerts_open":                    ("gauge", "Open alerts."),
    "alerts_unacknowledged":          ("gauge", "Open alerts that nobody looks after."),
    "alert_messages_waiting":         ("gauge", "Messages that could not be sent yet."),
    "bus_up":                         ("gauge", "1: the bus works."),
    "bus_requests_total":             ("counter", "Requests on a bus."),
    "bus_errors_total":               ("counter", "Requests that went wrong, by kind."),
    "bus_latency_p99_seconds":        ("gauge", "99th percentile of the time to a reply."),
    "device_up":                      ("gauge", "1: the device answers."),
    "control_up":                     ("gauge", "1: the safety program of a bus is reached."),
    "control_ticks_total":            ("counter", "Rounds of a safety program."),
    "control_tick_p99_seconds":       ("gauge", "99th percentile of the time of a round."),
    "control_tick_max_seconds":       ("gauge", "Longest round lately."),
    "evse_state":                     ("gauge", "1 for the connector's state, in OCPP's words."),
    "evse_enabled":                   ("gauge", "1: not taken out of service here."),
    "evse_transaction_running":       ("gauge", "1: a transaction runs."),
    "evse_power_watts":               ("gauge", "Active power."),
    "evse_energy_joules_total":       ("counter", "Register of the meter."),
    "evse_current_amperes":           ("gauge", "Current of a phase."),
    "evse_voltage_volts":             ("gauge", "Voltage of a phase to neutral."),
    "evse_temperature_celsius":       ("gauge", "Temperature at the board."),
    "evse_limit_amperes":             ("gauge", "Limit in force, per phase."),
    "evse_local_limit_amperes":       ("gauge", "Limit that people here have set."),
    "evse_offered_amperes":           ("gauge", "What the pilot offers."),
    "evse_permitted":                 ("gauge", "1: the permission lease is alive."),
    "evse_limit_lease_expired":       ("gauge", "1: the failsafe current holds."),
    "evse_contactor_closed":          ("gauge", "1: the contactor is closed."),
    "evse_hazards":                   ("gauge", "Hazards in force."),
    "evse_hazard":                    ("gauge", "1 for each hazard in force."),
    "evse_hazards_raised_total":      ("counter", "How often a hazard was raised."),
    "evse_contactor_closings_total":  ("counter", "Closings of the contactor."),
    "evse_loaded_openings_total":     ("counter", "Openings under load."),
    "evse_plug_ins_total":            ("counter", "Sessions: vehicles plugged in."),
    "host_disk_free_bytes":           ("gauge", "Room on the disk of the state directory."),
    "host_disk_size_bytes":           ("gauge", "Size of that disk."),
    "host_disk_written_bytes_total":  ("counter", "Written to it since boot."),
    "host_disk_life_used_ratio":      ("gauge", "Wear, as the disk itself says."),
    "host_memory_free_bytes":         ("gauge", "Memory that is available."),
    "host_cpu_temperature_celsius":   ("gauge", "Temperature of the processor."),
    "host_under_voltage":             ("gauge", "1: the supply is too weak now."),
    "host_load1":                     ("gauge", "Load of the last minute."),
    "certificate_remaining_seconds":  ("gauge", "Until a certificate ends."),
    "modem_ready":                    ("gauge", "1: the modem can send."),
    "modem_signal_dbm":               ("gauge", "Signal of the modem, in dBm."),
    "web_logins":                     ("gauge", "People who are logged in."),
    "web_streams":                    ("gauge", "Clients of event streams."),
}
# fmt: on


def metrics_route(desk: Desk) -> list[Route]:
    """The route, unless metrics are off."""
    if desk.context.web.metrics == "off":
        return []

    async def serve(request: Request) -> Response:
        if desk.context.web.metrics == "loopback" and not _is_loopback(address_of(request)):
            return PlainTextResponse("only from the station itself (web.metrics)\n", 403)
        status = await desk.context.live.status(AGE_MAX_S)
        health = await desk.context.live.health(AGE_MAX_S)
        samples = [*_web(desk), *_control(desk), *_agent(status), *_health(health)]
        return Response(text(samples), media_type=TYPE)

    return [Route("/metrics", serve)]


def text(samples: list[Sample]) -> str:
    """The samples by family, each with its help and type."""
    lines: list[str] = []
    for name, (kind, help_text) in FAMILIES.items():
        found = [one for one in samples if one.name == name and one.value is not None]
        if not found:
            continue
        lines += [f"# HELP {PREFIX}{name} {help_text}", f"# TYPE {PREFIX}{name} {kind}"]
        lines += [f"{PREFIX}{name}{_labels(one.labels)} {_number(one.value)}" for one in found]
    return "\n".join(lines) + "\n"


def _number(value: Number) -> str:
    return repr(value) if isinstance(value, float) else str(int(value or 0))


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


# --- Sources --------------------------------------------------------------------------------------


def _web(desk: Desk) -> Iterator[Sample]:
    yield Sample("web_logins", len(desk.sessions))
    yield Sample("web_streams", desk.context.streams.clients)


def _control(desk: Desk) -> Iterator[Sample]:
    """What the safety programs tell, also while the agent is down."""
    observers = desk.observers
    for bus in desk.context.config.safety_buses():
        label = (("bus", bus),)
        yield Sample("control_up", bus in observers.connected, label)
        health = observers.health.get(bus)
        if health is not None:
            yield Sample("control_ticks_total", health.ticks, label)
            yield Sample("control_tick_p99_seconds", health.tick_p99_s, label)
            yield Sample("control_tick_max_seconds", health.tick_max_s, label)
    for evse in desk.context.config.evse:
        label = (("evse", str(evse.id)),)
        snapshot = observers.evses.get(evse.id)
        if snapshot is not None:
            yield from _snapshot(snapshot, label)
        meter = desk.history.meter(evse.id)
        if meter is not None:
            yield from _meter(meter, label)


def _snapshot(evse: EvseSnapshot, label: Labels) -> Iterator[Sample]:
    yield Sample("evse_temperature_celsius", evse.temperature_c, label)
    yield Sample("evse_limit_amperes", evse.limit_a, label)
    yield Sample("evse_offered_amperes", evse.offered_a, label)
    yield Sample("evse_permitted", evse.permitted, label)
    yield Sample("evse_limit_lease_expired", evse.limit_expired, label)
    if evse.contactor_closed is not None:
        yield Sample("evse_contactor_closed", evse.contactor_closed, label)
    yield Sample("evse_hazards", len(evse.hazards), label)
    for hazard in evse.hazards:
        yield Sample("evse_hazard", 1, (*label, ("hazard", hazard)))


def _meter(meter: MeterReading, label: Labels) -> Iterator[Sample]:
    yield Sample("evse_power_watts", meter.power_w, label)
    if meter.energy_import_wh is not None:
        yield Sample("evse_energy_joules_total", meter.energy_import_wh * JOULES_PER_WH, label)
    for number, current_a in enumerate(meter.current_a, start=1):
        yield Sample("evse_current_amperes", current_a, (*label, ("phase", f"L{number}")))
    for number, voltage_v in enumerate(meter.voltage_v, start=1):
        yield Sample("evse_voltage_volts", voltage_v, (*label, ("phase", f"L{number}")))


def _agent(status: StationStatus | None) -> Iterator[Sample]:
    yield Sample("agent_up", status is not None)
    if status is None:
        return
    labels = (("version", status.version), ("station", status.station))
    yield Sample("build_info", 1, labels)
    yield Sample("agent_uptime_seconds", status.uptime_s)
    yield Sample("clock_trusted", status.clock in TRUSTED)
    for state in CSMS_STATES:
        yield Sample("csms_state", status.csms.state == state, (("state", state),))
    yield Sample("csms_failures", status.csms.failures)
    yield Sample("ledger_waiting", status.ledger.waiting)
    yield Sample("ledger_refused", status.ledger.quarantined)
    yield Sample("ledger_oldest_seconds", status.ledger.oldest_waiting_s)
    yield Sample("ledger_acknowledged_total", status.ledger.acknowledged)
    if status.alerts is not None:
        yield Sample("alerts_open", status.alerts.open)
        yield Sample("alerts_unacknowledged", status.alerts.unacknowledged)
        yield Sample("alert_messages_waiting", status.alerts.waiting)
    for evse in status.evses:
        yield from _evse(evse, (("evse", str(evse.evse)),))


def _evse(evse: EvseStatus, label: Labels) -> Iterator[Sample]:
    yield Sample("evse_state", 1, (*label, ("state", evse.state)))
    yield Sample("evse_enabled", evse.enabled, label)
    yield Sample("evse_transaction_running", evse.transaction is not None, label)
    yield Sample("evse_local_limit_amperes", evse.local_limit_a, label)
    counts = evse.counts
    if counts is None:
        return
    yield Sample("evse_contactor_closings_total", counts.operations, label)
    yield Sample("evse_loaded_openings_total", counts.openings_under_load, label)
    yield Sample("evse_plug_ins_total", counts.plug_ins, label)
    for hazard, count in counts.hazards.items():
        yield Sample("evse_hazards_raised_total", count, (*label, ("hazard", hazard)))


def _health(health: HealthStatus | None) -> Iterator[Sample]:
    if health is None:
        return
    yield Sample("agent_loop_late_seconds", health.loop_late_max_s)
    yield Sample("agent_memory_bytes", health.agent_memory_bytes)
    yield Sample("agent_inbox_dropped_total", health.inbox_dropped)
    yield Sample("store_bytes", health.store_bytes)
    yield from _buses(health)
    yield from _host(health)
    for device in health.devices:
        of = (("device", device.device), ("driver", device.driver), ("bus", device.bus))
        yield Sample("device_up", device.answers, of)
    for one in health.certificates:
        days = one.days_left
        labels = (("use", one.use), ("subject", one.subject))
        yield Sample(
            "certificate_remaining_seconds", None if days is None else days * 86400, labels
        )
    if health.modem is not None:
        yield Sample("modem_ready", health.modem.ready)
        yield Sample("modem_signal_dbm", health.modem.signal_dbm)


def _buses(health: HealthStatus) -> Iterator[Sample]:
    for bus in health.buses:
        label = (("bus", bus.bus),)
        yield Sample("bus_up", not bus.down, label)
        yield Sample("bus_requests_total", bus.requests, label)
        for kind in ("timeouts", "bad_replies", "refused"):
            yield Sample("bus_errors_total", getattr(bus, kind), (*label, ("kind", kind)))
        yield Sample("bus_latency_p99_seconds", bus.latency_p99_s, label)


def _host(health: HealthStatus) -> Iterator[Sample]:
    host = health.host
    yield Sample("host_disk_free_bytes", host.disk_free_bytes)
    yield Sample("host_disk_size_bytes", host.disk_size_bytes)
    yield Sample("host_disk_written_bytes_total", host.disk_written_bytes)
    yield Sample("host_disk_life_used_ratio", host.disk_life_used)
    yield Sample("host_memory_free_bytes", host.memory_free_bytes)
    yield Sample("host_cpu_temperature_celsius", host.cpu_temperature_c)
    yield Sample("host_under_voltage", host.under_voltage)
    yield Sample("host_load1", host.load_1min)
