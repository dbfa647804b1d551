"""What holds for every request, before any page sees it.

A `Host` that is not ours (DNS rebinding), a change asked for by another site, a body that is too
large or too slow, and a client that does not read are refused here; every answer carries the
headers that tell a browser to trust nothing but this station.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chargepoint import log
from chargepoint.config.people import Web

BODY_MAX_BYTES = 64 * 1024
BODY_WAIT_S = 15.0
SEND_WAIT_S = 20.0
PATH_MAX = 500
"""Characters; no page of ours has a longer one, and some numbers in them cost time."""

READ_METHODS = ("GET", "HEAD", "OPTIONS")

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Not `no-referrer`: with it, browsers send the origin `null` with a form.
    "Referrer-Policy": "same-origin",
}


class Refusal(Exception):
    """The request is not served: HTTP status and why."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], tls: bool) -> None:
        self._app = app
        self._hosts = hosts
        self._tls = tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answering = _Answer(send, self._tls)
        try:
            self._check(scope["method"], headers)
            if len(scope["path"]) > PATH_MAX:
                raise Refusal(414, "there is no such page")
            await self._app(scope, _bounded(receive), answering)
        except Refusal as refusal:
            if not answering.begun:
                await answering.refuse(refusal)
        except (ClientDisconnect, TimeoutError):
            return  # nobody reads any more; the server closes the connection
        except Exception as error:
            log.get("web").error("web.request_failed", path=scope["path"][:200], exc_info=error)
            if not answering.begun:
                await answering.refuse(Refusal(500, "this went wrong here; see the log"))

    def _check(self, method: str, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not known_host(hosts[0], self._hosts):
            raise Refusal(400, "this is not a name of this station")
        if "transfer-encoding" in headers and "content-length" in headers:
            # A proxy in front of us may have believed the other one.
            raise Refusal(400, "two lengths of one body")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 12 or int(length) > BODY_MAX_BYTES:
            raise Refusal(413, f"more than {BODY_MAX_BYTES} bytes")
        if method not in READ_METHODS and not same_origin(headers):
            raise Refusal(403, "asked for by another site")


def same_origin(headers: Headers) -> bool:
    """Whether a page of ours asks, as far as the browser says; no browser says nothing."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit_netloc(origin) == headers.get("host", "").casefold()
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def urlsplit_netloc(origin: str) -> str:
    """`host:port` of an origin; empty for one that cannot be read, and for `null`."""
    try:
        return urlsplit(origin).netloc.casefold()
    except ValueError:
        return ""


def known_host(host: str, hosts: frozenset[str]) -> bool:
    """Whether a Host header names this station: an address, or one of its names."""
    if any(sign in host for sign in "@/?#\\"):
        return False  # more than a host: it would stand in the addresses that we make
    try:
        name = (urlsplit(f"//{host}").hostname or "").casefold().rstrip(".")
    except ValueError:
        return False
    if name in hosts:
        return True
    try:
        # An address is safe: a page that was rebound to us still calls us by its own name.
        ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return True


def hosts_of(web: Web) -> frozenset[str]:
    """Names under which this station is reached."""
    name = socket.gethostname().casefold()
    short = name.split(".")[0]
    found = {"localhost", name, short, f"{short}.local", web.listen.rpartition(":")[0].casefold()}
    if web.public_url:
        found.add((urlsplit(web.public_url).hostname or "").casefold())
    return frozenset(found - {""})


class _Answer:
    """Sends with our headers, and does not wait for a client that does not read."""

    def __init__(self, send: Send, tls: bool) -> None:
        self._send = send
        self._tls = tls
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self._tls:
                headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            headers.setdefault("Cache-Control", "no-store")
        async with asyncio.timeout(SEND_WAIT_S):
            await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        body = json.dumps({"error": refusal.text}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await self({"type": "http.response.start", "status": refusal.code, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def _bounded(receive: Receive) -> Receive:
    """`receive` that refuses a body beyond the limits of size and time."""
    total = 0
    whole = False
    until_s: float | None = None

    async def bounded() -> Message:
        nonlocal total, whole, until_s
        if whole:
            return await receive()
        if until_s is None:
            until_s = asyncio.get_running_loop().time() + BODY_WAIT_S
        try:
            async with asyncio.timeout_at(until_s):
                message: dict[str, Any] = dict(await receive())
        except TimeoutError as error:
            raise Refusal(408, "the request did not come in time") from error
        total += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if total > BODY_MAX_BYTES:
            raise Refusal(413, f"more than {BODY_MAX_BYTES} bytes")
        return message

    return bounded
