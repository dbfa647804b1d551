"""What the agent answers about the station's own cards: who may charge where no CSMS decides.

The same socket and the same rules as `ipc.service`. The number of a card goes to the agent at most,
and never leaves it; the names are personal: neither the audit log nor a support archive has them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from chargepoint.ipc.service import Action, Answered, Request
from hal.values import TokenKind

Text = Annotated[str, msgspec.Meta(max_length=200)]
"""What is too long is told in words by the station; what is far too long is no message."""

Day = Annotated[str, msgspec.Meta(max_length=10)]
"""`2027-01-31`: the last day on which the card is good."""


class CardAction(Action, frozen=True, kw_only=True):
    """Base of what changes the list. By `CardStatus`, or `Done` with the refusal."""


class LearnCard(CardAction, frozen=True, kw_only=True):
    """Take the next card at a reader into the list, without any effect on charging.

    Ends without an effect when the client leaves before a card comes.
    """

    name: Text
    until: Day = ""
    """Empty: no last day."""
    within_s: float = 30.0
    reader: Text = ""
    """Empty: any."""


class AddCard(CardAction, frozen=True, kw_only=True):
    """Take a card into the list that is not here."""

    number: Text
    """Whole, as a reader delivers it."""
    name: Text
    until: Day = ""


class ForgetCard(CardAction, frozen=True, kw_only=True):
    """Strike a card off the list; the answer shows it as it was."""

    card: Text
    """Its name."""


class ChangeCard(CardAction, frozen=True, kw_only=True):
    """Change what is not None."""

    card: Text
    """Its name."""
    name: Text | None = None
    enabled: bool | None = None
    until: Day | None = None
    """Empty: no last day any more."""


class ListCards(Request, frozen=True):
    """The list by name: `CardsInUse`, `CardStatus` each, then `Done`."""


class CardsInUse(Answered, frozen=True):
    """What the list is good for."""

    own: Literal["off", "alone", "offline"]
    """`cards.own` of the configuration."""
    alone: bool
    """No CSMS is configured."""
    decides: bool
    """Now."""
    everybody: bool
    """Without a CSMS to ask, a card that nobody knows may charge too, or no card is needed."""


class CardStatus(Answered, frozen=True):
    """One card of the list."""

    name: str
    token: str
    """Masked."""
    digest: str
    """As in `TokenSeen`."""
    kind: TokenKind
    since: str
    """ISO 8601 UTC; empty while the time is not known."""
    until: str
    """ISO date; empty: no last day."""
    enabled: bool
    state: Literal["valid", "disabled", "expired", "undated"]
    """`undated`: it has a last day, and the time is not known."""


AnyCardRequest = LearnCard | AddCard | ForgetCard | ChangeCard | ListCards
AnyCardAnswer = CardsInUse | CardStatus
