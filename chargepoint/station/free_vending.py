"""Free vending: whoever plugs in charges, under one IdToken that the operator has set.

The CSMS is not asked beforehand; its verdict on the start counts like any other. A vehicle that has
had its transaction is not started again, and a reserved EVSE is left to its holder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chargepoint.station.device_model import DeviceModel
from chargepoint.station.option_variables import ACCESS
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus, Trigger
from chargepoint.station.session import Session
from hal.values import TokenKind


class FreeVending:
    """Starts where a vehicle waits, while `AutoStartId` is set. `open_to_all`: not reserved."""

    def __init__(
        self,
        model: DeviceModel,
        sessions: Mapping[int, Session],
        open_to_all: Callable[[int], bool],
    ) -> None:
        self._model = model
        self._sessions = sessions
        self._open_to_all = open_to_all

    def due(self) -> None:
        """Start what waits."""
        value = self._model.text(ACCESS, "AutoStartId")
        if not value:
            return
        for evse, session in self._sessions.items():
            waits = session.startable and session.vehicle.connected and not session.used
            if waits and self._open_to_all(evse):
                session.authorize(
                    IdToken(value=value, kind=TokenKind.LOCAL),
                    TokenInfo(status=TokenStatus.ACCEPTED),
                    Trigger.CABLE_PLUGGED_IN,
                )
