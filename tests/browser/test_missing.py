"""What is missing leaves a test out here, and fails it in CI."""

from __future__ import annotations

import pytest

from tests.browser.browser import chromium, require


def test_its_absence_skips_a_test_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    require("")
    with pytest.raises(pytest.skip.Exception, match="chromium is not installed"):
        require("chromium is not installed")


def test_its_absence_fails_a_test_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    require("")
    with pytest.raises(pytest.fail.Exception, match="chromium is not installed"):
        require("chromium is not installed")


def test_a_browser_is_looked_for_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert chromium() is None
