"""`chargepoint evse N`: what a technician may do to one EVSE.

The agent does it, so that the command goes through the program that holds the leases and keeps what
outlives restarts; the audit log notes who asked. Each action says first what it does and what it
needs, and waits for a yes unless `--yes` is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from chargepoint.catalog import entries
from chargepoint.cli.station import (
    carry_out,
    config_option,
    json_option,
    loaded,
)
from chargepoint.config import Config
from chargepoint.ipc.care import DrivePilot, SetEvseEnabled, SetLocalLimit, UnlockHere
from chargepoint.ipc.service import LiftHazard

UNLOCK_WAIT_S = 35.0
ENABLE_WAIT_S = 12.0

F = TypeVar("F", bound=Callable[..., Any])

DISABLE = """EVSE {number} goes out of service until `evse {number} enable`, also over restarts.
A running transaction finishes first; then the CSMS is told Unavailable."""
UNLOCK = """A running transaction on EVSE {number} is ended for good; then the plug is released."""
PILOT = """A signal of duty {duty:g} goes on the pilot of EVSE {number} for {hold_s:g} s.
The safety program refuses it unless the EVSE is out of service, nothing is plugged in and the
contactor is open; a vehicle, a hazard or the end of the time ends it. The contactor stays open."""


def yes_option(command: F) -> F:
    """`--yes`: the person was asked already."""
    option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
    return option(command)


@click.group("evse")
@click.argument("number", type=click.IntRange(min=0))
@click.pass_context
def evse(ctx: click.Context, number: int) -> None:
    """Service actions on EVSE NUMBER; `enable`, `disable` and `limit` also take 0: all together."""
    ctx.obj = number


@evse.command("enable")
@config_option
@json_option
@click.pass_obj
def enable(number: int, config_path: str, as_json: bool) -> None:
    """Give the EVSE (0: all) back into service here; the CSMS may still have it out of service."""
    config = _config(config_path, number, all_together=True)
    _do(config, number, SetEvseEnabled(evse=number, enabled=True), as_json, ENABLE_WAIT_S)


@evse.command("disable")
@config_option
@yes_option
@json_option
@click.pass_obj
def disable(number: int, config_path: str, yes: bool, as_json: bool) -> None:
    """Take the EVSE (0: all) out of service here, until `enable`; a transaction finishes first."""
    config = _config(config_path, number, all_together=True)
    _confirm(yes, DISABLE.format(number=number), "Take it out of service?")
    _do(config, number, SetEvseEnabled(evse=number, enabled=False), as_json, ENABLE_WAIT_S)


@evse.command("limit")
@click.argument("current", metavar="CURRENT")
@config_option
@json_option
@click.pass_obj
def limit(number: int, current: str, config_path: str, as_json: bool) -> None:
    """Set an upper bound of CURRENT A per phase for the EVSE (0: all together), or `none`.

    0 pauses; otherwise 6 to 80. It stands beside the configured maximum and the CSMS's profiles,
    the smallest holds; it outlives restarts.
    """
    config = _config(config_path, number, all_together=True)
    request = SetLocalLimit(evse=number, current_a=_current_a(current))
    _do(config, number, request, as_json, ENABLE_WAIT_S)


@evse.command("unlock")
@config_option
@yes_option
@json_option
@click.pass_obj
def unlock(number: int, config_path: str, yes: bool, as_json: bool) -> None:
    """Free the plug of a socket outlet; a running transaction ends first."""
    config = _config(config_path, number)
    _confirm(yes, UNLOCK.format(number=number), "Free the plug?")
    _do(config, number, UnlockHere(evse=number), as_json, UNLOCK_WAIT_S)


@evse.command("simulate-pilot")
@click.argument("duty_ratio", type=click.FloatRange(min=0.08, max=1.0))
@click.option(
    "--hold",
    "hold_s",
    type=click.FloatRange(min=1.0, max=120.0),
    default=30.0,
    show_default=True,
    help="Seconds until it ends by itself.",
)
@config_option
@yes_option
@json_option
@click.pass_obj
def simulate_pilot(
    number: int, duty_ratio: float, hold_s: float, config_path: str, yes: bool, as_json: bool
) -> None:
    """Put a duty ratio (0.08 to 0.97; 1: steady +12 V) on the pilot, to be measured at the plug.

    Only on an EVSE out of service (`disable`) with nothing plugged in; no energy flows. A board
    that runs its pilot by itself cannot do it.
    """
    if 0.97 < duty_ratio < 1.0:
        raise click.UsageError(f"duty ratio {duty_ratio:g}: expected 0.08 to 0.97, or 1")
    config = _config(config_path, number)
    warning = PILOT.format(number=number, duty=duty_ratio, hold_s=hold_s)
    _confirm(yes, warning, "Is nothing plugged in?")
    request = DrivePilot(evse=number, duty_ratio=duty_ratio, hold_s=hold_s)
    _do(config, number, request, as_json)


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
    config = _config(config_path, number)
    entry = entries().get(hazard)
    if entry is None or entry.kind != "hazard":
        raise click.UsageError(f"`{hazard}` is no hazard; see `chargepoint explain`")
    text = f"EVSE {number}: {entry.title}\n{entry.remedy}"
    _confirm(yes, text, "Is this done, and is it safe to energise?")
    _do(config, number, LiftHazard(evse=number, hazard=hazard), as_json)


def _config(path: str, number: int, *, all_together: bool = False) -> Config:
    config = loaded(path)
    known = {one.id for one in config.evse} | ({0} if all_together else set())
    if number not in known:
        raise click.UsageError(f"no EVSE {number}; there are 1 to {len(config.evse)}")
    return config


def _current_a(text: str) -> float | None:
    if text == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise click.UsageError(f"`{text}` is no current; expected A, or `none`") from None


def _confirm(yes: bool, text: str, question: str) -> None:
    if not yes:
        click.echo(text, err=True)
        click.confirm(question, abort=True, err=True)


def _do(
    config: Config, number: int, request: Any, as_json: bool, within_s: float | None = None
) -> None:
    """Ask the agent; print what it did, or exit with 1 and why it did not."""
    who = f"EVSE {number}" if number else ""
    carry_out(config, request, as_json, within_s=within_s, who=who)
