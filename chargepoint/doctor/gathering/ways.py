"""The way to the central system: name, port, certificate; every step bounded in time."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from chargepoint.config import Config
from chargepoint.doctor.evidence import Way

NAME_WAIT_S = 5.0
CONNECT_WAIT_S = 5.0
ADDRESSES_MAX = 4
PORTS = {"ws": 80, "wss": 443}


def look(config: Config) -> tuple[Way, ...]:
    """Each address of the CSMS; none with a proxy on the way, which alone could reach it."""
    csms = config.csms
    if csms is None or csms.proxy:
        return ()
    return tuple(_way(config, url) for url in csms.addresses[:ADDRESSES_MAX])


def _way(config: Config, url: str) -> Way:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or PORTS.get(parts.scheme, 443)
    began_s = time.monotonic()
    addresses, problem = resolve(host, port)
    way = Way(url=url, host=host, port=port, addresses=addresses, dns_problem=problem)
    if problem:
        return way
    secured = parts.scheme == "wss"
    try:
        with socket.create_connection((host, port), timeout=CONNECT_WAIT_S) as stream:
            trouble = _tls_problem(config, stream, host) if secured else ""
    except OSError as error:
        return replace(way, tcp_problem=error.strerror or str(error))
    took_s = time.monotonic() - began_s
    return replace(way, tls=secured, tls_problem=trouble, took_s=took_s)


def _tls_problem(config: Config, stream: socket.socket, host: str) -> str:
    """Why the handshake on `stream` fails; empty: it does not."""
    try:
        with _context(config).wrap_socket(stream, server_hostname=host):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except ssl.SSLError as error:
        return error.reason or str(error)
    except OSError as error:
        return str(error)


def resolve(host: str, port: int) -> tuple[tuple[str, ...], str]:
    """Addresses of a host name, or why there are none; a dead name server is not waited for."""
    result: list[tuple[tuple[str, ...], str]] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            result.append(((), str(error)))
        else:
            result.append((tuple(dict.fromkeys(str(one[4][0]) for one in found)), ""))

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(NAME_WAIT_S)
    return result[0] if result else ((), f"no answer within {NAME_WAIT_S:g} s")


def _context(config: Config) -> ssl.SSLContext:
    """The roots that the agent trusts too: those of the file, else of the system; and installed."""
    csms = config.csms
    assert csms is not None
    context = ssl.create_default_context(cafile=csms.ca_file or None)
    for path in sorted(Path(config.state_dir, "security/roots").glob("*.pem")):
        context.load_verify_locations(cafile=path)
    if csms.security_profile == 3:
        context.load_cert_chain(csms.client_cert, csms.client_key)
    return context
