"""An HTTP proxy on loopback that makes tunnels (RFC 9110, CONNECT), or says why not."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """`password`: `user:password` that it wants; `status`: what it answers instead of a tunnel."""

    def __init__(self) -> None:
        self.port = 0
        self.password = ""
        self.status = ""
        self.asked: list[str] = []
        """Where to, of each request, the refused ones included."""
        self.to: tuple[str, int] | None = None
        """Where tunnels lead, whatever was asked for."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        assert method == "CONNECT"
        self.asked.append(target)
        wanted = base64.b64encode(self.password.encode()).decode()
        if self.password and f"Proxy-Authorization: Basic {wanted}" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        if self.status:
            writer.write(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
            return
        host, _, port = target.rpartition(":")
        there = self.to or (host.strip("[]"), int(port))
        far_reader, far_writer = await asyncio.open_connection(*there)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def running_proxy() -> AsyncIterator[Proxy]:
    it = Proxy()
    async with await asyncio.start_server(it.serve, "127.0.0.1", 0) as listening:
        it.port = listening.sockets[0].getsockname()[1]
        yield it
