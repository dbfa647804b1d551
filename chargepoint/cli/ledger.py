"""`chargepoint ocpp transactions|resend|export`: what is owed to the CSMS, shown and kept.

Asks the agent while it runs. Otherwise the store is read by a program of the agent's, which
changes nothing; only `resend` needs the agent.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click
import msgspec

from chargepoint.cli.legible import cleaned
from chargepoint.cli.station import ask, config_option, fail, json_option, loaded
from chargepoint.cli.status import coloured, duration
from chargepoint.config import Config
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.codec import decode_answer, encode
from chargepoint.ipc.service import (
    Done,
    GetRecords,
    GetTransactions,
    LedgerTransaction,
    RecordPart,
    Resend,
)

OFFLINE = "chargepoint.agent.offline"
ANSWER_WAIT_S = 30.0
"""A long queue on a slow card takes its time."""

FILE_MODE = 0o600
"""Who charged when and how much is nobody else's business."""

COLOURS = {
    "acknowledged": "green",
    "kept": "green",
    "running": "blue",
    "waiting": "yellow",
    "refused": "red",
}
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "id", "csms_id", "evse", "id_token", "started_at", "ended_at", "meter_start_wh", "energy_wh",
    "reason", "state", "refused", "problem", "card",
)  # fmt: skip


@click.command()
@config_option
@click.option("--last", default=50, show_default=True, help="How many of the past ones.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
def transactions(config_path: str, last: int, as_json: bool, as_csv: bool) -> None:
    """Show the last transactions and whether the CSMS has them.

    Works without a running agent too. `acknowledged`: the CSMS has start and end; `waiting`: one of
    them waits for it; `refused`: it refused one for good, see `ocpp resend`; `kept`: there is no
    CSMS. IdTokens are masked, and the station's own cards have their names.
    With --json each transaction is one JSON line.
    """
    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
    found = [
        answer
        for answer in _answers(loaded(config_path), GetTransactions(last=last))
        if isinstance(answer, LedgerTransaction)
    ]
    if as_csv:
        _print_csv(found)
        return
    for one in found:
        if as_json:
            click.echo(msgspec.json.encode(one).decode())
        else:
            click.echo(_line(cleaned(one)))
    if not found and not as_json:
        click.echo("no transaction yet")


@click.command()
@config_option
@click.argument("record", type=int)
def resend(config_path: str, record: int) -> None:
    """Send a record again that the CSMS has refused for good.

    RECORD is a number shown by `ocpp transactions`. It goes to the end of the queue; with the
    start of a transaction goes everything else of it that was refused, and its end. The agent
    must be running.
    """
    answer = next(ask(loaded(config_path), Resend(sequence=record)), None)
    if not isinstance(answer, Done) or not answer.ok:
        fail(answer.detail if isinstance(answer, Done) else "the agent gave no answer")
    click.echo(answer.detail)


@click.command()
@config_option
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
def export(config_path: str, file: str) -> None:
    """Write every record that waits or was refused to FILE, one JSON line each (- for the screen).

    Works without a running agent too. IdTokens are masked; there are no passwords and keys in
    records. FILE appears when it is complete, readable for its owner only.
    """
    count = 0
    with _written(file) as out:
        for line in _records(_answers(loaded(config_path), GetRecords())):
            out.write(line + "\n")
            count += 1
    if file != "-":
        click.echo(f"{count} record{'' if count == 1 else 's'} in {file}")


# --- Asking ---------------------------------------------------------------------------------------


def _answers(config: Config, request: GetTransactions | GetRecords) -> Iterator[Any]:
    """Answers without the closing Done; exits with 1 when they are not complete."""
    complete = False
    for answer in _asked(config, request):
        if isinstance(answer, Done):
            if not answer.ok:
                fail(answer.detail)
            complete = True
        else:
            yield answer
    if not complete:
        fail("the answer is not complete")


def _asked(config: Config, request: GetTransactions | GetRecords) -> Iterator[Any]:
    try:
        with ServiceClient(config.agent_socket(), timeout_s=ANSWER_WAIT_S) as client:
            yield from client.ask(request)
        return
    except Unreachable as error:
        if not isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError):
            fail(f"the agent of {config.station.id} does not answer: {error}")
    yield from _offline(config, request)


def _offline(config: Config, request: GetTransactions | GetRecords) -> Iterator[Any]:
    """The same from the store itself: the agent does not run."""
    command = [sys.executable, "-m", OFFLINE, str(config.state_dir), str(config.run_dir)]
    command += ["alone"] if config.csms is None else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(encode(request))
        program.stdin.close()
        for line in program.stdout:
            yield decode_answer(line)


# --- Showing --------------------------------------------------------------------------------------


def _line(one: LedgerTransaction) -> str:
    number = "-" if one.csms_id is None else str(one.csms_id)
    energy = "?" if one.energy_wh is None else f"{one.energy_wh / 1000:.3f} kWh"
    state = coloured(f"{one.state:12}", COLOURS[one.state])
    text = f"{_when(one):32} EVSE {one.evse}  {state} {energy:>12}  {number:>8}  {one.id_token}"
    if one.card:
        text += f"  {one.card}"
    if one.reason:
        text += f"  {one.reason}"
    if one.refused:
        numbers = ", ".join(str(sequence) for sequence in one.refused)
        text += f"\n{'':33}refused: record {numbers} ({one.problem})"
    return text


def _when(one: LedgerTransaction) -> str:
    """Its start, and its age: since the end, or since the start while it runs."""
    if not one.started_at:
        return "at an unknown time"
    since = datetime.fromisoformat(one.ended_at or one.started_at)
    age_s = max(0.0, (datetime.now(UTC) - since).total_seconds())
    return f"{one.started_at[:10]} {one.started_at[11:16]}  {duration(age_s)} ago"


def _print_csv(found: list[LedgerTransaction]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(COLUMNS)
    for one in found:
        fields = msgspec.structs.asdict(one)
        fields["refused"] = " ".join(str(sequence) for sequence in one.refused)
        writer.writerow([_cell(fields[name]) for name in COLUMNS])


def _cell(value: Any) -> Any:
    """Text that a spreadsheet does not run: the CSMS may have chosen it."""
    if isinstance(value, str) and value.startswith(FORMULAS):
        return "'" + value
    return "" if value is None else value


# --- Writing --------------------------------------------------------------------------------------


def _records(answers: Iterator[Any]) -> Iterator[str]:
    """One line of JSON for each record, put together from its parts."""
    text = ""
    for part in answers:
        if not isinstance(part, RecordPart):
            continue
        text += part.text
        if part.last:
            line = {
                "sequence": part.sequence,
                "place": part.place,
                "kind": part.kind,
                "at": part.at,
                "code": part.code,
                "description": part.description,
                "record": msgspec.Raw(text.encode()),
            }
            yield msgspec.json.encode(line).decode()
            text = ""


@contextmanager
def _written(file: str) -> Iterator[TextIO]:
    """A file that is there whole or not at all; exits with 1 when it cannot be written."""
    if file == "-":
        yield sys.stdout
        return
    path = Path(file)
    young = path.with_name(f"{path.name}.part")
    try:
        handle = os.open(young, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        try:
            with open(handle, "w", encoding="utf-8") as out:
                yield out
            young.replace(path)
        finally:
            young.unlink(missing_ok=True)
    except OSError as error:
        _not_written(file, error)


def _not_written(file: str, error: OSError) -> NoReturn:
    fail(f"{file}: cannot be written: {error.strerror or error}")
