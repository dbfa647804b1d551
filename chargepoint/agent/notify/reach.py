"""Names to addresses and connections, without ever holding up the loop or its executor.

A resolver that does not answer blocks its thread for half a minute. Each name is therefore resolved
in a daemon thread of its own, a few at a time; one that hangs keeps neither the executor that
others share nor the end of the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading

from chargepoint.agent.notify.way import Place, Undelivered

RESOLVERS_MAX = 4
"""Names that are resolved at the same time; further ones are told to try later."""

CONNECT_S = 10.0

Address = tuple[socket.AddressFamily, tuple[str | int | bytes, ...]]

_free = threading.BoundedSemaphore(RESOLVERS_MAX)


async def connect(place: Place, within_s: float = CONNECT_S) -> socket.socket:
    """A connected, non-blocking socket. Raises Undelivered."""
    host, port = place
    problem = "no address"
    try:
        async with asyncio.timeout(within_s):
            for family, address in await resolve(place):
                try:
                    return await _connected(family, address)
                except OSError as error:
                    problem = _words(error)
    except TimeoutError:
        problem = f"no answer within {within_s:g} s"
    raise Undelivered(f"{host}:{port} is not reached: {problem}", retry=True, place=place)


async def resolve(place: Place) -> list[Address]:
    """The addresses of a host. Raises Undelivered; may take as long as the resolver does."""
    host, port = place
    with contextlib.suppress(ValueError):
        number = ipaddress.ip_address(host)
        family = socket.AF_INET if number.version == 4 else socket.AF_INET6
        return [(family, (host, port))]
    if not _free.acquire(blocking=False):
        raise Undelivered("the name server does not answer", retry=True, place=place)
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Address] | OSError] = loop.create_future()

    def deliver(result: list[Address] | OSError) -> None:
        if not found.done():
            found.set_result(result)

    def look_up() -> None:
        try:
            result = _look_up(host, port)
        finally:
            _free.release()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(deliver, result)

    threading.Thread(target=look_up, name="resolver", daemon=True).start()
    result = await found
    if isinstance(result, OSError):
        raise Undelivered(f"no address for {host}: {_words(result)}", retry=True, place=place)
    return result


def _look_up(host: str, port: int) -> list[Address] | OSError:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except UnicodeError:  # a label that is too long or empty
        return OSError("not a host name")
    return [(socket.AddressFamily(family), address) for family, _, _, _, address in found]


async def _connected(
    family: socket.AddressFamily, address: tuple[str | int | bytes, ...]
) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


def _words(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
