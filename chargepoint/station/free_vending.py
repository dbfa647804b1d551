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
    """Starts where a vehicle waits. `admits`: the EVSE is not reserved for somebody else."""

    def __init__(
        self,
        model: DeviceModel,
        sessions: Mapping[int, Session],
        admits: Callable[[int, IdToken], bool],
    ) -> None:
        self._model = model
        self._sessions = sessions
        self._admits = admits

    def due(self) -> None:
        """Start what waits."""
        value = self._model.text(ACCESS, "AutoStartId")
        if not value:
            return
        id_token = IdToken(value=value, kind=TokenKind.LOCAL)
        for evse, session in self._sessions.items():
            waits = session.startable and session.vehicle.connected and not session.used
            if waits and self._admits(evse, id_token):
                info = TokenInfo(status=TokenStatus.ACCEPTED)
                session.authorize(id_token, info, Trigger.CABLE_PLUGGED_IN)
