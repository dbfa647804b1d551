"""The diagnostics archive: one zip file with what a technician asks for first, without secrets.

    about.json       who, which version, which host, what time span
    status.json      the station as `chargepoint status` shows it
    variables.json   every OCPP variable and where its value comes from
    config.json      the configuration in force, secrets and addresses of people blanked
    messages.jsonl   the last OCPP messages, as they are traced: redacted
    log.txt          the journal of the programs where it can be read, else our last lines
    security.log     the security log

The span that the CSMS asks for bounds messages and logs. Every part is bounded in size, so that the
whole is too.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.agent.jobs.snapshot import Snapshot, Span
from chargepoint.config import Config
from chargepoint.config.redaction import HIDDEN, blanked, secrets_of
from chargepoint.config.redaction import redacted as without_secrets
from chargepoint.config.secret_names import secret
from chargepoint.ipc.service import OcppMessage, Variable
from chargepoint.ocpp.redaction import redacted

TEXT_MAX = 4 * 1024 * 1024
"""Bytes of one text in the archive; the newest are kept."""

JOURNAL = ("journalctl", "--quiet", "--no-pager", "--output=short-iso-precise", "--lines=20000")
UNITS = ("--unit=chargepoint-agent*", "--unit=chargepoint-control*")
JOURNAL_WAIT_S = 30.0


def write_archive(target: Path, config: Config, snapshot: Snapshot, span: Span) -> None:
    """Write the archive to `target`, which must not be there yet. Raises OSError."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        secrets = secrets_of(config)
        for name, text in _parts(config, snapshot, span):
            made.writestr(name, without_secrets(text, secrets).encode()[-TEXT_MAX:])


def write_security_log(target: Path, state_dir: Path, span: Span) -> None:
    """Write the lines of the security log that are in `span`. Raises OSError."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(security_lines(state_dir, span))


def security_lines(state_dir: Path, span: Span) -> Iterator[str]:
    """Lines of the security log, the oldest first."""
    for name in ("security.log.1", "security.log"):
        try:
            with (state_dir / name).open(encoding="utf-8", errors="replace") as file:
                yield from (line for line in file if span.has_text(_field(line, "time")))
        except FileNotFoundError:
            continue


def _parts(config: Config, snapshot: Snapshot, span: Span) -> Iterator[tuple[str, str]]:
    yield "about.json", _json(_about(snapshot, config, span))
    yield "status.json", _json(snapshot.status)
    yield "variables.json", _json([_variable(each) for each in snapshot.variables])
    yield "config.json", _json(blanked(msgspec.to_builtins(config)))
    yield "messages.jsonl", _lines(_message(each) for each in snapshot.messages if _in(each, span))
    yield "log.txt", journal(span) or _lines(_recent(snapshot.lines, span))
    yield "security.log", "".join(security_lines(config.state_dir, span))


def _variable(variable: Variable) -> Variable:
    hidden = bool(variable.value) and secret(variable.variable)
    return msgspec.structs.replace(variable, value=HIDDEN) if hidden else variable


def _about(snapshot: Snapshot, config: Config, span: Span) -> dict[str, Any]:
    return {
        "station": snapshot.status.station,
        "version": snapshot.status.version,
        "vendor": config.station.vendor,
        "model": config.station.model,
        "serial": config.station.serial,
        "made_at": datetime.now(UTC),
        "oldest": span.oldest,
        "latest": span.latest,
        "python": platform.python_version(),
        "system": platform.platform(),
        "load": os.getloadavg(),
        "disk_free_bytes": shutil.disk_usage(config.state_dir).free,
    }


def journal(span: Span) -> str:
    """What the system's journal has of our programs; empty where it cannot be read."""
    command = [*JOURNAL, *UNITS]
    if span.oldest is not None:
        command.append(f"--since=@{span.oldest.timestamp():.0f}")
    if span.latest is not None:
        command.append(f"--until=@{span.latest.timestamp():.0f}")
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=JOURNAL_WAIT_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout[-TEXT_MAX:].decode(errors="replace") if done.returncode == 0 else ""


def _recent(lines: Iterable[tuple[float, str]], span: Span) -> Iterator[str]:
    return (line for at_s, line in lines if span.has(datetime.fromtimestamp(at_s, UTC)))


def _in(message: OcppMessage, span: Span) -> bool:
    return span.has_text(message.at)


def _message(message: OcppMessage) -> str:
    return _json(msgspec.structs.replace(message, text=redacted(message.text)))


def _field(line: str, name: str) -> object:
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    return found.get(name) if isinstance(found, dict) else None


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
