"""The agent's own socket: one request per connection, answered, then closed.

Access is by file permission (owner and group). A client that does not read is left; too many at a
time are turned away, so that curiosity cannot starve the station.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Protocol

from chargepoint import log
from chargepoint.agent.audit import Audit, line_of, worth_noting
from chargepoint.agent.messages import Messages
from chargepoint.agent.requests.caller import Caller, Handlers, caller_of
from chargepoint.ipc.cards import LearnCard
from chargepoint.ipc.care import AwaitToken
from chargepoint.ipc.codec import BadLine, decode_request, encode
from chargepoint.ipc.messages import LINE_MAX_BYTES
from chargepoint.ipc.service import (
    Action,
    Answered,
    Connect,
    Disconnect,
    Done,
    GetConfiguration,
    GetMessages,
    GetRecords,
    GetStatus,
    GetTransactions,
    LiftHazard,
    MakeDiagnostics,
    Request,
    Resend,
    StationStatus,
    Variables,
)

CLIENTS_MAX = 16
REQUEST_WAIT_S = 5.0
WRITE_WAIT_S = 5.0
SOCKET_MODE = 0o660


class Books(Protocol):
    """What `bookkeeping` does."""

    def transactions(self, last: int) -> AsyncIterator[Answered]: ...
    def records(self, first: int) -> AsyncIterator[Answered]: ...
    async def resend(self, sequence: int) -> Done: ...


class Desk(Protocol):
    """What the socket shows and does."""

    @property
    def messages(self) -> Messages: ...
    @property
    def bookkeeping(self) -> Books: ...
    def status(self) -> StationStatus: ...
    def variables(self) -> Variables: ...
    def turn_csms(self, on: bool) -> Done: ...
    async def lift_hazard(self, evse: int, hazard: str) -> Done: ...
    def diagnostics(self) -> AsyncIterator[Answered]: ...


class Service:
    """Serves `desk` on the socket at `path`."""

    def __init__(
        self,
        path: Path,
        desk: Desk,
        further: Handlers | None = None,
        audit: Audit | None = None,
    ) -> None:
        self._path = path
        self._desk = desk
        self._further = further or {}
        self._audit = audit
        self._server: asyncio.Server | None = None
        self._clients = 0
        self._log = log.get("service")

    async def start(self) -> None:
        """Listen. Raises OSError when the socket cannot be made."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._serve, str(self._path), limit=LINE_MAX_BYTES
        )
        self._path.chmod(SOCKET_MODE)

    async def stop(self) -> None:
        """Listen no more; connections end with the loop."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients > CLIENTS_MAX:
                await self._write(writer, Done(ok=False, detail="too many clients"))
                return
            async with asyncio.timeout(REQUEST_WAIT_S):
                line = await reader.readline()
            if line:
                await self._answer(line, reader, writer)
        except (OSError, TimeoutError, ValueError) as error:
            self._log.debug("service.client_left", error=str(error))
        except asyncio.CancelledError:  # asyncio of Python 3.11 writes a traceback for each
            self._log.debug("service.client_left", error="this program ends")
        except Exception as error:  # a flaw in one answer must end nothing but this connection
            self._log.error("service.request_failed", exc_info=error)
            with contextlib.suppress(OSError, TimeoutError):
                await self._write(writer, Done(ok=False, detail="this went wrong; see the log"))
        finally:
            self._clients -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(
        self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            request = decode_request(line)
        except BadLine as error:
            await self._write(writer, Done(ok=False, detail=f"not a request: {error}"))
            return
        if _for_somebody(request):
            await _while_read(reader, self._carry_out(request, writer))
        else:
            await self._carry_out(request, writer)

    async def _carry_out(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if isinstance(request, GetMessages):
            await self._messages(request, writer)
            return
        caller = caller_of(writer.get_extra_info("socket"))
        last: Answered | None = None
        try:
            async for answer in self._answers(request, caller):
                last = answer
                await self._write(writer, answer)
        finally:
            if isinstance(request, Action) and worth_noting(request):
                await self._note(request, caller, last)

    async def _answers(self, request: Request, caller: Caller) -> AsyncIterator[Answered]:
        desk = self._desk
        match request:
            case GetStatus():
                yield desk.status()
            case GetConfiguration():
                yield desk.variables()
            case Connect() | Disconnect():
                yield desk.turn_csms(isinstance(request, Connect))
            case LiftHazard(evse=evse, hazard=hazard):
                yield await desk.lift_hazard(evse, hazard)
            case GetTransactions(last=last):
                async for found in desk.bookkeeping.transactions(last):
                    yield found
            case GetRecords(first=first):
                async for part in desk.bookkeeping.records(first):
                    yield part
            case MakeDiagnostics():
                async for piece in desk.diagnostics():
                    yield piece
            case Resend(sequence=sequence):
                yield await desk.bookkeeping.resend(sequence)
            case _:
                handler = self._further.get(type(request))
                if handler is None:
                    yield Done(ok=False, detail=f"{type(request).__name__}: not served here")
                    return
                async for answer in handler(request, caller):
                    yield answer

    async def _note(self, action: Action, caller: Caller, last: Answered | None) -> None:
        line = line_of(action, caller, last)
        self._log.info("service.asked", action=line.action, user=line.user, by=line.by, ok=line.ok)
        if self._audit is not None:
            await asyncio.shield(asyncio.to_thread(self._audit.write, line))

    async def _messages(self, request: GetMessages, writer: asyncio.StreamWriter) -> None:
        with self._desk.messages.followed() as further:
            for message in self._desk.messages.last(request.last):
                await self._write(writer, message)
            while request.follow and not writer.is_closing():
                await self._write(writer, await further.get())

    async def _write(self, writer: asyncio.StreamWriter, answer: Answered) -> None:
        writer.write(encode(answer))
        async with asyncio.timeout(WRITE_WAIT_S):
            await writer.drain()


def _for_somebody(request: Request) -> bool:
    """It lasts until its client has left; a card that is shown later is a driver's."""
    return getattr(request, "follow", False) or isinstance(request, AwaitToken | LearnCard)


async def _while_read(reader: asyncio.StreamReader, work: Coroutine[None, None, None]) -> None:
    """Do `work` until the client leaves: one that only follows is not noticed by writing to it."""
    tasks = asyncio.ensure_future(work), asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
