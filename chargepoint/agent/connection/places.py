"""Which of several addresses of the CSMS is tried next.

A round begins with the one that worked last, in the beginning with the first, and goes on with the
others in their order; after a round in vain comes a wait. The first is the preferred one: from any
other the link tries to return to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from chargepoint.agent.endpoint import Endpoint

RETURN_DOUBLINGS = 4
"""How often the wait before a return is doubled, each time after one in vain."""


class Places:
    """At least one; `return_after_s`: stay at another than the first, 0: until it fails."""

    def __init__(self, endpoints: Sequence[Endpoint], return_after_s: float = 0.0) -> None:
        assert endpoints, "a link needs an address"
        self._endpoints = tuple(endpoints)
        self._return_after_s = return_after_s
        self._returns = 0
        self._works = 0
        """The one that worked last."""
        self._vain_here = 0
        self._round = self._new_round()

    @property
    def several(self) -> bool:
        return len(self._endpoints) > 1

    @property
    def number(self) -> int:
        """Which one is used now, from 1 on."""
        return self._round[0] + 1

    @property
    def current(self) -> Endpoint:
        return self._endpoints[self._round[0]]

    @property
    def preferred(self) -> Endpoint:
        return self._endpoints[0]

    @property
    def urls(self) -> tuple[str, ...]:
        """As configured, in order."""
        return tuple(each.url for each in self._endpoints)

    @property
    def return_s(self) -> float | None:
        """How long to stay here before the preferred one is tried again; None: for good."""
        if self._round[0] == 0 or not self._return_after_s:
            return None
        return self._return_after_s * 2.0 ** min(self._returns, RETURN_DOUBLINGS)

    def proved(self) -> None:
        """The present one works: the next round begins with it."""
        self._works = self._round[0]
        self._vain_here = 0
        self._round = self._new_round()
        if self._works == 0:
            self._returns = 0

    def failed(self, attempts: int = 1) -> bool:
        """In vain, `attempts` are made at each. True: wait now; False: try the next one at once."""
        self._vain_here += 1
        if self._vain_here < attempts:
            return True
        self._vain_here = 0
        if self._round[0] == 0 and self._works != 0:
            self._returns += 1
        self._round = self._round[1:]
        if self._round:
            return False
        self._round = self._new_round()
        return True

    def prefer(self) -> None:
        """Try the first one now, and if that is in vain the one that worked last."""
        self._vain_here = 0
        self._round = (0, *(each for each in self._new_round() if each != 0))

    def _new_round(self) -> tuple[int, ...]:
        others = (each for each in range(len(self._endpoints)) if each != self._works)
        return (self._works, *others)
