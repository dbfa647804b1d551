"""Reservations under random use, against a model that knows the rules but not the station."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from chargepoint.station import effects as ef
from chargepoint.station.effects import Verdict
from chargepoint.station.records import TokenInfo, TokenStatus, TransactionStarted
from tests.station.test_reservations import cancel, kept, reserve
from tests.station.world import World

SEEDS = range(6)
STEPS = 250
EVSES = (1, 2, 3)
GROUPS = {"T0": "G", "T1": "G", "T2": None, "T3": None}
TOKENS = list(GROUPS)


@dataclass
class Held:
    evse: int
    token: str
    group: str | None
    until_s: float

    def fits(self, token: str) -> bool:
        same_group = self.group is not None and self.group == GROUPS[token]
        return self.token == token or same_group


class Model:
    """What must be reserved."""

    def __init__(self) -> None:
        self.held: dict[int, Held] = {}
        self.faulted: set[int] = set()
        self.inoperative: set[int] = set()

    def of(self, evse: int) -> list[int]:
        return [number for number, held in self.held.items() if held.evse == evse]

    def started(self, start: TransactionStarted) -> int | None:
        """The reservation that this start must name; nobody starts where another has reserved."""
        token = start.id_token.value
        own, unbound = self.of(start.evse), self.of(0)
        assert len(own) <= 1
        if own:
            assert self.held[own[0]].fits(token), f"{token} at EVSE {start.evse}: {self.held}"
        fitting = [number for number in own or unbound if self.held[number].fits(token)]
        used = min(fitting, key=lambda number: self.held[number].until_s, default=None)
        if used is not None:
            del self.held[used]
        return used

    def pass_time(self, now_s: float) -> None:
        """Drop what has expired or cannot be honoured any more."""
        hindered = self.faulted | self.inoperative
        for number, held in list(self.held.items()):
            lost = held.evse in hindered if held.evse else hindered >= set(EVSES)
            if lost or held.until_s <= now_s:
                del self.held[number]


class Game:
    """One world and its model, moved together."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.world = World(evses=len(EVSES))
        for token, group in GROUPS.items():
            info = TokenInfo(status=TokenStatus.ACCEPTED, group=group)
            self.world.csms.verdicts[token] = info
        self.model = Model()

    def step(self) -> None:
        self.world.forget()
        usual = (self.card, self.plug, self.wait)
        seldom = (self.cancel, self.remote, self.fault, self.operate, self.link, self.restart)
        self.dice.choice([*usual, *usual, *seldom, *[self.reserve] * 4])()
        for effect in self.world.of(ef.Append):
            if isinstance(effect.record, TransactionStarted):
                assert effect.record.reservation_id == self.model.started(effect.record)
        self.model.pass_time(self.world.now_s)
        assert kept(self.world) == sorted(map(str, self.model.held))

    def reserve(self) -> None:
        number, evse = self.dice.randrange(5), self.dice.choice([0, *EVSES])
        token, group = self.dice.choice(TOKENS), self.dice.choice([None, "G"])
        for_s = self.dice.choice([20.0, 600.0])
        verdict = reserve(self.world, evse, number=number, token=token, group=group, for_s=for_s)
        if verdict is Verdict.ACCEPTED:
            self.model.held[number] = Held(evse, token, group, self.world.now_s + for_s)
            assert len(self.model.held) <= len(EVSES)

    def cancel(self) -> None:
        number = self.dice.randrange(5)
        known = self.model.held.pop(number, None) is not None
        assert cancel(self.world, number) is (Verdict.ACCEPTED if known else Verdict.REJECTED)

    def card(self) -> None:
        evses = self.dice.choice([EVSES, *((evse,) for evse in EVSES)])
        self.world.card(self.dice.choice(TOKENS), reader=f"reader {evses}", evses=evses)

    def plug(self) -> None:
        evse = self.dice.choice(EVSES)
        if self.world.evses[evse].connected:
            self.world.unplug(evse)
        elif self.dice.random() < 0.7:
            self.world.plug_in(evse)

    def remote(self) -> None:
        self.world.remote_start(self.dice.choice(TOKENS), self.dice.choice([None, *EVSES]))

    def wait(self) -> None:
        self.world.wait(self.dice.choice([2.0, 8.0, 24.0]), step_s=4.0)

    def fault(self) -> None:
        evse = self.dice.choice(EVSES)
        if evse in self.model.faulted:
            self.model.faulted.discard(evse)
            self.world.hazard(evse)
        elif self.dice.random() < 0.3:
            self.model.faulted.add(evse)
            self.world.hazard(evse, "rcd_tripped")

    def operate(self) -> None:
        evse = self.dice.choice(EVSES)
        if evse in self.model.inoperative:
            self.model.inoperative.discard(evse)
            self.world.operative(evse, True)
        elif self.dice.random() < 0.3:
            self.model.inoperative.add(evse)
            self.world.operative(evse, False)

    def link(self) -> None:
        if self.world.online:
            self.world.away()
        else:
            self.world.accept()

    def restart(self) -> None:
        online = self.world.online
        self.world.kill_agent()
        if online:
            self.world.accept()


@pytest.mark.parametrize("seed", SEEDS)
def test_reservations_are_kept_and_used_as_the_rules_say(seed: int) -> None:
    """V1 to V8: no stranger starts on a reserved EVSE; each start names what it used; the store
    holds what must be held, after each step."""
    game = Game(seed)
    for step in range(STEPS):
        try:
            game.step()
        except BaseException as error:
            error.add_note(f"seed {seed}, step {step}")
            raise
