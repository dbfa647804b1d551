"""What the station would say to a card now, without asking anybody and without any effect.

In the order of `station.authorization`: list, cache, then the CSMS, or own cards and the rule for
times without it; then master passes and reservations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chargepoint.station.authorization import Authorization
from chargepoint.station.card_rules import CardRules
from chargepoint.station.desk import Desk
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.own_cards import OwnCards, State
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus
from chargepoint.station.reservations import Reservations


class Forecast:
    """Words for a person, such as `accepted (cache); EVSE 2 is reserved for it`."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        authorization: Authorization,
        reservations: Reservations,
        listed: Callable[[IdToken], bool],
        own: OwnCards,
    ) -> None:
        self._desk = desk
        self._model = model
        self._authorization = authorization
        self._reservations = reservations
        self._rules = CardRules(desk, model)
        self._listed = listed
        self._own = own

    def verdict(self, id_token: IdToken, evses: Sequence[int]) -> str:
        """What would be said at a reader of these EVSEs."""
        stored = self._authorization.stored(id_token)
        if self._desk.online:
            said = self._online(id_token, stored) + self._besides(id_token)
        else:
            said = self._offline(id_token, stored)
        info = stored or TokenInfo(status=TokenStatus.UNKNOWN)
        if self._rules.master(info):
            said += "; it is a master pass and ends what runs at its reader"
        return "; ".join([said, *self._reserved(id_token, info.group, evses)])

    def _online(self, id_token: IdToken, stored: TokenInfo | None) -> str:
        locally = self._model.flag("AuthCtrlr", "LocalPreAuthorize")
        if stored is None:
            return "the CSMS would be asked: neither list nor cache knows it"
        known = f"{stored.status.value.lower()} ({self._source(id_token)})"
        valid = stored.status is TokenStatus.ACCEPTED
        if locally and (valid or self._listed(id_token)):
            return known
        return f"the CSMS would be asked; last known: {known}"

    def _offline(self, id_token: IdToken, stored: TokenInfo | None) -> str:
        decision = self._authorization.offline(id_token)
        status = decision.info.status.value.lower()
        if decision.own:
            return f"{status} ({self._own_card(id_token)})"
        who = "nobody knows it" if stored is None else self._source(id_token)
        return f"{status} (without the CSMS, {who})" + self._besides(id_token)

    def _besides(self, id_token: IdToken) -> str:
        """An own card that is not what decides now."""
        if self._own.of(id_token) is None:
            return ""
        return f"; {self._own_card(id_token)}, does not decide now"

    def _own_card(self, id_token: IdToken) -> str:
        card = self._own.of(id_token)
        assert card is not None
        state = self._own.state(card)
        named = f"own card {card.name}"
        return named if state is State.VALID else f"{named}, {state.value}"

    def _source(self, id_token: IdToken) -> str:
        return "local list" if self._listed(id_token) else "cache"

    def _reserved(self, id_token: IdToken, group: str | None, evses: Sequence[int]) -> list[str]:
        found = []
        for evse in evses:
            if self._reservations.held_for(evse, id_token, group):
                found.append(f"EVSE {evse} is reserved for it")
            elif not self._reservations.admits(evse, id_token, group):
                found.append(f"EVSE {evse} is reserved for another")
        return found
