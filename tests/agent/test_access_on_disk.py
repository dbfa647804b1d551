"""The local list and reservations through the real store: size, bytes written, lost power."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chargepoint.agent.store import Store
from chargepoint.agent.store_effects import STORE_EFFECTS
from chargepoint.station import effects as ef
from chargepoint.station import events as ev
from chargepoint.station.effects import Verdict
from chargepoint.station.records import IdToken, TokenInfo, TokenStatus
from chargepoint.station.settings import EvseSettings, Restored, StationSettings
from chargepoint.station.station import Station
from hal.values import PilotState

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CALL = ev.Call("call")
TOKENS = [f"04A1B2C3D4{n:010d}" for n in range(10_000)]
LISTED = TokenInfo(
    status=TokenStatus.ACCEPTED, group="FLEET-0000000001", expires_at=NOW + timedelta(days=300)
)


class Host:
    """A disk, a run directory in memory, and the agents that live on them one after the other."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.start()

    def start(self) -> None:
        """A new agent; the one before was killed where it stood."""
        self.store = Store(self.place / "state", self.place / "run")
        opened = self.store.open()
        settings = StationSettings(id="TEST", evses=(EvseSettings(id=1),))
        restored = Restored(spaces=opened.spaces, last_sequence=opened.last_sequence)
        self.station = Station(settings, restored, "host")
        self.tell(ev.TimeGiven(wall=NOW, at_s=1.0))

    def lose_power(self) -> None:
        for file in (self.place / "run").iterdir():
            file.unlink()
        self.start()

    def tell(self, event: ev.Event) -> list[ef.Effect]:
        effects = self.station.handle(event, 1.0)
        self.store.apply([each for each in effects if isinstance(each, STORE_EFFECTS)])
        return effects

    def answer(self, event: ev.Event) -> ef.Answer:
        return next(each for each in self.tell(event) if isinstance(each, ef.Answer))

    def send(self, version: int, tokens: Sequence[str], info: TokenInfo | None = LISTED) -> Verdict:
        entries = tuple((IdToken(value=token), info) for token in tokens)
        event = ev.LocalListSent(
            call=CALL, version=version, differential=version > 1, entries=entries, at_s=1.0
        )
        return self.answer(event).verdict

    @property
    def version(self) -> int | None:
        return self.answer(ev.LocalListVersionAsked(call=CALL, at_s=1.0)).number

    @property
    def size(self) -> int:
        """Bytes of the ledger with its log."""
        return sum(file.stat().st_size for file in (self.place / "state").iterdir())


def test_ten_thousand_entries_survive_the_power_and_a_change_writes_little(tmp_path: Path) -> None:
    """5.4, keys 8: on the disk before the answer; bytes in proportion to what has changed."""
    host = Host(tmp_path)
    for place in range(0, 10_000, 500):
        assert host.send(place // 500 + 1, TOKENS[place : place + 500]) is Verdict.ACCEPTED
    host.store.close()
    host.start()
    whole = host.size
    assert whole < 3_000_000
    assert host.send(21, TOKENS[:1], None) is Verdict.ACCEPTED
    assert host.size - whole < 100_000
    host.lose_power()
    assert host.version == 21
    assert host.send(22, ["another"]) is Verdict.ACCEPTED
    assert host.send(23, ["one too many"]) is Verdict.FAILED


def test_an_update_whose_commit_never_happened_leaves_the_list_of_before(tmp_path: Path) -> None:
    """5.4: all or nothing, also over a power cut between decision and disk."""
    host = Host(tmp_path)
    host.send(1, TOKENS[:3])
    event = ev.LocalListSent(
        call=CALL,
        version=2,
        differential=True,
        entries=tuple((IdToken(value=token), None) for token in TOKENS[:3]),
        at_s=1.0,
    )
    effects = host.station.handle(event, 1.0)
    stored = [number for number, each in enumerate(effects) if isinstance(each, STORE_EFFECTS)]
    assert stored == list(range(stored[0], stored[0] + 4))  # three entries and the head: one commit
    host.lose_power()
    assert host.version == 1


def test_a_reservation_survives_the_power(tmp_path: Path) -> None:
    """V8."""
    host = Host(tmp_path)
    view = ev.EvseView(
        evse=1,
        phase=ev.EvsePhase.IDLE,
        pilot=PilotState.A,
        plug_in=0,
        connected=False,
        contactor_closed=False,
        offered_a=0.0,
        limit_a=16.0,
        cable_current_a=None,
        locked=None,
        temperature_c=None,
        hazards=(),
    )
    host.tell(ev.ControlConnected(boot="control", at_s=1.0))
    host.tell(ev.EvseObserved(view=view, at_s=1.0))
    request = ev.ReserveRequested(
        call=CALL,
        reservation=7,
        evse=1,
        id_token=IdToken(value="04A1"),
        group="FLEET",
        expires_at=NOW + timedelta(hours=1),
        at_s=1.0,
    )
    assert host.answer(request).verdict is Verdict.ACCEPTED
    host.lose_power()
    cancel = ev.CancelReservationRequested(call=CALL, reservation=7, at_s=1.0)
    assert host.answer(cancel).verdict is Verdict.ACCEPTED
    host.lose_power()
    assert host.answer(cancel).verdict is Verdict.REJECTED
