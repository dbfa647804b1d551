"""`chargepoint doctor`: every part of the station, judged, with cause and next step."""

from __future__ import annotations

import sys

import click

from chargepoint.cli.station import config_option, json_option, loaded, print_json
from chargepoint.doctor import Finding, gather, judge, parts

LABELS = {
    "pass": click.style("PASS", fg="green"),
    "warn": click.style("WARN", fg="yellow"),
    "fail": click.style("FAIL", fg="red", bold=True),
    "skip": click.style("skip", dim=True),
}
INDENT = " " * 6


@click.command()
@config_option
@json_option
@click.option(
    "--part", type=click.Choice(parts()), metavar="NAME", help=f"One of {', '.join(parts())}."
)
@click.option("--no-network", is_flag=True, help="Do not try the way to the CSMS.")
def doctor(config_path: str, as_json: bool, part: str | None, no_network: bool) -> None:
    """Look at every part of the station; say what is wrong, why, and what to do next.

    Works while the station runs (through its sockets, without disturbing a charge) and before its
    first start (then the ports are opened and devices read directly). Changes nothing.

    Exit code 0: nothing has failed (there may be warnings); 1: something has; 2: the configuration
    cannot be read.
    """
    config = loaded(config_path)
    findings = judge(gather(config, network=not no_network), only=part or "")
    if as_json:
        print_json(findings)
    else:
        show(findings)
    sys.exit(1 if any(finding.level == "fail" for finding in findings) else 0)


def show(findings: tuple[Finding, ...]) -> None:
    """The list for a person, and its sum in one line."""
    for finding in findings:
        show_one(finding)
    counts = dict.fromkeys(LABELS, 0)
    for finding in findings:
        counts[finding.level] += 1
    click.echo(
        f"\n{counts['pass']} passed, {counts['warn']} warnings, {counts['fail']} failed, "
        f"{counts['skip']} not judged"
    )


def show_one(finding: Finding) -> None:
    subject = f"{finding.subject}: " if finding.subject else ""
    found = f": {finding.found}" if finding.found else ""
    click.echo(f"{LABELS[finding.level]}  {finding.part:<13} {subject}{finding.title}{found}")
    if finding.cause:
        click.echo(f"{INDENT}Why:  {finding.cause}")
        click.echo(f"{INDENT}Next: {finding.next_step}")
