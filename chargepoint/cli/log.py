"""`chargepoint log`: what happened, from the journal where there is one, else from the agent.

The agent keeps its last thousand lines and what the safety programs told it. systemd's journal has
all lines of all programs, also those from before a restart; it is used where it can be read.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import click
import msgspec

from chargepoint.cli.station import ask, config_option, fail, json_option, loaded
from chargepoint.config import Config
from chargepoint.ipc.care import AuditLine, GetAudit, GetLog, LogLine
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.log_text import LEVELS, parsed
from chargepoint.log import legible

UNITS = "chargepoint-*"
JOURNAL_WAIT_S = 10.0
SINCE = re.compile(r"^(\d+)\s*([smhd])$")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
COLOURS = {"warning": "yellow", "error": "red", "critical": "red", "debug": "bright_black"}
ALL = 2000
"""Lines that are looked through where a filter leaves few of them."""

Level = Literal["debug", "info", "warning", "error", "critical"]
Show = Callable[[LogLine], None]


def duration(ctx: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """`90s`, `10m`, `2h`, `1d` in seconds."""
    if text is None:
        return None
    match = SINCE.match(text)
    if match is None:
        raise click.BadParameter(f"found `{text}`, expected a number with s, m, h or d: 10m")
    return float(match[1]) * SECONDS[match[2]]


@click.command("log")
@config_option
@click.option("-f", "--follow", is_flag=True, help="Go on with each further line.")
@click.option("--last", type=click.IntRange(0, ALL), default=50, show_default=True, help="Lines.")
@click.option(
    "--since",
    "since_s",
    callback=duration,
    metavar="AGE",
    help="Not older: 90s, 10m, 2h.",
)
@click.option("--level", type=click.Choice(LEVELS), default="info", show_default=True)
@click.option("--event", default="", help="Only this event, or those that begin so: `csms.`.")
@click.option("--evse", type=int, help="Only what names this EVSE.")
@click.option("--audit", is_flag=True, help="What people did: the audit log instead.")
@click.option(
    "--source",
    type=click.Choice(("auto", "journal", "agent")),
    default="auto",
    show_default=True,
    help="Where from; auto: the journal if it has lines of ours.",
)
@json_option
def log(
    config_path: str,
    follow: bool,
    last: int,
    since_s: float | None,
    level: Level,
    event: str,
    evse: int | None,
    audit: bool,
    source: str,
    as_json: bool,
) -> None:
    """Show what happened lately; with --json one object per line."""
    config = loaded(config_path)
    if audit:
        _audit(config, last, as_json)
        return
    wanted = _Wanted(since_s, level, event, evse)
    show = _show_json if as_json else _show
    try:
        if source == "journal" or (source == "auto" and _has_journal()):
            _from_journal(wanted, last, follow, show)
        else:
            _from_agent(config, wanted, last, follow, show)
    except KeyboardInterrupt:
        pass


class _Wanted(msgspec.Struct, frozen=True):
    """Filters that are applied here, whatever the source."""

    since_s: float | None
    level: Level
    event: str
    evse: int | None

    def has(self, line: LogLine) -> bool:
        level = line.level if line.level in LEVELS else "info"
        return (
            LEVELS.index(level) >= LEVELS.index(self.level)
            and line.event.startswith(self.event)
            and (self.evse is None or line.fields.get("evse") == str(self.evse))
        )


# --- From the agent -------------------------------------------------------------------------------


def _from_agent(config: Config, wanted: _Wanted, last: int, follow: bool, show: Show) -> None:
    request = GetLog(
        last=ALL,
        level=wanted.level,
        event=wanted.event,
        since_s=wanted.since_s,
    )
    lines = [answer for answer in ask(config, request) if isinstance(answer, LogLine)]
    chosen = [line for line in lines if wanted.has(line)]
    for line in chosen[max(0, len(chosen) - last) :]:
        show(line)
    if not follow:
        return
    request = GetLog(last=0, follow=True, level=wanted.level, event=wanted.event)
    try:
        with ServiceClient(config.agent_socket()) as client:
            for answer in client.ask(request):
                if isinstance(answer, LogLine) and wanted.has(answer):
                    show(answer)
    except Unreachable as error:
        fail(f"the agent has gone: {error}")
    fail("the agent has gone")


# --- From the journal -----------------------------------------------------------------------------


def _has_journal() -> bool:
    """Whether journalctl is there and has a line of our units that we may read."""
    if shutil.which("journalctl") is None:
        return False
    try:
        return any(_entries(_journal("-n", "1"), JOURNAL_WAIT_S))
    except OSError:
        return False


def _journal(*arguments: str) -> list[str]:
    return ["journalctl", "--no-pager", "--quiet", "-o", "json", "-u", UNITS, *arguments]


def _from_journal(wanted: _Wanted, last: int, follow: bool, show: Show) -> None:
    if shutil.which("journalctl") is None:
        fail("journalctl: there is none here; --source agent asks the agent")
    arguments = ["-n", str(ALL)]
    if wanted.since_s is not None:
        arguments = ["--since", f"@{time.time() - wanted.since_s:.0f}"]
    chosen = [line for line in _entries(_journal(*arguments), JOURNAL_WAIT_S) if wanted.has(line)]
    for line in chosen[max(0, len(chosen) - last) :]:
        show(line)
    if follow:
        for line in _entries(_journal("-n", "0", "-f"), None):
            if wanted.has(line):
                show(line)


def _entries(command: list[str], within_s: float | None) -> Iterator[LogLine]:
    """Lines of the journal; ends it when nobody wants more, or after `within_s`."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    until_s = None if within_s is None else time.monotonic() + within_s
    try:
        for text in process.stdout:
            line = _of_journal(text)
            if line is not None:
                yield line
            if until_s is not None and time.monotonic() > until_s:
                return
    finally:
        process.kill()
        process.wait()


def _of_journal(text: bytes) -> LogLine | None:
    try:
        entry: dict[str, Any] = json.loads(text)
        at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
    except (ValueError, KeyError, TypeError):
        return None
    message = entry.get("MESSAGE", "")
    if isinstance(message, list):  # bytes that are no text
        message = bytes(one for one in message if isinstance(one, int)).decode(errors="replace")
    line = parsed(at, str(message))
    unit = str(entry.get("_SYSTEMD_UNIT", "")).removesuffix(".service")
    if not line.part:
        line = msgspec.structs.replace(line, part=unit.removeprefix("chargepoint-"))
    return line


# --- Audit ----------------------------------------------------------------------------------------


def _audit(config: Config, last: int, as_json: bool) -> None:
    for answer in ask(config, GetAudit(last=last)):
        if not isinstance(answer, AuditLine):
            continue
        if as_json:
            click.echo(msgspec.json.encode(answer).decode())
            continue
        outcome = click.style("done", fg="green") if answer.ok else click.style("not", fg="red")
        who = f"{answer.user} ({answer.by})" if answer.by else answer.user
        said = f": {answer.outcome}" if answer.outcome else ""
        deed = legible(f"{answer.at}  {who}  {answer.action} {answer.detail}")
        click.echo(f"{deed}  {outcome}{legible(said)}")


# --- For people -----------------------------------------------------------------------------------


def _show_json(line: LogLine) -> None:
    click.echo(msgspec.json.encode(line).decode())


def _show(line: LogLine) -> None:
    click.echo(text(line))


def text(line: LogLine) -> str:
    """One line for a person."""
    fields = " ".join(
        f"{key}={legible(value, lines=key == 'exception')}" for key, value in line.fields.items()
    )
    at, part, event = map(legible, (line.at[:23].replace("T", " "), line.part, line.event))
    level = click.style(f"{legible(line.level):<7}", fg=COLOURS.get(line.level))
    return f"{at}  {level} {part:<9} {event:<26} {fields}"
