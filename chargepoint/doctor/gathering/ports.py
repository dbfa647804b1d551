"""The port of a bus and its traps, as the kernel shows them below /dev, /sys and /proc."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from chargepoint.config import Bus, Config
from chargepoint.doctor.evidence import PortFacts
from hal.bus.port import PortLost, is_pty, open_serial_port, open_tcp_port

MINI_UART_DRIVERS = ("bcm2835-aux-uart",)
BUSY = (errno.EBUSY, errno.EAGAIN)
IGNORED_BY_MODEM_MANAGER = "E:ID_MM_DEVICE_IGNORE=1"


def look(config: Config, bus: Bus, root: Path = Path("/"), *, try_open: bool) -> PortFacts:
    """What is known of the way to `bus`. `try_open`: nobody of ours has it, so it is tried."""
    if bus.kind == "modbus-tcp":
        problem = _tcp_problem(bus) if try_open else ""
        return PortFacts(bus=bus.name, path=f"{bus.host}:{bus.tcp_port}", problem=problem)
    path = config.port(bus)
    if not os.path.exists(path):
        return PortFacts(bus=bus.name, path=path, exists=False, usable=False)
    real = os.path.realpath(path)
    tty = real.rpartition("/")[2]
    driver = _link_name(root / "sys/class/tty" / tty / "device/driver")
    usable = os.access(real, os.R_OK | os.W_OK)
    holders = () if is_pty(path) else tuple(_holders(real, root))
    problem, taken = (
        _open_problem(path, bus) if try_open and usable and not holders else ("", False)
    )
    return PortFacts(
        bus=bus.name,
        path=path,
        usable=usable,
        owner=_owner(real),
        real=real,
        pty=is_pty(path),
        driver=driver,
        mini_uart=driver in MINI_UART_DRIVERS or (tty == "ttyS0" and _raspberry(root)),
        latency_ms=_number(root / "sys/class/tty" / tty / "device/latency_timer"),
        console=_console(tty, root),
        modem_manager=_modem_manager(tty, real, root),
        holders=("another program",) if taken else holders,
        problem="" if taken else problem,
    )


def free(port: PortFacts) -> bool:
    """It can be opened to look at its devices."""
    return port.exists and port.usable and not (port.holders or port.problem or port.console)


def _open_problem(path: str, bus: Bus) -> tuple[str, bool]:
    """Why the port cannot be opened, and whether somebody else has it."""
    try:
        open_serial_port(path, bus.baud, bus.parity, bus.stop_bits).close()
    except PortLost as lost:
        number = getattr(lost.__cause__, "errno", None)
        taken = number in BUSY or "exclusively lock" in str(lost)
        return str(lost), taken
    return "", False


def _tcp_problem(bus: Bus) -> str:
    try:
        open_tcp_port(bus.host, bus.tcp_port).close()
    except PortLost as lost:
        return str(lost)
    return ""


def _holders(real: str, root: Path) -> Iterator[str]:
    """Foreign programs with the port open, as far as this user may see them."""
    for process in _processes(root):
        if int(process.name) == os.getpid():
            continue
        command = _text(process / "cmdline").replace("\0", " ").strip()
        if "chargepoint" in command:
            continue
        try:
            links = [os.readlink(link) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        if real in links:
            yield f"{_text(process / 'comm').strip() or command} ({process.name})"


def _console(tty: str, root: Path) -> str:
    if not tty.startswith("tty"):
        return ""
    for argument in _text(root / "proc/cmdline").split():
        if argument.removeprefix("console=").partition(",")[0] == tty:
            return f"kernel command line: {argument}"
    for process in _processes(root):
        command = _text(process / "cmdline").replace("\0", " ").strip()
        if "getty" in command.partition(" ")[0] and tty in command.split():
            return command
    return ""


def _modem_manager(tty: str, real: str, root: Path) -> bool:
    """It runs, the port is one that it tries, and no udev rule says to leave it alone."""
    if not tty.startswith(("ttyUSB", "ttyACM")):
        return False
    if not any(_text(p / "comm").strip() == "ModemManager" for p in _processes(root)):
        return False
    try:
        number = os.stat(real).st_rdev
    except OSError:
        return False
    about = root / f"run/udev/data/c{os.major(number)}:{os.minor(number)}"
    return IGNORED_BY_MODEM_MANAGER not in _text(about)


def _processes(root: Path) -> Iterator[Path]:
    try:
        names = sorted(name for name in os.listdir(root / "proc") if name.isdigit())
    except OSError:
        return
    yield from (root / "proc" / name for name in names)


def _raspberry(root: Path) -> bool:
    return "Raspberry Pi" in _text(root / "proc/device-tree/model")


def _owner(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{user_name(found.st_uid)}:{group_name(found.st_gid)} {stat.S_IMODE(found.st_mode):04o}"


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _link_name(path: Path) -> str:
    try:
        return os.readlink(path).rpartition("/")[2]
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    try:
        return int(_text(path).strip())
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
