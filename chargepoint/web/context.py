"""What pages and endpoints are given: configuration, agent, the live station, languages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import Request

from chargepoint.catalog import languages
from chargepoint.config import Config
from chargepoint.config.people import Web
from chargepoint.web.agent import Agent
from chargepoint.web.live import Live
from chargepoint.web.streams import Streams

LANGUAGE_COOKIE = "language"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One for the whole program."""

    config: Config
    agent: Agent
    live: Live
    """`await live.status()`; `with live.subscribe() as lookout: await lookout.next(5)`."""
    streams: Streams
    """`streams.response(events())`: server-sent events within the limit of clients."""
    web: Web = field(default_factory=Web)
    now: Callable[[], float] = time.monotonic
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)

    def language_of(self, request: Request) -> str:
        """The language to answer in: `?lang=`, the cookie, the browser's wish, then the site's."""
        wishes = (
            request.query_params.get("lang", ""),
            request.cookies.get(LANGUAGE_COOKIE, ""),
            *_accepted(request.headers.get("accept-language", "")),
            self.config.site.language,
        )
        known = languages()
        for wish in wishes:
            language = wish.split("-")[0].strip().lower()
            if language in known:
                return language
        return known[0]


def address_of(request: Request) -> str:
    """The address of the client, for rate limits; never shown to others."""
    return request.client.host if request.client is not None else "?"


def _accepted(header: str) -> list[str]:
    """Languages of an Accept-Language header, the best first; what is malformed counts least."""
    found: list[tuple[float, int, str]] = []
    for number, part in enumerate(header[:500].split(",")[:20]):
        language, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            quality = 0.0
        if quality > 0:
            found.append((-quality, number, language.strip()))
    return [language for _, _, language in sorted(found)]
