"""A front end on loopback that passes bytes on, plain or through TLS, and can change over."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress


class Front:
    """`listen` again to change; who is connected loses the connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.target = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self, tls: ssl.SSLContext | None = None) -> None:
        """Plain from now on, or with TLS."""
        await self.stop()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.target)
        ours = {writer, inner_writer}
        self._open |= ours
        await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))
        self._open -= ours


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
