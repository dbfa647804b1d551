"""Who may charge: a station that works alone has to know by itself."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, good, unknown, warn
from chargepoint.doctor.evidence import Evidence


def check(evidence: Evidence) -> Iterator[Mark]:
    cards = evidence.cards
    if evidence.config.csms is not None:
        yield good("use", found="the CSMS decides")
    elif cards is None:
        yield unknown("use", why="the agent does not say who may charge")
    elif cards.everybody:
        yield good("use", found="everybody: cards that nobody knows, or no card is needed")
    elif cards.own == "off":
        yield warn("use", "doctor.nobody_may_charge", found=f"{_count(cards.kept)}, switched off")
    elif not cards.valid:
        yield warn("use", "doctor.nobody_may_charge", found=f"{_count(cards.kept)}, none is valid")
    else:
        yield good("use", found=f"{_count(cards.kept)}, {cards.valid} valid")


def _count(cards: int) -> str:
    return "1 own card" if cards == 1 else f"{cards} own cards"
