"""`chargepoint diagnostics FILE`: the archive that the CSMS gets with GetDiagnostics, made here."""

from __future__ import annotations

import os
from pathlib import Path

import click

from chargepoint.cli.station import config_option, fail, json_option, loaded, print_json
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.service import ArchivePart, Done, MakeDiagnostics

ANSWER_WAIT_S = 60.0
FILE_MODE = 0o600


@click.command()
@config_option
@json_option
@click.argument("file", type=click.Path(dir_okay=False))
def diagnostics(config_path: str, as_json: bool, file: str) -> None:
    """Write a zip file for a technician to FILE: status, settings, messages and logs, no secrets.

    The agent must be running. FILE appears when it is complete, readable for its owner only.
    """
    config = loaded(config_path)
    parts: list[bytes] = []
    done: Done | None = None
    try:
        with ServiceClient(config.agent_socket(), timeout_s=ANSWER_WAIT_S) as client:
            for answer in client.ask(MakeDiagnostics()):
                if isinstance(answer, ArchivePart):
                    parts.append(answer.data)
                elif isinstance(answer, Done):
                    done = answer
    except Unreachable as error:
        fail(f"the agent of {config.station.id} does not answer: {error}")
    if done is None or not done.ok:
        fail("the answer is not complete" if done is None else done.detail)
    written(Path(file), b"".join(parts))
    size_bytes = sum(map(len, parts))
    if as_json:
        print_json({"file": file, "size_bytes": size_bytes})
    else:
        click.echo(f"{file}: {size_bytes} bytes")


def written(path: Path, data: bytes) -> None:
    """Put `data` into a file that appears when it is complete; exits with 1 when it cannot."""
    young = path.with_name(f"{path.name}.part")
    try:
        young.unlink(missing_ok=True)
        with os.fdopen(
            os.open(young, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb"
        ) as out:
            out.write(data)
        young.replace(path)
    except OSError as error:
        young.unlink(missing_ok=True)
        fail(f"{path}: cannot be written: {error.strerror or error}")
