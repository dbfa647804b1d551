"""`chargepoint alerts`: what is wrong, who was told, and what is done about it."""

from __future__ import annotations

import math
from typing import Any

import click

from chargepoint.catalog import entries
from chargepoint.cli.station import (
    ask,
    carry_out,
    config_option,
    fail,
    json_option,
    loaded,
    print_json,
)
from chargepoint.ipc.care import (
    AcknowledgeAlert,
    AlertStatus,
    ChannelOutcome,
    GetAlerts,
    MuteAlert,
    SetMaintenanceMode,
    TryChannels,
)
from chargepoint.ipc.service import Done

TEST_WAIT_S = 60.0
"""The agent gives each channel less."""

WAITS_FOR = {
    "silence": "maintenance mode, or muted",
    "quiet_hours": "quiet hours",
    "limit": "the limit of its way",
}


@click.group("alerts")
def alerts() -> None:
    """What is wrong, who was told, and what is done about it."""


@alerts.command("list")
@click.option(
    "--closed",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Also so many that are over.",
)
@config_option
@json_option
def list_(closed: int, config_path: str, as_json: bool) -> None:
    """Open alerts first, then the last that are over, each with its messages.

    Then what keeps messages back at the moment: maintenance mode, muted conditions.
    """
    config = loaded(config_path)
    answers = list(ask(config, GetAlerts(closed=closed)))
    found = [one for one in answers if isinstance(one, AlertStatus)]
    if as_json:
        print_json(found)
        return
    for alert in found:
        _show(alert)
    if not any(alert.open for alert in found):
        click.echo("no alert is open")
    for done in answers:
        if isinstance(done, Done) and done.detail:
            click.secho(done.detail, fg="yellow")


@alerts.command("ack")
@click.argument("code")
@config_option
@json_option
def acknowledge(code: str, config_path: str, as_json: bool) -> None:
    """Say that somebody looks after the alert with CODE (`*` or `all`: after all).

    Nobody else is called then, and the buzzer is silent. The alert stays until its cause is gone.
    """
    wanted = "*" if code.lower() == "all" else code
    _do(config_path, AcknowledgeAlert(alert=wanted), as_json)


@alerts.command("mute")
@click.argument("condition")
@click.argument("minutes", type=click.FloatRange(min=0, min_open=True))
@config_option
@json_option
def mute(condition: str, minutes: float, config_path: str, as_json: bool) -> None:
    """Send nothing about CONDITION for MINUTES; it is listed all the same."""
    _known(condition)
    _finite(minutes)
    _do(config_path, MuteAlert(condition=condition, minutes=minutes), as_json)


@alerts.command("unmute")
@click.argument("condition")
@config_option
@json_option
def unmute(condition: str, config_path: str, as_json: bool) -> None:
    """Send messages about CONDITION again."""
    _known(condition)
    _do(config_path, MuteAlert(condition=condition, minutes=0), as_json)


@alerts.command("maintenance")
@click.argument("minutes", type=click.FloatRange(min=0))
@config_option
@json_option
def maintenance(minutes: float, config_path: str, as_json: bool) -> None:
    """Maintenance mode for MINUTES: alerts are listed but not sent. 0 ends it.

    What is still open at its end is sent then; what came and went meanwhile never is.
    """
    _finite(minutes)
    _do(config_path, SetMaintenanceMode(minutes=minutes), as_json)


@alerts.command("test")
@click.argument("contact")
@click.option("--channel", default="", help="Only this one, such as sms; default: all.")
@config_option
@json_option
def test(contact: str, channel: str, config_path: str, as_json: bool) -> None:
    """Send a test message to CONTACT on each of its channels, and say what became of it."""
    config = loaded(config_path)
    outcomes: list[ChannelOutcome] = []
    done: Done | None = None
    for answer in ask(config, TryChannels(contact=contact, channel=channel), TEST_WAIT_S):
        if isinstance(answer, ChannelOutcome):
            outcomes.append(answer)
            if not as_json:
                word = "ok" if answer.ok else "FAILED"
                click.echo(f"{word:<7} {answer.channel:<8} {answer.detail}")
        elif isinstance(answer, Done):
            done = answer
    if as_json:
        print_json(outcomes)
    if done is None or not done.ok:
        fail("the agent ended the answer early" if done is None else done.detail)


def _show(alert: AlertStatus) -> None:
    state = "open" if alert.open else "over"
    place = f", {alert.place}" if alert.place else ""
    click.echo(f"{alert.alert}  {state}  {alert.severity:<8}  {alert.title}{place}")
    facts = [f"condition {alert.condition}", f"raised {alert.raised_at or 'at an unknown time'}"]
    if alert.cleared_at:
        facts.append(f"over {alert.cleared_at}")
    if alert.count > 1:
        facts.append(f"{alert.count} times")
    if alert.acknowledged_by:
        facts.append(f"acknowledged by {alert.acknowledged_by}")
    if alert.reminded:
        facts.append(f"reminded {alert.reminded} times")
    if alert.muted:
        facts.append("muted")
    click.echo(f"      {', '.join(facts)}")
    if alert.detail:
        click.echo(f"      {alert.detail}")
    for one in alert.deliveries:
        said = f": {WAITS_FOR.get(one.waits_for) or one.detail}".rstrip(": ")
        click.echo(f"      {one.about} to {one.contact} by {one.channel}: {one.state}{said}")


def _known(condition: str) -> None:
    if condition not in entries():
        raise click.UsageError(f"the catalogue knows no `{condition}`; see `chargepoint explain`")


def _finite(minutes: float) -> None:
    if not math.isfinite(minutes):
        raise click.UsageError(f"MINUTES: found {minutes}, expected a number of minutes")


def _do(config_path: str, request: Any, as_json: bool) -> None:
    carry_out(loaded(config_path), request, as_json)
