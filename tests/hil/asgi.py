"""A client for an ASGI application in the same thread: one request, one answer, no socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1:8099"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """`get` and `post` of one application."""

    def __init__(self, app: Any, address: str = "127.0.0.1") -> None:
        self._app = app
        self._address = address

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return asyncio.run(self._ask("GET", path, b"", headers or {}))

    def post(
        self, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        return asyncio.run(self._ask("POST", path, body, headers or {}))

    async def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in {"host": HOST, **headers}.items()
            ],
            "client": (self._address, 40000),
            "server": ("127.0.0.1", 8099),
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        begin = sent[0]
        found = {name.decode(): value.decode() for name, value in begin["headers"]}
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(begin["status"], found, content)
