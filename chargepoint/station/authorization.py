"""Whether an IdToken may charge: who is asked, in which order, and what holds without an answer.

The order of decision is section 5.1 of the rule matrix (OCPP 1.6, sections 3.5, 4.1 and 4.2): when
online the CSMS, unless LocalPreAuthorize and an entry of the local list or a valid verdict in the
cache; when offline the list, the cache, the station's own cards, then OfflineTxForUnknownIdEnabled.
Where there is no CSMS at all, the own cards come before whatever one has left behind, except for
what its list forbids. A question without an answer is decided as if offline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk, masked
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import AskAuthorization
from chargepoint.station.local_list import LocalList
from chargepoint.station.own_cards import OwnCards
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus
from chargepoint.station.token_cache import TokenCache

PENDING_MAX = 8
"""Questions that may wait for an answer; a further card is refused."""

PATIENCE = 2.5
"""Times MessageTimeout after which a question counts as unanswered even if nobody says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`info` is the verdict behind it: the CSMS's, a stored one, or one we made up."""

    allowed: bool
    info: TokenInfo
    own: bool = False
    """The station's own list says so."""


Then = Callable[[Decision], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One AskAuthorization that waits for its answer."""

    id_token: IdToken
    then: Then
    until_s: float


class Authorization:
    """Decides on tokens; `ask` calls back at once or when the CSMS has answered."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        clock: Clock,
        local_list: LocalList,
        cache: TokenCache,
        own: OwnCards,
    ) -> None:
        self._desk = desk
        self._model = model
        self._clock = clock
        self._list = local_list
        self._cache = cache
        self._own = own
        self._pending: dict[str, Question] = {}
        self._asked = 0

    def ask(self, id_token: IdToken, then: Then) -> None:
        """Decide on `id_token` and tell `then`."""
        if not self._desk.online:
            then(self.offline(id_token))
            return
        locally = self._model.flag("AuthCtrlr", "LocalPreAuthorize")
        stored = self.stored(id_token) if locally else None
        valid = stored is not None and stored.status is TokenStatus.ACCEPTED
        if stored is not None and (valid or self._list.holds(id_token)):
            then(Decision(allowed=valid, info=stored))
            return
        if len(self._pending) >= PENDING_MAX:
            self._desk.note("token.not_asked", token=masked(id_token))
            then(_refused(TokenStatus.UNKNOWN))
            return
        self._asked += 1
        request = f"authorize-{self._asked}"
        timeout_s = self._model.number("OCPPCommCtrlr", "MessageTimeout")
        until_s = self._desk.now_s + PATIENCE * timeout_s
        self._pending[request] = Question(id_token=id_token, then=then, until_s=until_s)
        self._desk.emit(AskAuthorization(request=request, id_token=id_token))

    def asking(self, id_token: IdToken) -> bool:
        """Whether a question about this token waits for its answer."""
        return any(question.id_token.key == id_token.key for question in self._pending.values())

    def answered(self, request: str, info: TokenInfo) -> None:
        """The CSMS's verdict; an answer that nobody waits for only teaches the cache."""
        question = self._pending.pop(request, None)
        if question is not None:
            self.learn(question.id_token, info)
            question.then(Decision(allowed=info.status is TokenStatus.ACCEPTED, info=info))

    def unanswered(self, request: str) -> None:
        """No answer to `request`: as if offline."""
        question = self._pending.pop(request, None)
        if question is not None:
            question.then(self.offline(question.id_token))

    def lost(self) -> None:
        """The CSMS cannot be asked any more."""
        for request in list(self._pending):
            self.unanswered(request)

    def learn(self, id_token: IdToken, info: TokenInfo) -> None:
        """A verdict that came with any answer: for the cache, if the list lacks the token (A1)."""
        if self._list.holds(id_token):
            self._list.compare(id_token, info)
        elif self._model.flag("AuthCacheCtrlr", "Enabled"):
            self._cache.keep(id_token, info)

    def stored(self, id_token: IdToken) -> TokenInfo | None:
        """What the list says; where the token is not in it, the cache (A1); None: nothing."""
        if self._list.holds(id_token):
            return self._list.find(id_token)
        if not self._model.flag("AuthCacheCtrlr", "Enabled"):
            return None
        return self._cache.find(id_token, self._clock.now(self._desk.now_s))

    def offline(self, id_token: IdToken) -> Decision:
        """The decision without the CSMS; what the list forbids is forbidden in any case (A2)."""
        own = self._own.verdict(id_token)
        said = self._said(id_token)
        if own is not None and (said is None or (self._own.alone and not self._forbids(id_token))):
            return Decision(allowed=own.status is TokenStatus.ACCEPTED, info=own, own=True)
        if said is not None:
            return Decision(allowed=said.status is TokenStatus.ACCEPTED, info=said)
        if self._model.flag("AuthCtrlr", "OfflineTxForUnknownIdEnabled"):
            return Decision(allowed=True, info=TokenInfo(status=TokenStatus.ACCEPTED))
        return _refused(TokenStatus.UNKNOWN)

    def _said(self, id_token: IdToken) -> TokenInfo | None:
        """What holds offline of what the CSMS once said of this token."""
        if self._model.flag("AuthCtrlr", "LocalAuthorizeOffline"):
            return self.stored(id_token)
        return self._list.find(id_token) if self._forbids(id_token) else None

    def _forbids(self, id_token: IdToken) -> bool:
        listed = self._list.find(id_token)
        return listed is not None and listed.status is not TokenStatus.ACCEPTED

    def clear_cache(self) -> bool:
        """Empty the cache; False when there is none to be emptied (errata 3.23)."""
        if not self._model.flag("AuthCacheCtrlr", "Enabled"):
            return False
        self._cache.clear()
        return True

    def deadline_s(self) -> float | None:
        return min((question.until_s for question in self._pending.values()), default=None)

    def due(self) -> None:
        for request, question in list(self._pending.items()):
            if question.until_s <= self._desk.now_s:
                self.unanswered(request)


def _refused(status: TokenStatus) -> Decision:
    return Decision(allowed=False, info=TokenInfo(status=status))
