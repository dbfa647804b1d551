"""Modbus RTU on a line that is shared, noisy, late and sometimes echoing.

Implements Modbus over Serial Line V1.02, clause 2.5.1. One request at a time:

    settle      listen until the line has been quiet for the inter-frame gap, for the pause that the
                unit wants, and after a loss for as long as the slowest unit takes to answer
    send        note what is owed (`hal.bus.unanswered`), write the frame
    listen      until the answer is found or the deadline has passed; everything else is skipped

A line of a half-duplex adapter may echo our own frames. That matters for single writes, whose
echo is byte for byte the confirmation: whether the line echoes is learnt from reads, where the two
differ, before the first single write is believed.
"""

from __future__ import annotations

from collections.abc import Callable

from hal.bus.frames import (
    READ_HOLDING_REGISTERS,
    READS,
    SINGLE_WRITES,
    Answer,
    Found,
    Refusal,
    Request,
    Silence,
    rtu_find,
    rtu_reply_size,
    rtu_request,
)
from hal.bus.latency import Latencies
from hal.bus.port import Line, Port
from hal.bus.unanswered import Unanswered

GAP_CHARACTERS = 3.5
GAP_MIN_S = 0.00175
"""Fixed above 19,200 baud (clause 2.5.1.1)."""
FIXED_GAP_BAUD = 19200
KEPT_BYTES = 1024
"""Received bytes that are searched; a flood must not make the search slow."""
ECHO_FORGOTTEN_AFTER = 5
"""Intact replies without an echo before an echoing line is believed to have stopped."""


class RtuWire:
    """Performs transactions on one serial line."""

    def __init__(
        self, line: Line, latencies: Latencies, character_s: float, now: Callable[[], float]
    ) -> None:
        self._line = line
        self._latencies = latencies
        self._character_s = character_s
        self._gap_s = frame_gap_s(character_s)
        self._now = now
        self._unanswered = Unanswered()
        self._echo = _Echo()
        self._opening = 0
        self._busy_until_s = float("-inf")
        self._quiet_until_s = float("-inf")
        self._unit_used_s: dict[int, float] = {}

    def exchange(self, asked: Request, gap_s: float) -> Answer | Silence:
        """Ask and listen; at most two short transactions when an earlier reply is still owed.

        `gap_s` is the pause that this unit wants since it was last talked to. Raises PortLost.
        """
        port = self._line.port()
        if self._opening != self._line.openings:
            self._opening = self._line.openings
            self._echo = _Echo()
        if asked.function in SINGLE_WRITES and self._echo.present is None:
            probe = Request(asked.unit, READ_HOLDING_REGISTERS, asked.address, 1)
            self._transact(port, probe, gap_s)
        if self._unanswered and self._unanswered.doubtful(asked, self._now()):
            check = self._unanswered.check(asked, self._now())
            settled = self._transact(port, check, gap_s)
            if isinstance(settled, Silence):
                # A command goes out all the same, but nothing that comes now can confirm it.
                if asked.function in READS:
                    return settled
                return self._transact(port, asked, gap_s, provable=False)
        return self._transact(port, asked, gap_s)

    def _transact(
        self, port: Port, asked: Request, gap_s: float, *, provable: bool = True
    ) -> Answer | Silence:
        frame = rtu_request(asked)
        self._settle(port, self._unit_used_s.get(asked.unit, float("-inf")) + gap_s)
        sent_s = self._now()
        line_s = (len(frame) + rtu_reply_size(asked)) * self._character_s
        deadline_s = sent_s + line_s + self._latencies.allowance_s(asked.unit)
        self._unanswered.sent(asked, sent_s)
        self._busy_until_s = sent_s + len(frame) * self._character_s
        # Also holds when an exception from a signal handler ends this request half-way.
        self._quiet_until_s = deadline_s + self._latencies.slowest_s()
        port.write(frame)
        received = self._listen(port, asked, frame, deadline_s)
        at_s = self._now()
        if not provable:
            received = Silence(b"")
        if isinstance(received, Silence):
            self._busy_until_s = self._unit_used_s[asked.unit] = max(at_s, self._busy_until_s)
            self._latencies.missed(asked.unit)
            self._quiet_until_s = at_s + self._latencies.slowest_s()
            return received
        self._unanswered.answered(asked)
        self._busy_until_s = self._quiet_until_s = self._unit_used_s[asked.unit] = at_s
        self._latencies.answered(asked.unit, at_s - sent_s, line_s)
        return Answer(received.answer, at_s)

    def _listen(
        self, port: Port, asked: Request, frame: bytes, deadline_s: float
    ) -> Found | Silence:
        received = bytearray()
        while True:
            remaining_s = deadline_s - self._now()
            data = port.read(max(0.0, remaining_s))
            if data:
                received += data
                found = self._find(asked, frame, received)
                if found is not None:
                    self._echo.seen(frame in received[: found.end], asked)
                    return found
                del received[:-KEPT_BYTES]
            # Past the deadline one last look was taken: we may have been scheduled late.
            if remaining_s <= 0.0:
                return self._last_look(asked, frame, received)

    def _last_look(self, asked: Request, frame: bytes, received: bytearray) -> Found | Silence:
        echoed = frame in received
        if asked.function not in SINGLE_WRITES and not echoed:
            found = rtu_find(asked, received)  # the line may have stopped echoing
            if found is not None and not isinstance(found.answer, Refusal):
                self._echo.seen(False, asked)
                return found
        self._echo.seen_alone(echoed, asked)
        return Silence(bytes(received))

    def _find(self, asked: Request, frame: bytes, received: bytearray) -> Found | None:
        """The answer in `received`, behind our own echo; late refusals are taken out."""
        while True:
            start = self._behind_echo(asked, frame, received)
            found = None if start is None else rtu_find(asked, received, start)
            if found is None or not isinstance(found.answer, Refusal):
                return found
            if not self._unanswered.take_refusal(asked):
                return found
            del received[found.end - 5 : found.end]

    def _behind_echo(self, asked: Request, frame: bytes, received: bytearray) -> int | None:
        """Where to search for the answer; None while an echo is still expected."""
        if asked.function in SINGLE_WRITES:
            if not self._echo.present:
                return 0
        elif frame not in received:
            partial = self._echo.present or frame.startswith(received)
            return None if partial else 0
        at = received.find(frame)
        return None if at < 0 else at + len(frame)

    def _settle(self, port: Port, unit_ready_s: float) -> None:
        """Listen until a request may be sent.

        A line that never falls silent gets the request all the same: an opening command that may
        be heard is better than one that was never sent.
        """
        ready_s = max(self._busy_until_s + self._gap_s, self._quiet_until_s, unit_ready_s)
        received = bytearray()
        give_up_s = max(ready_s, self._now()) + self._latencies.timeout_max_s
        while True:
            remaining_s = ready_s - self._now()
            data = port.read(max(0.0, remaining_s))
            if not data:
                if remaining_s <= 0.0:
                    return
                continue
            at_s = self._now()
            if at_s >= give_up_s:
                return
            self._busy_until_s = at_s
            received += data
            if self._unanswered and self._take_late(received, at_s):
                ready_s = unit_ready_s
            ready_s = max(ready_s, at_s + self._gap_s)
            del received[:-KEPT_BYTES]

    def _take_late(self, received: bytearray, at_s: float) -> bool:
        late = self._unanswered.take_late(received)
        if late is None:
            return False
        del received[: late.end]
        size = len(rtu_request(late.asked)) + rtu_reply_size(late.asked)
        self._latencies.late(late.asked.unit, at_s - late.sent_s, size * self._character_s)
        return True


def frame_gap_s(character_s: float) -> float:
    """Silence between two frames: 3.5 characters, fixed above 19,200 baud."""
    fixed = character_s < 10 / FIXED_GAP_BAUD
    return GAP_MIN_S if fixed else max(GAP_MIN_S, GAP_CHARACTERS * character_s)


class _Echo:
    """Whether the line echoes our own frames; None until a read has shown it."""

    def __init__(self) -> None:
        self.present: bool | None = None
        self._without = 0

    def seen(self, echoed: bool, asked: Request) -> None:
        """A reply to `asked` came, with our own frame in front of it or not."""
        if asked.function in SINGLE_WRITES:
            return
        if echoed:
            self.present = True
            self._without = 0
            return
        self._without += 1
        if self.present is None or self._without >= ECHO_FORGOTTEN_AFTER:
            self.present = False

    def seen_alone(self, echoed: bool, asked: Request) -> None:
        """No reply came; our own frame came back, or not even that."""
        if asked.function in SINGLE_WRITES:
            return
        if echoed:
            self.present = True
            self._without = 0
        elif self.present is None:
            self.present = False
