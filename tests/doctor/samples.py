"""A station in which nothing is wrong, as evidence; tests spoil one thing each."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from chargepoint.config import Config, parse
from chargepoint.doctor import Evidence, Finding, judge
from chargepoint.doctor.evidence import ControlFacts, FileFacts, PortFacts, Probe, ServiceFacts
from chargepoint.ipc.care import (
    AuditLine,
    CertificateHealth,
    DeviceHealth,
    HealthStatus,
    HostHealth,
    LoopHealth,
)
from chargepoint.ipc.messages import BusHealth, EvseSnapshot, RcdTested
from chargepoint.ipc.service import (
    CountsStatus,
    CsmsStatus,
    EvseStatus,
    LedgerStatus,
    StationStatus,
)
from hal.values import BoardReading, DeviceIdentity, MeterReading, PilotLevels
from tests.agent.samples import snapshot

RAW: dict[str, Any] = {
    "station": {"id": "CP-1", "vendor": "v", "model": "m"},
    "csms": {"url": "wss://csms.example/ocpp", "password": "0123456789abcdef"},
    "bus": [
        {"name": "safety", "kind": "modbus-rtu", "port": "/dev/serial/by-id/a", "baud": 115200},
        {"name": "rfid", "kind": "serial", "port": "/dev/serial/by-id/b"},
        {"name": "aux", "kind": "modbus-tcp", "host": "192.0.2.7"},
    ],
    "device": [
        {"name": "board", "driver": "pilot-board", "map": "reference_pilot_board", "bus": "safety"},
        {"name": "meter", "driver": "meter", "map": "eastron_sdm630", "bus": "safety", "unit": 2},
        {"name": "cards", "driver": "pn532", "bus": "rfid"},
        {"name": "main", "driver": "meter", "map": "eastron_sdm630", "bus": "aux"},
    ],
    "evse": [
        {"id": 1, "board": "board", "meter": "meter", "reader": "cards", "connector": "socket"}
    ],
    "web": {"listen": "0.0.0.0:443", "tls": "self-signed"},
    "alerts": {"contact": [{"name": "Ann", "webhook": "https://hook.example/x"}]},
}

HOST = HostHealth(
    model="Raspberry Pi 4",
    disk_free_bytes=5_000_000_000,
    disk_size_bytes=30_000_000_000,
    disk_written_bytes=1_000_000,
    disk_life_used=0.1,
    disk_read_only=False,
    memory_free_bytes=2_000_000_000,
    cpu_temperature_c=48.0,
    under_voltage=False,
    under_voltage_seen=False,
    throttled=False,
    load_1min=0.2,
    uptime_s=90_000.0,
    clock_synchronised=True,
)


def bus_health(bus: str, **changes: Any) -> BusHealth:
    healthy = BusHealth(
        bus=bus,
        requests=10_000,
        timeouts=3,
        bad_replies=2,
        refused=0,
        down=False,
        latency_p99_s=0.008,
    )
    return replace(healthy, **changes)


def device_health(device: str, bus: str, **changes: Any) -> DeviceHealth:
    healthy = DeviceHealth(
        device=device, driver="", bus=bus, answers=True, since_s=100.0, detail=""
    )
    return replace(healthy, **changes)


def board(**changes: Any) -> BoardReading:
    values: dict[str, Any] = {
        "taken_s": 100.0,
        "pilot": PilotLevels(high_v=12.05, low_v=12.05),
        "oscillating": False,
        "contactor_closed": False,
        "contactor_commanded": False,
        "rcd_tripped": False,
        "locked": False,
    }
    return BoardReading(**{**values, **changes})


def meter(**changes: Any) -> MeterReading:
    values: dict[str, Any] = {
        "taken_s": 100.0,
        "energy_import_wh": 1_234_000.0,
        "voltage_v": (231.0, 229.5, 230.2),
        "current_a": (0.0, 0.0, 0.0),
        "power_w": 0.0,
        "frequency_hz": 50.01,
        "phase_sequence_ok": True,
    }
    return MeterReading(**{**values, **changes})


def charging(taken_s: float, energy_wh: float, **changes: Any) -> MeterReading:
    values: dict[str, Any] = {
        "taken_s": taken_s,
        "energy_import_wh": energy_wh,
        "current_a": (16.0, 15.9, 16.1),
        "power_w": 11_020.0,
    }
    return meter(**{**values, **changes})


def at_rest(**changes: Any) -> EvseSnapshot:
    return replace(snapshot(1), temperature_c=31.0, locked=False, **changes)


def certificate(days_left: float | None) -> CertificateHealth:
    return CertificateHealth(
        use="client", subject="CN=CP-1", expires_at="2027-01-01T00:00:00Z", days_left=days_left
    )


def csms_status(**changes: Any) -> CsmsStatus:
    healthy = CsmsStatus(
        configured=True,
        url="wss://csms.example/ocpp/CP-1",
        state="accepted",
        version="1.6",
        since_s=1000.0,
        last_error="",
        next_attempt_s=None,
    )
    return replace(healthy, **changes)


def station_status(control: EvseSnapshot, **changes: Any) -> StationStatus:
    counts = CountsStatus(
        operations=120,
        openings_under_load=2,
        plug_ins=130,
        rcd_tests_passed=120,
        rcd_tests_failed=0,
        hazards={},
    )
    healthy = StationStatus(
        station="CP-1",
        version="1.0",
        uptime_s=9000.0,
        clock="ntp",
        csms=csms_status(),
        ledger=LedgerStatus(waiting=0, quarantined=0, oldest_waiting_s=None, acknowledged=40),
        evses=(
            EvseStatus(
                evse=1,
                state="Available",
                fault=None,
                control=control,
                meter=meter(),
                transaction=None,
                counts=counts,
            ),
        ),
    )
    return replace(healthy, **changes)


def health_status() -> HealthStatus:
    return HealthStatus(
        loops=(
            LoopHealth(bus="safety", connected=True, ticks=9000, tick_p99_s=0.012, tick_max_s=0.03),
        ),
        buses=(bus_health("safety"), bus_health("rfid"), bus_health("aux")),
        devices=(
            device_health("board", "safety"),
            device_health("meter", "safety"),
            device_health("cards", "rfid"),
            device_health("main", "aux"),
        ),
        host=HOST,
        agent_memory_bytes=50_000_000,
        loop_late_max_s=0.004,
        inbox_dropped=0,
        store_bytes=40_000,
        certificates=(certificate(200.0),),
    )


def healthy(**raw: Any) -> Evidence:
    """A running station without a flaw; `raw` replaces tables of its configuration."""
    config: Config = parse({**RAW, **raw}, "")
    now = at_rest()
    passed = RcdTested(seq=1, at_s=90.0, evse=1, passed=True, detail="tripped and released")
    return Evidence(
        config=config,
        version="1.0",
        taken_at="2026-07-01T10:00:00Z",
        taken_by="root@station",
        host=HOST,
        status=station_status(now),
        health=health_status(),
        controls=(
            ControlFacts(
                bus="safety", reached=True, evses=(now,), rcd_tests=(passed,), now_s=3690.0
            ),
        ),
        ports=(
            PortFacts(bus="safety", path="/dev/serial/by-id/a", driver="ftdi_sio", latency_ms=1),
            PortFacts(bus="rfid", path="/dev/serial/by-id/b"),
            PortFacts(bus="aux", path="192.0.2.7:502"),
        ),
        probes=(
            Probe(device="board", identity=DeviceIdentity(model="Reference"), board=board()),
            Probe(device="meter", meters=(meter(), meter(taken_s=102.0))),
        ),
        files=(
            FileFacts(path="station.toml", use="configuration", mode=0o640, secret=True),
            FileFacts(path="/var/lib/chargepoint", use="state", mode=0o750),
            FileFacts(path="/run/chargepoint", use="run", mode=0o750),
            FileFacts(path="station_key.pem", use="key", mode=0o600, secret=True),
        ),
        services=(
            ServiceFacts(
                unit="chargepoint-agent.service",
                installed=True,
                active="active",
                enabled="enabled",
                watchdog=True,
            ),
        ),
        store_problem="",
        alerts=(),
        audit=(
            AuditLine(
                at="2026-06-30T08:00:00Z",
                user="root",
                by="",
                action="TryChannels",
                detail="contact=Ann",
                ok=True,
                outcome="",
            ),
        ),
    )


def wrongs(evidence: Evidence) -> list[tuple[str, str, str]]:
    """What is not as it should be: level, first catalogue id, subject."""
    return [
        (finding.level, finding.catalogue[0], finding.subject)
        for finding in judge(evidence)
        if finding.level in ("warn", "fail")
    ]


def of_part(evidence: Evidence, part: str) -> tuple[Finding, ...]:
    return judge(evidence, only=part)
