"""Validators of OCPP messages, generated ahead of time from the published JSON schemas.

The schemas come with the `ocpp` package; `python -m chargepoint.ocpp.schemas` (and the build hook)
turns each into a module under `v16/_validators`, which is not committed. Each module is imported
when its message is first met: 0.1 to 1.4 ms, where compiling a schema costs 11 to 26 ms. Without
the generated modules (a plain checkout that was never installed) a schema is compiled on first use.

Knows nothing of frames and adapters, so that the build hook can load it by itself.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Direction = Literal["request", "response"]
Shape = dict[str, Any]

FORMAT = 1
"""Version of what the generated modules hold; older ones are not used."""

OCPP_PACKAGES = {"v16": "v16"}
"""Our package of an OCPP version, and that of the `ocpp` library with its schemas."""

_FROM_CSMS_LENIENT = frozenset({"SetChargingProfile", "RemoteStartTransaction"})
"""Requests of the CSMS whose limits come with more decimals than the schema's one."""

_SHAPE_KEYS = ("type", "maxLength", "enum")


class Invalid(Exception):
    """A payload breaks its schema."""

    def __init__(self, rule: str, problem: str) -> None:
        super().__init__(problem)
        self.rule = rule
        """Schema keyword that is broken: `required`, `type`, `enum`, `maxLength` …"""
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Schema:
    """One message in one direction."""

    shape: Shape
    """Nested `type`, `properties`, `items`, `maxLength`, `enum`."""
    _validate: Callable[[Any], Any]

    def check(self, payload: Any) -> None:
        """Raises Invalid when `payload` breaks the schema."""
        from fastjsonschema import JsonSchemaValueException

        try:
            self._validate(payload)
        except JsonSchemaValueException as error:
            raise Invalid(str(error.rule), str(error)[:200]) from error


@cache
def schema(version: str, action: str, direction: Direction) -> Schema:
    """The schema of a message. Raises KeyError for a message that the version does not have."""
    name = f"chargepoint.ocpp.{version}._validators.{action}_{direction}"
    try:
        module = importlib.import_module(name) if action.isidentifier() else None
    except ModuleNotFoundError:
        module = None
    if module is not None and module.FORMAT == FORMAT:
        return Schema(module.SHAPE, module.validate)
    return _compiled(version, action, direction)


def generated(version: str) -> bool:
    """Whether the validators of `version` were generated ahead of time."""
    return importlib.util.find_spec(f"chargepoint.ocpp.{version}._validators") is not None


def actions(version: str) -> frozenset[str]:
    """Every action that `version` has a schema for."""
    return frozenset(action for action, _, _ in _files(version))


def generate(root: Path) -> list[Path]:
    """Write the validators below `root` (which holds `chargepoint/`); the files written."""
    written = []
    for version in OCPP_PACKAGES:
        folder = root / "chargepoint" / "ocpp" / version / "_validators"
        folder.mkdir(parents=True, exist_ok=True)
        texts = {"__init__.py": '"""Generated; see chargepoint.ocpp.schemas."""\n'}
        for action, direction, path in _files(version):
            texts[f"{action}_{direction}.py"] = _module(_definition(path, action, direction))
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
            written.append(folder / name)
    return written


def _compiled(version: str, action: str, direction: Direction) -> Schema:
    import fastjsonschema

    for found, way, path in _files(version):
        if (found, way) == (action, direction):
            definition = _definition(path, action, direction)
            validate = fastjsonschema.compile(definition, use_formats=False, use_default=False)
            return Schema(_shape(definition), validate)
    raise KeyError(action)


def _module(definition: Shape) -> str:
    import fastjsonschema

    code = fastjsonschema.compile_to_code(definition, use_formats=False, use_default=False)
    return f"{code}\n\nFORMAT = {FORMAT}\nSHAPE = {_shape(definition)!r}\n"


def _files(version: str) -> Iterator[tuple[str, Direction, Path]]:
    spec = importlib.util.find_spec("ocpp")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / OCPP_PACKAGES[version] / "schemas"
    for path in sorted(folder.glob("*.json")):
        if path.stem.endswith("Response"):
            yield path.stem.removesuffix("Response"), "response", path
        else:
            yield path.stem.removesuffix("Request"), "request", path


def _definition(path: Path, action: str, direction: Direction) -> Shape:
    """The schema in `path`, references resolved, texts that no validator needs left out."""
    raw = json.loads(path.read_text(encoding="utf-8-sig"))
    dropped = {"$schema", "$id", "id", "title", "description", "comment", "javaType", "default"}
    if direction == "request" and action in _FROM_CSMS_LENIENT:
        dropped.add("multipleOf")
    definition: Shape = _plain(raw, raw.pop("definitions", {}), dropped)
    return definition


def _plain(node: Any, definitions: Shape, dropped: set[str]) -> Any:
    if isinstance(node, list):
        return [_plain(item, definitions, dropped) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _plain(definitions[node["$ref"].rpartition("/")[2]], definitions, dropped)
    return {
        key: _plain(value, definitions, dropped)
        for key, value in node.items()
        if key not in dropped or isinstance(value, dict)  # a property may be called `id`
    }


def _shape(definition: Shape) -> Shape:
    shape: Shape = {key: definition[key] for key in _SHAPE_KEYS if key in definition}
    if "properties" in definition:
        shape["properties"] = {
            key: _shape(value) for key, value in definition["properties"].items()
        }
    if "items" in definition:
        shape["items"] = _shape(definition["items"])
    return shape


if __name__ == "__main__":
    files = generate(Path(__file__).resolve().parents[2])
    sys.stdout.write(f"{len(files)} files in {files[0].parent}\n")
