"""`chargepoint explain`: what a code, event or hazard means and what to do about it."""

from __future__ import annotations

import difflib
import sys

import click

from chargepoint.catalog import Entry, entries
from chargepoint.cli.station import json_option, print_json
from chargepoint.config.alert_limits import LIMITS

COLOURS = {"info": "blue", "warning": "yellow", "error": "red", "critical": "bright_red"}


@click.command()
@click.argument("code", required=False)
@json_option
def explain(code: str | None, as_json: bool) -> None:
    """Say what CODE means: a hazard, an event of the log, an OCPP error code or an MREC code.

    Without CODE, list everything that can be explained.
    """
    known = entries()
    if code is None:
        listed = sorted(known.values(), key=lambda entry: (entry.kind, entry.id))
        if as_json:
            print_json(listed)
        for entry in [] if as_json else listed:
            click.echo(f"{entry.id:<28} {entry.kind:<7} {entry.title}")
        return
    found = _matching(code)
    if not found:
        click.echo(f"`{code}` is not in the catalogue{_suggestion(code)}", err=True)
        sys.exit(1)
    if as_json:
        print_json(found)
        return
    for number, entry in enumerate(found):
        if number:
            click.echo()
        _show(entry)


def _matching(code: str) -> list[Entry]:
    wanted = code.casefold()
    exact = [entry for entry in entries().values() if entry.id.casefold() == wanted]
    if exact:
        return exact
    return [
        entry
        for entry in entries().values()
        if wanted in (entry.code_v16.casefold(), entry.code_mrec.casefold())
    ]


def _suggestion(code: str) -> str:
    close = difflib.get_close_matches(code, list(entries()), n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""


def _show(entry: Entry) -> None:
    severity = click.style(entry.severity, fg=COLOURS[entry.severity])
    click.echo(click.style(entry.title, bold=True))
    click.echo(f"  {entry.id} ({entry.kind}, {severity})")
    click.echo(f"  Cause:  {entry.cause}")
    click.echo(f"  Remedy: {entry.remedy}")
    for key, bounds in LIMITS.get(entry.id, {}).items():
        span = f"{bounds.least:g} to {bounds.most:g}"
        click.echo(f'  Limit:  {bounds.usual:g}, or [alerts.rule."{entry.id}"] {key} = {span}')
    if entry.code_v16 != "NoError":
        extra = f", MREC/vendor code {entry.code_mrec}" if entry.code_mrec else ""
        click.echo(f"  OCPP 1.6: {entry.code_v16}{extra}")
    if entry.stops:
        click.echo("  The connector cannot be used while this holds.")
    if entry.persists:
        click.echo("  It outlives restarts and power losses: only a technician's reset lifts it.")
