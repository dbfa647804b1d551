"""What a host shows of itself, read from directory trees like those of real machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal.host import Disk, Host, HostReading, disk_of


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def disk(place: Path) -> Disk:
    return Disk(free_bytes=5_000, size_bytes=20_000, read_only=False, device="179:2")


def read(root: Path, files: dict[str, str]) -> HostReading:
    return Host(root / "state", tree(root, files), disk).read()


RASPBERRY = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/meminfo": "MemTotal:        3884376 kB\nMemFree: 1 kB\nMemAvailable:    3201200 kB\n",
    "proc/loadavg": "0.25 0.10 0.05 1/150 1234\n",
    "proc/uptime": "86400.51 340000.00\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
    "sys/dev/block/179:2/stat": "1 2 3 4 5 6 2048 8 9 10 11\n",
    "sys/dev/block/179:2/device/life_time": "0x02 0x03\n",
}


def test_everything_of_a_raspberry_pi_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, RASPBERRY) == HostReading(
        model="Raspberry Pi 4 Model B Rev 1.4",
        disk_free_bytes=5_000,
        disk_size_bytes=20_000,
        disk_written_bytes=2048 * 512,
        disk_life_used=0.3,
        disk_read_only=False,
        memory_free_bytes=3201200 * 1024,
        cpu_temperature_c=48.312,
        under_voltage=False,
        under_voltage_seen=True,
        throttled=False,
        load_1min=0.25,
        uptime_s=86400.51,
    )


def test_a_host_that_shows_nothing_has_no_values(tmp_path: Path) -> None:
    reading = Host(tmp_path, tmp_path, lambda place: None).read()
    assert reading.model
    values = [getattr(reading, name) for name in reading.__struct_fields__ if name != "model"]
    assert values == [None] * 12


@pytest.mark.parametrize(
    ("bits", "now", "seen", "throttled"),
    [
        ("0", False, False, False),
        ("0x50005", True, True, True),
        ("10001", True, True, False),
        ("nonsense", None, None, None),
    ],
)
def test_the_bits_of_the_firmware_are_told_apart(
    tmp_path: Path, bits: str, now: bool | None, seen: bool | None, throttled: bool | None
) -> None:
    name = "sys/devices/platform/soc/soc:firmware/get_throttled"
    reading = read(tmp_path, {name: bits})
    found = (reading.under_voltage, reading.under_voltage_seen, reading.throttled)
    assert found == (now, seen, throttled)


def test_without_the_firmware_the_kernels_own_watch_over_the_supply_is_read(tmp_path: Path) -> None:
    files = {
        "sys/class/hwmon/hwmon1/name": "rpi_volt",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1",
    }
    assert read(tmp_path, files).under_voltage is True


def test_a_disks_life_counts_its_worse_memory_and_never_more_than_all(tmp_path: Path) -> None:
    name = "sys/dev/block/179:2/device/life_time"
    assert read(tmp_path, {name: "0x01 0x0b"}).disk_life_used == 1.0
    assert read(tmp_path, {name: "0x00 0x00"}).disk_life_used is None


def test_a_partitions_writes_and_life_are_those_of_its_disk(tmp_path: Path) -> None:
    mmc = "sys/devices/mmc0/mmcblk0"
    tree(
        tmp_path,
        {
            f"{mmc}/stat": "1 2 3 4 5 6 10 8 9",
            f"{mmc}/device/life_time": "0x01 0x01",
            f"{mmc}/mmcblk0p2/partition": "2",
            f"{mmc}/mmcblk0p2/stat": "1 2 3 4 5 6 7 8 9",
        },
    )
    link = tmp_path / "sys/dev/block/179:2"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / mmc / "mmcblk0p2")
    reading = Host(tmp_path, tmp_path, disk).read()
    assert (reading.disk_written_bytes, reading.disk_life_used) == (10 * 512, 0.1)


def test_the_cpus_zone_is_taken_before_others(tmp_path: Path) -> None:
    zones = "sys/class/thermal/thermal_zone"
    files = {
        f"{zones}0/type": "acpitz",
        f"{zones}0/temp": "20000",
        f"{zones}1/type": "x86_pkg_temp",
        f"{zones}1/temp": "61000",
    }
    assert read(tmp_path, files).cpu_temperature_c == 61.0


def test_a_directory_that_is_not_there_yet_lies_on_the_disk_of_its_parent(tmp_path: Path) -> None:
    found = disk_of(tmp_path / "not" / "there")
    assert found is not None
    assert found.size_bytes >= found.free_bytes > 0
