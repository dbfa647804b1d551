"""Who may do what in the owner's area, and how others are kept out."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from chargepoint.ipc.care import NoteAction, SetEvseEnabled
from chargepoint.web.api.endpoint import Access, Endpoint
from chargepoint.web.api.table import endpoints
from chargepoint.web.guard import BODY_MAX_BYTES
from chargepoint.web.server import SOCKETS_MAX, TLS_BOUNDS, Connection
from chargepoint.web.streams import CLIENTS_MAX, RESERVED
from tests.web.place import JSON, OWNER, PASSWORD, TECHNICIAN, Place, serving

ALL = endpoints()
GUARDED = [one for one in ALL if one.access is not Access.ANYBODY]
OPEN = {"/api/session", "/api/login", "/api/phrases", "/api/openapi.json"}
IDLE_S = 30 * 60


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("shared")) as place:
        yield place


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("own")) as place:
        yield place


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.public_path}"


def path_of(endpoint: Endpoint) -> str:
    return re.sub(r"\{\w+\}", "1", endpoint.public_path)


def test_only_the_way_in_is_open_to_everybody() -> None:
    assert {one.public_path for one in ALL if one.access is Access.ANYBODY} == OPEN


@pytest.mark.parametrize("endpoint", GUARDED, ids=named)
def test_nothing_is_answered_without_a_login(shared: Place, endpoint: Endpoint) -> None:
    before = len(shared.agent.asked)
    answer = shared.visitor().ask(endpoint.method, path_of(endpoint))
    assert (answer.code, answer.json()) == (401, {"error": "log in first"})
    assert len(shared.agent.asked) == before


@pytest.mark.parametrize("endpoint", GUARDED, ids=named)
def test_nothing_is_answered_for_a_cookie_that_was_made_up(
    shared: Place, endpoint: Endpoint
) -> None:
    visitor = shared.visitor()
    visitor.cookie = "A" * 43
    assert visitor.ask(endpoint.method, path_of(endpoint)).code == 401


@pytest.mark.parametrize("endpoint", [e for e in GUARDED if e.method != "GET"], ids=named)
def test_nothing_changes_without_the_token_of_the_session(
    shared: Place, endpoint: Endpoint
) -> None:
    visitor = shared.visitor(OWNER)
    for token in ("", "wrong"):
        visitor.csrf = token
        answer = visitor.ask(endpoint.method, path_of(endpoint), {})
        assert answer.code == 403
        assert "X-CSRF-Token" in answer.json()["error"]


@pytest.mark.parametrize("endpoint", [e for e in ALL if e.access is Access.OWNER], ids=named)
def test_a_technician_does_not_manage_accounts(shared: Place, endpoint: Endpoint) -> None:
    answer = shared.visitor(TECHNICIAN).ask(endpoint.method, path_of(endpoint), {})
    assert (answer.code, answer.json()) == (403, {"error": "only an owner may do this"})


def test_an_action_goes_to_the_agent_in_the_name_of_the_account(shared: Place) -> None:
    answer = shared.visitor(TECHNICIAN).post("/api/evses/2/enabled", {"enabled": False})
    assert (answer.code, answer.json()) == (200, {"ok": True, "detail": "done"})
    assert shared.agent.asked[-1] == SetEvseEnabled(evse=2, enabled=False, by=TECHNICIAN)


def test_an_evse_that_is_not_there_is_not_asked_about(shared: Place) -> None:
    answer = shared.visitor(OWNER).post("/api/evses/99/unlock")
    assert (answer.code, answer.json()) == (404, {"error": "there is no EVSE 99"})


# --- Logins ---------------------------------------------------------------------------------------


def test_the_cookie_is_kept_from_scripts_and_other_sites(shared: Place) -> None:
    cookie = shared.visitor().log_in(OWNER).headers["Set-Cookie"]
    assert re.fullmatch(r"session=[\w-]{43}; HttpOnly; Path=/; SameSite=strict", cookie)


def test_logins_are_audited_and_a_name_that_is_none_is_not_shown(place: Place) -> None:
    place.visitor(OWNER)
    place.visitor().log_in("my-password-in-the-wrong-field", "x" * 12)
    place.visitor().log_in(OWNER, "wrong password")
    notes = [one for one in place.agent.asked if isinstance(one, NoteAction)]
    assert [(one.action, one.by, one.ok) for one in notes] == [
        ("web.login", OWNER, True),
        ("web.login", "?", False),
        ("web.login", OWNER, False),
    ]


def test_guessing_becomes_slower_with_each_failure(place: Place) -> None:
    """Three are free, then 2, 4, 8, … seconds; the right password has to wait too."""
    visitor = place.visitor()
    codes = [visitor.log_in(OWNER, "wrong password").code for _ in range(3)]
    waits = []
    for _ in range(4):
        refused = visitor.log_in(OWNER)
        codes.append(refused.code)
        waits.append(int(refused.headers["Retry-After"]) - 1)
        place.clock.now_s += waits[-1] + 0.01
        codes.append(visitor.log_in(OWNER, "wrong password").code)
    assert codes == [401, 401, 401] + 4 * [429, 401]
    assert waits == [2, 4, 8, 16]


def test_a_session_ends_by_idling_and_a_page_left_open_counts_as_idle(place: Place) -> None:
    visitor = place.visitor(OWNER)
    place.clock.now_s += IDLE_S - 1
    assert visitor.get("/api/accounts").code == 200
    place.clock.now_s += IDLE_S - 1
    assert visitor.get("/api/accounts", {"X-Background": "1"}).code == 200
    place.clock.now_s += 2
    assert visitor.get("/api/accounts").code == 401


def test_a_session_ends_after_twelve_hours_whatever_is_done(place: Place) -> None:
    visitor = place.visitor(OWNER)
    for _ in range(48):
        place.clock.now_s += 15 * 60
        assert visitor.get("/api/accounts").code == 200
    place.clock.now_s += 1
    assert visitor.get("/api/accounts").code == 401


def test_a_logout_ends_the_session(shared: Place) -> None:
    visitor = shared.visitor(OWNER)
    assert visitor.post("/api/logout").code == 200
    assert visitor.get("/api/accounts").code == 401


def test_another_password_ends_all_sessions_of_the_account(place: Place) -> None:
    here, there = place.visitor(TECHNICIAN), place.visitor(TECHNICIAN)
    change = {"present": PASSWORD, "password": "another long one"}
    assert here.post("/api/password", change).code == 200
    assert there.get("/api/status").code == 401
    assert place.visitor().log_in(TECHNICIAN).code == 401
    assert place.visitor().log_in(TECHNICIAN, "another long one").code == 200


def test_a_removed_account_is_out_at_once(place: Place) -> None:
    technician = place.visitor(TECHNICIAN)
    assert place.visitor(OWNER).ask("DELETE", f"/api/accounts/{TECHNICIAN}").code == 200
    assert technician.get("/api/status").code == 401


def test_a_broken_file_of_accounts_tells_a_stranger_nothing(place: Place) -> None:
    place.desk.accounts.path.write_text("broken", "utf-8")
    answer = place.visitor().log_in(OWNER)
    assert (answer.code, answer.json()) == (409, {"error": "accounts cannot be read"})


def test_the_area_is_closed_beyond_loopback_without_tls(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("plain")
    with serving(folder) as here:
        port = here.web.listen.rpartition(":")[2]
    with serving(folder, web__listen=f"0.0.0.0:{port}") as place:
        assert place.visitor().log_in(OWNER).code == 403
        assert place.visitor().get("/api/session").json()["area_open"] is False
        assert place.visitor().get("/").code == 200
    with serving(folder, web__listen=f"0.0.0.0:{port}", web__insecure=True) as place:
        assert place.visitor().log_in(OWNER).code == 200


def test_with_tls_the_cookie_goes_nowhere_else(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with serving(tmp_path_factory.mktemp("tls"), web__tls="self-signed") as place:
        cookie = place.visitor().log_in(OWNER).headers["Set-Cookie"]
        assert re.fullmatch(
            r"__Host-session=[\w-]{43}; HttpOnly; Path=/; SameSite=strict; Secure", cookie
        )
        answer = place.visitor(OWNER).get("/api/accounts")
        assert answer.code == 200
        assert answer.headers["Strict-Transport-Security"]


def test_a_client_that_begins_no_handshake_is_left(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TLS_BOUNDS, "handshake_s", 0.1)
    with (
        serving(tmp_path_factory.mktemp("silent"), web__tls="self-signed") as place,
        socket.create_connection(("127.0.0.1", place.port), timeout=10) as client,
    ):
        assert client.recv(100) == b""


# --- What holds for every request -----------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "",
        "a b",
        "[::1",
        "evil.example@localhost",
        "localhost/x",
    ],
)
def test_a_host_that_is_not_ours_gets_nothing(shared: Place, host: str) -> None:
    """A page of another site that was rebound to our address still calls us by its own name."""
    for path in ("/", "/owner", "/metrics", "/api/session", "/static/owner.js"):
        assert shared.visitor().get(path, {"Host": host}).code == 400


@pytest.mark.parametrize("path", ["/e/", "/api/driver/", "/static/", "/"])
def test_an_endless_path_is_refused_before_it_is_read(shared: Place, path: str) -> None:
    """A number of thousands of digits is none that could be read."""
    assert shared.visitor().get(path + "9" * 5000).code == 414


def test_a_body_of_two_lengths_is_refused(shared: Place) -> None:
    """A proxy in front may have taken what follows for the request of somebody else."""
    both = {"Transfer-Encoding": "chunked", "Content-Length": "5"}
    answer = shared.visitor().ask("POST", "/api/login", raw=b"0\r\n\r\n", headers={**JSON, **both})
    assert answer.code == 400
    assert "two lengths" in answer.json()["error"]
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("host", ["localhost", "192.168.1.7:8080", "[fe80::1]:80", "LOCALHOST."])
def test_our_names_and_any_address_are_served(shared: Place, host: str) -> None:
    assert shared.visitor().get("/api/session", {"Host": host}).code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_another_site_changes_nothing(shared: Place, headers: dict[str, str]) -> None:
    visitor = shared.visitor(OWNER)
    for path in ("/api/login", "/api/logout", "/api/csms", "/api/driver/problem"):
        assert visitor.post(path, {}, headers).code == 403


def test_our_own_page_may_change_things(shared: Place) -> None:
    origin = {"Origin": f"http://127.0.0.1:{shared.port}"}
    assert shared.visitor(OWNER).post("/api/csms", {"connected": True}, origin).code == 200


def test_a_large_body_is_refused_by_its_header(shared: Place) -> None:
    length = {"Content-Length": str(BODY_MAX_BYTES + 1), "Content-Type": "application/json"}
    answer = shared.visitor().ask("POST", "/api/login", headers=length, raw=b"")
    assert answer.code == 413


def test_a_large_body_in_pieces_is_refused_too(shared: Place) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as client:
        head = "POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(9):
            client.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_head_without_end_is_refused(shared: Place) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000)
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("sent", [b"", b"GET / HT"])
def test_a_client_that_sends_no_whole_request_is_left(
    shared: Place, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(Connection, "request_wait_s", 0.1)
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as client:
        client.sendall(sent)
        assert client.recv(100) == b""


def test_every_answer_carries_the_headers_that_bind_a_browser(shared: Place) -> None:
    for path in ("/", "/owner", "/static/owner.js", "/api/session", "/nothing"):
        headers = shared.visitor().get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "unsafe-inline" not in headers["Content-Security-Policy"]
        assert "Server" not in headers


def test_files_beside_the_static_ones_are_not_served(shared: Place) -> None:
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static//etc/passwd"):
        assert shared.visitor().get(path).code == 404


def test_so_many_streams_and_no_more_and_some_are_kept_for_the_owner(place: Place) -> None:
    visitor = place.visitor(OWNER)
    clients = []

    def look(path: str) -> bytes:
        client = socket.create_connection(("127.0.0.1", place.port), timeout=10)
        clients.append(client)
        cookie = f"Cookie: session={visitor.cookie}"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n\r\n".encode())
        return client.recv(2000).split(b" ")[1]

    drivers = [look("/api/driver/events") for _ in range(CLIENTS_MAX - RESERVED + 1)]
    owners = [look("/api/live") for _ in range(RESERVED + 1)]
    assert drivers == [b"200"] * (CLIENTS_MAX - RESERVED) + [b"503"]
    assert owners == [b"200"] * RESERVED + [b"503"]
    assert visitor.get("/api/session").code == 200
    for client in clients:
        client.close()


def test_places_of_streams_are_given_back(place: Place) -> None:
    visitor = place.visitor(OWNER)
    head = f"GET /api/live HTTP/1.1\r\nHost: localhost\r\nCookie: session={visitor.cookie}\r\n\r\n"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", place.port), timeout=10) as client:
            client.sendall(head.encode())
            received = b""
            while b"event: look" not in received:
                received += client.recv(4000)
            assert place.desk.context.streams.clients == 1
        while place.desk.context.streams.clients:
            visitor.get("/api/session")


def test_connections_beyond_what_the_program_has_files_for_are_closed_unheard(
    shared: Place,
) -> None:
    held = []
    try:
        for number in range(SOCKETS_MAX + 20):
            line = socket.socket()
            line.bind((f"127.0.0.{2 + number // 40}", 0))
            line.settimeout(5)
            line.connect(("127.0.0.1", shared.port))
            held.append(line)
        assert all(line.recv(1) == b"" for line in held[-5:])
        for line in held[:-20]:
            line.settimeout(0)
            with pytest.raises(BlockingIOError):
                line.recv(1)
    finally:
        for line in held:
            line.close()
    assert shared.visitor().get("/api/session").code in (200, 503)
