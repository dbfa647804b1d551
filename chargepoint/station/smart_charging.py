"""Smart charging: takes, refuses, keeps and gives up charging profiles.

OCPP 1.6, section 5.16 and section 9 of the rules. Profiles are kept in space `charging_profiles`;
those of a transaction die with it, and one that came with a remote start is bound to the
transaction that it leads to. What profiles mean is in `charging_profiles`, what they allow now in
`charging_limits`, who gets how much of a shared supply in `limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from chargepoint.station.bounds import cable_a
from chargepoint.station.charging_limits import STATION, ChargingLimits
from chargepoint.station.charging_profiles.book import Book, Installed, expired
from chargepoint.station.charging_profiles.profile import (
    Kind,
    Profile,
    Purpose,
    problem,
    with_start,
)
from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk, earliest
from chargepoint.station.effects import Answer, Verdict
from chargepoint.station.events import (
    ChargingProfileClearRequested,
    ChargingProfileSetRequested,
    CompositeScheduleRequested,
)
from chargepoint.station.records import TransactionId
from chargepoint.station.session import Leave, Session
from chargepoint.station.settings import StationSettings

SPACE = "charging_profiles"

FLUSH_EVERY_S = 60.0
"""Some central systems send a profile every few seconds (Q14). Each profile is flushed to the disk
this often at most; in between it survives the agent, but not the power."""


class SmartCharging:
    """The profiles of one station.

    `csms_id` gives the CSMS's number of a transaction, `local_a` what people here allow an EVSE, or
    all together (0).
    """

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        settings: StationSettings,
        sessions: Mapping[int, Session],
        csms_id: Callable[[TransactionId], int | None],
        kept: Mapping[str, str],
        local_a: Callable[[int], float | None] = lambda evse: None,
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._sessions = sessions
        self._csms_id = csms_id
        self._local_a = local_a
        self._book = Book()
        self._promised: dict[int, tuple[Leave, Profile]] = {}
        """Profiles of remote starts that have not become transactions yet, by EVSE."""
        self._flushed_s: dict[int, float] = {}
        self._owed_s: dict[int, float] = {}
        """Profiles whose last change is not on the disk, and when it must be."""
        self._load(kept)
        self.limits = ChargingLimits(
            clock, desk.boot, settings, sessions, lambda: self._book, self._ceiling_a
        )

    # --- Requests ---------------------------------------------------------------------------------

    def set(self, event: ChargingProfileSetRequested) -> None:
        """Install a profile, or refuse it."""
        profile = with_start(event.profile, self._clock.now(self._desk.now_s))
        refusal = self._refusal(event.evse, profile) or self._install(event.evse, profile)
        verdict = Verdict.ACCEPTED if refusal is None else Verdict.REJECTED
        if refusal is not None:
            self._note_refusal(event.evse, profile, refusal)
        self._desk.emit(Answer(call=event.call, verdict=verdict, detail=refusal or ""))

    def clear(self, event: ChargingProfileClearRequested) -> None:
        """Remove what matches; Rejected when nothing does."""
        unwanted = [entry for entry in self._book.entries if event.criteria.match(entry)]
        self._remove(unwanted)
        if unwanted:
            self._desk.note("charging_profile.cleared", count=len(unwanted))
        verdict = Verdict.ACCEPTED if unwanted else Verdict.REJECTED
        self._desk.emit(Answer(call=event.call, verdict=verdict))

    def compose(self, event: CompositeScheduleRequested) -> None:
        """Answer with the composite schedule."""
        if event.duration_s <= 0 or (event.evse != STATION and event.evse not in self._sessions):
            self._desk.emit(Answer(call=event.call, verdict=Verdict.REJECTED))
            return
        composite = self.limits.composite(
            event.evse, event.duration_s, event.unit, self._desk.now_s
        )
        self._desk.emit(Answer(call=event.call, verdict=Verdict.ACCEPTED, composite=composite))

    # --- Remote starts ----------------------------------------------------------------------------

    def startable(self, evse: int, profile: Profile) -> bool:
        """Whether a remote start may bring this profile (section 5.11): one for a transaction that
        does not exist yet."""
        refusal = problem(profile, self._clock.now(self._desk.now_s))
        if profile.purpose is not Purpose.TX:
            refusal = "purpose of a remote start's profile"
        elif profile.transaction is not None:
            refusal = "transaction of a remote start's profile"
        if refusal is not None:
            self._note_refusal(evse, profile, refusal)
        return refusal is None

    def promise(self, evse: int, leave: Leave, profile: Profile) -> None:
        """`profile` is for the transaction that `leave` leads to."""
        self._promised[evse] = (leave, with_start(profile, self._clock.now(self._desk.now_s)))

    # --- Time -------------------------------------------------------------------------------------

    def due(self) -> None:
        """Follow the transactions, and flush what has waited for long enough."""
        self._remove([entry for entry in self._book.entries if self._orphaned(entry)])
        for evse in list(self._promised):
            self._bind(evse)
        for number, due_s in list(self._owed_s.items()):
            entry = self._find(number)
            if entry is not None and due_s <= self._desk.now_s:
                self._write(entry)
        self.limits.refresh(self._desk.now_s)

    def deadline_s(self) -> float | None:
        return earliest(*self._owed_s.values(), self.limits.deadline_s())

    def _ceiling_a(self, evse: int) -> float | None:
        """What people here allow, or the cable in the socket, whichever is less."""
        session = self._sessions.get(evse)
        found = (self._local_a(evse), None if session is None else cable_a(session))
        return min((each_a for each_a in found if each_a is not None), default=None)

    # --- Taking -----------------------------------------------------------------------------------

    def _refusal(self, evse: int, profile: Profile) -> str | None:
        if evse != STATION and evse not in self._sessions:
            return "no such EVSE"
        if profile.purpose is Purpose.STATION_MAX and evse != STATION:
            return "a limit of the station is set at EVSE 0"
        if profile.purpose is Purpose.TX and self._meant(evse, profile) is None:
            return "no such transaction"
        return problem(profile, self._clock.now(self._desk.now_s))

    def _meant(self, evse: int, profile: Profile) -> TransactionId | None:
        """The running transaction that a TX profile is for; it may leave that open, or say 0."""
        session = self._sessions.get(evse)
        if session is None or session.transaction is None or not session.running:
            return None
        transaction = session.transaction.id
        meant = (None, 0, transaction, self._csms_id(transaction))
        return transaction if profile.transaction in meant else None

    def _install(self, evse: int, profile: Profile) -> str | None:
        """Put it into the book; why not, if it does not fit."""
        transaction = self._meant(evse, profile) if profile.purpose is Purpose.TX else None
        new = Installed(
            profile=profile, evse=evse, received=self._desk.stamp(), transaction=transaction
        )
        before = self._book.find(profile.id)
        if before is not None and _says_the_same(before, new):
            return None
        now = self._clock.now(self._desk.now_s)
        self._remove([entry for entry in self._book.entries if expired(entry, now)])
        book = self._book.with_(new)
        if book is None:
            return "too many profiles"
        kept = {entry.profile.id for entry in book.entries}
        self._remove([entry for entry in self._book.entries if entry.profile.id not in kept])
        self._book = book
        self._keep(new)
        if before is None:
            self._desk.note(
                "charging_profile.installed",
                id=profile.id,
                evse=evse,
                purpose=profile.purpose.value,
                level=profile.level,
            )
        return None

    def _note_refusal(self, evse: int, profile: Profile, refusal: str) -> None:
        self._desk.note("charging_profile.refused", id=profile.id, evse=evse, problem=refusal)

    # --- Lifetimes --------------------------------------------------------------------------------

    def _orphaned(self, entry: Installed) -> bool:
        """A TX profile whose transaction is over (section 9.5 of the rules)."""
        if entry.profile.purpose is not Purpose.TX:
            return False
        session = self._sessions.get(entry.evse)
        running = None if session is None else session.transaction
        return running is None or running.id != entry.transaction

    def _bind(self, evse: int) -> None:
        """The promised profile: its transaction has started, is still awaited, or never comes."""
        leave, profile = self._promised[evse]
        session = self._sessions[evse]
        if session.leave is leave:
            return
        del self._promised[evse]
        started = session.transaction
        if started is None or started.id_token != leave.id_token:
            return
        refusal = self._install(evse, profile)
        if refusal is not None:
            self._note_refusal(evse, profile, refusal)

    # --- Keeping ----------------------------------------------------------------------------------

    def _find(self, number: int) -> Installed | None:
        return next((each for each in self._book.entries if each.profile.id == number), None)

    def _keep(self, entry: Installed) -> None:
        number, now_s = entry.profile.id, self._desk.now_s
        if entry.transaction is not None:
            self._desk.put(SPACE, str(number), entry, durable=False)
        elif now_s >= self._flushed_s.get(number, -FLUSH_EVERY_S) + FLUSH_EVERY_S:
            self._write(entry)
        else:
            self._desk.put(SPACE, str(number), entry, durable=False)
            self._owed_s[number] = self._flushed_s[number] + FLUSH_EVERY_S

    def _write(self, entry: Installed) -> None:
        number = entry.profile.id
        self._owed_s.pop(number, None)
        self._flushed_s[number] = self._desk.now_s
        self._desk.put(SPACE, str(number), entry, durable=True)

    def _remove(self, entries: list[Installed]) -> None:
        if not entries:
            return
        gone = {entry.profile.id for entry in entries}
        self._book = self._book.without(lambda entry: entry.profile.id in gone)
        for entry in entries:
            number = entry.profile.id
            self._owed_s.pop(number, None)
            self._flushed_s.pop(number, None)
            self._desk.delete(SPACE, str(number), durable=entry.transaction is None)

    def _load(self, kept: Mapping[str, str]) -> None:
        entries = []
        for key, text in kept.items():
            try:
                entries.append(msgspec.json.decode(text, type=Installed))
            except msgspec.MsgspecError as error:
                self._desk.note("charging_profile.lost", id=key, problem=str(error))
                self._desk.delete(SPACE, key, durable=True)
        self._book = Book(entries)


def _says_the_same(before: Installed, new: Installed) -> bool:
    """A repetition changes nothing and is not written (Q14), unless a start counts from it."""
    fixed = new.profile.kind is not Kind.RELATIVE
    return fixed and msgspec.structs.replace(before, received=new.received) == new
