"""What the host knows of time: wall clock, whether it is synchronised, whether there is an RTC.

The station decides how far to trust it; here it is only read. `adjtimex` tells for every NTP
program; systemd-timesyncd also leaves a file.
"""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path

from chargepoint.station.events import ClockRead

SYNCHRONISED_FILE = Path("/run/systemd/timesync/synchronized")
RTC_DIRECTORY = Path("/sys/class/rtc")
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")

READ_EVERY_S = 60.0
STA_UNSYNC = 0x40
TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """The head of the kernel's struct timex; the rest is only room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def clock_read() -> ClockRead:
    """The wall clock now."""
    return ClockRead(
        wall=datetime.now(UTC),
        synchronised=synchronised(),
        rtc=has_rtc(),
        at_s=time.monotonic(),
    )


def synchronised(marker: Path = SYNCHRONISED_FILE) -> bool:
    """Whether an NTP program keeps the wall clock right."""
    return marker.exists() or kernel_synchronised()


def kernel_synchronised() -> bool:
    """The kernel's own opinion; False where it cannot be asked."""
    timex = _Timex()
    try:
        state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    return state >= 0 and state != TIME_ERROR and not timex.status & STA_UNSYNC


def has_rtc(directory: Path = RTC_DIRECTORY) -> bool:
    """Whether a battery-backed clock set the wall clock at boot."""
    return directory.is_dir() and any(directory.iterdir())


def host_boot_id(file: Path = BOOT_ID_FILE) -> str:
    """New for each boot of the host: monotonic seconds count from there."""
    try:
        return file.read_text("ascii").strip()
    except OSError:
        # Without it every start of the agent counts as a boot of its own: times stay right.
        return f"start-{time.time_ns():x}"
