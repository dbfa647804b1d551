"""`chargepoint token learn|add|list|forget|change`: the station's own list of cards.

The agent keeps it and writes who changed it into the audit log, without names and numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
import msgspec

from chargepoint.cli.station import ask, config_option, fail, json_option, loaded, print_json
from chargepoint.config import Config
from chargepoint.ipc.cards import (
    AddCard,
    CardAction,
    CardsInUse,
    CardStatus,
    ChangeCard,
    ForgetCard,
    LearnCard,
    ListCards,
)
from chargepoint.ipc.service import Done

ANSWER_WAIT_S = 15.0
"""Beyond the time that the agent itself waits for a card."""

DAY_LENGTH = len("2027-01-31")

USES = {
    # cards.own, alone: what the list is good for
    ("off", True): 'own = "off" in [cards]: the list is kept, but decides nothing.',
    ("off", False): 'own = "off" in [cards]: the list is kept, but decides nothing.',
    ("alone", True): "No CSMS is configured: the list decides who may charge.",
    ("alone", False): (
        "A CSMS is configured, and it decides: the list is kept, but decides nothing now.\n"
        'With own = "offline" in [cards] it decides while the CSMS cannot be asked.'
    ),
    ("offline", True): "No CSMS is configured: the list decides who may charge.",
    ("offline", False): (
        "The CSMS decides while it can be asked, else its local list and cache, and then this list."
    ),
}
EVERYBODY = (
    "Without a CSMS to ask, unknown cards may charge too, or no card is needed:\n"
    "OfflineTxForUnknownIdEnabled or ChargepointAutoStartId is set."
)

reader_option = click.option("--reader", default="", help="Name of the reader; default: any.")
within_option = click.option(
    "--within",
    "within_s",
    type=click.FloatRange(1, 120),
    default=30.0,
    show_default=True,
    help="Seconds to wait for each card.",
)
name_option = click.option("--name", required=True, help="Whose it is: 1 to 40 characters.")
until_option = click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Last day on which it is good, such as 2027-01-31; default: no last day.",
)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What `list --json` prints."""

    use: CardsInUse
    cards: tuple[CardStatus, ...]


@click.command("learn")
@name_option
@until_option
@reader_option
@within_option
@config_option
@json_option
def learn(
    name: str,
    until: datetime | None,
    reader: str,
    within_s: float,
    config_path: str,
    as_json: bool,
) -> None:
    """Take the next card at the reader into the station's own list.

    It starts and stops nothing. Without a [csms] the list decides who may charge; [cards] in the
    configuration says when. A card that is there already is refused with its name.
    """
    config = loaded(config_path)
    click.echo("Present the card.", err=as_json)
    request = LearnCard(name=name, until=_day(until), within_s=within_s, reader=reader)
    _change(config, request, as_json, within_s + ANSWER_WAIT_S)


@click.command("add")
@click.argument("number")
@name_option
@until_option
@config_option
@json_option
def add(number: str, name: str, until: datetime | None, config_path: str, as_json: bool) -> None:
    """Take the card NUMBER into the station's own list without having it at hand.

    NUMBER is the whole number as a reader delivers it: the digits of the UID without anything
    between them; capitals do not matter. With - it is read from standard input, where nobody sees
    it in the list of processes.
    """
    whole = sys.stdin.readline().strip() if number == "-" else number
    _change(loaded(config_path), AddCard(number=whole, name=name, until=_day(until)), as_json)


@click.command("list")
@config_option
@json_option
def list_cards(config_path: str, as_json: bool) -> None:
    """Show the station's own cards, masked, and whether they decide who may charge."""
    answers = list(ask(loaded(config_path), ListCards()))
    use = _use(answers)
    cards = tuple(one for one in answers if isinstance(one, CardStatus))
    if as_json:
        print_json(Listed(use=use, cards=cards))
        return
    for card in cards:
        click.echo(_line(card))
    if not cards:
        click.echo("no card yet")
    click.echo(_words(use))


@click.command("forget")
@click.argument("name")
@config_option
@json_option
def forget(name: str, config_path: str, as_json: bool) -> None:
    """Strike the card NAME off the station's own list; its name goes from past sessions too.

    A transaction that runs goes on, and the card can still end it.
    """
    _change(loaded(config_path), ForgetCard(card=name), as_json, said="forgotten: ")


@click.command("change")
@click.argument("card", metavar="NAME")
@click.option("--name", help="Another name, also for past sessions.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether it may charge.")
@click.option("--until", metavar="DAY", help="Last day, such as 2027-01-31, or `none`.")
@config_option
@json_option
def change(
    card: str,
    name: str | None,
    enabled: bool | None,
    until: str | None,
    config_path: str,
    as_json: bool,
) -> None:
    """Rename the card NAME of the station's own list, disable or enable it, set its last day.

    A transaction that runs goes on.
    """
    if name is None and enabled is None and until is None:
        raise click.UsageError("nothing to change; expected --name, --enable, --disable, --until")
    day = "" if until == "none" else until
    if day and len(day) > DAY_LENGTH:
        raise click.UsageError(f"--until {day}: expected a day such as 2027-01-31, or `none`")
    request = ChangeCard(card=card, name=name, enabled=enabled, until=day)
    _change(loaded(config_path), request, as_json)


COMMANDS = (learn, add, list_cards, forget, change)
"""Of the group `token`."""


def _change(
    config: Config,
    request: CardAction,
    as_json: bool,
    within_s: float = ANSWER_WAIT_S,
    said: str = "",
) -> None:
    """Have the agent do it; print the card, and what the list is good for if it is for nothing."""
    answer = next(ask(config, request, within_s), None)
    if not isinstance(answer, CardStatus):
        fail(answer.detail if isinstance(answer, Done) else "the agent gave no answer")
    if as_json:
        print_json(answer)
        return
    click.echo(said + _line(answer))
    use = _use(ask(config, ListCards()))
    if not (use.alone and use.own != "off") or use.everybody:
        click.echo(_words(use))


def _use(answers: Iterable[Any]) -> CardsInUse:
    found = next((one for one in answers if isinstance(one, CardsInUse)), None)
    if found is None:
        fail("the agent does not say what the list is good for")
    return found


def _words(use: CardsInUse) -> str:
    words = USES[use.own, use.alone]
    return f"{words}\n{EVERYBODY}" if use.everybody else words


def _line(card: CardStatus) -> str:
    state = "" if card.state == "valid" else f"  {card.state}"
    until = f"  until {card.until}" if card.until else ""
    since = f"  since {card.since[:10]}" if card.since else ""
    return f"{card.name:24} {card.token:8} digest {card.digest}{since}{until}{state}"


def _day(until: datetime | None) -> str:
    return "" if until is None else until.date().isoformat()
