"""A central system whose OCPP-J side is the Node package `ocpp-rpc` in strict mode.

`ForeignCsms` looks like `hil.csms.server.Csms` to a test: the same books (`central`), the same
record of messages. Framing, schemas, message ids, pings and the handshake are foreign; whatever
that side objects to becomes a violation of the station.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hil.csms.central import Payload, Refusal
from hil.csms.server import ANSWER_WAIT_S, CallFailed, Csms

HERE = Path(__file__).parent
START_WAIT_S = 20.0
LINE_MAX_BYTES = 8 * 1024 * 1024


def missing() -> str:
    """Why the foreign side cannot run here; empty: it can."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (HERE / "node_modules" / "ocpp-rpc").is_dir():
        return "ocpp-rpc is not installed: make foreign"
    return ""


def require() -> None:
    """Skip the test where the foreign side is missing; in CI that is a failure."""
    reason = missing()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


class ForeignCsms(Csms):
    """The same interface and books as `Csms`; the socket belongs to `server.js`."""

    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the server and wait until it listens. Raises OSError when it does not."""
        self._online: set[str] = set()
        self._calls = 0
        self._asked: dict[int, tuple[str, str, asyncio.Future[Payload]]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(HERE / "server.js"),
            str(self._port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_MAX_BYTES,
        )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), START_WAIT_S)
        if not line:
            raise OSError(f"the foreign CSMS does not listen on port {self._port}")
        self._port = json.loads(line)["port"]
        self._reading = asyncio.create_task(self._read(self._process.stdout))

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 3)
        if process.returncode is None:
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading
        self._online.clear()

    def connected(self, identity: str) -> bool:
        return identity in self._online

    async def drop(self, identity: str) -> None:
        await self._order("drop", identity=identity)

    async def call(self, identity: str, action: str, payload: Payload) -> Payload:
        self._calls += 1
        number = self._calls
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        self._asked[number] = (identity, action, answer)
        self._log(identity, False, "call", action, payload)
        await self._order("call", id=number, identity=identity, action=action, payload=payload)
        try:
            return await asyncio.wait_for(answer, ANSWER_WAIT_S)
        except TimeoutError as error:
            raise CallFailed(f"{action}: no answer") from error
        finally:
            self._asked.pop(number, None)

    async def _order(self, what: str, **fields: Any) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps({"do": what, **fields}).encode() + b"\n")
            with suppress(ConnectionError):
                await self._process.stdin.drain()

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        while line := await stdout.readline():
            told = json.loads(line)
            getattr(self, "_told_" + told.pop("told"))(**told)
            self._changed.set()

    # --- What the server tells --------------------------------------------------------------------

    def _told_connected(self, identity: str) -> None:
        self._online.add(identity)
        self.connects += 1

    def _told_gone(self, identity: str) -> None:
        self._online.discard(identity)

    def _told_call(self, id: int, identity: str, action: str, payload: Payload) -> None:
        self._log(identity, True, "call", action, payload)
        task = asyncio.create_task(self._decide(id, identity, action, payload))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _decide(self, number: int, identity: str, action: str, payload: Payload) -> None:
        if self.behaviour.delay_s:
            await asyncio.sleep(self.behaviour.delay_s)
        if {action, "*"} & self.behaviour.mute:
            await self._order("silence", id=number)
            return
        try:
            answer = self.central.handle(identity, action, payload)
        except Refusal as refusal:
            self._log(identity, False, "error", action, refusal.code)
            await self._order("refuse", id=number, code=refusal.code, text=refusal.description)
        else:
            self._log(identity, False, "result", action, answer)
            await self._order("answer", id=number, payload=answer)

    def _told_answer(self, id: int, payload: Payload) -> None:
        identity, action, answer = self._asked.get(id, ("?", "?", None))
        self._log(identity, True, "result", action, payload)
        if answer is not None and not answer.done():
            answer.set_result(payload)

    def _told_failed(self, id: int, code: str, text: str) -> None:
        identity, action, answer = self._asked.get(id, ("?", "?", None))
        self._log(identity, True, "error", action, [code, text])
        if answer is not None and not answer.done():
            answer.set_exception(CallFailed(f"{action}: {[code, text]}"))

    def _told_invalid(
        self, identity: str, action: str, call: bool, outbound: bool, text: str
    ) -> None:
        who = "we" if outbound else "the station"
        kind = "call" if call else "answer"
        self.central.violations.append(f"{who}, {kind} of {action}: {text}")

    def _told_bad(self, identity: str, text: str, message: str) -> None:
        self.central.violations.append(f"bad message: {text}: {message}")
