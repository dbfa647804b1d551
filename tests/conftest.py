"""What holds for every test."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import structlog


def pytest_collection_finish() -> None:
    """Thousands of collected tests are not looked through again and again for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """A program that a test has started in this process leaves no logging behind."""
    yield
    structlog.reset_defaults()
