"""Files over HTTP and HTTPS: GET with resume, PUT, and POST as a form where PUT is not known.

Redirects are followed a few times, never from https to http, and with name and password only to the
same server. A body that ends early is a failure, also without a Content-Length where it is chunked.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

from chargepoint.agent.jobs.places import Place, TransferError, place
from chargepoint.agent.jobs.transfer import CHUNK_BYTES, REDIRECTS_MAX, Transfer
from chargepoint.station.file_values import Problem

AGENT = "chargepoint"
REDIRECTS = {301, 302, 303, 307, 308}
DENIED = {401, 403, 407}
NO_PUT = {404, 405, 501}
"""Answers to PUT after which a form is tried."""

OK_MAX = 299


class Version:
    """What the server says of the file, so that a resume never joins two different ones."""

    def __init__(self, tag: str, keep: Callable[[str], None]) -> None:
        self.tag = tag
        self._keep = keep

    def learn(self, tag: str) -> None:
        """Kept before anything of the body is written: the agent may die in the middle of it."""
        if tag != self.tag:
            self.tag = tag
            self._keep(tag)


def fetch(source: Place, target: BinaryIO, have: int, version: Version, transfer: Transfer) -> None:
    """Write the file to `target`, which holds `have` bytes of its `version` already.

    `target` is emptied first when the server cannot go on from there, or has another file now.
    Raises TransferError, OSError, http.client.HTTPException.
    """
    origin = source
    for _ in range(REDIRECTS_MAX + 1):
        connection = _connection(source, transfer)
        with closing(connection):
            headers = _headers(source, origin)
            if have and version.tag:
                headers |= {"Range": f"bytes={have}-", "If-Range": version.tag}
            connection.request("GET", source.target, headers=headers)
            answer = connection.getresponse()
            if answer.status in REDIRECTS:
                source = _redirected(source, answer)
                continue
            if answer.status == 416 and have:
                have = 0
                continue
            _take(answer, target, have, version, transfer)
            return
    raise TransferError(Problem.FAILED, f"redirected more than {REDIRECTS_MAX} times")


def _take(
    answer: http.client.HTTPResponse,
    target: BinaryIO,
    have: int,
    version: Version,
    transfer: Transfer,
) -> None:
    _succeeded(answer)
    resumed = answer.status == 206 and have > 0
    if resumed and not (answer.getheader("Content-Range") or "").startswith(f"bytes {have}-"):
        raise TransferError(Problem.FAILED, "the server goes on at another place")
    target.seek(have if resumed else 0)
    target.truncate()
    tag = answer.getheader("ETag") or answer.getheader("Last-Modified") or ""
    if tag.startswith("W/"):  # a weak one says nothing of bytes
        tag = answer.getheader("Last-Modified") or ""
    version.learn(tag)
    if answer.length is not None:
        transfer.fits(answer.length + (have if resumed else 0))
    transfer.moved(have if resumed else 0)
    while chunk := answer.read(CHUNK_BYTES):
        target.write(chunk)
        transfer.moved(len(chunk))
    if answer.length:
        raise TransferError(Problem.FAILED, f"{answer.length} bytes are missing")


def store(target: Place, source: Path, name: str, transfer: Transfer) -> None:
    """PUT the file below `target`; where that is not known, POST it there as a form.

    Raises TransferError, OSError, http.client.HTTPException.
    """
    status = _send("PUT", target.below(name), source, name, transfer)
    if status in NO_PUT:
        status = _send("POST", target, source, name, transfer)
    _judged(status)


def _send(method: str, target: Place, source: Path, name: str, transfer: Transfer) -> int:
    origin = target
    for _ in range(REDIRECTS_MAX + 1):
        connection = _connection(target, transfer)
        with closing(connection), source.open("rb") as file:
            head, tail = _form(name) if method == "POST" else (b"", b"")
            headers = _headers(target, origin)
            headers["Content-Length"] = str(len(head) + source.stat().st_size + len(tail))
            headers["Content-Type"] = "application/octet-stream"
            if method == "POST":
                boundary = head[2 : head.index(b"\r\n")].decode()
                headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
            # A server that refuses closes early; what it says is worth more than the broken pipe.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                body = _body(head, file, tail, transfer)
                connection.request(method, target.target, body=body, headers=headers)
            answer = connection.getresponse()
            if answer.status not in REDIRECTS:
                return answer.status
            target = _redirected(target, answer)
    raise TransferError(Problem.FAILED, f"redirected more than {REDIRECTS_MAX} times")


def _body(head: bytes, file: BinaryIO, tail: bytes, transfer: Transfer) -> Iterator[bytes]:
    if head:
        yield head
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
        transfer.moved(len(chunk))
    if tail:
        yield tail


def _form(name: str) -> tuple[bytes, bytes]:
    """What goes before and behind the file in a form; `name` has no quote in it."""
    boundary = f"chargepoint{secrets.token_hex(12)}"
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()


# --- Connections ----------------------------------------------------------------------------------


def _connection(at: Place, transfer: Transfer) -> http.client.HTTPConnection:
    if at.scheme == "https":
        return http.client.HTTPSConnection(
            at.host, at.port, timeout=transfer.stall_s, context=transfer.tls()
        )
    return http.client.HTTPConnection(at.host, at.port, timeout=transfer.stall_s)


def _headers(at: Place, origin: Place) -> dict[str, str]:
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if origin.user and at.same_server(origin):
        pair = f"{origin.user}:{origin.password}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    return headers


def _redirected(at: Place, answer: http.client.HTTPResponse) -> Place:
    there = answer.getheader("Location")
    if not there:
        raise TransferError(Problem.FAILED, "redirected to nowhere")
    bare = f"{at.scheme}://[{at.host}]" if ":" in at.host else f"{at.scheme}://{at.host}"
    target = place(urljoin(f"{bare}:{at.port}{at.target}", there))
    if target.scheme not in ("http", "https"):
        raise TransferError(Problem.FAILED, f"redirected to {target.scheme}")
    if at.scheme == "https" and target.scheme != "https":
        raise TransferError(Problem.FAILED, "redirected from https to http")
    return target


def _succeeded(answer: http.client.HTTPResponse) -> None:
    _judged(answer.status)


def _judged(status: int) -> None:
    if status in DENIED:
        raise TransferError(Problem.DENIED, f"the server refuses us (HTTP {status})")
    if not 200 <= status <= OK_MAX:
        raise TransferError(Problem.FAILED, f"HTTP {status}")
