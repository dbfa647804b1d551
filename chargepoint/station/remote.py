"""RemoteStart and RemoteStop (OCPP 1.6, sections 5.11 and 5.12), and starts at the station itself.

A remote start is answered before anything else, then treated like a card if AuthorizeRemoteStart
says so (A5). Without an EVSE it goes where a vehicle waits, else where one may come; what is
reserved for others is refused (V7). A charging
profile that comes with it is for the transaction that it leads to; a bad one refuses the start.
"""

from __future__ import annotations

from collections.abc import Mapping

from chargepoint.station.authorization import Authorization, Decision
from chargepoint.station.charging_profiles.profile import Profile
from chargepoint.station.desk import Desk, masked
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.events import LocalStartAsked, RemoteStartRequested, RemoteStopRequested
from chargepoint.station.outbox import Outbox
from chargepoint.station.records import IdToken, StopReason, TokenInfo, TokenStatus, Trigger
from chargepoint.station.reservations import Reservations
from chargepoint.station.session import Session
from chargepoint.station.smart_charging import SmartCharging


class Remote:
    """Starts and stops that need no reader."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        authorization: Authorization,
        outbox: Outbox,
        sessions: Mapping[int, Session],
        smart_charging: SmartCharging,
        reservations: Reservations,
        needs_vehicle: bool,
    ) -> None:
        self._desk = desk
        self._model = model
        self._authorization = authorization
        self._outbox = outbox
        self._sessions = sessions
        self._smart_charging = smart_charging
        self._reservations = reservations
        self._needs_vehicle = needs_vehicle
        self._asking: set[int] = set()
        """EVSEs for which a remote start waits for its authorization."""

    def start(self, event: RemoteStartRequested) -> None:
        session = self._chosen(event.evse, event.id_token)
        if session is None or not self._usable(session.evse, event.profile):
            self._desk.emit(Answer(call=event.call, verdict=Verdict.REJECTED))
            return
        self._desk.emit(Answer(call=event.call, verdict=Verdict.ACCEPTED))
        stored = self._authorization.stored(event.id_token)
        group = None if stored is None else stored.group
        admitted = self._reservations.admits(session.evse, event.id_token, group)
        if admitted and not self._model.flag("AuthCtrlr", "AuthorizeRemoteStart"):
            self._begin(session, event, TokenInfo(status=TokenStatus.ACCEPTED, group=group))
            return
        self._asking.add(session.evse)
        self._authorization.ask(
            event.id_token, lambda decision: self._decided(session, event, decision)
        )

    def stop(self, event: RemoteStopRequested) -> None:
        """Only a running transaction can be stopped; a number that is not known is none (Q7)."""
        for session in self._sessions.values():
            transaction = session.transaction
            if transaction is None or not session.running:
                continue
            if event.transaction in (transaction.id, self._outbox.csms_id(transaction.id)):
                answer = Answer(
                    call=event.call, verdict=Verdict.ACCEPTED, transaction=transaction.id
                )
                self._desk.emit(answer)
                session.stop(StopReason.REMOTE, Trigger.REMOTE_STOP)
                return
        self._desk.emit(Answer(call=event.call, verdict=Verdict.REJECTED))

    def start_here(self, event: LocalStartAsked) -> None:
        """A key, a page or free vending: whoever asks has authorized it already."""
        session = self._sessions.get(event.evse)
        free = session is not None and session.startable and session.evse not in self._asking
        if session is None or not (
            free and self._reservations.admits(session.evse, event.id_token, None)
        ):
            self._desk.note("token.ignored", token=masked(event.id_token), reader="")
            return
        info = TokenInfo(status=TokenStatus.ACCEPTED)
        session.authorize(event.id_token, info, Trigger.AUTHORIZED)

    def _chosen(self, evse: int | None, id_token: IdToken) -> Session | None:
        """The EVSE that takes the start, the one asked for if any; None: refused."""
        sessions = self._sessions.values() if evse is None else [self._sessions.get(evse)]
        able = [
            session
            for session in sessions
            if session is not None
            and session.startable
            and session.evse not in self._asking
            and self._reservations.admits(session.evse, id_token, None, settled=False)
        ]
        held = [each for each in able if self._reservations.held_for(each.evse, id_token, None)]
        able = held or able
        connected = [session for session in able if session.vehicle.connected]
        waiting = [session for session in connected if not session.used]
        others = [] if self._needs_vehicle else able
        return next(iter([*waiting, *connected, *others] if evse else [*waiting, *others]), None)

    def _decided(self, session: Session, event: RemoteStartRequested, decision: Decision) -> None:
        self._asking.discard(session.evse)
        group = decision.info.group
        admitted = self._reservations.admits(session.evse, event.id_token, group)
        if decision.allowed and session.startable and admitted:
            self._begin(session, event, decision.info)
            return
        self._desk.note(
            "remote_start.refused",
            evse=session.evse,
            token=masked(event.id_token),
            status=decision.info.status.value,
        )

    def _usable(self, evse: int, profile: Profile | None) -> bool:
        return profile is None or self._smart_charging.startable(evse, profile)

    def _begin(self, session: Session, event: RemoteStartRequested, info: TokenInfo) -> None:
        leave = session.authorize(
            event.id_token, info, Trigger.REMOTE_START, remote_start_id=event.remote_start_id
        )
        if event.profile is not None:
            self._smart_charging.promise(session.evse, leave, event.profile)
