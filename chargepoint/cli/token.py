"""`chargepoint token`: look at cards, and learn them, without starting or stopping anything.

While it waits, the next card at the reader is taken from the station: present only the card that is
meant. Tokens are shown masked; the digest is the same for the same card at this station.
"""

from __future__ import annotations

import click
import msgspec

from chargepoint.cli.cards import COMMANDS, reader_option, within_option
from chargepoint.cli.legible import cleaned
from chargepoint.cli.station import config_option, fail, json_option, loaded, print_json
from chargepoint.config import Config
from chargepoint.ipc.care import AwaitToken, TokenSeen
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.service import Done

ANSWER_WAIT_S = 5.0
"""Beyond the time that the agent itself waits for a card."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    same: bool
    first: TokenSeen
    second: TokenSeen


@click.group("token")
def token() -> None:
    """Look at cards, and keep the station's own list of them. Nothing starts, nothing stops."""


@token.command("test")
@config_option
@reader_option
@within_option
@json_option
def test(config_path: str, reader: str, within_s: float, as_json: bool) -> None:
    """Show a card: reader, kind, masked number, and what the station would say to it now."""
    seen = _await(loaded(config_path), reader, within_s, "Present the card.", as_json)
    if as_json:
        print_json(seen)
        return
    _show(seen)


@token.command("compare")
@config_option
@reader_option
@within_option
@json_option
def compare(config_path: str, reader: str, within_s: float, as_json: bool) -> None:
    """Say whether two cards are the same to the station; exits with 1 when they are not.

    A phone or a bank card that shows another number each time is found by presenting it twice.
    """
    config = loaded(config_path)
    first = _await(config, reader, within_s, "Present the first card.", as_json)
    second = _await(
        config, reader, within_s, "Take it away; after three seconds present the second.", as_json
    )
    same = first.digest == second.digest
    if as_json:
        print_json(Compared(same=same, first=first, second=second))
    else:
        _show(first)
        _show(second)
        click.echo("The same card." if same else "Two different cards.")
    if not same:
        raise SystemExit(1)


for command in COMMANDS:
    token.add_command(command)


def _await(config: Config, reader: str, within_s: float, asked: str, as_json: bool) -> TokenSeen:
    click.echo(asked, err=as_json)
    seen: TokenSeen | None = None
    problem = "the agent has not answered"
    try:
        with ServiceClient(config.agent_socket(), timeout_s=within_s + ANSWER_WAIT_S) as client:
            for answer in map(cleaned, client.ask(AwaitToken(within_s=within_s, reader=reader))):
                if isinstance(answer, TokenSeen):
                    seen = answer
                elif isinstance(answer, Done):
                    problem = answer.detail
    except Unreachable as error:
        problem = f"the agent of {config.station.id} does not answer: {error}"
    if seen is None:
        fail(problem)
    return seen


def _show(seen: TokenSeen) -> None:
    click.echo(f"{seen.token}  {seen.kind.value} at reader {seen.reader}, digest {seen.digest}")
    click.echo(f"  {seen.verdict}")
