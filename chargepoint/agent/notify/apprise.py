"""Everything else, through the Apprise library in a child process: one at a time, bounded."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process

import msgspec

from chargepoint.agent.notify.way import Undelivered
from chargepoint.station.alerts.values import Channel, Message

CHILD = "chargepoint.agent.notify.apprise_child"
TIMEOUT_S = 60.0
ANSWER_MAX = 16 * 1024
WAITING = 3
"""Messages of different contacts that may wait for each other."""


class _Answer(msgspec.Struct, frozen=True):
    ok: bool
    retry: bool
    detail: str


class AppriseWay:
    """The address of a message is one URL of the library, or several with spaces between."""

    channel = Channel.APPRISE
    limit_s = TIMEOUT_S * WAITING + 5.0

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", CHILD)) -> None:
        self._command = command
        self._alone = asyncio.Lock()

    async def send(self, message: Message) -> str:
        asked = {
            "urls": message.address.split(),
            "title": message.subject,
            "body": message.text,
            "severity": "info" if message.about == "cleared" else message.severity,
        }
        async with self._alone:
            answer = await self._asked(msgspec.json.encode(asked))
        if not answer.ok:
            raise Undelivered(answer.detail, retry=answer.retry)
        return ""

    async def _asked(self, question: bytes) -> _Answer:
        child = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                line = await _dialogue(child, question)
                code = await child.wait()
        except TimeoutError:
            raise Undelivered(f"no outcome within {TIMEOUT_S:g} s", retry=True) from None
        finally:
            await _end(child)
        try:
            return msgspec.json.decode(line, type=_Answer)
        except msgspec.DecodeError:
            what = f"the child process ended with {code} and without an answer"
            raise Undelivered(what, retry=True) from None


async def _dialogue(child: Process, question: bytes) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(question)
        await child.stdin.drain()
    child.stdin.close()
    line = b""
    while len(line) <= ANSWER_MAX and (piece := await child.stdout.read(4096)):
        line += piece
    return line


async def _end(child: Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
