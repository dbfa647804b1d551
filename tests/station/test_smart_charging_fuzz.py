"""Whatever comes as a charging profile: an answer, no exception, no more than the hardware allows.

Seeded: a failure names seed and step.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from chargepoint.ocpp.frames import Fault
from chargepoint.ocpp.payloads import Violation, request, written
from chargepoint.ocpp.v16.commands import COMMANDS, answer
from chargepoint.station import effects as ef
from chargepoint.station.effects import Verdict
from chargepoint.station.events import Call
from tests.station.profile_sets import random_profile
from tests.station.slow_schedule import DEFAULT, MAX, TX
from tests.station.world import FIRST_CSMS_ID, World

STEPS = 150

# fmt: off
ODD: list[Any] = [
    None, True, 0, -1, 1, 2**31, 2**63, 10**400, -(10**30), 0.05, 1e308, float("inf"), float("nan"),
    "", "A", "W", "x" * 5000, "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00+14:00",
    "2026-11-24T12:00:00", [], {}, [{}], [[]], [{"startPeriod": 0, "limit": 1e9}],
    [{"startPeriod": n, "limit": 7} for n in range(500)],
]
# fmt: on


def mutated(value: Any, dice: random.Random) -> Any:
    """`value` with one thing in it changed or taken out."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        key = dice.choice(sorted(value))
        changed = dict(value)
        if dice.random() < 0.2:
            del changed[key]
        else:
            changed[key] = mutated(value[key], dice)
        return changed
    if isinstance(value, list) and value and dice.random() < 0.8:
        place = dice.randrange(len(value))
        return [*value[:place], mutated(value[place], dice), *value[place + 1 :]]
    return copy.deepcopy(dice.choice(ODD))


def asked(dice: random.Random) -> tuple[str, dict[str, Any]]:
    """A request that was once legal."""
    purpose = dice.choice([DEFAULT, MAX, TX])
    profile = random_profile(dice, purpose)
    if purpose == TX and dice.random() < 0.5:
        profile["transactionId"] = FIRST_CSMS_ID
    where = 0 if purpose == MAX else dice.choice([0, 1, 2])
    action = dice.choice(["SetChargingProfile"] * 5 + ["ClearChargingProfile", "Remote", "Get"])
    match action:
        case "SetChargingProfile":
            return action, {"connectorId": where, "csChargingProfiles": profile}
        case "ClearChargingProfile":
            return action, {"id": dice.randint(0, 9), "connectorId": 1, "stackLevel": 0}
        case "Remote":
            return "RemoteStartTransaction", {"idTag": "A", "chargingProfile": profile}
        case _:
            unit = dice.choice("AW")
            schedule = {"connectorId": where, "duration": 600, "chargingRateUnit": unit}
            return "GetCompositeSchedule", schedule


def reply(world: World, action: str, payload: Any) -> Any:
    """The answer as JSON, or the fault with which the message is refused."""
    try:
        clean = request("v16", action, payload)
        decision = COMMANDS[action](Call("fuzz"), clean, len(world.evses), world.now_s)
    except Violation as error:
        return error.fault
    if isinstance(decision, dict):
        return decision
    world.forget()
    world.tell(decision)
    given = [effect for effect in world.effects if isinstance(effect, ef.Answer)]
    assert len(given) == 1
    assert given[0].verdict in (Verdict.ACCEPTED, Verdict.REJECTED)
    return written("v16", action, "response", answer(action, given[0]))


@pytest.mark.parametrize("seed", range(8))
def test_no_profile_breaks_the_station(seed: int) -> None:
    """R8: bad ones are refused by status or as messages; what is taken can be carried out."""
    dice = random.Random(seed)
    world = World(evses=2)
    world.charging(1)
    replies = []
    for step in range(STEPS):
        action, payload = asked(dice)
        for _ in range(dice.choice([0, 1, 1, 2])):
            payload = mutated(payload, dice) if isinstance(payload, dict) else payload
        if not isinstance(payload, dict):
            continue
        answered = reply(world, action, payload)
        where = f"seed {seed}, step {step}: {action} {str(payload)[:300]}"
        assert answered is not Fault.INTERNAL, where
        replies.append(answered if isinstance(answered, Fault) else answered["status"])
        for evse in (0, 1, 2):
            composite = {"connectorId": evse, "duration": 10**9}
            assert reply(world, "GetCompositeSchedule", composite)["status"] == "Accepted", where
        assert all(0 <= grant.current_a <= 16 for grant in world.station.grants(world.now_s)), where
        if step % 10 == 0:
            world.wait(dice.choice([1.0, 61.0]), step_s=30.0)
        if step % 40 == 39:
            world.kill_agent()
            world.accept()
    assert {"Accepted", "Rejected", Fault.BAD_VALUE, Fault.WRONG_TYPE, Fault.MISSING} <= set(
        replies
    )
