"""The permission to energise: a lease, and what ends its effect on the lock before it ends."""

from __future__ import annotations

from chargepoint.evse.lease import Lease


class Permission:
    """Permission of one EVSE."""

    def __init__(self, max_s: float) -> None:
        self.lease = Lease(max_s)
        self.expired = False
        """It ran out by itself, and was not renewed or revoked since."""
        self._released = False

    def renew(self, until_s: float, now_s: float) -> None:
        self.lease.renew(until_s, now_s)
        self.expired = False

    def revoke(self) -> None:
        self.lease.revoke()
        self.expired = False

    def release(self) -> None:
        """Without effect until the next permission or plug-in: the connector was released."""
        self._released = True

    def unplugged(self) -> None:
        self._released = False

    def take_expiry(self, now_s: float) -> bool:
        """True once after it ran out by itself."""
        ran_out = self.lease.take_expiry(now_s)
        self.expired = self.expired or ran_out
        if not self.lease.alive(now_s):
            self._released = False
        return ran_out

    def held(self, now_s: float) -> bool:
        """Energy may flow, as far as the permission goes."""
        return self.lease.alive(now_s) and not self._released
