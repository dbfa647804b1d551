"""Site and tariff: what drivers would never, or wrongly, be shown, is named."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chargepoint.config import parse
from tests.test_config import DEMO, mistakes

NEW_YEAR, BEFORE = date(2027, 1, 1), date(2026, 12, 31)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"site.language": "xx"}, "site.language: there are no texts in `xx`"),
        ({"site.directions": {"english": "left"}}, "site.directions: found `english`, expected"),
        ({"site.nearby": {"EN": ["café"]}}, "site.nearby: found `EN`, expected a language"),
        ({"site.notice": [{"text": {}}]}, "site.notice.1.text: is empty"),
        (
            {"site.notice": [{"text": {"en": "a"}, "since": NEW_YEAR, "until": BEFORE}]},
            "site.notice.1.until: 2026-12-31 is before since (2027-01-01)",
        ),
        ({"tariff.note": {"": "net"}}, "tariff.note: found ``, expected a language"),
        ({"tariff.change": [{"since": NEW_YEAR}]}, "tariff.change.1: changes nothing; expected"),
        (
            {"tariff.change": [{"since": NEW_YEAR, "time_price": price} for price in (1.0, 2.0)]},
            "tariff.change.2.since: 2027-01-01 is used before",
        ),
        ({"tariff.energy_price": float("inf")}, "tariff.energy_price: found inf, expected a fin"),
    ],
)
def test_what_no_driver_would_see_rightly_is_refused(
    changes: dict[str, Any], expected: str
) -> None:
    (line,) = mistakes(changes)
    assert line.startswith(f"station.toml: {expected}")


def test_what_is_meant_passes_in_any_language_of_two_letters() -> None:
    site = {
        "directions": {"fr": "à gauche"},
        "notice": [{"text": {"en": "Closed"}, "since": BEFORE, "until": NEW_YEAR}],
    }
    tariff = {
        "change": [{"since": BEFORE, "time_price": 1.0}, {"since": NEW_YEAR, "start_price": 0}]
    }
    found = parse({**DEMO, "site": site, "tariff": tariff}, "station.toml")
    assert found.site.notice[0].until == NEW_YEAR


@pytest.mark.parametrize(
    ("key", "value"),
    [("csms.password", 12345678), ("alerts.modem", {"bus": "gsm", "pin": 4711})],
)
def test_a_secret_that_is_written_wrongly_is_not_repeated(key: str, value: Any) -> None:
    told = "\n".join(mistakes({key: value}))
    assert "found a value that is not shown; expected `str`, got `int`" in told
    assert "12345678" not in told
    assert "4711" not in told
