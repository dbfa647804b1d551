"""Validators: generated ahead of time, the same as compiled on the spot."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from chargepoint.ocpp import schemas
from chargepoint.ocpp.schemas import Invalid, Schema, schema

ROOT = Path(__file__).resolve().parents[2]


def test_every_action_of_1_6_has_a_request_and_a_response() -> None:
    actions = schemas.actions("v16")
    assert len(actions) == 39
    for action in actions:
        assert schema("v16", action, "request").shape["type"] == "object"
        assert schema("v16", action, "response").shape["type"] == "object"


@pytest.mark.parametrize("action", ["Rest", "", "../Reset", "Reset_request", "a.b", "None"])
def test_an_unknown_action_has_no_schema(action: str) -> None:
    """R7."""
    with pytest.raises(KeyError):
        schema("v16", action, "request")


def test_generated_modules_are_written_whole(tmp_path: Path) -> None:
    written = schemas.generate(tmp_path)
    assert len(written) == 2 * 39 + 1
    module = runpy.run_path(
        str(tmp_path / "chargepoint/ocpp/v16/_validators/StatusNotification_request.py")
    )
    check_status(Schema(module["SHAPE"], module["validate"]))
    assert module["FORMAT"] == schemas.FORMAT


def test_a_checkout_without_generated_modules_compiles_on_first_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plain checkout works, only slower."""

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(schemas.importlib, "import_module", missing)
    check_status(schema.__wrapped__("v16", "StatusNotification", "request"))
    with pytest.raises(KeyError):
        schema.__wrapped__("v16", "Nonsense", "request")


def check_status(found: Schema) -> None:
    found.check({"connectorId": 1, "errorCode": "NoError", "status": "Available"})
    with pytest.raises(Invalid) as caught:
        found.check({"connectorId": 1, "errorCode": "NoError", "status": "Idle"})
    assert caught.value.rule == "enum"
    with pytest.raises(Invalid) as caught:
        found.check({"connectorId": 1})
    assert caught.value.rule == "required"


def test_references_inside_a_schema_are_resolved() -> None:
    shape = schema("v16", "GetLog", "request").shape
    assert shape["properties"]["log"]["properties"]["remoteLocation"]["maxLength"] == 512


def test_the_build_hook_finds_the_generator() -> None:
    """The hook loads it by path, before the package is installed."""
    hook = (ROOT / "hatch_build.py").read_text(encoding="utf-8")
    assert '"chargepoint" / "ocpp" / "schemas.py"' in hook
    source = (ROOT / "chargepoint/ocpp/schemas.py").read_text(encoding="utf-8")
    assert "from chargepoint" not in source
