"""Ways to the CSMS: through an HTTP proxy, over IPv6."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.server import serve

from chargepoint.agent.connection.proxy import proxy_of, shown
from chargepoint.agent.csms import LinkState
from chargepoint.agent.endpoint import endpoint
from chargepoint.config import Csms
from tests.agent import authorities
from tests.agent.links import OCPP, eventually, linked, server
from tests.agent.proxies import running_proxy

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_a_tunnel_is_asked_for_also_without_tls() -> None:
    async with (
        running_proxy() as proxy,
        server() as (url, _),
        linked(url, proxy=f"http://127.0.0.1:{proxy.port}") as (link, station),
    ):
        await station.until(lambda: station.opened() == 1)
        assert [f"ws://{target}/ocpp" for target in proxy.asked] == [url]
        assert link.url == f"{url}/CP%201"


async def test_the_certificate_is_that_of_the_csms_and_not_of_the_proxy(tmp_path: Path) -> None:
    """The name is resolved by the proxy: the station knows no address of the CSMS. SNI is sent."""
    names: list[str | None] = []
    root = authorities.authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authorities.server(root, "csms.invalid").files(tmp_path, "server"))
    context.sni_callback = lambda _, name, __: names.append(name)
    (tmp_path / "root.pem").write_text(root.pem)
    async with running_proxy() as proxy, server(ssl=context) as (url, _):
        proxy.to = ("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]))
        named = "wss://csms.invalid/ocpp"
        options = {
            "ca_file": str(tmp_path / "root.pem"),
            "proxy_user": "me",
            "proxy_password": "a:@/",
        }
        proxy.password = "me:a:@/"
        async with linked(named, proxy=f"http://127.0.0.1:{proxy.port}", **options) as (_, station):
            await station.until(lambda: station.opened() == 1)
            assert (proxy.asked, names) == (["csms.invalid:443"], ["csms.invalid"])


@pytest.mark.parametrize(
    ("status", "text", "check"),
    [
        ("407 Who", "wants another user name or password", "csms.proxy_user"),
        ("403 No", "makes no tunnel: HTTP 403", "whether the proxy may connect to 127.0.0.1:9"),
        ("502 Bad", "makes no tunnel: HTTP 502", "and that host itself"),
    ],
)
async def test_a_proxy_that_refuses_is_told_and_tried_again(
    status: str, text: str, check: str
) -> None:
    """T3."""
    async with running_proxy() as proxy:
        proxy.status = status
        way = f"http://127.0.0.1:{proxy.port}"
        async with linked("ws://127.0.0.1:9/ocpp", proxy=way) as (link, _):
            await eventually(lambda: len(proxy.asked) >= 2)
            assert f"the proxy 127.0.0.1:{proxy.port} {text}" in link.last_error
            assert check in link.last_check


async def test_a_proxy_that_is_not_there_is_told_by_its_own_name() -> None:
    async with linked("ws://127.0.0.1:9/", proxy="http://127.0.0.1:1") as (link, _):
        await eventually(lambda: link.state is LinkState.WAITING)
        assert link.last_error == "the proxy 127.0.0.1:1 refuses connections"


async def test_a_proxy_that_is_none_is_told() -> None:
    async with server() as (url, _):
        way = "http:" + url.removeprefix("ws:").removesuffix("/ocpp")
        async with linked("ws://x.invalid/", proxy=way) as (link, _):
            await eventually(lambda: link.state is LinkState.WAITING)
            assert "the proxy" in link.last_error


async def test_the_address_is_not_tried_straight_when_there_is_a_proxy() -> None:
    """Returning: only an attempt through the proxy can tell; a dead first address costs one."""
    async with running_proxy() as proxy, server() as (url, _):
        way = f"http://127.0.0.1:{proxy.port}"
        dead = "ws://127.0.0.1:1/"
        async with linked([dead, url], proxy=way, return_after_s=0.05) as (link, station):
            await station.until(lambda: station.opened() == 2)
            assert proxy.asked.count("127.0.0.1:1") == 2
            assert link.places.number == 2


def of_environment(url: str) -> str | None:
    return proxy_of(endpoint(Csms(url=url, proxy="environment"), "CP"))


def test_the_environment_counts_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://me:pass%20word@proxy:3128")
    monkeypatch.setenv("http_proxy", "plain:8080")
    monkeypatch.setenv("no_proxy", "inside.example,10.0.0.5")
    assert of_environment("wss://csms.example/") == "http://me:pass%20word@proxy:3128"
    assert of_environment("ws://csms.example/") == "http://plain:8080"
    assert of_environment("wss://a.inside.example/") is None
    assert of_environment("ws://10.0.0.5:80/") is None
    assert proxy_of(endpoint(Csms(url="wss://csms.example/"), "CP")) is None


def test_an_empty_environment_means_straight() -> None:
    assert of_environment("wss://csms.example/") is None


@pytest.mark.parametrize(
    "proxy", ["socks5://proxy:1080", "https://proxy", "http://me@proxy", "http://me:se/cret@proxy"]
)
def test_a_proxy_of_the_environment_that_cannot_be_used_is_an_error(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    with pytest.raises(ValueError, match="environment") as raised:
        of_environment("wss://csms.example/")
    assert "'se'" not in str(raised.value)


async def test_such_a_proxy_does_not_end_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """T3."""
    monkeypatch.setenv("all_proxy", "socks5://proxy:1080")
    async with linked("ws://127.0.0.1:9/", proxy="environment") as (link, _):
        await eventually(lambda: link.failures >= 2)
        assert "no http:// one: socks5" in link.last_error


def test_no_credentials_are_shown() -> None:
    assert shown("http://me:secret@proxy") == "proxy:80"
    assert shown("wss://[fd00::1]/x") == "[fd00::1]:443"


async def test_an_ipv6_address_stands_in_brackets() -> None:
    """T1."""
    async with serve(lambda c: c.wait_closed(), "::1", 0, subprotocols=[OCPP]) as running:
        port = running.sockets[0].getsockname()[1]
        async with linked(f"ws://[::1]:{port}/ocpp") as (link, station):
            await station.until(lambda: station.opened() == 1)
            assert link.url == f"ws://[::1]:{port}/ocpp/CP%201"


async def test_a_name_with_a_dead_ipv6_address_is_reached_by_ipv4(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`localhost` of this test has both; nobody listens at the first."""
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0)),
    ]
    async with server() as (url, _):
        port = int(url.rpartition(":")[2].partition("/")[0])
        found.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)))  # type: ignore[arg-type]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **how: found)
        async with linked(f"ws://csms.invalid:{port}/ocpp") as (_, station):
            await station.until(lambda: station.opened() == 1)
