"""Rounds of plug cycles, each with its own abuses; then all is mended and has to charge."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from typing import Any

from chargepoint.ipc import messages as m
from hil.plant.faults import FAULTS
from hil.plant.vehicle import Request
from tests.sim.abuse_rules import Violation
from tests.sim.abuse_site import EVSES, Site
from tests.sim.abuse_tally import Tally
from tests.sim.abused_line import LineAbuse

CYCLES_PER_ROUND = 4
"""Two at each EVSE."""
DWELLS_S: tuple[Callable[[random.Random], float], ...] = (
    lambda chance: chance.uniform(0.0, 1.0),
    lambda chance: chance.uniform(2.0, 9.0),
    lambda chance: chance.uniform(4.0, 9.0),
)
"""How long a vehicle is left alone before something happens to it."""
MOODS = ("healthy",) * 4 + ("gone", "stopped", "flooding", "flooding", "lying", "flapping")
MEND_S = 420.0
CHARGE_WITHIN_S = 30.0


def _often(name: str, low: float, high: float, **more: Any) -> Callable[..., None]:
    def set_abuse(abuse: LineAbuse, chance: random.Random) -> None:
        setattr(abuse, name, chance.uniform(low, high))
        for other, value in more.items():
            setattr(abuse, other, value)

    return set_abuse


# fmt: off
LINE: dict[str, Callable[[LineAbuse, random.Random], None]] = {
    "5 % damaged replies":    _often("reply_damaged", 0.05, 0.05),
    "5 % damaged both ways":  _often("reply_damaged", 0.05, 0.05, request_damaged=0.05),
    "damaged replies":        _often("reply_damaged", 0.1, 0.9),
    "lost requests":          _often("request_lost", 0.02, 0.4),
    "lost replies":           _often("reply_lost", 0.02, 0.4),
    "late requests":          _often("request_late", 0.02, 0.3, late_s=0.4),
    "noise":                  _often("noise", 0.05, 0.9),
    "stutter":                _often("noise", 0.0, 0.0, stutter=True),
    "echo":                   _often("noise", 0.0, 0.0, echo=True),
    "two on one address":     _often("twin", 0.2, 1.0),
}
# fmt: on


class Campaign:
    """Rounds of abused plug cycles on one site."""

    def __init__(self, site: Site, rounds: int) -> None:
        self.site = site
        self.chance = site.chance
        self.rounds = rounds
        self._silences = False

    def play(self) -> Tally:
        site = self.site
        site.run(3.0)
        for _ in range(self.rounds):
            self._abuse()
            actors = [self._cycles(number) for number in EVSES]
            self._play(actors)
            self._mend()
            self._clean()
        site.run(3.0)
        tally = site.tally
        tally.virtual_s = site.clock.now_s - 1000.0
        tally.frames, tally.spoiled = site.line.frames, site.line.spoiled
        for judge in site.judges.values():
            tally.closings += judge.closings
            tally.openings += judge.openings
            for name in ("prompt_s", "loose_s", "leave_s"):
                setattr(tally, name, max(getattr(tally, name), getattr(judge.worst, name)))
        return tally

    # --- Cycles -----------------------------------------------------------------------------------

    def _play(self, actors: list[Iterator[float]]) -> None:
        """Run all actors, each of which says how long it waits next."""
        site = self.site
        waiting = [(site.clock.now_s, number, actor) for number, actor in enumerate(actors)]
        heapq.heapify(waiting)
        while waiting:
            at_s, number, actor = heapq.heappop(waiting)
            site.run(max(0.0, at_s - site.clock.now_s))
            wait_s = next(actor, None)
            if wait_s is not None:
                heapq.heappush(waiting, (site.clock.now_s + wait_s, number, actor))

    def _cycles(self, number: int) -> Iterator[float]:
        site, chance = self.site, self.chance
        evse = site.built.world.plant.evses[number]
        for _ in range(CYCLES_PER_ROUND // len(EVSES)):
            yield chance.uniform(0.2, 2.0)
            site.judges[number].charged = False
            if chance.random() < 0.7:
                self._serve(number)
            cable_a = chance.choice((13, 20, 32, 63))
            site.act(lambda _, cable_a=cable_a: evse.vehicle.plug_in(cable_a))
            site.tally.cycles += 1
            yield chance.choice(DWELLS_S)(chance)
            for _ in range(chance.choice((0, 1, 1, 2, 3))):
                self._happen(number)
                yield chance.uniform(0.05, 3.0)
            site.act(lambda _: evse.vehicle.unplug())
            site.tally.charged += site.judges[number].charged
            yield chance.uniform(0.1, 1.5)
            self._clear(number)

    def _serve(self, number: int) -> None:
        """The next vehicle is welcome again, and a technician was there."""
        agent = self.site.agent
        agent.limit_a = 16.0
        agent.wants.add(number)
        if agent.mood in ("healthy", "flapping"):
            self._reset(number)

    def _reset(self, number: int) -> None:
        for name in self.site.hazards.get(number, ()):
            reset = m.ResetHazard(evse=number, hazard=name, request="technician")
            self.site.agent.send(reset)

    def _happen(self, number: int) -> None:
        """Something happens to a vehicle, an outlet, or what the agent wants."""
        site, chance = self.site, self.chance
        vehicle = site.built.world.plant.evses[number].vehicle
        what = chance.random()
        if what < 0.45:
            fault = chance.choice(tuple(FAULTS))
            site.tally.abuses[f"fault {fault}"] += 1
            site.fault(number, fault, True)
            if chance.random() < 0.6:
                clear_s = site.clock.now_s + chance.expovariate(1.0)
                site.at(clear_s, lambda: site.fault(number, fault, False))
        elif what < 0.6:
            request = chance.choice((Request.PAUSE, Request.VENTILATION, Request.CHARGE))
            site.act(lambda _: setattr(vehicle, "request", request))
        elif what < 0.7:
            site.agent.limit_a = chance.choice((0.0, 6.0, 10.0, 16.0, 32.0))
            site.agent.phases = chance.choice((1, 3, None))
        elif what < 0.8:
            site.agent.wants.symmetric_difference_update({number})
        elif what < 0.9:
            site.agent.send(m.SetOperative(evse=number, operative=chance.random() < 0.5))
        else:
            grid = site.built.world.plant.grid
            site.tally.abuses["supply lost"] += 1
            site.act(lambda _: setattr(grid, "on", False))
            back_s = site.clock.now_s + chance.expovariate(2.0)
            site.at(back_s, lambda: site.act(lambda _: setattr(grid, "on", True)))

    def _clear(self, number: int) -> None:
        site = self.site
        for fault in tuple(site.built.world.plant.evses[number].faults):
            site.fault(number, fault, False)

    # --- Abuse of line and programs ---------------------------------------------------------------

    def _abuse(self) -> None:
        site, chance = self.site, self.chance
        for kind in chance.sample(tuple(LINE), chance.choice((0, 1, 1, 2))):
            site.tally.abuses[f"line {kind}"] += 1
            LINE[kind](site.line.abuse, chance)
        mood = chance.choice(MOODS)
        site.tally.abuses[f"agent {mood}"] += 1
        site.agent.mood = "healthy"
        site.at(site.clock.now_s + chance.uniform(0.0, 8.0), lambda: self._turn(mood))
        for _ in range(chance.choice((0, 0, 1, 3))):
            site.at(site.clock.now_s + chance.uniform(0.5, 25.0), self._strike)
        self._silences = chance.random() < 0.4
        site.at(site.clock.now_s + chance.uniform(0.5, 10.0), self._silence)

    def _turn(self, mood: str) -> None:
        self.site.agent.mood = mood

    def _strike(self) -> None:
        """The safety program is stopped, killed or restarted, or its board talks nonsense."""
        site, chance = self.site, self.chance
        kind = chance.choice(("stalled", "stalled", "killed", "stopped in order", "wild"))
        site.tally.abuses[f"control {kind}" if kind != "wild" else "board wild"] += 1
        match kind:
            case "stalled":
                site.stall(chance.choice((0.05, 0.3, 1.0, 2.5)))
            case "killed":
                site.kill()
                site.at(site.clock.now_s + chance.uniform(0.05, 4.0), site.start)
            case "stopped in order" if site.loop is not None:
                site.at(site.clock.now_s, site.stop_in_order)
            case "wild":
                unit = site.wild[chance.choice(EVSES)]
                unit.ratio = chance.choice((0.1, 0.5, 1.0))
                ends_s = site.clock.now_s + chance.uniform(0.05, 2.0)
                site.at(ends_s, lambda: setattr(unit, "ratio", 0.0))

    def _silence(self) -> None:
        """Silences of a second and others come and go for as long as this round lasts."""
        site, chance = self.site, self.chance
        if self._silences:
            lasts_s = chance.choice((0.03, 0.2, 1.0, 1.0, 3.0))
            name = chance.choice(("silent", "silent", "unplugged"))
            site.tally.abuses[f"line {name}"] += 1
            setattr(site.line.abuse, name, True)
            site.at(site.clock.now_s + lasts_s, lambda: setattr(site.line.abuse, name, False))
            site.at(site.clock.now_s + lasts_s + chance.uniform(1.0, 12.0), self._silence)

    # --- Mending ----------------------------------------------------------------------------------

    def _mend(self) -> None:
        """Take all abuse away and let a technician reset what is latched."""
        site = self.site
        site._later.clear()
        site.line.abuse = LineAbuse()
        site.disturb()
        site.start()
        for unit in site.wild.values():
            unit.ratio = 0.0
        site.built.world.plant.grid.on = True
        for number in EVSES:
            site.act(lambda _, n=number: site.built.world.plant.evses[n].vehicle.unplug())
            self._clear(number)
        agent = site.agent
        agent.mood, agent.limit_a, agent.phases, agent.wants = "healthy", 16.0, None, set(EVSES)
        for _ in range(int(MEND_S)):
            site.run(1.0)
            if not any(site.hazards.values()):
                return
            for number in EVSES:
                self._reset(number)
        raise Violation(f"not mended within {MEND_S:g} s: {site.hazards}")

    def _clean(self) -> None:
        """A cycle without any abuse has to charge at both EVSEs."""
        site = self.site
        plant = site.built.world.plant
        site.run(5.0)
        for number in EVSES:
            site.judges[number].charged = False
            site.act(lambda _, n=number: plant.evses[n].vehicle.plug_in(32))
        judges = site.judges.values()
        site.run(CHARGE_WITHIN_S, until=lambda: all(judge.charged for judge in judges))
        if not all(judge.charged for judge in judges):
            shown = [unit.evse.snapshot() for unit in site.loop.units] if site.loop else []
            raise Violation(f"a clean cycle does not charge: {shown}")
        for number in EVSES:
            site.act(lambda _, n=number: plant.evses[n].vehicle.unplug())
        site.run(1.0)
        site.tally.cycles += len(EVSES)
        site.tally.charged += len(EVSES)
