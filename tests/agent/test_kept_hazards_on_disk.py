"""Hazards that outlive restarts, through the real store: killed agents and lost power."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from chargepoint.agent import wiring
from chargepoint.agent.latches import Latches
from chargepoint.agent.store import Opened, Store
from chargepoint.agent.store_effects import STORE_EFFECTS
from chargepoint.config import parse
from chargepoint.ipc.messages import HazardRaised, LatchHazard
from chargepoint.station.events import ControlConnected, Event, HazardForgotten
from hil.stage import example
from tests.agent.test_control_link import snapshot

TILTED = HazardRaised(seq=1, at_s=1.0, evse=1, hazard="tilted", detail="contact", persists=True)
LATCH = LatchHazard(evse=1, hazard="tilted", detail="contact")


class Host:
    """A disk, a run directory, and the agents that live on them one after the other."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.stores: list[Store] = []
        self.start()

    def start(self) -> None:
        """A new agent; the one before was killed where it stood."""
        self.store = Store(self.place / "state", self.place / "run")
        self.stores.append(self.store)
        opened: Opened = self.store.open()
        self.latches: Latches = wiring.latches(opened)
        self.station = wiring.station(parse(example(), ""), opened, "host")
        self.tell(ControlConnected(boot="b1", at_s=1.0))

    def lose_power(self) -> None:
        """The run directory lies in memory."""
        for file in (self.place / "run").iterdir():
            file.unlink()

    def tell(self, *events: Event) -> None:
        for event in events:
            effects = self.station.handle(event, 2.0)
            self.store.apply([each for each in effects if isinstance(each, STORE_EFFECTS)])

    def raise_hazard(self, boot: str = "b1") -> None:
        self.tell(*self.latches.raised(TILTED, boot))

    def commands(self, boot: str) -> list[LatchHazard]:
        commands, changes = self.latches.met([snapshot(1), snapshot(2)], boot)
        self.tell(*changes)
        return commands


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_new_store_has_none(host: Host) -> None:
    assert host.commands("b1") == []


def test_a_killed_agent_knows_it_again(host: Host) -> None:
    host.raise_hazard()
    host.start()
    assert host.commands("b2") == [LATCH]
    assert not any(grant.permitted for grant in host.station.grants(3.0))


def test_it_survives_the_power(host: Host) -> None:
    host.raise_hazard()
    host.lose_power()
    host.start()
    assert host.commands("b2") == [LATCH]


def test_one_that_was_cleared_does_not_come_back_with_the_power(host: Host) -> None:
    host.raise_hazard()
    host.tell(HazardForgotten(evse=1, hazard="tilted"))
    host.lose_power()
    host.start()
    assert host.commands("b2") == []


def test_a_reset_while_the_agent_was_dead_is_not_undone(host: Host) -> None:
    """Which run acknowledged it survives the agent, and dies with the power as that run does."""
    host.raise_hazard("b1")
    host.start()
    host.raise_hazard("b2")
    host.start()
    assert host.commands("b2") == []
    host.start()
    assert host.commands("b3") == []


def test_after_the_power_every_run_counts_as_new(host: Host) -> None:
    host.raise_hazard("b1")
    host.raise_hazard("b2")
    host.lose_power()
    host.start()
    assert host.commands("b3") == [LATCH]


def test_a_hazard_that_never_reached_the_disk_is_shown_by_the_safety_program(host: Host) -> None:
    """The agent is killed between the fact and the commit."""
    host.latches.raised(TILTED, "b1")
    host.start()
    alive = msgspec.structs.replace(snapshot(1), hazards=("tilted",))
    _, changes = host.latches.met([alive], "b1")
    host.tell(*changes)
    host.lose_power()
    host.start()
    assert host.commands("b2") == [LatchHazard(evse=1, hazard="tilted", detail="")]
