"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """A program that a test has started in this process leaves no logging behind."""
    yield
    structlog.reset_defaults()
