"""`chargepoint bundle`: everything that support asks for, in one archive, without secrets.

    diagnostics/…      the agent's own archive: status, variables, configuration, messages, log
    health.json        loops, buses, devices, host, certificates
    doctor.json        what the doctor finds
    alerts.json        open and past alerts with their deliveries
    maintenance.json   counters, due dates, visits
    audit.jsonl        who did what
    log.jsonl          the last lines of agent and safety programs
    host/…             system, packages, devices, messages of the kernel about serial ports
    missing.txt        what could not be had, and why

Made with the station running or stopped; every part that cannot be had is named.
"""

from __future__ import annotations

import io
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import msgspec

from chargepoint.catalog import entries
from chargepoint.cli.diagnostics import written
from chargepoint.cli.station import config_option, json_option, loaded, print_json
from chargepoint.config import Config
from chargepoint.config.redaction import HIDDEN, blanked, redacted, secrets_of
from chargepoint.ipc.care import (
    AlertStatus,
    GetAlerts,
    GetAudit,
    GetHealth,
    GetLog,
    GetMaintenance,
)
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.service import Answered, ArchivePart, Done, MakeDiagnostics, Request

ANSWER_WAIT_S = 60.0
"""The agent makes its own archive meanwhile."""

COMMAND_WAIT_S = 10.0
PART_MAX = 4 * 1024 * 1024
"""Bytes of one text; the newest are kept."""

LAST = 2000
KERNEL_WORDS = ("usb", "tty", "serial", "ftdi", "ch34", "cp210", "voltage", "thrott", "mmc", "ext4")
NO_ERROR = "the agent does not answer"

# fmt: off
REQUESTS: tuple[tuple[str, Request], ...] = (
    ("health.json",      GetHealth()),
    ("alerts.json",      GetAlerts(closed=LAST)),
    ("maintenance.json", GetMaintenance()),
    ("audit.jsonl",      GetAudit(last=LAST)),
    ("log.jsonl",        GetLog(last=LAST, level="debug")),
)
COMMANDS = (
    # file                command
    ("host/units.txt",    ("systemctl", "list-units", "--all", "--no-pager", "chargepoint*")),
    ("host/usb.txt",      ("lsusb",)),
    ("host/addresses.txt", ("ip", "-brief", "address")),
    ("host/clock.txt",    ("timedatectl", "show")),
)
# fmt: on
FILES = (
    ("host/os-release.txt", Path("/etc/os-release")),
    ("host/model.txt", Path("/proc/device-tree/model")),
    ("host/mounts.txt", Path("/proc/mounts")),
    ("host/memory.txt", Path("/proc/meminfo")),
)


class Missing(Exception):
    """A part that cannot be had; says why."""


class Bundled(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    size_bytes: int
    parts: tuple[str, ...]
    missing: dict[str, str]


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@config_option
@json_option
def bundle(file: Path | None, config_path: str, as_json: bool) -> None:
    """Write everything that support asks for to FILE: one zip archive, without secrets.

    Passwords, PINs, keys, card numbers and how people can be reached are blanked. FILE is readable
    for its owner only; without a name it is chargepoint-STATION-TIME.zip.
    """
    config = loaded(config_path)
    if file is None:
        at = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        file = Path(f"chargepoint-{config.station.id}-{at}.zip")
    texts, missing = _texts(config)
    data = _zipped(config, texts, missing)
    written(file, data)
    if as_json:
        made = Bundled(
            file=str(file), size_bytes=len(data), parts=tuple(sorted(texts)), missing=missing
        )
        print_json(made)
        return
    click.echo(f"{file}: {len(texts)} parts, {len(data)} bytes")
    for name, reason in missing.items():
        click.echo(f"  without {name}: {reason}", err=True)


def _texts(config: Config) -> tuple[dict[str, str], dict[str, str]]:
    """Texts by name, and why others are missing."""
    texts: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name, make in _parts(config):
        try:
            texts |= make()
        except Missing as reason:
            missing[name] = str(reason)
    return texts, missing


def _parts(config: Config) -> Iterator[tuple[str, Callable[[], dict[str, str]]]]:
    yield "diagnostics", lambda: _diagnostics(config)
    for name, request in REQUESTS:
        yield name, lambda name=name, request=request: {name: _asked(config, name, request)}  # type: ignore[misc]
    yield "doctor.json", lambda: {"doctor.json": _doctor(config)}
    yield "host/system.txt", lambda: {"host/system.txt": _system()}
    yield "host/packages.txt", lambda: {"host/packages.txt": _packages()}
    yield "host/ports.txt", lambda: {"host/ports.txt": _ports()}
    yield "host/kernel.txt", lambda: {"host/kernel.txt": _kernel()}
    for name, command in COMMANDS:
        yield name, lambda name=name, command=command: {name: _output(command)}  # type: ignore[misc]
    for name, path in FILES:
        yield name, lambda name=name, path=path: {name: _file(path)}  # type: ignore[misc]


def _zipped(config: Config, texts: dict[str, str], missing: dict[str, str]) -> bytes:
    """The archive; every text goes through the same redaction, whatever it is."""
    secrets = secrets_of(config)
    listed = "".join(f"{name}: {reason}\n" for name, reason in missing.items())
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted((texts | {"missing.txt": listed}).items()):
            archive.writestr(name, redacted(text[-PART_MAX:], secrets).encode()[-PART_MAX:])
    return made.getvalue()


# --- From the station -----------------------------------------------------------------------------


def _diagnostics(config: Config) -> dict[str, str]:
    """The files of the agent's archive; without the agent, the configuration at least."""
    try:
        answers = _answers(config, MakeDiagnostics())
    except Missing as error:
        configuration = blanked(msgspec.to_builtins(config))
        return {
            "config.json": msgspec.json.encode(configuration, enc_hook=str).decode(),
            "diagnostics.txt": f"{error}\n",
        }
    data = b"".join(answer.data for answer in answers if isinstance(answer, ArchivePart))
    last = answers[-1] if answers else None
    if not (isinstance(last, Done) and last.ok):
        raise Missing(last.detail if isinstance(last, Done) else "the answer is not complete")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {
                f"diagnostics/{name}": archive.read(name).decode(errors="replace")
                for name in archive.namelist()
            }
    except zipfile.BadZipFile as error:
        raise Missing(str(error)) from error


def _asked(config: Config, name: str, request: Request) -> str:
    answers = _answers(config, request)
    told = [answer for answer in answers if not isinstance(answer, Done)]
    last = answers[-1] if answers else None
    if isinstance(last, Done) and not last.ok:
        raise Missing(last.detail)
    lines = [_json(_impersonal(answer)) for answer in told]
    if name.endswith(".jsonl"):
        return "".join(f"{line}\n" for line in lines)
    return lines[0] if len(lines) == 1 else f"[{','.join(lines)}]"


def _impersonal(answer: Answered) -> Answered:
    """Without what a driver has written."""
    if not isinstance(answer, AlertStatus):
        return answer
    about = entries().get(answer.condition)
    if about is None or not about.personal:
        return answer
    return msgspec.structs.replace(answer, detail=HIDDEN, said=None)


def _answers(config: Config, request: Request) -> list[Answered]:
    try:
        with ServiceClient(config.agent_socket(), timeout_s=ANSWER_WAIT_S) as client:
            return list(client.ask(request))
    except Unreachable as error:
        raise Missing(f"{NO_ERROR}: {error}") from error


def _doctor(config: Config) -> str:
    from chargepoint.doctor import gather, judge

    return _json(judge(gather(config, network=False)))


# --- From the host --------------------------------------------------------------------------------


def _system() -> str:
    return "\n".join(
        (platform.platform(), platform.machine(), f"Python {platform.python_version()}", "")
    )


def _packages() -> str:
    found = {f"{one.metadata['Name']}=={one.version}" for one in metadata.distributions()}
    return _lines(sorted(found, key=str.casefold))


def _ports() -> str:
    """Serial devices, and the names that stay the same."""
    found: list[str] = []
    for folder in (Path("/dev/serial/by-id"), Path("/dev/serial/by-path")):
        if folder.is_dir():
            found += [f"{link} -> {link.resolve()}" for link in sorted(folder.iterdir())]
    for pattern in ("ttyS*", "ttyAMA*", "ttyUSB*", "ttyACM*", "ttyMU*"):
        for path in sorted(Path("/dev").glob(pattern)):
            found.append(f"{path} {_owner(path)}")
    return _lines(found)


def _owner(path: Path) -> str:
    try:
        return f"{path.owner()}:{path.group()} {path.stat().st_mode & 0o777:o}"
    except (OSError, KeyError) as error:
        return str(error)


def _kernel() -> str:
    """Lines of the kernel about serial ports, USB, power and the disk."""
    lines = _output(("dmesg",)).splitlines()
    return _lines(line for line in lines if any(word in line.lower() for word in KERNEL_WORDS))


def _output(command: tuple[str, ...]) -> str:
    if shutil.which(command[0]) is None:
        raise Missing(f"there is no {command[0]} here")
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=COMMAND_WAIT_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(str(error)) from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Missing(said[0] if said else f"exit {done.returncode}")
    return done.stdout[-PART_MAX:].decode(errors="replace")


def _file(path: Path) -> str:
    try:
        return path.read_bytes()[:PART_MAX].decode(errors="replace").replace("\0", "\n")
    except OSError as error:
        raise Missing(error.strerror or str(error)) from error


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
