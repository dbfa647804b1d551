"""`chargepoint doctor`: every part of the station, judged, with cause and next step.

With `--report` the same as a signed HTML file; with `--verify` the check of such a file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from chargepoint.cli.legible import cleaned
from chargepoint.cli.station import config_option, fail, json_option, loaded, print_json
from chargepoint.config import Config, ConfigError, load

LABELS = {
    "pass": click.style("PASS", fg="green"),
    "warn": click.style("WARN", fg="yellow"),
    "fail": click.style("FAIL", fg="red", bold=True),
    "skip": click.style("skip", dim=True),
}
INDENT = " " * 6
SIGN_WAIT_S = 10.0
FILE_MODE = 0o644


def _part(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    """A part by its name; the doctor is loaded when one is given."""
    if value:
        from chargepoint.doctor import parts

        if value not in parts():
            raise click.BadParameter(f"found `{value}`, expected one of {', '.join(parts())}")
    return value


@click.command()
@config_option
@json_option
@click.option("--part", callback=_part, default="", metavar="NAME", help="Judge this part only.")
@click.option("--no-network", is_flag=True, help="Do not try the way to the CSMS.")
@click.option("--language", default="en", show_default=True, help="Of the report and of --json.")
@click.option("--report", metavar="FILE", help="Also write a signed HTML report, to be printed.")
@click.option("--by", default="", metavar="NAME", help="Who makes the report.")
@click.option("--note", default="", metavar="TEXT", help="A remark for the report.")
@click.option("--verify", metavar="FILE", help="Check the signature of a report, and do no more.")
@click.option("--key", metavar="FINGERPRINT", help="With --verify: the key it must be signed with.")
def doctor(config_path: str, as_json: bool, verify: str | None, **options: Any) -> None:
    """Look at every part of the station; say what is wrong, why, and what to do next.

    Works while the station runs (through its sockets, without disturbing a charge) and before its
    first start (then ports are opened and devices read directly). Changes nothing at the station,
    except that the first report makes the station's key.

    --verify needs no station: it says whether any byte of a report was changed, and by which key it
    was signed. Compared is that with --key, or with the key of the station of --config.

    Exit code 0: nothing has failed (there may be warnings), or the report is intact and of the
    expected key, if one is known; 1: something has failed; 2: the call or the configuration is
    wrong.
    """
    if verify is not None:
        _verify(Path(verify), config_path, options["key"], as_json)
    if options["key"]:
        raise click.UsageError("--key goes with --verify")
    _examine(loaded(config_path), as_json, options)


def _examine(config: Config, as_json: bool, options: dict[str, Any]) -> NoReturn:
    from chargepoint.catalog import languages
    from chargepoint.doctor import gather, judge

    language: str = options["language"]
    if language not in languages():
        expected = ", ".join(languages())
        raise click.UsageError(f"--language: found `{language}`, expected one of {expected}")
    evidence = gather(config, network=not options["no_network"])
    findings = judge(evidence, only=options["part"])
    worded = findings if language == "en" else judge(evidence, language, options["part"])
    if as_json:
        print_json(worded)
    else:
        show(findings)
    if options["report"]:
        _write_report(config, evidence, worded, options)
    sys.exit(1 if any(finding.level == "fail" for finding in findings) else 0)


def show(findings: Any) -> None:
    """The list for a person, and its sum in one line."""
    counts = dict.fromkeys(LABELS, 0)
    for finding in findings:
        counts[finding.level] += 1
        _show_one(cleaned(finding))
    click.echo(
        f"\n{counts['pass']} passed, {counts['warn']} warnings, {counts['fail']} failed, "
        f"{counts['skip']} not judged"
    )


def _show_one(finding: Any) -> None:
    subject = f"{finding.subject}: " if finding.subject else ""
    found = f": {finding.found}" if finding.found else ""
    click.echo(f"{LABELS[finding.level]}  {finding.part:<13} {subject}{finding.title}{found}")
    if finding.cause:
        click.echo(f"{INDENT}Why:  {finding.cause}")
        click.echo(f"{INDENT}Next: {finding.next_step}")


# --- Report ---------------------------------------------------------------------------------------


def _write_report(config: Config, evidence: Any, findings: Any, options: dict[str, Any]) -> None:
    from chargepoint.doctor.report import report

    path = Path(options["report"])
    data = report(
        evidence,
        findings,
        lambda digest: _signed(config, digest),
        by=options["by"],
        note=options["note"],
        language=options["language"],
    )
    try:
        _write(path, data)
    except OSError as error:
        fail(f"{path}: cannot be written: {error.strerror or error}")
    click.echo(f"{path}: {len(data)} bytes", err=True)


def _signed(config: Config, digest: str) -> Any:
    """By the agent, which has the key; else here, if this user may read it."""
    from chargepoint import station_key
    from chargepoint.ipc.care import Sign, Signature
    from chargepoint.ipc.client import ServiceClient, Unreachable
    from chargepoint.ipc.service import Done

    try:
        client = ServiceClient(config.agent_socket(), timeout_s=SIGN_WAIT_S)
        answer = next(iter(client.ask(Sign(digest=digest, about="commissioning report"))), None)
    except Unreachable:
        answer = None
    if isinstance(answer, Signature):
        return station_key.Signed(
            algorithm=answer.algorithm,
            public_key=answer.public_key,
            signature=answer.signature,
            fingerprint=answer.fingerprint,
        )
    if isinstance(answer, Done):
        fail(f"the agent does not sign: {answer.detail}")
    try:
        return station_key.sign(config.state_dir, digest)
    except station_key.StationKeyError as error:
        fail(f"the report cannot be signed: {error}; start the agent, or run as its user")


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all. Raises OSError."""
    young = path.with_name(f"{path.name}.part")
    young.unlink(missing_ok=True)
    try:
        handle = os.open(young, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        young.replace(path)
    except OSError:
        young.unlink(missing_ok=True)
        raise


# --- Verification ---------------------------------------------------------------------------------


def _verify(path: Path, config_path: str, key: str | None, as_json: bool) -> NoReturn:
    from chargepoint.doctor.seal import DOCUMENT_MAX_BYTES, SealError, checked

    expected = (key or "").lower() or _own_key(config_path)
    try:
        with path.open("rb") as file:
            seal = checked(file.read(DOCUMENT_MAX_BYTES + 1))
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror or error}") from error
    except SealError as error:
        _verdict(as_json, False, f"{path}: NOT intact: {error}")
    fingerprint = seal.signed.fingerprint
    about = f"signed by station {seal.station} with key {fingerprint}"
    if expected and expected != fingerprint:
        _verdict(
            as_json,
            False,
            f"{path}: intact, but {about}, expected key {expected}",
            station=seal.station,
            fingerprint=fingerprint,
        )
    known = (
        "the expected key"
        if expected
        else "compare it with the station's own (--key), anybody may make a key"
    )
    _verdict(
        as_json,
        True,
        f"{path}: intact, {about}: {known}",
        station=seal.station,
        fingerprint=fingerprint,
        expected=bool(expected),
    )


def _own_key(config_path: str) -> str:
    """Fingerprint of the station of the configuration; empty where there is none."""
    from chargepoint.station_key import own_fingerprint

    try:
        return own_fingerprint(load(config_path).state_dir)
    except ConfigError:
        return ""


def _verdict(as_json: bool, ok: bool, text: str, **fields: Any) -> NoReturn:
    if as_json:
        print_json({"ok": ok, "detail": text, **fields})
    else:
        click.echo(click.style(text, fg="green" if ok else "red"), err=not ok)
    sys.exit(0 if ok else 1)
