"""A card is shown to a reader only to look at it: the station hears nothing of it.

While somebody waits here, the next token of a reader goes to them instead of to the station. It
leaves the agent masked, with a digest by which two cards can be compared at this station.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from chargepoint import log
from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.ipc.care import AwaitToken, TokenSeen
from chargepoint.ipc.service import Answered, Done
from chargepoint.log import masked
from chargepoint.station.events import TokenPresented
from chargepoint.station.records import IdToken

WITHIN_MAX_S = 120.0
WAITING_MAX = 4
KEY_FILE = "token.key"
KEY_BYTES = 32
DIGEST_DIGITS = 16

Verdict = Callable[[IdToken, Sequence[int]], str]


class ReaderDesk:
    """Who waits for a token. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, asyncio.Future[TokenPresented]]] = []

    def take(self, presented: TokenPresented) -> bool:
        """Give the token to who waits longest for one of its reader; False: nobody does."""
        for reader, waiting in self._waiting:
            if reader in ("", presented.reader) and not waiting.done():
                waiting.set_result(presented)
                return True
        return False

    async def next(self, reader: str, within_s: float) -> TokenPresented | None:
        """The next token of `reader` (empty: of any); None when none comes in time.

        Raises ValueError when too many wait.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise ValueError("too many wait for a card already")
        waiting: asyncio.Future[TokenPresented] = asyncio.get_running_loop().create_future()
        entry = (reader, waiting)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(within_s):
                return await waiting
        except TimeoutError:
            return None
        finally:
            self._waiting.remove(entry)


class NoCard(Exception):
    """None was presented, or none can be; the text says why."""


class TokenDesk:
    """Takes cards from the readers, and tells them apart. `readers`: names of all."""

    def __init__(self, desk: ReaderDesk, readers: Sequence[str], state_dir: Path) -> None:
        self._desk = desk
        self._readers = readers
        self._state_dir = state_dir
        self._key = b""

    async def next(self, reader: str, within_s: float) -> TokenPresented:
        """The next card at `reader` (empty: at any). Raises NoCard."""
        self._check(reader, within_s)
        try:
            presented = await self._desk.next(reader, within_s)
        except ValueError as error:
            raise NoCard(str(error)) from error
        if presented is None:
            raise NoCard(f"no card within {within_s:g} s")
        return presented

    async def digest(self, token: IdToken) -> str:
        """The same for the same token at this station only."""
        if not self._key:
            self._key = await asyncio.to_thread(station_key, self._state_dir / KEY_FILE)
        return digest(self._key, token)

    def _check(self, reader: str, within_s: float) -> None:
        if not self._readers:
            raise NoCard("the station has no reader")
        if reader and reader not in self._readers:
            known = ", ".join(self._readers)
            raise NoCard(f"reader: found `{reader}`, expected one of {known}")
        if not 0 < within_s <= WITHIN_MAX_S:
            raise NoCard(f"within_s: found {within_s:g}, expected up to {WITHIN_MAX_S:g}")


class TokenRequests:
    """Serves `desk` on the socket."""

    def __init__(self, desk: TokenDesk, verdict: Verdict) -> None:
        self._desk = desk
        self._verdict = verdict
        self._log = log.get("tokens")

    def handlers(self) -> Handlers:
        return {AwaitToken: self._await}

    async def _await(self, request: AwaitToken, caller: Caller) -> AsyncIterator[Answered]:
        try:
            presented = await self._desk.next(request.reader, request.within_s)
        except NoCard as error:
            yield Done(ok=False, detail=str(error))
            return
        token = presented.id_token
        self._log.info("token.tested", reader=presented.reader, user=caller.user)
        yield TokenSeen(
            reader=presented.reader,
            kind=token.kind,
            token=masked(token.value),
            digest=await self._desk.digest(token),
            verdict=self._verdict(token, presented.evses),
        )


def digest(key: bytes, token: IdToken) -> str:
    """The same for the same token and key; nobody without the key can try out all cards."""
    return hmac.new(key, token.key.encode(), hashlib.sha256).hexdigest()[:DIGEST_DIGITS]


def station_key(path: Path) -> bytes:
    """The key of this station, made at its first use; one for this start where no disk keeps it."""
    try:
        kept = path.read_bytes()
        if len(kept) == KEY_BYTES:
            return kept
    except OSError:
        pass
    key = secrets.token_bytes(KEY_BYTES)
    young = path.with_name(f"{path.name}.part")
    try:
        young.unlink(missing_ok=True)
        handle = os.open(young, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(key)
        young.replace(path)
    except OSError:
        return key
    return key
