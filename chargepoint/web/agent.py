"""A client of the agent's socket for an event loop: one question per connection.

The agent serves few clients at a time. However many pages are open, so many questions at most are
on their way at once; the others wait their turn.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from chargepoint.ipc.client import Unreachable
from chargepoint.ipc.codec import BadLine, decode_answer, encode
from chargepoint.ipc.messages import LINE_MAX_BYTES
from chargepoint.ipc.service import Answered, Done, Request

ASKED_AT_ONCE = 4
FOLLOWED_AT_ONCE = 4
ANSWER_WAIT_S = 8.0
ANSWERS_MAX = 20_000
"""More than any question has; a broken agent does not fill our memory."""


class Agent:
    """Asks at the socket at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)
        self._following = 0

    async def ask(self, request: Request, wait_s: float = ANSWER_WAIT_S) -> list[Answered]:
        """All answers to `request`. Raises Unreachable, also when they do not come in time."""
        answers: list[Answered] = []
        try:
            async with asyncio.timeout(wait_s), self._asking:
                async for answer in self._answers(request):
                    answers.append(answer)
                    if len(answers) >= ANSWERS_MAX:
                        break
        except TimeoutError as error:
            raise Unreachable(f"{self._path}: no answer in time") from error
        if not answers:
            raise Unreachable(f"{self._path}: closed without an answer")
        return answers

    async def done(self, request: Request, wait_s: float = ANSWER_WAIT_S) -> Done:
        """The outcome of `request`. Raises Unreachable."""
        last = (await self.ask(request, wait_s))[-1]
        return last if isinstance(last, Done) else Done(ok=True)

    async def follow(self, request: Request) -> AsyncIterator[Answered]:
        """Answers as they come, until the caller leaves. Raises Unreachable."""
        if self._following >= FOLLOWED_AT_ONCE:
            raise Unreachable("too many followers")
        self._following += 1
        try:
            async for answer in self._answers(request):
                yield answer
        finally:
            self._following -= 1

    async def _answers(self, request: Request) -> AsyncIterator[Answered]:
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await asyncio.open_unix_connection(
                str(self._path), limit=LINE_MAX_BYTES
            )
            writer.write(encode(request))
            while line := await reader.readline():
                yield decode_answer(line)
        except OSError as error:
            raise Unreachable(f"{self._path}: {error.strerror or error}") from error
        except (BadLine, ValueError) as error:
            raise Unreachable(f"{self._path}: not an answer: {error}") from error
        finally:
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
