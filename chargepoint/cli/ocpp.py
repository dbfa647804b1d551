"""`chargepoint ocpp`: the link to the CSMS, seen and steered from the station."""

from __future__ import annotations

import click
import msgspec

from chargepoint.cli.ledger import export, resend, transactions
from chargepoint.cli.station import ask, config_option, fail, json_option, loaded, print_json
from chargepoint.cli.status import asked, duration, show_csms
from chargepoint.ipc.service import (
    Connect,
    CsmsStatus,
    Disconnect,
    Done,
    GetMessages,
    OcppMessage,
)


@click.group()
def ocpp() -> None:
    """The CSMS: its link, its messages, and the records that it is owed."""


ocpp.add_command(transactions)
ocpp.add_command(resend)
ocpp.add_command(export)


@ocpp.command("status")
@config_option
@json_option
def status_command(config_path: str, as_json: bool) -> None:
    """Show the CSMS link: where, since when, why not and what to check, and what waits for it."""
    answer = asked(config_path)
    if as_json:
        print_json({"csms": answer.csms, "ledger": answer.ledger})
        return
    show_csms(answer.csms)
    show_way(answer.csms)
    ledger = answer.ledger
    click.echo(f"  Acknowledged since start  {ledger.acknowledged}")
    oldest = ledger.oldest_waiting_s
    age = "" if oldest is None else f" (oldest {duration(oldest)})"
    click.echo(f"  Waiting                   {ledger.waiting}{age}")
    click.echo(f"  Refused, kept for service {ledger.quarantined}")


@ocpp.command()
@config_option
@click.option("--last", default=20, show_default=True, help="How many of the past ones.")
@click.option("--follow", "-f", is_flag=True, help="Go on with new ones until interrupted.")
@json_option
def messages(config_path: str, last: int, follow: bool, as_json: bool) -> None:
    """Show OCPP messages as they passed; tokens and secrets are masked.

    With --json each message is one JSON line.
    """
    for answer in ask(loaded(config_path), GetMessages(last=last, follow=follow)):
        if not isinstance(answer, OcppMessage):
            continue
        if as_json:
            click.echo(msgspec.json.encode(answer).decode())
        else:
            _show(answer)


@ocpp.command()
@config_option
def connect(config_path: str) -> None:
    """Let the station connect to its CSMS again."""
    _order(config_path, Connect())


@ocpp.command()
@config_option
def disconnect(config_path: str) -> None:
    """Close the connection and keep it closed until `connect`. Charging and records go on."""
    _order(config_path, Disconnect())


def show_way(csms: CsmsStatus) -> None:
    """Print the way to the CSMS and what has become of it: one line for each thing there is."""
    if len(csms.urls) > 1:
        for number, url in enumerate(csms.urls, start=1):
            mark = "→" if number == csms.address else " "
            click.echo(f"  {mark} address {number}  {url}")
    if csms.proxy:
        click.echo(f"  By the proxy {csms.proxy}")
    if csms.failures:
        click.echo(f"  Attempts in vain          {csms.failures}")
    if csms.state in ("connected", "accepted") and csms.error_age_s is not None:
        click.echo(f"  Last lost {duration(csms.error_age_s)} ago: {csms.last_error}")
    if csms.answer_awaited_s is not None:
        click.echo(f"  An answer is awaited for  {duration(csms.answer_awaited_s)}")


def _order(config_path: str, request: Connect | Disconnect) -> None:
    answer = next(ask(loaded(config_path), request), None)
    if not isinstance(answer, Done) or not answer.ok:
        fail(answer.detail if isinstance(answer, Done) else "the agent gave no answer")
    click.echo(answer.detail or "done")


def _show(message: OcppMessage) -> None:
    arrow = click.style("→", fg="blue") if message.outgoing else click.style("←", fg="green")
    kind = "" if message.kind == "call" else f" {message.kind}"
    action = click.style(message.action + kind, fg="red" if message.kind == "error" else None)
    click.echo(f"{message.at[11:23]} {arrow} {action} {message.text}")
