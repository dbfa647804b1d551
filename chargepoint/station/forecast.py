"""What the station would say to a card now, without asking anybody and without any effect.

In the order of `station.authorization`: list, cache, then the CSMS, or the rule for times without
it; then master passes and reservations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chargepoint.station.authorization import Authorization
from chargepoint.station.card_rules import CardRules
from chargepoint.station.desk import Desk
from chargepoint.station.device_model import DeviceModel
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
    ) -> None:
        self._desk = desk
        self._model = model
        self._authorization = authorization
        self._reservations = reservations
        self._rules = CardRules(desk, model)
        self._listed = listed

    def verdict(self, id_token: IdToken, evses: Sequence[int]) -> str:
        """What would be said at a reader of these EVSEs."""
        stored = self._authorization.stored(id_token)
        if self._desk.online:
            said = self._online(id_token, stored)
        else:
            decision = self._authorization.offline(id_token)
            who = "without the CSMS, " + (
                "nobody knows it" if stored is None else self._source(id_token)
            )
            said = f"{decision.info.status.value.lower()} ({who})"
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
