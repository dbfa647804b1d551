"""One browser and one station for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.browser import Browser, chromium, open_browser, require
from tests.browser.station import Stage, standing


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    require("" if chromium() else "chromium is not installed")
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, str]]:
    """The station, and the address of its pages. The browser first: without it nothing starts."""
    with standing(tmp_path_factory.mktemp("site")) as stage:
        yield stage
