"""Hazards that outlive restarts: which run of the safety program knows of which."""

from __future__ import annotations

from chargepoint.agent.latches import Latches
from chargepoint.catalog.details import Detail
from chargepoint.ipc.messages import EvseSnapshot, HazardCleared, HazardRaised, LatchHazard, Said
from chargepoint.station.events import HazardForgotten, HazardKept
from chargepoint.station.kept_hazards import Kept, restored
from tests.agent.samples import snapshot

WELDED = "contactor_welded"
FIGURES = {"contact": "contactor", "waited_s": 1.2, "limit_s": 0.5}
SAID = Detail(id="contact_closed", fields=FIGURES)
TOLD = Said(id="contact_closed", fields=FIGURES)
LATCH = LatchHazard(evse=1, hazard=WELDED, detail="closed for 1.2 s", said=TOLD)


def evse(*hazards: str, number: int = 1) -> EvseSnapshot:
    return snapshot(number, hazards=hazards)


def raised(hazard: str = WELDED, *, persists: bool = True) -> HazardRaised:
    return HazardRaised(
        seq=1,
        at_s=1.0,
        evse=1,
        hazard=hazard,
        detail="closed for 1.2 s",
        said=TOLD,
        persists=persists,
    )


def cleared() -> HazardCleared:
    return HazardCleared(seq=2, at_s=2.0, evse=1, hazard=WELDED)


def kept(boot: str = "b1") -> Latches:
    return Latches({(1, WELDED): Kept(detail="closed for 1.2 s", boot=boot, said=SAID)})


def test_a_hazard_that_persists_is_kept_with_what_was_measured() -> None:
    assert Latches().raised(raised(), "b1") == [
        HazardKept(evse=1, hazard=WELDED, detail="closed for 1.2 s", boot="b1", said=SAID)
    ]


def test_any_other_hazard_is_not_kept() -> None:
    assert Latches().raised(raised("rcd_tripped", persists=False), "b1") == []


def test_what_the_safety_program_says_of_a_hazard_wins_over_the_catalogue() -> None:
    (change,) = Latches().raised(raised("rcd_tripped"), "b1")
    assert isinstance(change, HazardKept)


def test_another_run_of_the_safety_program_is_told_of_what_is_kept() -> None:
    commands, changes = kept().met([evse()], "b2")
    assert (commands, changes) == ([LATCH], [])


def test_a_run_that_shows_the_hazard_is_not_told_again_and_has_acknowledged_it() -> None:
    latches = kept()
    commands, changes = latches.met([evse(WELDED)], "b2")
    assert commands == []
    assert changes == [
        HazardKept(evse=1, hazard=WELDED, detail="closed for 1.2 s", boot="b2", said=SAID)
    ]
    assert latches.met([evse(WELDED)], "b2") == ([], [])


def test_a_latch_is_acknowledged_by_the_fact_that_follows_it() -> None:
    latches = kept()
    latches.met([evse()], "b2")
    latches.raised(raised(), "b2")
    commands, changes = latches.met([evse()], "b2")
    assert commands == []
    assert changes == [HazardForgotten(evse=1, hazard=WELDED)]


def test_a_run_that_died_before_it_acknowledged_does_not_clear_the_hazard() -> None:
    latches = kept()
    latches.met([evse()], "b2")
    assert latches.met([evse()], "b3") == ([LATCH], [])


def test_the_same_run_is_told_again_while_it_has_not_acknowledged() -> None:
    latches = kept()
    latches.met([evse()], "b2")
    assert latches.met([evse()], "b2") == ([LATCH], [])


def test_a_cleared_hazard_is_forgotten_once() -> None:
    latches = kept()
    assert latches.cleared(cleared()) == [HazardForgotten(evse=1, hazard=WELDED)]
    assert latches.cleared(cleared()) == []
    assert latches.met([evse()], "b2") == ([], [])


def test_a_hazard_whose_fact_was_missed_is_kept_from_the_snapshot() -> None:
    """The agent was killed between the fact and the disk; the safety program lives."""
    _, changes = Latches().met([evse("over_temperature", WELDED)], "b1")
    assert changes == [HazardKept(evse=1, hazard=WELDED, detail="", boot="b1")]


def test_only_the_safety_program_of_an_evse_is_told() -> None:
    assert kept().met([evse(number=2)], "other") == ([], [])


def test_what_was_kept_before_there_were_figures_is_told_in_words() -> None:
    old = Latches(restored({f"1/{WELDED}": '{"detail":"closed for 1.2 s","boot":"b1"}'}))
    commands, _ = old.met([evse()], "b2")
    assert commands == [LatchHazard(evse=1, hazard=WELDED, detail="closed for 1.2 s")]
