"""Contradictions of `[site]` and `[tariff]`: what drivers would never, or wrongly, be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from chargepoint.catalog import languages
from chargepoint.config.people import Site, Tariff
from chargepoint.config.reading import Mistake
from chargepoint.config.station_file import Config

LANGUAGE = re.compile(r"[a-z]{2}")
PRICES = ("energy_price", "time_price", "idle_price", "start_price")


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
    days = [change.since for change in tariff.change]
    for number, change in enumerate(tariff.change, start=1):
        key = f"tariff.change.{number}"
        if all(getattr(change, price) is None for price in PRICES):
            yield Mistake(key, f"changes nothing; expected one of {', '.join(PRICES)}")
        if change.since in days[: number - 1]:
            yield Mistake(f"{key}.since", f"{change.since} is used before")


def _keys(key: str, by_language: Iterable[str]) -> Iterator[Mistake]:
    for language in by_language:
        if not LANGUAGE.fullmatch(language):
            yield Mistake(
                key, f"found `{language}`, expected a language of two letters, such as de"
            )
