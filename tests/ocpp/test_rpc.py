"""Sessions: one call in flight, answers first, floods bounded, outcomes never lost."""

from __future__ import annotations

import itertools
import json
from typing import Any, TypeVar

from chargepoint.ocpp import rpc
from chargepoint.ocpp.frames import CODES_V16, Fault

K = TypeVar("K")


class Session:
    """An `Rpc` with a serving adapter that answers every request at once, unless told not to."""

    def __init__(self, unanswered_max: int = 5) -> None:
        ids = itertools.count(1)
        self.rpc: rpc.Rpc[str] = rpc.Rpc(CODES_V16, lambda: f"own-{next(ids)}", unanswered_max)
        self.happened: list[Any] = []
        self.now_s = 0.0
        self.rpc.opened(0.0)

    def call(self, context: str, priority: int = 5, timeout_s: float = 30.0) -> None:
        self.rpc.call("Heartbeat", {}, context, priority, timeout_s, self.now_s)
        self.pump()

    def pump(self) -> None:
        self.happened += self.rpc.pump(self.now_s)

    def receive(self, *frame: Any) -> None:
        self.happened += self.rpc.received(json.dumps(frame), self.now_s)

    def serve(self, answering: bool = True) -> int:
        served = 0
        while asked := self.rpc.requests(self.now_s):
            self.happened += asked
            served += 1
            if answering:
                self.happened += self.rpc.answer(asked[0].handle, {})
        return served

    def at(self, now_s: float) -> None:
        self.now_s = now_s
        self.happened += self.rpc.tick(now_s)
        self.pump()

    def of(self, kind: type[K]) -> list[K]:
        return [event for event in self.happened if isinstance(event, kind)]

    def sent(self) -> list[Any]:
        return [json.loads(event.text) for event in self.of(rpc.Passed) if event.outgoing]


def test_only_one_own_call_is_in_flight_and_order_is_kept() -> None:
    """R3."""
    session = Session()
    for context in ("first", "second", "third"):
        session.call(context)
    assert [frame[1] for frame in session.sent()] == ["own-1"]
    session.receive(3, "own-1", {})
    session.pump()
    assert [frame[1] for frame in session.sent()] == ["own-1", "own-2"]
    assert session.of(rpc.Answered)[0].context == "first"


def test_a_weightier_call_overtakes_those_that_wait_but_not_the_one_in_flight() -> None:
    """Q2: others may overtake the queue of records."""
    session = Session()
    session.call("record 1", priority=4)
    session.call("record 2", priority=4)
    session.call("token", priority=1)
    session.receive(3, "own-1", {})
    session.pump()
    session.receive(3, "own-2", {})
    assert [event.context for event in session.of(rpc.Answered)] == ["record 1", "token"]


def test_each_call_gets_a_new_id() -> None:
    """R2: a retry of a call on the same connection needs a new id."""
    session = Session()
    for number in range(1, 4):
        session.call("again")
        session.receive(4, f"own-{number}", "InternalError", "", {})
    assert [frame[1] for frame in session.sent()] == ["own-1", "own-2", "own-3"]


def test_a_call_that_is_not_answered_times_out_and_the_next_goes() -> None:
    """R4."""
    session = Session()
    session.call("slow", timeout_s=10)
    session.call("next", timeout_s=10)
    assert session.rpc.deadline_s() == 10
    session.at(9.9)
    assert session.of(rpc.TimedOut) == []
    session.at(10.0)
    assert [event.context for event in session.of(rpc.TimedOut)] == ["slow"]
    assert session.sent()[-1][1] == "own-2"


def test_a_late_answer_is_recognised_once() -> None:
    """R4: a late StartTransaction.conf is worth keeping."""
    session = Session()
    session.call("start", timeout_s=10)
    session.at(10)
    session.receive(3, "own-1", {"transactionId": 7})
    session.receive(3, "own-1", {"transactionId": 7})
    late = session.of(rpc.Answered)
    assert [(event.context, event.late) for event in late] == [("start", True)]
    assert [event.what for event in session.of(rpc.Disturbed)] == ["unexpected"]


def test_an_answer_to_nothing_is_dropped() -> None:
    """R4."""
    session = Session()
    session.receive(3, "who", {})
    session.receive(4, 17, "X", "", {})
    assert session.of(rpc.Answered) == []
    assert session.of(rpc.Failed) == []
    assert len(session.of(rpc.Disturbed)) == 2


def test_any_error_code_fails_the_call() -> None:
    """R9."""
    session = Session()
    for number, code in enumerate(("RpcFrameworkError", "FormatViolation", "x" * 500), start=1):
        session.call(code)
        session.receive(4, f"own-{number}", code, "why", {})
    assert [event.code for event in session.of(rpc.Failed)] == [
        "RpcFrameworkError",
        "FormatViolation",
        "x" * 500,
    ]


def test_a_broken_error_frame_fails_its_call() -> None:
    """central systems, 6: unescaped quotes in the description of a CALLERROR."""
    session = Session()
    session.call("start")
    session.happened += session.rpc.received('[4,"own-1","X","a "b" c",{}]', 0.0)
    assert [event.context for event in session.of(rpc.Failed)] == ["start"]


def test_an_unreadable_frame_with_an_id_is_refused_and_one_without_is_dropped() -> None:
    """R6."""
    session = Session()
    session.receive(2, "c-1", "Reset")
    session.happened += session.rpc.received("garbage", 0.0)
    assert session.sent() == [[4, "c-1", "FormationViolation", "no payload", {}]]
    assert [event.what for event in session.of(rpc.Disturbed)] == ["unreadable"] * 2


def test_requests_are_answered_while_our_call_is_in_flight() -> None:
    """R3: a call of the other side may cross ours."""
    session = Session()
    session.call("ours")
    session.receive(2, "c-1", "ClearCache", {})
    session.serve()
    assert session.sent()[-1] == [3, "c-1", {}]


def test_our_call_waits_for_our_answer_but_not_for_ever() -> None:
    """R3: the answer goes first; central systems, 6: one lock for both directions."""
    session = Session()
    session.receive(2, "c-1", "UnlockConnector", {})
    session.serve(answering=False)
    session.call("ours")
    assert session.sent() == []
    assert session.rpc.deadline_s() == rpc.HOLD_S
    session.at(rpc.HOLD_S)
    assert [frame[2] for frame in session.sent()] == ["Heartbeat"]


def test_a_request_that_the_station_forgets_is_answered_with_an_error() -> None:
    """R8: our own failure is an InternalError."""
    session = Session()
    session.receive(2, "c-1", "UnlockConnector", {})
    session.serve(answering=False)
    session.at(rpc.ANSWER_MAX_S)
    assert session.sent()[-1][:3] == [4, "c-1", "InternalError"]
    assert session.of(rpc.Disturbed)[-1].what == "unanswered"


def test_a_burst_is_served_at_once_and_a_flood_at_a_bounded_rate() -> None:
    """CQ8: 10 to 25 requests at once are normal; what is above the rate waits its turn."""
    session = Session()
    for number in range(130):
        session.receive(2, f"c-{number}", "ClearCache", {})
    assert session.serve() == 100
    assert session.rpc.deadline_s() == 1 / rpc.REQUESTS_PER_S
    session.at(0.4)
    assert session.serve() == 20
    session.at(10.0)
    assert session.serve() == 10
    assert [frame[1] for frame in session.sent()] == [f"c-{number}" for number in range(130)]


def test_the_answer_to_our_call_does_not_stand_behind_a_flood() -> None:
    """R3."""
    session = Session()
    session.call("ours")
    for number in range(200):
        session.receive(2, f"c-{number}", "ClearCache", {})
    session.serve()
    session.receive(3, "own-1", {})
    assert [event.context for event in session.of(rpc.Answered)] == ["ours"]


def test_what_does_not_fit_the_inbox_is_refused() -> None:
    """A flood costs neither memory nor an unanswered request."""
    session = Session()
    for number in range(rpc.INBOX_MAX + 3):
        session.receive(2, f"c-{number}", "ClearCache", {})
    refused = session.sent()
    assert [frame[:3] for frame in refused] == [
        [4, f"c-{rpc.INBOX_MAX + extra}", "GenericError"] for extra in range(3)
    ]


def test_large_requests_are_bounded_by_their_size() -> None:
    session = Session()
    for number in range(5):
        session.receive(2, f"c-{number}", "DataTransfer", {"data": "x" * 900_000})
    assert len(session.sent()) == 3


def test_the_station_decides_a_bounded_number_of_requests_at_the_same_time() -> None:
    session = Session()
    for number in range(40):
        session.receive(2, f"c-{number}", "UnlockConnector", {})
    assert session.serve(answering=False) == rpc.OPEN_MAX
    session.happened += session.rpc.refuse(1, Fault.OTHER, "")
    assert session.serve(answering=False) == 1


def test_a_closed_link_returns_every_own_call_and_forgets_requests() -> None:
    """Q5: a broken connection is not a failure to process."""
    session = Session()
    session.receive(2, "c-1", "UnlockConnector", {})
    session.serve(answering=False)
    session.call("sent", priority=1)
    session.at(4.0)
    session.call("waiting", priority=2)
    returned = session.rpc.closed()
    assert [
        (event.context, event.sent) for event in returned if isinstance(event, rpc.Returned)
    ] == [
        ("sent", True),
        ("waiting", False),
    ]
    assert session.rpc.answer(1, {}) == []
    assert session.rpc.deadline_s() is None


def test_several_unanswered_calls_in_a_row_mean_a_mute_peer() -> None:
    """CQ5: N unanswered calls, default 5, make us reconnect."""
    session = Session(unanswered_max=3)
    for number in range(3):
        session.call(f"call {number}", timeout_s=10)
        session.at(10.0 * (number + 1))
    assert [event.unanswered for event in session.of(rpc.Muted)] == [3]


def test_any_answer_ends_the_row_of_unanswered_calls() -> None:
    session = Session(unanswered_max=2)
    session.call("lost", timeout_s=10)
    session.at(10)
    session.call("answered")
    session.receive(4, "own-2", "InternalError", "", {})
    session.call("lost again", timeout_s=10)
    session.at(20)
    assert session.of(rpc.Muted) == []


def test_a_call_does_not_wait_in_the_queue_for_ever() -> None:
    session = Session(unanswered_max=99)
    session.call("in flight", timeout_s=100)
    session.call("patient", timeout_s=10)
    session.at(20)
    assert [(event.context, event.sent) for event in session.of(rpc.TimedOut)] == [
        ("patient", False)
    ]


def test_unknown_message_types_are_ignored() -> None:
    """R5."""
    session = Session()
    session.receive(6, "x", "Anything", {})
    assert session.sent() == []
    assert [event.what for event in session.of(rpc.Disturbed)] == ["unexpected"]
