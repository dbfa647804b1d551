"""Connections over TLS to real servers on loopback: whom we trust, what we show, what we do after.

The authorities are made here; the servers use the ssl module with settings that the white paper
forbids as well as those that it wants.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from chargepoint.agent.core import FrameReceived, SocketClosed, SocketOpened
from chargepoint.agent.csms import CsmsLink
from chargepoint.agent.endpoint import endpoint
from chargepoint.agent.security.access import SafeAccess
from chargepoint.agent.security.contexts import NO_CHECK_TIME, tls_context
from chargepoint.agent.security.journal import SecurityLog
from chargepoint.agent.security.safe import Safe
from chargepoint.agent.security.worker import SecurityWorker
from chargepoint.config import Csms
from chargepoint.station.events import ClockRead
from chargepoint.station.security_requests import AccessSettled, SecurityNoticed, SecurityRequest
from chargepoint.station.security_values import (
    CertificateUse,
    ChangeKey,
    ChangeProfile,
    InstallRoot,
    MakeRequest,
    RemoveRoot,
    TakeChain,
)
from tests.agent.authorities import DAY, Party, authority, server, station

KEY = "0123456789abcdef"
NEW_KEY = "fedcba9876543210"
HEX_KEY = "4f43415f4f4354545f61646d696e5f74657374"
NOW = datetime.now(UTC)


class Server:
    """A server; `keys` that it takes (None: any), `clients`: roots of certificates it wants."""

    def __init__(self) -> None:
        self.keys: set[bytes] | None = None
        self.shown: list[str | None] = []
        self.certificates: list[Any] = []

    async def check(self, connection: ServerConnection, request: Request) -> Response | None:
        given = request.headers.get("Authorization")
        self.shown.append(given)
        tls = connection.transport.get_extra_info("ssl_object")
        self.certificates.append(None if tls is None else tls.getpeercert())
        if self.keys is None:
            return None
        key = base64.b64decode((given or "").partition(" ")[2]).partition(b":")[2]
        if key in self.keys:
            return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no\n")


@asynccontextmanager
async def csms(
    tls: ssl.SSLContext | None, like: Server | None = None
) -> AsyncIterator[tuple[int, Server]]:
    it = like or Server()

    async def quiet(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(
        quiet,
        "127.0.0.1",
        0,
        ssl=tls,
        process_request=it.check,
        subprotocols=[Subprotocol("ocpp1.6")],
    ) as running:
        yield running.sockets[0].getsockname()[1], it


def context(tmp_path: Path, party: Party, name: str = "server", **client: Any) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*party.files(tmp_path, name))
    roots: Party | None = client.get("roots")
    if roots is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(cadata=roots.pem)
    return made


@contextmanager
def blunt(tls: ssl.SSLContext) -> Iterator[int]:
    """A server that shakes hands, or says in an alert why not, and hangs up; its port.

    It hears the client out first: with bytes unread its end would be a reset, and a client that
    is still writing then never gets to the alert.
    """
    listening = socket.create_server(("127.0.0.1", 0))

    def serve_all() -> None:
        while True:
            try:
                opened, _ = listening.accept()
            except OSError:
                return
            opened.settimeout(2.0)
            with tls.wrap_socket(opened, server_side=True, do_handshake_on_connect=False) as it:
                with suppress(OSError):
                    it.do_handshake()
                with suppress(OSError):
                    it.shutdown(socket.SHUT_WR)
                    while it.recv(4096):
                        pass

    serving = threading.Thread(target=serve_all)
    serving.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        serving.join(5.0)


class Site:
    """A link with its access and what both report."""

    def __init__(self, state: Path, settings: Csms, wall: datetime, synchronised: bool) -> None:
        self.heard: list[SocketOpened | SocketClosed | FrameReceived] = []
        self.reports: list[SecurityRequest] = []
        self.safe = Safe(state, settings)
        self.safe.load()
        self.worker = SecurityWorker(SecurityLog(state), _raise)
        clock = ClockRead(wall=wall, synchronised=synchronised, rtc=False, at_s=1.0)
        self.access = SafeAccess(
            self.safe, self.worker, settings, self.reports.append, lambda: clock
        )
        self.link = CsmsLink(
            endpoint(settings, "CP 1"), ["ocpp1.6"], self._post, access=self.access
        )

    async def _post(self, happening: SocketOpened | SocketClosed | FrameReceived) -> None:
        self.heard.append(happening)

    def opened(self) -> int:
        return sum(isinstance(one, SocketOpened) for one in self.heard)

    def noticed(self) -> list[str]:
        return [each.kind for each in self.reports if isinstance(each, SecurityNoticed)]

    def settled(self) -> list[tuple[str, bool]]:
        return [(each.what, each.kept) for each in self.reports if isinstance(each, AccessSettled)]


def _raise(error: BaseException) -> None:
    raise error


@asynccontextmanager
async def site(
    state: Path,
    port: int,
    *,
    wall: datetime = NOW,
    synchronised: bool = True,
    root: Party | None = None,
    scheme: str = "wss",
    host: str = "127.0.0.1",
    **settings: Any,
) -> AsyncIterator[Site]:
    given = {"security_profile": 2, "password": KEY, "system_roots": False} | settings
    chosen = Csms(
        url=f"{scheme}://{host}:{port}/ocpp",
        retry_wait_min_s=0.02,
        retry_random_range_s=0.0,
        **given,
    )
    it = Site(state, chosen, wall, synchronised)
    if root is not None:
        install(it.safe, root)
    it.worker.start()
    running = asyncio.create_task(it.link.run())
    try:
        yield it
    finally:
        it.link.stop()
        async with asyncio.timeout(30.0):
            await running
        assert it.worker.stop(5.0)


def install(held: Safe, root: Party) -> None:
    task = InstallRoot(
        use=CertificateUse.CSMS_ROOT, pem=root.pem, room=9, signed_by_old=False, now=None
    )
    assert held.perform(task).done


async def until(condition: Any) -> None:
    async with asyncio.timeout(30.0):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


# --- Whom we trust --------------------------------------------------------------------------------


async def test_an_installed_root_lets_us_in_with_the_password(tmp_path: Path) -> None:
    """Y3, TC_085, TC_086: profile 2."""
    root = authority()
    tls = context(tmp_path, server(root))
    async with csms(tls) as (port, it), site(tmp_path / "s", port, root=root) as at:
        await until(at.opened)
        token = base64.b64encode(b"CP 1:" + KEY.encode()).decode()
        assert it.shown == [f"Basic {token}"]
        assert at.safe.in_use == {at.safe.roots.stored[0].name}
        assert at.noticed() == []


SERVERS = {
    "expired": (lambda root: server(root, begins=NOW - 9 * DAY, ends=NOW - DAY), "expired"),
    "of tomorrow": (lambda root: server(root, begins=NOW + DAY, ends=NOW + 9 * DAY), "not yet"),
    "for another address": (lambda root: server(root, "127.0.0.2"), "IP address mismatch"),
    "of a stranger": (lambda root: server(authority("Stranger")), "issuer certificate"),
}


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_server_with_a_bad_certificate_is_refused_and_told_once(
    tmp_path: Path, kind: str
) -> None:
    """Y3, TC_078: no connection, and InvalidCentralSystemCertificate."""
    make, words = SERVERS[kind]
    root = authority()
    tls = context(tmp_path, make(root))
    async with csms(tls) as (port, _), site(tmp_path / "s", port, root=root) as at:
        await until(lambda: len(at.noticed()) >= 2)
        assert set(at.noticed()) == {"InvalidCentralSystemCertificate"}
        assert words in at.link.last_error
        assert "clock" not in at.link.last_error
        assert at.opened() == 0


async def test_a_clock_that_is_not_set_is_named_as_the_cause(tmp_path: Path) -> None:
    root = authority()
    tls = context(tmp_path, server(root, begins=NOW + DAY, ends=NOW + 9 * DAY))
    async with (
        csms(tls) as (port, _),
        site(tmp_path / "s", port, root=root, synchronised=False) as at,
    ):
        await until(at.noticed)
        assert "our clock is not set, which is the likely cause" in at.link.last_error


async def test_a_clock_before_the_build_judges_no_dates(tmp_path: Path) -> None:
    """Y4: else a station without a clock could never learn the time from its CSMS."""
    root = authority()
    tls = context(tmp_path, server(root, begins=NOW - 9 * DAY, ends=NOW - DAY))
    wall = datetime(1970, 1, 1, tzinfo=UTC)
    async with csms(tls) as (port, _), site(tmp_path / "s", port, root=root, wall=wall) as at:
        await until(at.opened)


async def test_a_removed_root_no_longer_counts_for_the_next_connection(tmp_path: Path) -> None:
    root, other = authority("One"), authority("Two")
    tls = context(tmp_path, server(root))
    async with csms(tls) as (port, _), site(tmp_path / "s", port, root=root) as at:
        await until(at.opened)
        install(at.safe, other)
        at.safe.in_use = frozenset()
        named = at.safe.holdings().roots[0].hashes[0]
        assert at.safe.perform(RemoveRoot(hash=named)).done
        at.link.reconnect("test")
        await until(at.noticed)
        assert (at.opened(), at.noticed()[0]) == (1, "InvalidCentralSystemCertificate")


async def test_a_renewed_chain_under_the_new_root_is_trusted_once_that_is_installed(
    tmp_path: Path,
) -> None:
    first = authority("First")
    second = authority("Second", issuer=first)
    tls = context(tmp_path, server(second))
    async with csms(tls) as (port, _), site(tmp_path / "s", port) as at:
        install(at.safe, first)
        await until(at.noticed)  # the server does not send the certificate in between
        task = InstallRoot(
            use=CertificateUse.CSMS_ROOT, pem=second.pem, room=9, signed_by_old=True, now=NOW
        )
        assert at.safe.perform(task).done
        await until(at.opened)


@pytest.mark.parametrize("wildcards", [True, False])
def test_wildcards_are_taken_or_refused_as_configured(tmp_path: Path, wildcards: bool) -> None:
    """AllowCentralSystemTLSWildcards."""
    root = authority()
    serving = context(tmp_path, server(root, "*.example.com"))
    (tmp_path / "root.pem").write_text(root.pem)
    trusting = tls_context(
        "",
        [str(tmp_path / "root.pem")],
        None,
        system_roots=False,
        wildcards=wildcards,
        dates=True,
    )
    assert shaken_hands(trusting, serving, "a.example.com") is wildcards
    assert not shaken_hands(trusting, serving, "a.b.example.com")


def test_trusted_are_what_is_installed_a_file_or_else_the_system(tmp_path: Path) -> None:
    """Y7: without the system, nothing but what somebody put there."""
    installed, configured = authority("Installed"), authority("Configured")
    paths = []
    for party in (installed, configured):
        paths.append(tmp_path / f"{len(paths)}.pem")
        paths[-1].write_text(party.pem)

    def trusted(ca_file: str, system_roots: bool) -> int:
        made = tls_context(
            ca_file,
            [str(paths[0])],
            None,
            system_roots=system_roots,
            wildcards=True,
            dates=True,
        )
        return made.cert_store_stats()["x509_ca"]

    assert trusted("", False) == 1
    assert trusted(str(paths[1]), True) == 2


def shaken_hands(trusting: ssl.SSLContext, serving: ssl.SSLContext, name: str) -> bool:
    """A handshake in memory; whether the client takes the server's certificate."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(down, up, server_hostname=name)
    other = serving.wrap_bio(up, down, server_side=True)
    for _ in range(6):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            with suppress(ssl.SSLWantReadError):
                other.do_handshake()
        except ssl.SSLCertVerificationError:
            return False
        else:
            return True
    raise AssertionError("the handshake does not end")


# --- Versions and suites --------------------------------------------------------------------------


async def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    """Y1."""
    root = authority(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    tls = context(tmp_path, server(root, key=key))
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    with blunt(tls) as port:
        async with site(tmp_path / "s", port, root=root) as at:
            await until(at.noticed)
            assert (at.opened(), at.noticed()[0]) == (0, "InvalidTLSVersion")
            assert at.link.last_error == "the CSMS offers no TLS 1.2"


async def test_a_weak_suite_is_refused(tmp_path: Path) -> None:
    """Y2."""
    root = authority()
    tls = context(tmp_path, server(root))
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    with blunt(tls) as port:
        async with site(tmp_path / "s", port, root=root) as at:
            await until(at.noticed)
            assert (at.opened(), at.noticed()[0]) == (0, "InvalidTLSCipherSuite")


@pytest.mark.parametrize(
    ("suite", "elliptic"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("AES128-GCM-SHA256", False),
        ("AES256-GCM-SHA384", False),
    ],
)
async def test_each_suite_of_the_white_paper_connects(
    tmp_path: Path, suite: str, elliptic: bool
) -> None:
    """Y2."""
    root = authority()
    key = None if elliptic else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    tls = context(tmp_path, server(root, key=key))
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers(suite)
    async with csms(tls) as (port, _), site(tmp_path / "s", port, root=root) as at:
        await until(at.opened)


async def test_no_tls_at_the_port_is_said_so(tmp_path: Path) -> None:
    async with csms(None) as (port, _), site(tmp_path / "s", port, root=authority()) as at:
        await until(lambda: at.link.last_error)
        assert at.noticed() == []
        assert at.opened() == 0


# --- Changes that are tried -----------------------------------------------------------------------


async def test_a_new_key_counts_after_the_first_connection_with_it(tmp_path: Path) -> None:
    """11.2, TC_073."""
    async with csms(None) as (port, it):
        at_profile_1 = site(tmp_path, port, scheme="ws", security_profile=1)
        async with at_profile_1 as at:
            await until(at.opened)
            it.keys = {NEW_KEY.encode()}
            assert at.safe.perform(ChangeKey(key=NEW_KEY)).tried_next
            at.link.reconnect("key")
            await until(at.settled)
            assert at.settled() == [("key", True)]
            assert at.safe.kept.current.key == NEW_KEY
            assert len(it.shown) == 2


async def test_a_key_that_the_csms_refuses_gives_way_to_the_old_one(tmp_path: Path) -> None:
    """11.2, 11.3."""
    async with csms(None) as (port, it):
        it.keys = {KEY.encode()}
        async with site(tmp_path, port, scheme="ws", security_profile=1) as at:
            await until(at.opened)
            at.safe.perform(ChangeKey(key=NEW_KEY))
            at.link.reconnect("key")
            await until(at.settled)
            assert at.settled() == [("key", False)]
            assert at.safe.kept.current.key == KEY
            assert set(at.noticed()) == {"FailedToAuthenticateAtCentralSystem"}
            assert len(it.shown) == 4, "once, twice the new one, the old one"


async def test_a_hex_key_is_tried_as_bytes_then_as_text_and_what_worked_is_remembered(
    tmp_path: Path,
) -> None:
    """Keys, section 9."""
    async with csms(None) as (port, it):
        it.keys = {HEX_KEY.encode()}
        options: dict[str, Any] = {"scheme": "ws", "security_profile": 1, "password": HEX_KEY}
        async with site(tmp_path, port, **options) as at:
            await until(at.opened)
            assert len(it.shown) == 2
            await until(lambda: at.safe.kept.current.spelling == 1)
        async with site(tmp_path, port, **options) as at:
            await until(at.opened)
            assert len(it.shown) == 3


async def test_an_upgrade_to_profile_2_goes_to_tls_at_the_same_place(tmp_path: Path) -> None:
    """11.3, TC_083: connection with the new profile, then it counts."""
    root = authority()
    async with csms(context(tmp_path, server(root))) as (port, _):
        plain = site(tmp_path / "s", port, scheme="ws", security_profile=1, root=root)
        async with plain as at:
            assert at.safe.perform(ChangeProfile(profile=2)).tried_next
            at.link.reconnect("profile")
            await until(at.settled)
            assert at.settled() == [("profile", True)]
            assert at.link.url.startswith("wss://")
            assert at.safe.holdings().profile == 2


async def test_an_upgrade_that_does_not_connect_falls_back(tmp_path: Path) -> None:
    """11.3."""
    async with csms(None) as (port, _):
        plain = site(tmp_path, port, scheme="ws", security_profile=1, root=authority())
        async with plain as at:
            await until(at.opened)
            at.safe.perform(ChangeProfile(profile=2))
            at.link.reconnect("profile")
            await until(at.settled)
            assert at.settled() == [("profile", False)]
            assert (at.safe.holdings().profile, at.opened()) == (1, 2)
            assert at.link.url.startswith("ws://")


async def test_a_change_while_a_connection_is_being_made_is_tried_with_the_next(
    tmp_path: Path,
) -> None:
    """The connection that was begun before says nothing about it."""
    changes: list[str] = []

    class Slow(Server):
        async def check(self, connection: ServerConnection, request: Request) -> Response | None:
            if not changes:
                changes.append(NEW_KEY)
                at.safe.perform(ChangeKey(key=NEW_KEY))
                at.link.reconnect("key")
            return await super().check(connection, request)

    slow = Slow()
    async with (
        csms(None, slow) as (port, _),
        site(tmp_path, port, scheme="ws", security_profile=1) as at,
    ):
        await until(at.settled)
        assert at.settled() == [("key", True)]
        assert (at.opened(), len(slow.shown)) == (1, 2)


# --- Our certificate ------------------------------------------------------------------------------


def certified(held: Safe, root: Party, **fields: Any) -> None:
    csr = held.perform(MakeRequest(common_name="CP 1", organization="Operator")).csr
    pem = station(root, csr, **fields)
    task = TakeChain(pem=pem, common_name="CP 1", organization="Operator", now=NOW)
    outcome = held.perform(task)
    assert outcome.done, outcome.problem


async def test_profile_3_shows_the_certificate_and_no_password(tmp_path: Path) -> None:
    """TC_087."""
    root = authority()
    tls = context(tmp_path, server(root), roots=root)
    async with csms(tls) as (port, it), site(tmp_path / "s", port, root=root) as at:
        certified(at.safe, root)
        at.safe.perform(ChangeProfile(profile=3))
        at.link.reconnect("profile")
        await until(at.settled)
        assert at.settled() == [("profile", True)]
        assert it.shown[-1] is None
        assert (("commonName", "CP 1"),) in it.certificates[-1]["subject"]


async def test_an_expired_certificate_of_ours_is_still_shown(tmp_path: Path) -> None:
    """Y6: the CSMS may accept it as Pending and renew it."""
    root = authority()
    tls = context(tmp_path, server(root), roots=root)
    tls.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    old = server(root, "CP 1", begins=NOW - 9 * DAY, ends=NOW - DAY)
    chain, key = old.files(tmp_path, "configured")
    options: dict[str, Any] = {"security_profile": 3, "client_cert": chain, "client_key": key}
    async with csms(tls) as (port, it), site(tmp_path / "s", port, root=root, **options) as at:
        await until(at.opened)
        assert it.certificates[-1]["notAfter"]


async def test_without_a_certificate_a_server_that_wants_one_is_understood(
    tmp_path: Path,
) -> None:
    root = authority()
    tls = context(tmp_path, server(root), roots=root)
    with blunt(tls) as port:
        async with site(tmp_path / "s", port, root=root) as at:
            await until(at.noticed)
            assert at.noticed()[0] == "FailedToAuthenticateAtCentralSystem"
            assert at.link.last_error == "the CSMS wants a certificate of ours"


async def test_a_certificate_that_the_csms_refuses_gives_way_to_the_old_one(
    tmp_path: Path,
) -> None:
    """11.4: the one before is the fallback."""
    root, others = authority(), authority("Others")
    tls = context(tmp_path, server(root), roots=root)
    chain, key = server(root, "CP 1").files(tmp_path, "configured")
    async with csms(tls) as (port, _):
        options: dict[str, Any] = {
            "security_profile": 3,
            "client_cert": chain,
            "client_key": key,
            "root": root,
        }
        async with site(tmp_path / "s", port, **options) as at:
            await until(at.opened)
            install(at.safe, others)
            certified(at.safe, others)
            at.link.reconnect("certificate")
            await until(at.settled)
            assert at.settled() == [("certificate", False)]
            assert at.safe.certificate(at.safe.kept.current) == (chain, key)
