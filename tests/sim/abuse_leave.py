"""The books of leave: what the safety program was told that it may do, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from chargepoint.ipc import messages as m


@dataclass
class Leave:
    """The leases of one EVSE as the safety program was told them, capped as agreed."""

    permission_max_s: float
    limit_max_s: float
    failsafe_a: float
    until_s: float = float("-inf")
    limit_until_s: float = float("-inf")
    limit_a: float = 0.0
    operative: bool = True

    def hear(self, command: m.Command, now_s: float) -> None:
        match command:
            case m.RenewPermission(until_s=until_s):
                self.until_s = min(until_s, now_s + self.permission_max_s)
            case m.Revoke():
                self.until_s = float("-inf")
            case m.RenewLimit(current_a=current_a, until_s=until_s):
                self.limit_a = max(0.0, current_a)
                self.limit_until_s = min(until_s, now_s + self.limit_max_s)
            case m.SetOperative(operative=operative):
                self.operative = operative

    def holds(self, now_s: float) -> bool:
        return self.operative and now_s < self.until_s

    def most_a(self, now_s: float) -> float:
        return self.limit_a if now_s < self.limit_until_s else self.failsafe_a
