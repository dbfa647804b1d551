"""Random histories: whatever comes in whatever order, the invariants hold after every step."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.evse.evse import BoardLevel
from chargepoint.evse.hazards import HAZARDS, Reaction
from chargepoint.evse.lock import LINGER_S
from chargepoint.ipc.messages import ContactorClosed, ContactorOpened, HazardCleared, HazardRaised
from hal.values import BoardCommand, PilotMode, PilotState, Quality
from tests.evse.bench import TRAITS, Bench

Action = tuple[str, Any, int]


def setting(name: str, *values: Any) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.just(name), st.sampled_from(values))


# fmt: off
CHANGES = st.one_of(
    setting("vehicle", *"AABBCCCCDE"),
    setting("permit", True, True, True, False),
    setting("limit_a", 16.0, 16.0, 6.0, 5.9, 32.0, 0.0, float("nan"), None),
    setting("diode", True, True, True, False),
    setting("answers", True, True, True, False),
    setting("quality", Quality.GOOD, Quality.GOOD, Quality.SUSPECT),
    setting("level", BoardLevel.HEARD, BoardLevel.HEARD, BoardLevel.LOST, BoardLevel.REFUSED),
    setting("meter_a", None, (10.0,), (16.0, 19.0, 16.0)),
    setting("override", {}, {}, {}, {"rcd_tripped": True}, {"emergency_stopped": True},
            {"contactor_closed": True}, {"contactor_closed": False}, {"locked": False},
            {"temperature_c": 80.0}, {"temperature_c": 66.0}, {"temperature_c": None},
            {"pe_lost": True}, {"tilted": True}, {"door_open": True}, {"second_closed": True},
            {"second_closed": False}, {"output_live": True}, {"phases": 1}, {"sample": 1},
            {"watchdog_expired": True},
            {"proximity_ohm": 680.0}, {"proximity_ohm": 0.0}, {"faults": frozenset({"supply"})}),
    setting("command", "revoke", "out", "in", "unlock", "reset", "one phase", "three phases"),
)
# fmt: on
HISTORIES = st.lists(st.tuples(CHANGES, st.integers(1, 60)), min_size=1, max_size=25)


def apply(bench: Bench, name: str, value: Any) -> None:
    if name != "command":
        setattr(bench, name, value)
    elif value == "revoke":
        bench.permit = False
        bench.evse.revoke()
    elif value == "unlock":
        bench.evse.unlock()
    elif value in ("one phase", "three phases"):
        phases = 1 if value == "one phase" else 3
        bench.evse.renew_limit(16.0, bench.now_s + 8.0, bench.now_s, phases)
    elif value == "reset":
        for hazard in bench.hazards:
            bench.evse.reset_hazard(hazard)
    else:
        bench.evse.set_operative(value == "in")


class Judge:
    """Holds each step against the rules, knowing only what went in and what came out."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.leave_s = -1e9
        self.seen_s = -1e9
        """When a vehicle was last seen."""
        self.closed_before = False
        self.phases_before = 3

    def __call__(self, command: BoardCommand) -> None:
        bench, snapshot = self.bench, self.bench.evse.snapshot()
        if snapshot.pilot is not PilotState.A:
            self.seen_s = bench.now_s
        stops = [name for name in snapshot.hazards if HAZARDS[name].inhibits]
        opens = [name for name in stops if HAZARDS[name].reaction is Reaction.OPEN]
        leave = snapshot.permitted and snapshot.operative and snapshot.limit_a >= 6 and not stops
        self.leave_s = bench.now_s if leave else self.leave_s
        if command.closed:
            asked = (PilotState.C, PilotState.D) if bench.settings.ventilated else (PilotState.C,)
            assert snapshot.pilot in asked
            assert opens == []
            assert bench.now_s - self.leave_s <= bench.settings.ramp_down_s + 0.021
            assert self.closed_before or leave, "closed without leave"
        if command.current_a > 0:
            assert leave
            assert 6 <= command.current_a <= snapshot.limit_a
        assert (command.current_a > 0) is (command.pilot is PilotMode.OFFER)
        assert snapshot.limit_a <= 32
        if bench.settings.socket and not command.closed and snapshot.pilot is PilotState.A:
            lingers = bench.now_s - self.seen_s <= LINGER_S + 0.021
            kept = snapshot.contactor_closed or snapshot.phase == "opening"
            assert command.locked is snapshot.contactor_closed or kept or lingers
        if bench.settings.socket and (command.closed or snapshot.contactor_closed):
            assert command.locked
        if command.test_rcd or command.phases != self.phases_before:
            assert not command.closed
            assert not self.closed_before
            assert not snapshot.contactor_closed
        self.closed_before, self.phases_before = command.closed, command.phases


@settings(max_examples=40, deadline=None)
@given(HISTORIES, st.booleans(), st.booleans(), st.booleans())
def test_the_invariants_hold_in_every_history(
    history: list[tuple[tuple[str, Any], int]], socket: bool, ventilated: bool, able: bool
) -> None:
    """`able`: a board that can test its residual-current monitor and switch phases."""
    traits = replace(TRAITS, has_rcd_test=able, has_phase_switch=able)
    bench = Bench(
        socket=socket,
        ventilated=ventilated,
        phase_switching=able,
        phase_switch_every_s=1.0,
        phase_switch_wait_s=0.5,
        traits=traits,
    )
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    judge = Judge(bench)
    for (name, value), ticks in [(("vehicle", "C"), 30), *history]:
        apply(bench, name, value)
        for _ in range(ticks):
            judge(bench.tick())
            deadline_s = bench.evse.deadline_s()
            assert deadline_s is None or deadline_s > bench.now_s
    closings = [type(f) for f in bench.facts if isinstance(f, ContactorClosed | ContactorOpened)]
    assert all(a is not b for a, b in pairwise(closings))
    active: set[str] = set()
    for fact in bench.facts:
        if isinstance(fact, HazardRaised):
            assert fact.hazard not in active
            active.add(fact.hazard)
        elif isinstance(fact, HazardCleared):
            active.remove(fact.hazard)


@settings(max_examples=15, deadline=None)
@given(HISTORIES)
def test_from_any_history_a_good_vehicle_is_charged_in_the_end(
    history: list[tuple[tuple[str, Any], int]],
) -> None:
    """Nothing but service hazards keeps a healthy station from charging the next vehicle."""
    bench = Bench()
    bench.run(0.2)
    for (name, value), ticks in history:
        apply(bench, name, value)
        bench.run(ticks * 0.02)
    bench.level, bench.answers, bench.quality = BoardLevel.HEARD, True, Quality.GOOD
    bench.override, bench.diode, bench.meter_a, bench.permit = {}, True, None, False
    bench.evse.set_operative(True)
    bench.vehicle = "A"
    bench.run(75.0)
    for hazard in bench.hazards:
        assert bench.evse.reset_hazard(hazard)[0]
    bench.permit, bench.limit_a, bench.vehicle = True, 16.0, "C"
    bench.run(6.0)
    assert bench.command.closed, bench.evse.snapshot()
