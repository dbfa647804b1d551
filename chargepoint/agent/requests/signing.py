"""Signatures with the station's key, for clients that may not read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from chargepoint import station_key
from chargepoint.agent.requests.caller import Caller, Handlers
from chargepoint.ipc.care import Sign, Signature
from chargepoint.ipc.service import Answered, Done


class SigningRequests:
    """Signs with the key in `state_dir`; it is made by the first request."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def handlers(self) -> Handlers:
        return {Sign: self._sign}

    async def _sign(self, request: Sign, caller: Caller) -> AsyncIterator[Answered]:
        try:
            signed = await asyncio.to_thread(station_key.sign, self._state_dir, request.digest)
        except (station_key.StationKeyError, ValueError) as error:
            yield Done(ok=False, detail=str(error))
        else:
            yield Signature(**msgspec.structs.asdict(signed))
