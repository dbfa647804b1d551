"""`chargepoint evse N`: what a technician may do to one EVSE.

The agent does it, so that the command goes through the program that holds the leases and keeps the
hazards that outlive restarts; it is noted in the agent's log.
"""

from __future__ import annotations

import click

from chargepoint.catalog import entries
from chargepoint.cli.station import ask, config_option, fail, json_option, loaded, print_json
from chargepoint.ipc.service import Done, LiftHazard


@click.group("evse")
@click.argument("number", type=click.IntRange(min=1))
@click.pass_context
def evse(ctx: click.Context, number: int) -> None:
    """Service actions on EVSE NUMBER: reset-hazard."""
    ctx.obj = number


@evse.command("reset-hazard")
@click.argument("hazard")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask whether the cause is gone.")
@json_option
@click.pass_obj
def reset_hazard(number: int, hazard: str, config_path: str, yes: bool, as_json: bool) -> None:
    """Lift HAZARD after its cause was removed; it stays when the cause is still seen.

    Needed for hazards that wait for service, such as contactor_welded; `chargepoint status` lists
    those in force, `chargepoint explain HAZARD` says what has to be done first.
    """
    config = loaded(config_path)
    if number not in {one.id for one in config.evse}:
        raise click.UsageError(f"no EVSE {number}; there are 1 to {len(config.evse)}")
    entry = entries().get(hazard)
    if entry is None or entry.kind != "hazard":
        raise click.UsageError(f"`{hazard}` is no hazard; see `chargepoint explain`")
    if not yes:
        click.echo(f"EVSE {number}: {entry.title}\n{entry.remedy}", err=True)
        click.confirm("Is this done, and is it safe to energise?", abort=True, err=True)
    for answer in ask(config, LiftHazard(evse=number, hazard=hazard)):
        if not isinstance(answer, Done):
            continue
        if as_json:
            print_json(answer)
        elif answer.ok:
            click.echo(answer.detail)
        if not answer.ok:
            fail(f"EVSE {number}: {answer.detail}")
