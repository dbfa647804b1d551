"""Build hook: generate the OCPP validators, for wheels and for editable installs alike."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ValidatorsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Writes `chargepoint/ocpp/v16/_validators` from the schemas of the `ocpp` package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        for path in _schemas(root).generate(root):
            build_data["artifacts"].append(f"/{path.relative_to(root).as_posix()}")


def _schemas(root: Path) -> Any:
    """Our generator, loaded by its path: the package itself is not installed yet."""
    path = root / "chargepoint" / "ocpp" / "schemas.py"
    spec = importlib.util.spec_from_file_location("chargepoint_ocpp_schemas", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module
