"""Bytes written for one charging session of an hour, in virtual time, to a real disk.

The real station and the real two-tier store; the CSMS answers at once. The state directory is on
the disk of this checkout, the run directory on memory-backed storage where there is one, as in
service. `write_bytes` is the kernel's count for this process (pages made dirty on block devices);
`files` is how much the ledger's files have grown. Goal: at most 100 kB per session.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.table import show
from chargepoint.agent.store import Store
from chargepoint.agent.store_effects import STORE_EFFECTS, StoreEffect
from chargepoint.station import events as e
from chargepoint.station.effects import AskAuthorization, Effect, Fetch, SendRecord
from chargepoint.station.records import (
    IdToken,
    TokenInfo,
    TokenStatus,
    TransactionStarted,
)
from chargepoint.station.settings import EvseSettings, Restored, StationSettings
from chargepoint.station.station import Station
from hal.values import MeterReading, PilotState

HOUR_S = 3600
SAMPLE_S = 60
SESSIONS = 3
IDLE_S = 600
MEMORY = Path("/dev/shm")
HERE = Path(__file__).resolve().parents[1]


def written_bytes() -> int:
    """What this process has written to block devices so far."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise SystemExit("this kernel tells no write_bytes")


class Bench:
    """A station with one EVSE, its store, and time by hand."""

    def __init__(self, state_dir: Path, run_dir: Path) -> None:
        self.now_s = 1000.0
        self.register_wh = 5000.0
        self.plug_in = 0
        self.appends = 0
        self.store = Store(state_dir, run_dir, lambda: self.now_s)
        self.store.open()
        settings = StationSettings(
            id="BENCH",
            vendor="v",
            model="m",
            evses=(EvseSettings(id=1, current_max_a=16.0, reader="cards"),),
            variables={("SampledDataCtrlr", "TxUpdatedInterval"): str(SAMPLE_S)},
        )
        self.station = Station(settings, Restored(), "boot")
        wall = datetime(2026, 11, 24, 10, tzinfo=UTC)
        self.tell(e.ClockRead(wall=wall, synchronised=True, rtc=True, at_s=self.now_s))
        self.tell(e.ControlConnected(boot="control", at_s=self.now_s))
        self.tell(e.CsmsAccepted(at_s=self.now_s))
        self.observe(e.EvsePhase.IDLE, PilotState.A)

    def tell(self, event: e.Event) -> None:
        """One event and everything that follows from it."""
        waiting = [event]
        while waiting:
            effects = self.station.handle(waiting.pop(0), self.now_s)
            self.keep(effects)
            for effect in effects:
                answer = self.answer(effect)
                if answer is not None:
                    waiting.append(answer)
        if self.now_s >= self.store.upkeep_due_s():
            self.store.upkeep()

    def keep(self, effects: list[Effect]) -> None:
        batch: list[StoreEffect] = []
        for effect in effects:
            if isinstance(effect, STORE_EFFECTS):
                batch.append(effect)
            elif batch:
                self.store.apply(batch)
                batch = []
        if batch:
            self.store.apply(batch)

    def answer(self, effect: Effect) -> e.Event | None:
        accepted = TokenInfo(status=TokenStatus.ACCEPTED)
        match effect:
            case AskAuthorization(request=request):
                return e.AuthorizationAnswered(request=request, info=accepted, at_s=self.now_s)
            case SendRecord(record=record):
                self.appends += 1
                started = isinstance(record, TransactionStarted)
                return e.RecordAcknowledged(
                    sequence=record.sequence,
                    at_s=self.now_s,
                    csms_transaction_id=record.sequence if started else None,
                    info=accepted if started else None,
                )
            case Fetch(after=after, limit=limit):
                return e.RecordsFetched(records=self.store.fetch(after, limit))
            case _:
                return None

    def observe(self, phase: e.EvsePhase, pilot: PilotState) -> None:
        connected = pilot is not PilotState.A
        closed = phase is e.EvsePhase.ENERGISED
        view = e.EvseView(
            evse=1,
            phase=phase,
            pilot=pilot,
            plug_in=self.plug_in,
            connected=connected,
            contactor_closed=closed,
            offered_a=16.0 if closed else 0.0,
            limit_a=16.0,
            cable_current_a=None,
            locked=None,
            temperature_c=25.0,
            hazards=(),
        )
        self.tell(e.EvseObserved(view=view, at_s=self.now_s))

    def pass_s(self, duration_s: int, power_w: float) -> None:
        """Seconds go by; the meter is read in each of them."""
        for _ in range(duration_s):
            self.now_s += 1
            self.register_wh += power_w / 3600
            reading = MeterReading(
                taken_s=self.now_s,
                energy_import_wh=self.register_wh,
                voltage_v=(230.0, 230.0, 230.0),
                current_a=(power_w / 690,) * 3,
                power_w=power_w,
            )
            self.tell(e.MeterRead(evse=1, reading=reading))
            due_s = self.station.deadline_s()
            if due_s is not None and due_s <= self.now_s:
                self.tell(e.Ticked(at_s=self.now_s))

    def session(self) -> None:
        """Plug in, card, an hour at 11 kW, card, unplug, and some minutes of nothing."""
        card = e.TokenPresented(
            reader="cards", id_token=IdToken(value="04A1B2C3"), evses=(1,), at_s=self.now_s
        )
        self.plug_in += 1
        self.observe(e.EvsePhase.CONNECTED, PilotState.B)
        self.pass_s(5, 0.0)
        self.tell(card)
        self.observe(e.EvsePhase.ENERGISED, PilotState.C)
        self.pass_s(HOUR_S, 11_000.0)
        self.tell(card)
        self.observe(e.EvsePhase.CONNECTED, PilotState.B)
        self.pass_s(10, 0.0)
        self.observe(e.EvsePhase.IDLE, PilotState.A)
        self.pass_s(IDLE_S, 0.0)


def main() -> None:
    rows = []
    memory = MEMORY if MEMORY.is_dir() else None
    with (
        tempfile.TemporaryDirectory(dir=HERE, prefix=".bench-") as state,
        tempfile.TemporaryDirectory(dir=memory) as run,
    ):
        bench = Bench(Path(state), Path(run))
        bench.session()  # warm-up: the first one makes the files
        for number in range(1, SESSIONS + 1):
            before, sent = written_bytes(), bench.appends
            bench.session()
            rows.append(
                (f"session {number}", (written_bytes() - before) / 1000, bench.appends - sent)
            )
        before = written_bytes()
        bench.pass_s(HOUR_S, 0.0)
        rows.append(("an idle hour", (written_bytes() - before) / 1000, 0))
        size = sum(path.stat().st_size for path in Path(state).iterdir())
        bench.store.close()
    show(
        f"Written to the disk, a sample every {SAMPLE_S} s (goal: ≤ 100 kB per session)",
        ("", "write_bytes kB", "records sent"),
        rows,
    )
    print(f"  files of the ledger at the end: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
