"""A whole simulated station under a hostile central system, in virtual time.

The plant, both programs' cores and the disk are those of `tests.sim`; a car stands at each EVSE and
nobody shows a card. What must hold after each frame: no exception, no contactor that closes without
an authorization, a disk and a memory that stay small, few notes. `python -m tests.fuzz.siege
--frames 1000000 --seed 7` is the long run.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from chargepoint.agent.core import FrameReceived, ShellEffect
from chargepoint.station.effects import Note
from hil.csms.central import Refusal
from tests.fuzz.frames import NUMBERS, Hostile
from tests.sim.parts import Link
from tests.sim.world import EVSES, World

BATCH, BATCH_S = 5, 0.1
"""Frames and the virtual time after them: as many as the station takes without putting them off."""

SHUT_OUT_MAX = 200
"""Frames without registration after which the agent is restarted: most are ignored meanwhile."""

DISK_MAX_BYTES = 1_000_000
NOTES_PER_FRAME_MAX = 1.0
RSS_GROWTH_MAX_MB = 24.0
WARM_UP = 0.2
"""Share of the frames after which memory must stay where it is."""

CARD = "04A1B2C3"


class HostileLink(Link):
    """Answers calls of the station in any way, until it is told to be `friendly`."""

    def __init__(self, world: World, hostile: Hostile) -> None:
        super().__init__(world.central)
        self._hostile = hostile
        self.friendly = False

    def send(self, text: str, now_s: float) -> None:
        frame = json.loads(text)
        if self.friendly or frame[0] != 2:
            super().send(text, now_s)
            del self.answers[:-100], self.heard[:-100]
            return
        try:
            good: Any = self.central.handle("SIM", frame[2], frame[3])
        except Refusal:
            good = {}
        answer = self._hostile.answer(frame[1], frame[2], good)
        if answer is not None:
            self._arriving.append((now_s + self.latency_s, answer))


class Siege(World):
    """`attack` sends frames; `relieve` makes the central system friendly and plays a session."""

    def __init__(self, seed: int, authorizes: bool = False) -> None:
        super().__init__(seed)
        self.hostile = Hostile(random.Random(seed), authorizes)
        self.line = HostileLink(self, self.hostile)
        self.link = self.line
        self.authorizes = authorizes
        self.sent = 0
        self.notes: Counter[str] = Counter()
        self.heard_by_station = 0
        self.closings = 0
        self._shut_out = 0

    def attack(self, frames: int) -> None:
        """Send `frames` frames, with a car at each EVSE."""
        for number in EVSES:
            if not self.plant.evses[number].vehicle.plugged:
                self._plug_in(number)
        for _ in range(frames // BATCH):
            texts = [self.hostile.frame() for _ in range(BATCH)]
            self.sent += BATCH
            try:
                for text in texts:
                    self._tell(FrameReceived(connection=self.connection, text=text))
                self.run(BATCH_S, act=False)
            except Exception as error:
                error.add_note(f"seed {self.seed}, frame {self.sent}: {texts}")
                raise
            self._forget_books()
            self._let_in()

    def _let_in(self) -> None:
        """Count the frames that found a registered station; restart one that is shut out."""
        if not self._silent():
            self.heard_by_station += BATCH
            self._shut_out = 0
            return
        self._shut_out += BATCH
        if self._shut_out >= SHUT_OUT_MAX and self.core is not None:
            self._shut_out = 0
            self.kill_agent()
            self.start_agent()

    def relieve(self) -> None:
        """Friendly again: the station boots, is put right, and a card starts a transaction."""
        self.line.friendly = True
        for number in EVSES:
            self._unplug(number)
        self.run(3 * 86_400 if self._silent() else 900.0, act=False)
        for action, payload in PUT_RIGHT:
            self._call(action, **payload)
            self.run(30.0, act=False)
        self._plug_in(1)
        self.run(30.0, act=False)
        self.card(CARD)
        self.run(60.0, act=False)

    def _silent(self) -> bool:
        """Registration may be put off for long, by an answer that named a long interval."""
        return self.core is None or not self.core.accepted

    @property
    def disk_bytes(self) -> int:
        """What the store of this station holds, roughly."""
        spaces = sum(len(value) for keys in self.disk.spaces.values() for value in keys.values())
        return spaces + 500 * (len(self.disk.durable) + len(self.disk.volatile))

    def _carry_out(self, effect: ShellEffect) -> None:
        if isinstance(effect, Note):
            self.notes[effect.name] += 1
        super()._carry_out(effect)

    def _check_evse(self, control: Any) -> None:
        super()._check_evse(control)
        if control.command.closed:
            self.closings += 1
            self.expect(
                self.authorizes or self.line.friendly,
                f"EVSE {control.number} closed and nobody was authorized",
            )

    def _check(self) -> None:
        super()._check()
        self.expect(self.disk_bytes < DISK_MAX_BYTES, f"{self.disk_bytes} bytes on the disk")

    def _forget_books(self) -> None:
        """The books of the central system are not what is tested."""
        transactions = self.central.transactions
        while len(transactions) > 100:
            del transactions[next(iter(transactions))]
        # An answer that was damaged makes the station use ids that these books do not know.
        self.central.violations = [v for v in self.central.violations if "unknown id" not in v]
        self.central.violations = [v for v in self.central.violations if not _of_ids(v)]


def _of_ids(violation: str) -> bool:
    return any(words in violation for words in ("stopped twice", "after the stop", "backwards"))


PUT_RIGHT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": "120"}),
    ("ChangeConfiguration", {"key": "LocalPreAuthorize", "value": "false"}),
    ("ChangeConfiguration", {"key": "ChargepointAutoStartId", "value": ""}),
    ("ClearChargingProfile", {}),
    ("ClearCache", {}),
    ("SendLocalList", {"listVersion": 1, "updateType": "Full"}),
    *(("CancelReservation", {"reservationId": number}) for number in NUMBERS if number < 2**31),
    ("ChangeAvailability", {"connectorId": 0, "type": "Operative"}),
    ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}),
    ("ChangeAvailability", {"connectorId": 2, "type": "Operative"}),
)


def rss_mb() -> float:
    """Resident memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this kernel tells no VmRSS")


def besiege(seed: int, frames: int, authorizes: bool, samples: int = 10) -> Siege:
    """A siege of so many frames with its memory checked, and the station after it."""
    siege = Siege(seed, authorizes)
    siege.run(5.0, act=False)
    memory: list[float] = []
    for _ in range(samples):
        siege.attack(frames // samples)
        memory.append(rss_mb())
        if __name__ == "__main__":
            print(
                f"seed {seed}: {siege.sent} frames, {memory[-1]:.1f} MB,"
                f" {siege.heard_by_station} registered, disk {siege.disk_bytes} B,"
                f" {siege.notes.total()} notes, closed in {siege.closings} steps",
                flush=True,
            )
    growth_mb = memory[-1] - memory[int(samples * WARM_UP)]
    siege.expect(growth_mb <= RSS_GROWTH_MAX_MB, f"memory grew by {growth_mb:.1f} MB: {memory}")
    notes = siege.notes.total() / siege.sent
    siege.expect(notes <= NOTES_PER_FRAME_MAX, f"{notes:.2f} notes per frame: {siege.notes}")
    siege.expect(siege.heard_by_station * 2 > siege.sent, "most frames found nobody")
    siege.expect(siege.central.violations == [], f"not legal: {siege.central.violations[:3]}")
    before = set(siege.central.transactions)
    siege.relieve()
    began = set(siege.central.transactions) - before
    siege.expect(bool(began), f"no session afterwards; heard {siege.line.heard[-20:]}")
    return siege


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    chosen = parser.parse_args()
    for authorizes in (False, True):
        print(f"seed {chosen.seed}, authorizes {authorizes}", flush=True)
        began_s = time.monotonic()
        siege = besiege(chosen.seed, chosen.frames // 2, authorizes)
        took_s = time.monotonic() - began_s
        print(f"{siege.sent} frames in {took_s:.0f} s; notes: {dict(siege.notes)}", flush=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
