"""The station's own cards: people here decide who may charge, for when no CSMS does (`[cards]`).

They decide where there is no CSMS, and if so configured also while it cannot be asked; what its
local list or its cache says of a card comes first then (`authorization`). A list that decides
nothing now is kept all the same. Cards are in space `own_cards` under a number that none ever has
again, so that an old session never gets the name of somebody else; `own_cards_head` has the next
number and how many there are, so that a store that has lost some is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from enum import Enum

import msgspec

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk, masked
from chargepoint.station.records import IdToken, Stamp, TokenInfo, TokenStatus
from hal.values import TokenKind

SPACE = "own_cards"
HEAD_SPACE = "own_cards_head"
HEAD_KEY = "head"
CARDS_MAX = 200
NAME_MAX = 40
TOKEN_MAX = 36
"""Characters of an IdToken of OCPP 2.x; more than any reader of ours delivers."""


class State(Enum):
    """What a card is good for now."""

    VALID = "valid"
    DISABLED = "disabled"
    EXPIRED = "expired"
    UNDATED = "undated"
    """It has a last day, and nobody knows what day it is."""


VERDICTS = {
    State.VALID: TokenStatus.ACCEPTED,
    State.DISABLED: TokenStatus.BLOCKED,
    State.EXPIRED: TokenStatus.EXPIRED,
}
"""An undated card decides nothing, like an entry of the local list with an expiry."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One card and whose it is. The name is personal: it leaves the station with nothing."""

    token: str
    kind: TokenKind
    name: str
    since: Stamp
    until: date | None = None
    """Its last day."""
    enabled: bool = True

    @property
    def id_token(self) -> IdToken:
        return IdToken(value=self.token, kind=self.kind)


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The list as a whole."""

    next: int = 1
    """Number of the next card."""
    cards: int = 0


class OwnCards:
    """`deciding`: the list counts whenever no CSMS can be asked; `alone`: there is none at all."""

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        kept: Mapping[str, str],
        kept_head: Mapping[str, str],
        *,
        deciding: bool,
        alone: bool,
        day_of: Callable[[datetime], date],
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._day_of = day_of
        self.deciding = deciding
        self.alone = alone
        self._cards = restored(kept)
        self._head = self._load_head(kept_head)

    # --- What others ask --------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Card]:
        """By name."""
        return iter(sorted(self._cards.values(), key=lambda card: card.name.casefold()))

    def __len__(self) -> int:
        return len(self._cards)

    def named(self, name: str) -> Card | None:
        """The card of this name, however it is spelt as to letter case."""
        return self._cards.get(self._number_named(name))

    def of(self, id_token: IdToken) -> Card | None:
        """The card with this token."""
        number = self.number(id_token)
        return None if number is None else self._cards[number]

    def number(self, id_token: IdToken) -> int | None:
        """By which a session remembers whose card it was."""
        key = id_token.key
        return next((n for n, card in self._cards.items() if card.id_token.key == key), None)

    def state(self, card: Card) -> State:
        """What it is good for, whether the list decides or not."""
        if not card.enabled:
            return State.DISABLED
        if card.until is None:
            return State.VALID
        wall = self._clock.now(self._desk.now_s)
        if wall is None:
            return State.UNDATED
        return State.EXPIRED if self._day_of(wall) > card.until else State.VALID

    def verdict(self, id_token: IdToken) -> TokenInfo | None:
        """What the list says of this token when no CSMS can be asked; None: nothing."""
        card = self.of(id_token) if self.deciding else None
        status = None if card is None else VERDICTS.get(self.state(card))
        return None if status is None else TokenInfo(status=status)

    def problem(self, name: str, until: date | None = None) -> str | None:
        """Why no card of this name can be added; None: one can."""
        if len(self._cards) >= CARDS_MAX:
            return f"there are {CARDS_MAX} cards already; forget one first"
        return self._bad_name(name) or self._bad_day(until)

    # --- Changes: why not, or None when it is done ------------------------------------------------

    def add(self, id_token: IdToken, name: str, until: date | None) -> str | None:
        """Take a card in."""
        known = self.of(id_token)
        if known is not None:
            return f"this card is there already: {known.name}"
        problem = self.problem(name, until) or bad_token(id_token.value)
        if problem is not None:
            return problem
        card = Card(
            token=id_token.value,
            kind=id_token.kind,
            name=_spelt(name),
            since=self._desk.stamp(),
            until=until,
        )
        self._keep(self._head.next, card)
        self._keep_head(self._head.next + 1)
        self._desk.note("own_card.added", token=masked(id_token))
        return None

    def forget(self, name: str) -> str | None:
        """Strike a card off the list."""
        number = self._number_named(name)
        if number not in self._cards:
            return _unknown(name)
        card = self._cards.pop(number)
        self._desk.delete(SPACE, str(number), durable=True)
        self._keep_head(self._head.next)
        self._desk.note("own_card.forgotten", token=masked(card.id_token))
        return None

    def change(
        self, name: str, new_name: str | None, enabled: bool | None, until: date | str | None
    ) -> str | None:
        """Change what is not None; `until` "": it has no last day any more."""
        number = self._number_named(name)
        card = self._cards.get(number)
        if card is None:
            return _unknown(name)
        last_day = until if isinstance(until, date) else None
        problem = None if new_name is None else self._bad_name(new_name, number)
        problem = problem or self._bad_day(last_day)
        if problem is not None:
            return problem
        changed = msgspec.structs.replace(
            card,
            name=card.name if new_name is None else _spelt(new_name),
            enabled=card.enabled if enabled is None else enabled,
            until=card.until if until is None else last_day,
        )
        if changed != card:
            self._keep(number, changed)
            token = masked(card.id_token)
            self._desk.note("own_card.changed", token=token, enabled=changed.enabled)
        return None

    def _bad_name(self, name: str, own: int = 0) -> str | None:
        spelt = _spelt(name)
        if not 1 <= len(spelt) <= NAME_MAX:
            return f"name: found {len(spelt)} characters, expected 1 to {NAME_MAX}"
        if not spelt.isprintable():
            return "name: found signs that cannot be shown, expected letters, digits and the like"
        other = self._number_named(name)
        if other not in (0, own):
            return f"name: there is a card named {self._cards[other].name} already"
        return None

    def _bad_day(self, until: date | None) -> str | None:
        wall = self._clock.now(self._desk.now_s)
        if until is None or wall is None or self._day_of(wall) <= until:
            return None
        return f"until: found {until}, which is over; expected today or later"

    def _number_named(self, name: str) -> int:
        """0: there is none."""
        key = _spelt(name).casefold()
        return next((n for n, card in self._cards.items() if card.name.casefold() == key), 0)

    # --- Keeping ----------------------------------------------------------------------------------

    def _keep(self, number: int, card: Card) -> None:
        self._cards[number] = card
        self._desk.put(SPACE, str(number), card, durable=True)

    def _keep_head(self, next_number: int) -> None:
        self._head = Head(next_number, len(self._cards))
        self._desk.put(HEAD_SPACE, HEAD_KEY, self._head, durable=True)

    def _load_head(self, kept: Mapping[str, str]) -> Head:
        try:
            head = msgspec.json.decode(kept[HEAD_KEY], type=Head) if kept else Head()
        except (KeyError, msgspec.MsgspecError):
            head = Head(1, -1)
        if head.cards != len(self._cards):
            expected = head.cards if head.cards >= 0 else None
            self._desk.note("own_cards.damaged", cards=len(self._cards), expected=expected)
        return Head(max(head.next, *(n + 1 for n in self._cards), 1), len(self._cards))


def restored(kept: Mapping[str, str]) -> dict[int, Card]:
    """Number -> card, as the store has them; what cannot be read is left there, and left out."""
    found: dict[int, Card] = {}
    decoder = msgspec.json.Decoder(Card)
    for key, text in kept.items():
        try:
            found[int(key)] = decoder.decode(text)
        except (ValueError, msgspec.MsgspecError):
            continue
    return found


def bad_token(value: str) -> str | None:
    """Why this is no number of a card; None: it can be one."""
    if not 1 <= len(value) <= TOKEN_MAX:
        return f"number: found {len(value)} characters, expected 1 to {TOKEN_MAX}"
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        return "number: expected letters, digits and signs of ASCII, without blanks around them"
    return None


def _spelt(name: str) -> str:
    """One spelling for what looks the same."""
    from unicodedata import normalize  # only where a name is given, which is seldom

    return normalize("NFC", name.strip())


def _unknown(name: str) -> str:
    return f"there is no card named {name[:NAME_MAX]}"
