"""Site and tariff: what drivers would never, or wrongly, be shown, is named."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chargepoint.config import parse
from tests.test_config import DEMO, mistakes

NEW_YEAR, BEFORE = date(2027, 1, 1), date(2026, 12, 31)
NIGHT = {"from": "22:00", "to": "06:00", "energy_price": 0.2}
DAYS = [*range(1, 32), *range(1, 21)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"site.language": "xx"}, "site.language: there are no texts in `xx`"),
        ({"site.directions": {"english": "left"}}, "site.directions: found `english`, expected"),
        ({"site.nearby": {"EN": ["café"]}}, "site.nearby: found `EN`, expected a language"),
        (
            {"site.support_phone": "call Bob"},
            "site.support_phone: found 'call Bob'; expected a tel",
        ),
        ({"site.support_phone": "(-)"}, "site.support_phone: found '(-)'; expected a telephone"),
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
        (
            {"tariff.window": [NIGHT, {**NIGHT, "from": "05:59", "to": "07:00"}]},
            "tariff.window.2: overlaps window 1 (22:00 to 06:00) on mon; expected windows that",
        ),
        (
            {"tariff.window": [{**NIGHT, "days": ["sun"]}, {**NIGHT, "from": "00:00"}]},
            "tariff.window.2: overlaps window 1 (22:00 to 06:00) on mon; expected windows that",
        ),
        (
            {"tariff.window": [{**NIGHT, "energy_price": None}]},
            "tariff.window.1: changes nothing; expected one of energy_price",
        ),
        (
            {"tariff.window": [{**NIGHT, "days": []}]},
            "tariff.window.1.days: names no day; expected",
        ),
        ({"tariff.window": [{**NIGHT, "from": "24:00"}]}, "tariff.window.1.from: found 24:00; exp"),
        (
            {"tariff.window": [{**NIGHT, "to": "6:00"}]},
            "tariff.window.1.to: found '6:00'; expected a time of day such as 22:00",
        ),
        (
            {"tariff.window": [{**NIGHT, "since": NEW_YEAR, "until": BEFORE}]},
            "tariff.window.1.until: 2026-12-31 is before since (2027-01-01)",
        ),
        (
            {"tariff.window": [{**NIGHT, "form": "22:00"}]},
            "tariff.window.1.form: unknown key; did you mean `from`?",
        ),
        (
            {"tariff.change": [{"since": date(2027, 1, day), "time_price": 1.0} for day in DAYS]},
            "tariff.change: found 51, expected at most 50",
        ),
        (
            {"tariff.prices_include_tax": False},
            "tariff.prices_include_tax: false, but nothing says how much tax comes on top",
        ),
        (
            {"tariff.idle_free_min": 1e300},
            "tariff.idle_free_min: found 1e+300; expected `float` <=",
        ),
        ({"alerts.remind_after_h": 0.01}, "alerts.remind_after_h: found 0.01, expected 0 (never)"),
        ({"tariff.energy_price": float("inf")}, "tariff.energy_price: found inf, expected a fin"),
    ],
)
def test_what_no_driver_would_see_rightly_is_refused(
    changes: dict[str, Any], expected: str
) -> None:
    (line,) = mistakes(changes)
    assert line.startswith(f"station.toml: {expected}")


def test_windows_that_only_touch_or_hold_at_other_days_do_not_overlap() -> None:
    windows = [
        {**NIGHT, "days": ["mon", "tue"], "until": BEFORE},
        {**NIGHT, "from": "06:00", "to": "22:00"},
        {**NIGHT, "from": "22:00", "days": ["wed"]},
        {**NIGHT, "days": ["mon"], "since": NEW_YEAR},
    ]
    tariff = {"tax_percent": 19, "prices_include_tax": False, "window": windows}
    found = parse({**DEMO, "tariff": tariff}, "station.toml").tariff
    assert found is not None
    assert found.window[1].begin == "06:00"


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
