"""The computer that everything runs on, read from what its kernel and firmware show as files.

`Host(root)` reads below `root`, so that tests give it a directory tree. Nothing here raises for a
file that is not there or says something else: that value is None. Blocks on slow disks; to be
called in a thread. Sources: proc(5), Documentation/ABI/testing/sysfs-* of Linux, and for
`get_throttled` the documentation of the Raspberry Pi's `vcgencmd`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

SECTOR_BYTES = 512
"""Unit of /sys/class/block/*/stat, whatever the disk's own is."""

UNDER_VOLTAGE, THROTTLED = 1 << 0, 1 << 2
UNDER_VOLTAGE_SEEN = 1 << 16
"""Bits of the firmware's `get_throttled`; the upper ones mean: since boot."""

LIFE_STEP = 0.1
"""`life_time` of an eMMC counts tenths of its life, begun ones as whole ones; 0: not defined."""

CPU_ZONES = ("cpu-thermal", "cpu_thermal", "x86_pkg_temp", "soc-thermal", "soc_thermal")
VCGENCMD_WAIT_S = 2.0


class HostReading(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the host; None: it cannot be read here."""

    model: str
    disk_free_bytes: int | None
    disk_size_bytes: int | None
    disk_written_bytes: int | None
    disk_life_used: float | None
    disk_read_only: bool | None
    memory_free_bytes: int | None
    cpu_temperature_c: float | None
    under_voltage: bool | None
    under_voltage_seen: bool | None
    throttled: bool | None
    load_1min: float | None
    uptime_s: float | None


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """The file system that holds a directory."""

    free_bytes: int
    size_bytes: int
    read_only: bool
    device: str
    """`major:minor`"""


def disk_of(directory: Path) -> Disk | None:
    """What the kernel says of the file system of `directory`, or of its nearest parent."""
    for place in (directory, *directory.parents):
        try:
            found, number = os.statvfs(place), place.stat().st_dev
        except OSError:
            continue
        return Disk(
            free_bytes=found.f_bavail * found.f_frsize,
            size_bytes=found.f_blocks * found.f_frsize,
            read_only=bool(found.f_flag & os.ST_RDONLY),
            device=f"{os.major(number)}:{os.minor(number)}",
        )
    return None


class Host:
    """The host as seen from a program that keeps its state in `state_dir`."""

    def __init__(
        self,
        state_dir: Path,
        root: Path = Path("/"),
        disk: Callable[[Path], Disk | None] = disk_of,
    ) -> None:
        self._state_dir = state_dir
        self._root = root
        self._disk = disk

    def read(self) -> HostReading:
        """Everything that can be read now."""
        disk = self._disk(self._state_dir)
        model = self._model()
        bits = self._throttled(model)
        return HostReading(
            model=model,
            disk_free_bytes=None if disk is None else disk.free_bytes,
            disk_size_bytes=None if disk is None else disk.size_bytes,
            disk_written_bytes=None if disk is None else self._written(disk.device),
            disk_life_used=None if disk is None else self._life(disk.device),
            disk_read_only=None if disk is None else disk.read_only,
            memory_free_bytes=self._memory_free(),
            cpu_temperature_c=self._temperature(),
            under_voltage=self._alarm() if bits is None else bool(bits & UNDER_VOLTAGE),
            under_voltage_seen=None if bits is None else bool(bits & UNDER_VOLTAGE_SEEN),
            throttled=None if bits is None else bool(bits & THROTTLED),
            load_1min=self._first_number("proc/loadavg"),
            uptime_s=self._first_number("proc/uptime"),
        )

    def resident_bytes(self) -> int:
        """Memory that this process holds; 0 where the kernel does not say."""
        fields = self._text("proc/self/statm").split()
        pages = int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    # --- The single sources -----------------------------------------------------------------------

    def _model(self) -> str:
        for name in ("proc/device-tree/model", "sys/class/dmi/id/product_name"):
            text = self._text(name).strip("\0 \n")
            if text:
                return text
        return os.uname().machine

    def _memory_free(self) -> int | None:
        for line in self._text("proc/meminfo").splitlines():
            key, _, rest = line.partition(":")
            if key == "MemAvailable" and rest.split()[:1]:
                return _whole(rest.split()[0], 1024)
        return None

    def _temperature(self) -> float | None:
        zones = sorted(self._root.glob("sys/class/thermal/thermal_zone*"))
        named = {self._text(zone / "type").strip(): zone for zone in reversed(zones)}
        chosen = next((named[name] for name in CPU_ZONES if name in named), None)
        if chosen is None:
            chosen = zones[0] if zones else None
        value = None if chosen is None else _whole(self._text(chosen / "temp").strip())
        return None if value is None else value / 1000

    def _throttled(self, model: str) -> int | None:
        """The firmware's bits: of a file, else of the tool that asks the firmware."""
        for file in self._root.glob("sys/devices/platform/soc*/soc*firmware/get_throttled"):
            return _hexadecimal(self._text(file))
        if self._root != Path("/") or "Raspberry Pi" not in model:
            return None
        tool = shutil.which("vcgencmd")
        return None if tool is None else _hexadecimal(_output(tool, "get_throttled"))

    def _alarm(self) -> bool | None:
        """The kernel's own watch over the supply of a Pi."""
        for sensor in self._root.glob("sys/class/hwmon/hwmon*"):
            if self._text(sensor / "name").strip() == "rpi_volt":
                value = _whole(self._text(sensor / "in0_lcrit_alarm").strip())
                return None if value is None else bool(value)
        return None

    def _written(self, device: str) -> int | None:
        fields = self._text(self._whole_disk(device) / "stat").split()
        return _whole(fields[6], SECTOR_BYTES) if len(fields) > 6 else None

    def _life(self, device: str) -> float | None:
        """The worse one of the two kinds of memory that an eMMC has."""
        fields = self._text(self._whole_disk(device) / "device/life_time").split()
        tenths = [found for found in map(_hexadecimal, fields) if found]
        return min(1.0, round(max(tenths) * LIFE_STEP, 2)) if tenths else None

    def _whole_disk(self, device: str) -> Path:
        """The disk that a partition is on."""
        place = self._root / "sys/dev/block" / device
        if (place / "partition").exists():
            return place.resolve().parent
        return place

    def _first_number(self, name: str) -> float | None:
        try:
            return float(self._text(name).split()[0])
        except (IndexError, ValueError):
            return None

    def _text(self, name: str | Path) -> str:
        try:
            return (self._root / name).read_text("utf-8", "replace")
        except OSError:
            return ""


def _whole(text: str, factor: int = 1) -> int | None:
    try:
        return int(text) * factor
    except ValueError:
        return None


def _hexadecimal(text: str) -> int | None:
    """`0x50005`, `50005` and `throttled=0x50005`."""
    try:
        return int(text.strip().rpartition("=")[2], 16)
    except ValueError:
        return None


def _output(tool: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            (tool, *arguments), capture_output=True, timeout=VCGENCMD_WAIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("ascii", "replace")
