"""Growing waits after failed logins, per address and per account."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

FREE = 3
"""Failures that cost nothing: people mistype."""

ADDRESS_WAIT_MAX_S = 900.0
ACCOUNT_WAIT_MAX_S = 60.0
"""Shorter, because a stranger could lock the owner out with it."""

FORGET_S = 3600.0
ENTRIES_MAX = 2000


@dataclass(slots=True)
class _Failures:
    count: int
    last_s: float


class Throttle:
    """Remembers failures, the newest `ENTRIES_MAX` of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures: dict[str, _Failures] = {}

    def wait_s(self, address: str, account: str) -> float:
        """How long this address must not try this account yet; 0: it may."""
        return max(
            self._wait(address_key(address), ADDRESS_WAIT_MAX_S),
            self._wait(_account_key(account), ACCOUNT_WAIT_MAX_S),
        )

    def failed(self, address: str, account: str) -> None:
        """Count a failure. Told before the password is looked at, so that no two go at once."""
        for key in (address_key(address), _account_key(account)):
            before = self._failures.pop(key, None)
            count = 1
            if before is not None and self._now() - before.last_s < FORGET_S:
                count = before.count + 1
            self._failures[key] = _Failures(count, self._now())
        while len(self._failures) > ENTRIES_MAX:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, address: str, account: str) -> None:
        """Forget them: it was the right person."""
        self._failures.pop(address_key(address), None)
        self._failures.pop(_account_key(account), None)

    def _wait(self, key: str, wait_max_s: float) -> float:
        found = self._failures.get(key)
        if found is None or found.count < FREE:
            return 0.0
        wait_s = min(wait_max_s, 2.0 ** min(found.count - FREE + 1, 20))
        return max(0.0, found.last_s + wait_s - self._now())


def address_key(address: str) -> str:
    """One key for what one person can have: an IPv4 address, a /64 of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return f"address {address[:64]}"
    if found.version == 6:
        mapped = found.ipv4_mapped
        if mapped is not None:
            return f"address {mapped}"
        return f"address {ipaddress.ip_network((found, 64), strict=False)}"
    return f"address {found}"


def _account_key(account: str) -> str:
    return f"account {account[:64]}"
