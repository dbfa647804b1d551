"""The OpenAPI 3.1 document, written from the table of endpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from chargepoint.web.api.endpoint import CSRF_HEADER, JSON_TYPE, Access, Endpoint, Wrong

REFERENCE = "#/components/schemas/{name}"
KINDS = {"int": {"type": "integer", "minimum": 0}, "str": {"type": "string"}}
REFUSALS = {
    "400": "The call is malformed",
    "401": "No login, or one that is over",
    "403": "Not allowed",
    "404": "There is no such thing",
    "405": "Not this method",
    "408": "The body did not come in time",
    "409": "Refused by the station",
    "413": "The body is too large",
    "415": "The body is no JSON",
    "429": "Too often",
    "503": "The agent does not answer, or too many ask",
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document about `endpoints`."""
    types = [Wrong, *(t for each in endpoints for t in (each.body, each.query, each.answer) if t)]
    schemas, components = msgspec.json.schema_components(types, ref_template=REFERENCE)
    known = dict(zip(map(_key, types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        path = paths.setdefault(endpoint.public_path, {})
        path[endpoint.method.lower()] = _operation(endpoint, known, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "chargepoint", "version": version("chargepoint")},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
                "token": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
            },
        },
    }


def _operation(
    endpoint: Endpoint, known: dict[str, Any], components: dict[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _operation_id(endpoint),
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint, components)],
        "responses": {"200": _answer(endpoint, known), **_refusals(known)},
        "security": _security(endpoint),
    }
    if endpoint.body is not None:
        content = {JSON_TYPE: {"schema": known[_key(endpoint.body)]}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _operation_id(endpoint: Endpoint) -> str:
    words = re.findall(r"[a-z0-9]+", endpoint.public_path.removeprefix("/api/"))
    return "_".join([endpoint.method.lower(), *words])


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": KINDS[kind or "str"]}
        for name, kind in re.findall(r"\{(\w+):?(\w*)\}", endpoint.path)
    ]


def _query_parameters(endpoint: Endpoint, components: dict[str, Any]) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = components[endpoint.query.__name__]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": each}
        for name, each in schema["properties"].items()
    ]


def _answer(endpoint: Endpoint, known: dict[str, Any]) -> dict[str, Any]:
    schema = known[_key(endpoint.answer)] if endpoint.answer is not None else {}
    return {"description": "Done", "content": {endpoint.media: {"schema": schema}}}


def _refusals(known: dict[str, Any]) -> dict[str, Any]:
    content = {JSON_TYPE: {"schema": known[_key(Wrong)]}}
    return {code: {"description": text, "content": content} for code, text in REFUSALS.items()}


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    if endpoint.access is Access.ANYBODY:
        return []
    if endpoint.method == "GET":
        return [{"session": []}]
    return [{"session": [], "token": []}]


def _key(kind: Any) -> str:
    return str(kind)
