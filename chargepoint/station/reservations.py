"""Reservations: who may use an EVSE until when (OCPP 1.6, sections 5.2 and 5.13; rules V1 to V8).

A reservation of one EVSE shows as Reserved until the holder comes. One of EVSE 0 is for any EVSE
and has no visible state: as many EVSEs as there are such reservations stay free of others. What a
token may use depends on its group too, which only a verdict on it can tell (V4). Kept in space
`reservations`; a transaction of the holder, the expiry, the CSMS, a fault or an inoperative EVSE
ends one, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk, masked
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Answer, ConnectorState, Verdict
from chargepoint.station.events import CancelReservationRequested, ReserveRequested
from chargepoint.station.records import IdToken
from chargepoint.station.session import Session

SPACE = "reservations"
ANY = 0
"""EVSE of a reservation for whichever EVSE the holder chooses."""

CLOCK_GRAIN_S = 0.001
"""What is this near has come: instants are told apart by microseconds at most."""

# fmt: off
REFUSALS = {
    # the connector is     the answer; any other state: Occupied (V2, V6)
    ConnectorState.FAULTED:     Verdict.FAULTED,
    ConnectorState.UNAVAILABLE: Verdict.UNAVAILABLE,
    None:                       Verdict.UNAVAILABLE,    # the safety program has not spoken yet
}
# fmt: on
_OPEN = {ConnectorState.AVAILABLE, ConnectorState.RESERVED}


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """One reservation, as it is kept."""

    id: int
    evse: int
    id_token: IdToken
    group: str | None
    expires_at: datetime


class Reservations:
    """The reservations of one station. `state` gives the state of a connector as reported."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        clock: Clock,
        sessions: Mapping[int, Session],
        operative: Callable[[int], bool],
        state: Callable[[int], ConnectorState | None],
        kept: Mapping[str, str],
    ) -> None:
        self._desk = desk
        self._model = model
        self._clock = clock
        self._sessions = sessions
        self._operative = operative
        self._state = state
        self._held = self._load(kept)
        self._used: list[Reservation] = []
        """Used by the event in hand, and not told yet."""

    # --- Requests ---------------------------------------------------------------------------------

    def reserve(self, event: ReserveRequested) -> None:
        """Make a reservation, in place of the one with the same id (V1), or refuse it."""
        verdict = self._verdict(event)
        if verdict is Verdict.ACCEPTED:
            reservation = Reservation(
                id=event.reservation,
                evse=event.evse,
                id_token=event.id_token,
                group=event.group,
                expires_at=event.expires_at,
            )
            self._held[reservation.id] = reservation
            self._desk.put(SPACE, str(reservation.id), reservation, durable=True)
            self._desk.note(
                "reservation.made",
                id=reservation.id,
                evse=reservation.evse,
                token=masked(reservation.id_token),
            )
        self._desk.emit(Answer(call=event.call, verdict=verdict))

    def cancel(self, event: CancelReservationRequested) -> None:
        """End a reservation; Rejected when there is none with this id."""
        reservation = self._held.get(event.reservation)
        if reservation is not None:
            self._end(reservation, "cancelled")
        verdict = Verdict.REJECTED if reservation is None else Verdict.ACCEPTED
        self._desk.emit(Answer(call=event.call, verdict=verdict))

    # --- What others ask --------------------------------------------------------------------------

    def reserved(self, evse: int) -> bool:
        """Whether this very EVSE is reserved."""
        return self._of(evse) is not None

    def until(self, evse: int) -> datetime | None:
        """When the reservation of this very EVSE ends by itself; None: there is none."""
        own = self._of(evse)
        return None if own is None else own.expires_at

    def admits(
        self, evse: int, id_token: IdToken, group: str | None, *, settled: bool = True
    ) -> bool:
        """Whether a token of this group may use an EVSE (V4).

        `settled` False: the group is not known yet; whether the token may be admitted with any.
        """

        def fits(reservation: Reservation) -> bool:
            open_group = not settled and reservation.group is not None
            return open_group or _fits(reservation, id_token, group)

        own = self._of(evse)
        if own is not None:
            return fits(own)
        unbound = self._unbound
        if not unbound or any(fits(each) for each in unbound):
            return True
        others = [each for each in self._free(self._held.values()) if each != evse]
        return len(others) >= len(unbound)

    def held_for(self, evse: int, id_token: IdToken, group: str | None) -> bool:
        """Whether this very EVSE is reserved for such a token."""
        own = self._of(evse)
        return own is not None and _fits(own, id_token, group)

    def use(self, evse: int, id_token: IdToken, group: str | None) -> int | None:
        """A transaction starts: id of the reservation that it ends (V5), if there is one.

        Only stores, so that this shares the commit of the transaction's start; `due` tells of it.
        """
        own = self._of(evse)
        candidates = self._unbound if own is None else [own]
        fitting = [each for each in candidates if _fits(each, id_token, group)]
        used = min(fitting, key=lambda each: each.expires_at, default=None)
        if used is None:
            return None
        self._forget(used)
        self._used.append(used)
        return used.id

    # --- Time -------------------------------------------------------------------------------------

    def due(self) -> None:
        """End what has expired and what cannot be honoured any more."""
        for used in self._used:
            self._note_end(used, "used")
        self._used.clear()
        for reservation in list(self._held.values()):
            reason = self._reason(reservation)
            if reason is not None:
                self._end(reservation, reason)

    def deadline_s(self) -> float | None:
        """When the next one expires; None while the time is not known (V8)."""
        waits_s = [self._wait_s(reservation) for reservation in self._held.values()]
        known_s = [wait_s for wait_s in waits_s if wait_s is not None]
        return self._desk.now_s + max(0.0, min(known_s)) if known_s else None

    # --- Inside -----------------------------------------------------------------------------------

    def _verdict(self, event: ReserveRequested) -> Verdict:
        if not self._model.flag("ReservationCtrlr", "Enabled"):
            return Verdict.REJECTED
        if event.evse == ANY and not self._model.flag("ReservationCtrlr", "NonEvseSpecific"):
            return Verdict.REJECTED
        wall = self._clock.now(self._desk.now_s)
        if wall is not None and event.expires_at <= wall:
            return Verdict.REJECTED
        others = [each for each in self._held.values() if each.id != event.reservation]
        free, unbound = self._free(others), [each for each in others if each.evse == ANY]
        if event.evse == ANY:
            return Verdict.ACCEPTED if len(free) > len(unbound) else self._refused_everywhere()
        if event.evse not in self._sessions:
            return Verdict.REJECTED
        if event.evse in free:
            return Verdict.ACCEPTED if len(free) > len(unbound) else Verdict.OCCUPIED
        return REFUSALS.get(self._state(event.evse), Verdict.OCCUPIED)

    def _refused_everywhere(self) -> Verdict:
        """The answer for EVSE 0: what passes first is told first."""
        verdicts = {REFUSALS.get(self._state(evse), Verdict.OCCUPIED) for evse in self._sessions}
        order = (Verdict.OCCUPIED, Verdict.UNAVAILABLE, Verdict.FAULTED)
        return next((each for each in order if each in verdicts), Verdict.UNAVAILABLE)

    @property
    def _unbound(self) -> list[Reservation]:
        return [each for each in self._held.values() if each.evse == ANY]

    def _of(self, evse: int) -> Reservation | None:
        return next((each for each in self._held.values() if each.evse == evse), None)

    def _free(self, held: Iterable[Reservation]) -> list[int]:
        """EVSEs that anybody could use, as far as these reservations are concerned."""
        taken = {each.evse for each in held}
        return [evse for evse in self._sessions if self._state(evse) in _OPEN and evse not in taken]

    def _reason(self, reservation: Reservation) -> str | None:
        wait_s = self._wait_s(reservation)
        if wait_s is not None and wait_s <= CLOCK_GRAIN_S:
            return "expired"
        if reservation.evse != ANY:
            return self._hindrance(reservation.evse)
        hindrances = [self._hindrance(evse) for evse in self._sessions]
        return hindrances[0] if all(hindrances) else None

    def _hindrance(self, evse: int) -> str | None:
        if not self._operative(evse):
            return "unavailable"
        return "faulted" if self._sessions[evse].unusable else None

    def _wait_s(self, reservation: Reservation) -> float | None:
        wall = self._clock.now(self._desk.now_s)
        return None if wall is None else (reservation.expires_at - wall).total_seconds()

    def _end(self, reservation: Reservation, reason: str) -> None:
        self._forget(reservation)
        self._note_end(reservation, reason)

    def _forget(self, reservation: Reservation) -> None:
        del self._held[reservation.id]
        self._desk.delete(SPACE, str(reservation.id), durable=True)

    def _note_end(self, reservation: Reservation, reason: str) -> None:
        self._desk.note(
            "reservation.ended", id=reservation.id, evse=reservation.evse, reason=reason
        )

    def _load(self, kept: Mapping[str, str]) -> dict[int, Reservation]:
        held: dict[int, Reservation] = {}
        for key, text in kept.items():
            try:
                reservation = msgspec.json.decode(text, type=Reservation)
            except msgspec.MsgspecError as error:
                self._desk.note("reservation.lost", id=key, problem=str(error))
                self._desk.delete(SPACE, key, durable=True)
                continue
            if reservation.evse == ANY or reservation.evse in self._sessions:
                held[reservation.id] = reservation
            else:
                self._desk.note("reservation.lost", id=key, problem="no such EVSE")
                self._desk.delete(SPACE, key, durable=True)
        return held


def _fits(reservation: Reservation, id_token: IdToken, group: str | None) -> bool:
    """The token itself, or one of the same group; groups are compared with groups only (X6)."""
    if reservation.id_token.key == id_token.key:
        return True
    if reservation.group is None or group is None:
        return False
    return reservation.group.casefold() == group.casefold()
