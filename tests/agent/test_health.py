"""The health of the whole in one answer: loops, buses, devices, host, certificates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chargepoint.agent.certificate_end import ends_at
from chargepoint.agent.devices_seen import DevicesSeen, Seen
from chargepoint.agent.field import DeviceState
from chargepoint.agent.host import HostWatch, Lateness, stored_bytes
from chargepoint.agent.requests.health import HealthDesk
from chargepoint.config import Config, parse
from chargepoint.ipc import messages as m
from chargepoint.ipc.care import DeviceHealth, HealthStatus
from chargepoint.station.security_values import CertificateUse, Holdings, OwnCertificate, Root
from hal.host import Disk, Host
from hal.values import MeterReading
from tests.agent import authorities
from tests.agent.samples import snapshot

TODAY = datetime(2026, 7, 1, tzinfo=UTC)
RAW = {
    "station": {"id": "CP-1", "vendor": "v", "model": "m"},
    "bus": [
        {"name": "safety", "kind": "modbus-rtu", "port": "safety"},
        {"name": "aux", "kind": "modbus-tcp", "host": "127.0.0.1"},
    ],
    "device": [
        {"name": "board", "driver": "pilot-board", "map": "reference_pilot_board", "bus": "safety"},
        {"name": "meter", "driver": "meter", "map": "eastron_sdm630", "bus": "safety", "unit": 2},
        {"name": "main", "driver": "meter", "map": "eastron_sdm630", "bus": "aux"},
    ],
    "evse": [{"id": 1, "board": "board", "meter": "meter"}],
}


def bus_health(bus: str) -> m.BusHealth:
    return m.BusHealth(
        bus=bus,
        requests=10,
        timeouts=1,
        bad_replies=0,
        refused=0,
        down=False,
        latency_p99_s=0.01,
    )


class Safety:
    def __init__(self) -> None:
        self.evses: dict[int, m.EvseSnapshot] = {}
        self.health: dict[str, m.Health] = {}
        self.devices = DevicesSeen({1: "meter"})

    def seen(self, device: str) -> Seen | None:
        return self.devices.get(device)


class FieldBuses:
    def __init__(self) -> None:
        self.states: dict[str, DeviceState] = {}

    def buses(self) -> Sequence[m.BusHealth]:
        return (bus_health("aux"),)

    def devices(self) -> Mapping[str, DeviceState]:
        return self.states


class Bench:
    def __init__(self, tmp_path: Path) -> None:
        self.config: Config = parse(RAW, "")
        self.safety, self.field = Safety(), FieldBuses()
        self.holdings = Holdings()
        self.trusted = True
        self.now_s = 100.0
        self.watch = HostWatch(tmp_path, Host(tmp_path, tmp_path), lambda: True)
        self.lateness = Lateness(lambda: self.now_s)
        self.desk = HealthDesk(
            self.config,
            safety=self.safety,
            field=self.field,
            host=self.watch,
            lateness=self.lateness,
            dropped=lambda: 3,
            holdings=lambda: self.holdings,
            trusted=lambda: self.trusted,
            now=lambda: self.now_s,
            wall=lambda: TODAY,
        )

    @property
    def health(self) -> HealthStatus:
        return self.desk.health()

    def device(self, name: str) -> DeviceHealth:
        return next(device for device in self.health.devices if device.device == name)


def test_without_a_safety_program_nothing_is_claimed_of_its_devices(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert [loop.connected for loop in bench.health.loops] == [False]
    assert bench.device("board").answers is None
    assert bench.device("meter").detail == "the safety program is not reached"
    assert [bus.bus for bus in bench.health.buses] == ["aux"]


def test_a_safety_program_tells_its_pace_and_its_bus(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.safety.evses[1] = snapshot(1)
    bench.safety.health["safety"] = m.Health(
        seq=1, at_s=1.0, ticks=50, tick_p99_s=0.012, tick_max_s=0.02, buses=(bus_health("safety"),)
    )
    [loop] = bench.health.loops
    assert (loop.connected, loop.ticks, loop.tick_p99_s) == (True, 50, 0.012)
    assert [bus.bus for bus in bench.health.buses] == ["safety", "aux"]


def test_a_board_answers_until_the_safety_program_finds_it_lost(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.safety.evses[1] = snapshot(1)
    assert bench.device("board").answers is True
    bench.safety.evses[1] = snapshot(1, hazards=("board_lost",))
    lost = m.DeviceLost(seq=1, at_s=90.0, device="board", detail="no reply")
    bench.safety.devices.heard(lost)
    found = bench.device("board")
    assert (found.answers, found.since_s, found.detail) == (False, 10.0, "board_lost: no reply")


def test_a_meter_answers_since_its_first_reading_and_not_when_it_is_lost(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.safety.evses[1] = snapshot(1)
    assert bench.device("meter").answers is None
    for at_s in (80.0, 81.0):
        reading = m.Measured(seq=1, at_s=at_s, evse=1, meter=MeterReading(taken_s=at_s))
        bench.safety.devices.heard(reading)
    found = bench.device("meter")
    assert (found.answers, found.since_s) == (True, 20.0)
    bench.safety.devices.heard(m.DeviceLost(seq=2, at_s=95.0, device="meter", detail="silent"))
    found = bench.device("meter")
    assert (found.answers, found.since_s, found.detail) == (False, 5.0, "silent")


def test_a_polled_device_is_as_its_bus_says(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.field.states["main"] = DeviceState(answers=False, since_s=40.0, problem="no reply")
    found = bench.device("main")
    assert (found.answers, found.since_s, found.detail) == (False, 60.0, "no reply")


def test_certificates_are_told_with_the_days_that_are_left(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.holdings = Holdings(
        roots=(
            Root(
                use=CertificateUse.CSMS_ROOT,
                hashes=(),
                subject="CN=Root",
                not_after=TODAY + timedelta(days=400),
            ),
        ),
        certificate=OwnCertificate(
            subject="CN=CP-1",
            not_before=TODAY - timedelta(days=10),
            not_after=TODAY + timedelta(days=12, hours=12),
        ),
    )
    own, root = bench.health.certificates
    assert (own.use, own.subject, own.days_left) == ("client", "CN=CP-1", 12.5)
    assert own.expires_at == "2026-07-13T12:00:00Z"
    assert (root.use, root.days_left) == ("csms_root", 400.0)


def test_without_a_clock_no_days_are_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.trusted = False
    bench.holdings = Holdings(
        certificate=OwnCertificate(subject="CN=CP-1", not_before=TODAY, not_after=TODAY)
    )
    [own] = bench.health.certificates
    assert own.days_left is None


def test_the_worst_lateness_of_the_last_minute_counts(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for at_s, late_s in ((100.0, 0.5), (110.0, 0.2), (120.0, -0.1)):
        bench.now_s = at_s
        bench.lateness.note(late_s)
    assert bench.health.loop_late_max_s == 0.5
    bench.now_s = 165.0
    assert bench.health.loop_late_max_s == 0.2
    bench.now_s = 300.0
    assert bench.health.loop_late_max_s == 0.0


def test_the_host_is_read_with_the_store_and_this_programs_memory(tmp_path: Path) -> None:
    disk = Disk(free_bytes=7, size_bytes=9, read_only=True, device="8:1")
    (tmp_path / "ledger.sqlite").write_bytes(b"x" * 4096)
    (tmp_path / "ledger.sqlite-wal").write_bytes(b"x" * 100)
    (tmp_path / "other").write_bytes(b"x" * 9999)
    watch = HostWatch(tmp_path, Host(tmp_path, disk=lambda place: disk), lambda: False)
    assert watch.health.model == ""
    watch.read()
    assert (watch.health.disk_free_bytes, watch.health.disk_read_only) == (7, True)
    assert watch.health.clock_synchronised is False
    assert watch.memory_bytes > 1_000_000
    assert watch.store_bytes == stored_bytes(tmp_path) == 4196


def test_the_host_is_read_in_a_thread_until_it_is_stopped(tmp_path: Path) -> None:
    watch = HostWatch(tmp_path, Host(tmp_path, tmp_path), lambda: True, every_s=0.001)
    watch.start()
    for _ in range(2000):
        if watch.health.clock_synchronised:
            break
        watch._ending.wait(0.001)
    watch.stop()
    watch._thread.join(5)
    assert watch.health.clock_synchronised is True
    assert not watch._thread.is_alive()


@pytest.mark.parametrize("year", [2027, 2062])
def test_the_end_of_the_pages_certificate_is_read_and_told(tmp_path: Path, year: int) -> None:
    """UTCTime and GeneralizedTime; the day as the certificate library has written it."""
    end = datetime(year, 3, 4, 5, 6, 7, tzinfo=UTC)
    path, _ = authorities.authority(ends=end).files(tmp_path, "web")
    bench = Bench(tmp_path)
    bench.watch._web_certificate = Path(path)
    bench.watch.read()
    [found] = bench.health.certificates
    assert (found.use, found.expires_at) == ("web", f"{year}-03-04T05:06:07Z")


def test_a_file_that_is_no_certificate_has_no_end(tmp_path: Path) -> None:
    text = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
    for content in ("", "nonsense", text.format("AAAA"), text.format("*")):
        (tmp_path / "web.pem").write_text(content, "ascii")
        assert ends_at(tmp_path / "web.pem") is None
    assert ends_at(tmp_path / "missing.pem") is None
