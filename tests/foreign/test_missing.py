"""Without Node the foreign central system is left out here, and missed in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.foreign.csms import missing, require


@pytest.fixture(autouse=True)
def no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_its_absence_skips_a_test_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert missing() == "node is not installed"
    with pytest.raises(pytest.skip.Exception, match="node is not installed"):
        require()


def test_its_absence_fails_a_test_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="node is not installed"):
        require()
