"""Contradictions of `[site]` and `[tariff]`: what drivers would never, or wrongly, be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from chargepoint.catalog import languages
from chargepoint.config.people import Site
from chargepoint.config.reading import Mistake
from chargepoint.config.station_file import Config
from chargepoint.config.tariff import (
    PRICES,
    ROWS_MAX,
    WEEKDAYS,
    Tariff,
    TariffWindow,
    window_minutes,
)

LANGUAGE = re.compile(r"[a-z]{2}")
WEEK_MIN = 7 * 24 * 60


def contradictions(config: Config) -> Iterator[Mistake]:
    """What cannot be true together in `[site]` and `[tariff]`."""
    yield from _site(config.site)
    if config.tariff is not None:
        yield from _tariff(config.tariff)


def _site(site: Site) -> Iterator[Mistake]:
    if site.language not in languages():
        known = ", ".join(languages())
        problem = f"there are no texts in `{site.language}`; expected one of {known}"
        yield Mistake("site.language", problem)
    yield from _keys("site.directions", site.directions)
    yield from _keys("site.nearby", site.nearby)
    for number, notice in enumerate(site.notice, start=1):
        key = f"site.notice.{number}"
        yield from _keys(f"{key}.text", notice.text)
        if not any(text.strip() for text in notice.text.values()):
            yield Mistake(f"{key}.text", "is empty")
        if notice.since and notice.until and notice.until < notice.since:
            yield Mistake(f"{key}.until", f"{notice.until} is before since ({notice.since})")


def _tariff(tariff: Tariff) -> Iterator[Mistake]:
    yield from _keys("tariff.note", tariff.note)
    if not tariff.prices_include_tax and tariff.tax_percent is None:
        problem = "false, but nothing says how much tax comes on top; expected tax_percent as well"
        yield Mistake("tariff.prices_include_tax", problem)
    for rows in ("change", "window"):
        if len(getattr(tariff, rows)) > ROWS_MAX:
            found = len(getattr(tariff, rows))
            yield Mistake(f"tariff.{rows}", f"found {found}, expected at most {ROWS_MAX}")
            return
    days = [change.since for change in tariff.change]
    for number, change in enumerate(tariff.change, start=1):
        key = f"tariff.change.{number}"
        if all(getattr(change, price) is None for price in PRICES):
            yield Mistake(key, f"changes nothing; expected one of {', '.join(PRICES)}")
        if change.since in days[: number - 1]:
            yield Mistake(f"{key}.since", f"{change.since} is used before")
    for number, window in enumerate(tariff.window, start=1):
        yield from _window(f"tariff.window.{number}", window, tariff.window[: number - 1])


def _window(key: str, window: TariffWindow, before: tuple[TariffWindow, ...]) -> Iterator[Mistake]:
    if window.begin == "24:00":
        yield Mistake(f"{key}.from", "found 24:00; expected 00:00 of the next day")
        return
    if not window.days:
        yield Mistake(f"{key}.days", f"names no day; expected some of {', '.join(WEEKDAYS)}")
    if all(getattr(window, price) is None for price in PRICES):
        yield Mistake(key, f"changes nothing; expected one of {', '.join(PRICES)}")
    if window.since and window.until and window.until < window.since:
        yield Mistake(f"{key}.until", f"{window.until} is before since ({window.since})")
    for number, other in enumerate(before, start=1):
        day = _day_in_both(window, other) if _same_dates(window, other) else None
        if day is not None:
            problem = f"overlaps window {number} ({other.begin} to {other.to}) on {day}"
            yield Mistake(key, f"{problem}; expected windows that do not")


def _same_dates(one: TariffWindow, other: TariffWindow) -> bool:
    """Some day is in the range of both."""
    ends_before = one.until is not None and other.since is not None and one.until < other.since
    begins_after = other.until is not None and one.since is not None and other.until < one.since
    return not (ends_before or begins_after)


def _day_in_both(one: TariffWindow, other: TariffWindow) -> str | None:
    """A day on which `one` begins while `other` holds, or the other way round."""
    mine, others = _begins(one), _begins(other)
    for begin, length in mine:
        for other_begin, other_length in others:
            later = (begin - other_begin) % WEEK_MIN < other_length
            earlier = (other_begin - begin) % WEEK_MIN < length
            if later or earlier:
                return WEEKDAYS[(begin if later else other_begin) // (24 * 60)]
    return None


def _begins(window: TariffWindow) -> list[tuple[int, int]]:
    """Minutes of the week at which a window begins, and how long it lasts each time."""
    begin, length = window_minutes(window)
    return [(WEEKDAYS.index(day) * 24 * 60 + begin, length) for day in window.days]


def _keys(key: str, by_language: Iterable[str]) -> Iterator[Mistake]:
    for language in by_language:
        if not LANGUAGE.fullmatch(language):
            yield Mistake(
                key, f"found `{language}`, expected a language of two letters, such as de"
            )
