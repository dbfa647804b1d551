"""From what the station grants to commands for the safety programs, and when to renew them. Pure.

A change goes out at once, an unchanged grant is renewed at a quarter of the limit lease and a sixth
of the permission lease. Renewals are asked for by the one loop that also runs the station: when
that hangs, nothing is renewed, and the safety programs stop in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chargepoint.ipc.messages import (
    Command,
    RenewLimit,
    RenewPermission,
    Revoke,
    SetOperative,
)
from chargepoint.station.effects import Grant

LIMIT_SHARE = 1 / 4
PERMISSION_SHARE = 1 / 6


class Leases:
    """What the safety programs were last told."""

    def __init__(self, limit_lease_s: float, permission_lease_s: float, now_s: float) -> None:
        self._limit_lease_s = limit_lease_s
        self._permission_lease_s = permission_lease_s
        self._told: dict[int, Grant] = {}
        self._limit_due_s = now_s
        self._permission_due_s = now_s

    def forget(self) -> None:
        """The safety programs are new or were away: tell them everything again."""
        self._told.clear()

    def changes(self, grants: Sequence[Grant], now_s: float) -> list[tuple[int, Command]]:
        """(EVSE, command) for what is different from what was told; what takes away comes first."""
        commands: list[tuple[int, Command]] = []
        for grant in grants:
            commands += [(grant.evse, command) for command in self._change(grant, now_s)]
            self._told[grant.evse] = grant
        commands.sort(key=lambda item: not isinstance(item[1], Revoke))
        return commands

    def renewals(self, now_s: float) -> list[tuple[int, Command]]:
        """(EVSE, command) for the leases that are due."""
        commands: list[tuple[int, Command]] = []
        if now_s >= self._limit_due_s:
            self._limit_due_s = now_s + self._limit_lease_s * LIMIT_SHARE
            commands += [(evse, self._limit(grant, now_s)) for evse, grant in self._told.items()]
        if now_s >= self._permission_due_s:
            self._permission_due_s = now_s + self._permission_lease_s * PERMISSION_SHARE
            commands += [
                (evse, self._permission(grant, now_s))
                for evse, grant in self._told.items()
                if grant.permitted
            ]
        return commands

    def deadline_s(self) -> float:
        """When `renewals` has something."""
        return min(self._limit_due_s, self._permission_due_s)

    def _change(self, grant: Grant, now_s: float) -> Iterator[Command]:
        told = self._told.get(grant.evse)
        if told is None or told.operative != grant.operative:
            yield SetOperative(evse=grant.evse, operative=grant.operative)
        if told is None or (told.current_a, told.phases) != (grant.current_a, grant.phases):
            yield self._limit(grant, now_s)
        if grant.permitted and (told is None or not told.permitted):
            yield self._permission(grant, now_s)
        elif not grant.permitted and (told is None or told.permitted):
            yield Revoke(evse=grant.evse)

    def _limit(self, grant: Grant, now_s: float) -> RenewLimit:
        until_s = now_s + self._limit_lease_s
        return RenewLimit(
            evse=grant.evse, current_a=grant.current_a, until_s=until_s, phases=grant.phases
        )

    def _permission(self, grant: Grant, now_s: float) -> RenewPermission:
        return RenewPermission(evse=grant.evse, until_s=now_s + self._permission_lease_s)
