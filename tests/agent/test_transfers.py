"""Downloads and uploads against servers that are right, slow, wrong, and cut off."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

from chargepoint.agent.jobs.download import download, room
from chargepoint.agent.jobs.places import TransferError, place
from chargepoint.agent.jobs.transfer import Cancelled, Transfer
from chargepoint.agent.jobs.upload import upload
from chargepoint.station.file_values import Problem
from tests.agent.authorities import authority, server
from tests.agent.file_servers import PASSWORD, USER, Shelf, ftp_server, http_server

BODY = bytes(range(256)) * 1000
CREDENTIALS = f"{USER}:{quote(PASSWORD, safe='')}@"


def no_tls() -> ssl.SSLContext:
    raise AssertionError("no TLS was asked for")


def bounds(size_max: int = 10_000_000, stall_s: float = 5.0, **fields: object) -> Transfer:
    return Transfer(no_tls, size_max, stall_s=stall_s, **fields)  # type: ignore[arg-type]


def with_credentials(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{CREDENTIALS}{rest}"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "firmware.bin"


def failed(location: str, target: Path, transfer: Transfer | None = None) -> TransferError:
    with pytest.raises(TransferError) as caught:
        download(location, target, transfer or bounds())
    assert not target.exists()
    return caught.value


# --- Downloads over HTTP --------------------------------------------------------------------------


def test_a_file_is_downloaded_whole(target: Path) -> None:
    shelf = Shelf(files={"/fw.bin?v=2": BODY})
    with http_server(shelf) as url:
        download(f"{url}/fw.bin?v=2", target, bounds())
    assert target.read_bytes() == BODY
    assert target.stat().st_mode & 0o777 == 0o600
    assert not target.with_suffix(".part").exists()


def test_a_download_goes_on_where_it_was_cut(target: Path) -> None:
    """10.1."""
    shelf = Shelf(files={"/fw": BODY}, cut_after=100_000)
    with http_server(shelf) as url:
        failed(f"{url}/fw", target)
        assert target.with_suffix(".part").stat().st_size == 100_000
        download(f"{url}/fw", target, bounds())
    assert target.read_bytes() == BODY
    assert shelf.headers[1]["Range"] == "bytes=100000-"


def test_a_download_starts_anew_when_the_file_has_changed(target: Path) -> None:
    shelf = Shelf(files={"/fw": BODY}, cut_after=100_000)
    with http_server(shelf) as url:
        failed(f"{url}/fw", target)
        shelf.files["/fw"], shelf.tag = b"other" * 50_000, '"v2"'
        download(f"{url}/fw", target, bounds())
    assert target.read_bytes() == b"other" * 50_000


def test_a_download_starts_anew_where_the_server_knows_no_ranges(target: Path) -> None:
    shelf = Shelf(files={"/fw": BODY}, cut_after=100_000, ranges=False)
    with http_server(shelf) as url:
        failed(f"{url}/fw", target)
        download(f"{url}/fw", target, bounds())
    assert target.read_bytes() == BODY


def test_what_came_from_another_place_is_not_gone_on_with(target: Path) -> None:
    shelf = Shelf(files={"/a": BODY, "/b": b"B" * 200_000}, cut_after=100_000)
    with http_server(shelf) as url:
        failed(f"{url}/a", target)
        download(f"{url}/b", target, bounds())
    assert target.read_bytes() == b"B" * 200_000
    assert "Range" not in shelf.headers[1]


def test_after_a_power_cut_a_download_starts_anew(target: Path) -> None:
    """Nobody knows how much of the part has reached the disk."""
    shelf = Shelf(files={"/fw": BODY}, cut_after=100_000)
    with http_server(shelf) as url:
        with pytest.raises(TransferError):
            download(f"{url}/fw", target, bounds(), "boot 1")
        download(f"{url}/fw", target, bounds(), "boot 2")
    assert "Range" not in shelf.headers[1]
    assert target.read_bytes() == BODY


def test_the_version_is_noted_before_the_body_comes(target: Path) -> None:
    """The agent may be killed in the middle of it."""
    shelf = Shelf(files={"/fw": BODY})
    cancelled = threading.Event()

    class Dying(Transfer):
        def moved(self, count: int) -> None:
            raise KeyboardInterrupt

    with http_server(shelf) as url, pytest.raises(KeyboardInterrupt):
        download(f"{url}/fw", target, Dying(no_tls, 10_000_000, cancelled=cancelled))
    assert b"v1" in target.with_suffix(".json").read_bytes()


def test_a_whole_file_is_not_fetched_twice(target: Path) -> None:
    """After a restart between the download and what follows it."""
    shelf = Shelf(files={"/fw": BODY})
    with http_server(shelf) as url:
        download(f"{url}/fw", target, bounds())
        download(f"{url}/fw", target, bounds())
    assert len(shelf.requests) == 1


@pytest.mark.parametrize(
    ("shelf", "problem", "text"),
    [
        pytest.param(Shelf(), Problem.FAILED, "HTTP 404", id="404"),
        pytest.param(Shelf(statuses={"GET /fw": 500}), Problem.FAILED, "HTTP 500", id="500"),
        pytest.param(Shelf(protected=True), Problem.DENIED, "HTTP 401", id="401"),
        pytest.param(Shelf(files={"/fw": b""}), Problem.FAILED, "empty", id="empty"),
        pytest.param(
            Shelf(files={"/fw": BODY}, cut_after=1000), Problem.FAILED, "", id="truncated"
        ),
        pytest.param(
            Shelf(files={"/fw": BODY}, cut_after=1000, chunked=True),
            Problem.FAILED,
            "",
            id="truncated in chunks",
        ),
        pytest.param(
            Shelf(files={"/fw": BODY}, claimed=10_000_001), Problem.FAILED, "allowed", id="too big"
        ),
        pytest.param(Shelf(redirects={"/fw": "/fw"}), Problem.FAILED, "redirected more", id="loop"),
        pytest.param(
            Shelf(redirects={"/fw": "ftp://h/x"}),
            Problem.FAILED,
            "to ftp",
            id="to another protocol",
        ),
        pytest.param(
            Shelf(redirects={"/fw": "file:///etc/passwd"}),
            Problem.UNSUPPORTED,
            "file is not spoken",
            id="to our own files",
        ),
    ],
)
def test_a_download_that_fails_says_why(
    shelf: Shelf, problem: Problem, text: str, target: Path
) -> None:
    """TC_044_2."""
    with http_server(shelf) as url:
        error = failed(f"{url}/fw", target)
    assert error.problem is problem
    assert text in str(error)


def test_a_stream_without_a_size_ends_at_the_limit(target: Path) -> None:
    shelf = Shelf(files={"/fw": BODY}, chunked=True)
    with http_server(shelf) as url:
        error = failed(f"{url}/fw", target, bounds(size_max=100_000))
    assert "more than 100000 bytes" in str(error)
    assert target.with_suffix(".part").stat().st_size <= 200_000


def test_a_server_that_says_nothing_is_given_up(target: Path) -> None:
    with http_server(Shelf(silent=True)) as url:
        error = failed(f"{url}/fw", target, bounds(stall_s=0.1))
    assert "does not answer" in str(error)


def test_a_download_that_takes_too_long_is_given_up(target: Path) -> None:
    shelf = Shelf(files={"/fw": BODY})
    with http_server(shelf) as url:
        error = failed(f"{url}/fw", target, bounds(total_s=0.0))
    assert "too long" in str(error)


def test_a_download_that_nobody_wants_any_more_stops(target: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with http_server(Shelf(files={"/fw": BODY})) as url, pytest.raises(Cancelled):
        download(f"{url}/fw", target, bounds(cancelled=cancelled))
    assert not target.exists()


def test_speed_is_limited_where_wanted(target: Path) -> None:
    waits: list[float] = []

    class Waiting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    shelf = Shelf(files={"/fw": BODY})
    with http_server(shelf) as url:
        download(f"{url}/fw", target, bounds(speed_max=128_000.0, cancelled=Waiting()))
    assert max(waits) == pytest.approx(2.0, abs=0.2)


def test_name_and_password_go_to_the_server_and_nowhere_else(target: Path) -> None:
    there = Shelf(files={"/fw": BODY})
    with http_server(there) as other:
        here = Shelf(protected=True, redirects={"/away": f"{other}/fw"})
        with http_server(here) as url:
            download(with_credentials(f"{url}/away"), target, bounds())
    assert "Authorization" in here.headers[0]
    assert "Authorization" not in there.headers[0]


def test_no_message_shows_name_or_password(target: Path) -> None:
    with http_server(Shelf(files={})) as url:
        error = failed(with_credentials(f"{url}/fw"), target)
    shown = f"{error} {place(with_credentials('http://h/fw'))!r} {error.__cause__}"
    assert PASSWORD not in shown
    assert quote(PASSWORD, safe="") not in shown


def test_a_link_in_the_place_of_the_part_is_not_followed(target: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    with http_server(Shelf(files={"/fw": BODY})) as url:
        download(f"{url}/fw", target, bounds())
        target.unlink()
        target.with_suffix(".part").symlink_to(victim)
        target.with_suffix(".json").unlink()
        download(f"{url}/fw", target, bounds())
    assert victim.read_text() == "mine"
    assert not target.is_symlink()


def test_room_is_left_to_others(tmp_path: Path) -> None:
    assert room(tmp_path, 1000, 0) == 1000
    assert room(tmp_path, 1000, 10**18) == 0


# --- TLS ------------------------------------------------------------------------------------------


def test_a_server_with_a_known_root_is_believed_and_another_is_not(
    target: Path, tmp_path: Path
) -> None:
    root = authority()
    files = server(root).files(tmp_path, "server")
    root_file = root.files(tmp_path, "root")[0]

    def knowing() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=root_file)

    with http_server(Shelf(files={"/fw": BODY}), files) as url:
        stranger = Transfer(ssl.create_default_context, 10_000_000, stall_s=5.0)
        assert "certificate" in str(failed(f"{url}/fw", target, stranger))
        download(f"{url}/fw", target, Transfer(knowing, 10_000_000, stall_s=5.0))
    assert target.read_bytes() == BODY


def test_a_redirect_from_https_to_http_is_not_followed(target: Path, tmp_path: Path) -> None:
    root = authority()
    files, root_file = server(root).files(tmp_path, "server"), root.files(tmp_path, "root")[0]
    with http_server(Shelf(files={"/fw": BODY})) as plain:
        secure = Shelf(redirects={"/fw": f"{plain}/fw"})
        with http_server(secure, files) as url:
            transfer = Transfer(lambda: ssl.create_default_context(cafile=root_file), 10_000_000)
            assert "https to http" in str(failed(f"{url}/fw", target, transfer))


# --- FTP ------------------------------------------------------------------------------------------


def test_a_file_comes_over_ftp_with_name_and_password(target: Path) -> None:
    shelf = Shelf(files={"/dir/a b.bin": BODY}, protected=True)
    with ftp_server(shelf) as host:
        download(f"ftp://{CREDENTIALS}{host}/dir/a%20b.bin", target, bounds())
    assert target.read_bytes() == BODY


def test_a_download_over_ftp_goes_on_where_it_was_cut(target: Path) -> None:
    shelf = Shelf(files={"/fw": BODY}, cut_after=100_000)
    with ftp_server(shelf) as host:
        assert "missing" in str(failed(f"ftp://{host}/fw", target))
        download(f"ftp://{host}/fw", target, bounds())
    assert target.read_bytes() == BODY
    assert "REST 100000" in shelf.requests


@pytest.mark.parametrize(
    ("shelf", "path", "problem"),
    [
        (Shelf(protected=True), "/fw", Problem.DENIED),
        (Shelf(), "/fw", Problem.FAILED),
        (Shelf(), "/missing/fw", Problem.FAILED),
        (Shelf(files={"/fw": BODY}, claimed=10_000_001), "/fw", Problem.FAILED),
        (Shelf(), "/", Problem.BAD_PLACE),
    ],
)
def test_ftp_that_fails_says_why(shelf: Shelf, path: str, problem: Problem, target: Path) -> None:
    with ftp_server(shelf) as host:
        assert failed(f"ftp://{host}{path}", target).problem is problem


def test_ftps_encrypts_both_connections_in_one_session(target: Path, tmp_path: Path) -> None:
    root = authority()
    files, root_file = server(root).files(tmp_path, "server"), root.files(tmp_path, "root")[0]
    context = ssl.create_default_context(cafile=root_file)
    shelf = Shelf(files={"/fw": BODY}, protected=True)
    with ftp_server(shelf, files) as host:
        transfer = Transfer(lambda: context, 10_000_000, stall_s=5.0)
        download(f"ftps://{CREDENTIALS}{host}/fw", target, transfer)
    assert target.read_bytes() == BODY
    assert "PROT P" in shelf.requests
    assert shelf.requests.index("AUTH TLS") < shelf.requests.index("PASS")
    assert "NEW SESSION" not in shelf.requests


def test_ftps_to_a_server_without_tls_shows_no_password(target: Path) -> None:
    shelf = Shelf(files={"/fw": BODY})
    with ftp_server(shelf) as host:
        transfer = Transfer(ssl.create_default_context, 10_000_000, stall_s=5.0)
        failed(f"ftps://{CREDENTIALS}{host}/fw", target, transfer)
    assert "PASS" not in shelf.requests


# --- Uploads --------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(BODY)
    return path


@pytest.mark.parametrize("path", ["/logs", "/logs/"])
def test_a_file_is_put_below_the_directory_with_one_slash(path: str, source: Path) -> None:
    """10.3."""
    shelf = Shelf()
    with http_server(shelf) as url:
        upload(url + path, source, "a.zip", bounds())
    assert shelf.stored == {"/logs/a.zip": BODY}


@pytest.mark.parametrize("path", ["/logs/their-name.zip", "/bucket/key?X-Signature=abc"])
def test_a_complete_name_is_taken_as_it_is(path: str, source: Path) -> None:
    """10.3."""
    shelf = Shelf()
    with http_server(shelf) as url:
        upload(url + path, source, "a.zip", bounds())
    assert list(shelf.stored) == [path]


@pytest.mark.parametrize("status", [404, 405, 501])
def test_where_put_is_not_known_a_form_is_posted(status: int, source: Path) -> None:
    """10.3: to the place as it was given, with the name in the form."""
    shelf = Shelf(statuses={"PUT /in/a.zip": status})
    with http_server(shelf) as url:
        upload(f"{url}/in", source, "a.zip", bounds())
    body = shelf.stored["/in"]
    assert b'filename="a.zip"' in body
    assert BODY in body
    assert "multipart/form-data; boundary=" in shelf.headers[-1]["Content-Type"]


@pytest.mark.parametrize(
    ("status", "problem"), [(403, Problem.DENIED), (500, Problem.FAILED), (413, Problem.FAILED)]
)
def test_an_upload_that_is_refused_says_why(status: int, problem: Problem, source: Path) -> None:
    """10.3: PermissionDenied or UploadFailure."""
    shelf = Shelf(statuses={"PUT /in/a.zip": status})
    with http_server(shelf) as url, pytest.raises(TransferError) as caught:
        upload(f"{url}/in", source, "a.zip", bounds())
    assert caught.value.problem is problem


def test_a_file_is_stored_over_ftp_and_the_name_stays_a_name(source: Path) -> None:
    """10.3; passive, and the address that the server tells is not followed."""
    shelf = Shelf(protected=True)
    with ftp_server(shelf) as host:
        upload(f"ftp://{CREDENTIALS}{host}/logs/", source, "a.zip", bounds())
    assert shelf.stored == {"/logs/a.zip": BODY}


def test_ftp_that_lets_us_not_write_is_permission_denied(source: Path) -> None:
    """10.3."""
    with ftp_server(Shelf(statuses={"STOR": 553})) as host, pytest.raises(TransferError) as caught:
        upload(f"ftp://{host}/logs/", source, "a.zip", bounds())
    assert caught.value.problem is Problem.DENIED


# --- Places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("", Problem.BAD_PLACE),
        ("C:", Problem.BAD_PLACE),
        ("somewhere", Problem.BAD_PLACE),
        ("http://", Problem.BAD_PLACE),
        ("http://h:99999/", Problem.BAD_PLACE),
        ("http://h/a b", Problem.BAD_PLACE),
        ("http://h/a\r\nX: y", Problem.BAD_PLACE),
        ("http://h/../../etc", Problem.BAD_PLACE),
        ("ftp://h/a/%2e%2e/b", Problem.BAD_PLACE),
        ("ftp://h/a%00b", Problem.BAD_PLACE),
        ("sftp://h/a", Problem.UNSUPPORTED),
        ("file:///etc/passwd", Problem.UNSUPPORTED),
        ("gopher://h/", Problem.BAD_PLACE),
        ("http://h/" + "x" * 3000, Problem.BAD_PLACE),
    ],
)
def test_a_location_that_cannot_be_used_says_so(location: str, problem: Problem) -> None:
    """Central systems, 11: rubbish is survived."""
    with pytest.raises(TransferError) as caught:
        place(location)
    assert caught.value.problem is problem


def test_a_location_is_taken_apart() -> None:
    found = place("HTTPS://u%40x:p%2Fy@[::1]:8443/a%20b/?q=1")
    assert (found.scheme, found.host, found.port) == ("https", "::1", 8443)
    assert (found.user, found.password, found.target) == ("u@x", "p/y", "/a%20b/?q=1")
