"""Who may charge at a station without a CSMS, as the doctor sees it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chargepoint.config import parse
from chargepoint.doctor import Evidence
from chargepoint.doctor.evidence import CardFacts
from tests.doctor.samples import RAW, healthy, of_part


def alone(cards: CardFacts | None) -> Evidence:
    raw = {key: value for key, value in RAW.items() if key != "csms"}
    return replace(healthy(), config=parse(raw, ""), cards=cards)


CASES = [
    (CardFacts(own="alone", everybody=False), "warn", "0 own cards, none is valid"),
    (CardFacts(own="alone", everybody=False, kept=1), "warn", "1 own card, none is valid"),
    (CardFacts(own="off", everybody=False, kept=2, valid=2), "warn", "2 own cards, switched off"),
    (CardFacts(own="offline", everybody=False, kept=3, valid=2), "pass", "3 own cards, 2 valid"),
    (
        CardFacts(own="off", everybody=True),
        "pass",
        "everybody: cards that nobody knows, or no card is needed",
    ),
    (None, "skip", "the agent does not say who may charge"),
]


@pytest.mark.parametrize(("cards", "level", "found"), CASES)
def test_a_station_alone_where_nobody_may_charge_is_warned_of(
    cards: CardFacts | None, level: str, found: str
) -> None:
    (finding,) = of_part(alone(cards), "cards")
    assert (finding.level, finding.found) == (level, found)
    assert ("token learn" in finding.next_step) is (level == "warn")


def test_with_a_csms_it_decides() -> None:
    (finding,) = of_part(healthy(), "cards")
    assert (finding.level, finding.found) == ("pass", "the CSMS decides")
