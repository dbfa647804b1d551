"""Works with files in their threads: installer, signatures, archives, and what is left behind."""

from __future__ import annotations

import base64
import json
import queue
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from chargepoint.agent.jobs.desk import FileJobs, Trust
from chargepoint.agent.jobs.installer import confirm, install
from chargepoint.agent.jobs.local_archive import archive_parts
from chargepoint.agent.jobs.signatures import signature_outcome, signer_outcome
from chargepoint.agent.jobs.snapshot import Snapshot
from chargepoint.config import Config, load, parse, read
from chargepoint.ipc.service import (
    ArchivePart,
    CsmsStatus,
    Done,
    LedgerStatus,
    OcppMessage,
    StationStatus,
    Variable,
)
from chargepoint.station.effects import CancelFileWork, DoFileWork
from chargepoint.station.file_requests import FileRequest, WorkFinished
from chargepoint.station.file_values import (
    CheckSigner,
    Confirm,
    Discard,
    Download,
    Install,
    LogKind,
    Problem,
    Upload,
    Verify,
    Work,
    WorkOutcome,
)
from tests.agent.authorities import DAY, Party, authority, server
from tests.agent.file_servers import Shelf, http_server

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(UTC)
NEVER = threading.Event()


def python(code: str, *more: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-c", code, *more)


# --- Installer ------------------------------------------------------------------------------------


def test_the_installer_gets_the_file_without_a_shell(tmp_path: Path) -> None:
    file = tmp_path / "a $(touch owned) b.bin"
    file.write_text("new")
    code = "import sys, shutil; shutil.copy(sys.argv[1], 'taken')"
    assert install(python(code, "{file}"), file, tmp_path, 20.0, NEVER).done
    assert (tmp_path / "taken").read_text() == "new"
    assert not (tmp_path / "owned").exists()


def test_the_last_line_of_an_installer_that_fails_is_the_reason(tmp_path: Path) -> None:
    """TC_044_3."""
    code = "import sys; print('unpacking'); print('wrong machine'); sys.exit(3)"
    outcome = install(python(code), tmp_path / "f", tmp_path, 20.0, NEVER)
    assert (outcome.problem, outcome.detail) == (Problem.FAILED, "exit code 3: wrong machine")


def test_without_an_installer_the_reason_is_that(tmp_path: Path) -> None:
    outcome = install((), tmp_path / "f", tmp_path, 20.0, NEVER)
    assert "no installer is configured" in outcome.detail


def test_an_installer_that_is_not_there_is_named(tmp_path: Path) -> None:
    outcome = install(("/nowhere/install",), tmp_path / "f", tmp_path, 20.0, NEVER)
    assert outcome.detail == "/nowhere/install: No such file or directory"


def test_an_installer_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "open('child', 'w').write(str(child.pid)); time.sleep(600)"
    )
    outcome = install(python(code), tmp_path / "f", tmp_path, 2.0, NEVER)
    assert "longer than 2 s" in outcome.detail
    child = int((tmp_path / "child").read_text())
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] in ("Z", "X")


def test_an_installer_is_stopped_with_the_agent(tmp_path: Path) -> None:
    stopped = threading.Event()
    stopped.set()
    outcome = install(
        python("import time; time.sleep(600)"), tmp_path / "f", tmp_path, 60.0, stopped
    )
    assert outcome.detail == "interrupted"


def test_the_installer_sees_little_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", "x")
    code = "import os; open('seen', 'w').write(' '.join(os.environ))"
    assert install(python(code), tmp_path / "f", tmp_path, 20.0, NEVER).done
    seen = (tmp_path / "seen").read_text()
    assert "CHARGEPOINT_FIRMWARE_DIR" in seen
    assert "SOME_SECRET" not in seen


def test_a_confirmation_is_left_for_the_installer(tmp_path: Path) -> None:
    assert confirm(tmp_path).done
    assert (tmp_path / "confirmed").exists()


def test_software_that_was_rolled_back_is_not_confirmed(tmp_path: Path) -> None:
    (tmp_path / "rolled-back").write_text("no connection\n")
    assert confirm(tmp_path).detail == "rolled back: no connection"
    assert not (tmp_path / "confirmed").exists()
    assert confirm(tmp_path).done, "told once"


# --- Signatures -----------------------------------------------------------------------------------


def signed(signer: Party, body: bytes, way: str) -> str:
    key = signer.key
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        raw = key.sign(body, pss if way == "pss" else padding.PKCS1v15(), hashes.SHA256())
    else:
        raw = key.sign(body, ec.ECDSA(hashes.SHA256()))
    return base64.b64encode(raw).decode()


@pytest.fixture(scope="module")
def root() -> Party:
    return authority("Manufacturer")


@pytest.fixture(scope="module")
def rsa_signer(root: Party) -> Party:
    return server(root, "signer", key=rsa.generate_private_key(65537, 2048))


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    path = tmp_path / "firmware.bin"
    path.write_bytes(b"firmware" * 100_000)
    return path


@pytest.mark.parametrize("way", ["pss", "pkcs1", "ecdsa"])
def test_the_signature_of_the_file_is_verified(
    way: str, root: Party, rsa_signer: Party, firmware: Path
) -> None:
    """10.2, TC_080: all three kinds that are met."""
    signer = server(root, "signer") if way == "ecdsa" else rsa_signer
    signature = signed(signer, firmware.read_bytes(), way)
    wrapped = "\n".join(signature[at : at + 64] for at in range(0, len(signature), 64))
    assert signature_outcome(signer.pem, wrapped, firmware).done
    firmware.write_bytes(firmware.read_bytes()[:-1] + b"X")
    assert not signature_outcome(signer.pem, signature, firmware).done


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "ü"])
def test_a_signature_that_is_none_is_wrong(
    signature: str, root: Party, rsa_signer: Party, firmware: Path
) -> None:
    """10.2, TC_081."""
    for signer in (rsa_signer, server(root, "signer")):
        assert not signature_outcome(signer.pem, signature, firmware).done


def test_the_signature_of_another_signer_is_wrong(root: Party, firmware: Path) -> None:
    one, other = server(root, "one"), server(root, "other")
    signature = signed(one, firmware.read_bytes(), "ecdsa")
    assert not signature_outcome(other.pem, signature, firmware).done


def test_a_signer_must_lead_to_a_root_of_the_manufacturer(root: Party) -> None:
    """10.2."""
    signer = server(root, "signer")
    assert signer_outcome(signer.pem, [root.pem], NOW).done
    assert "does not lead" in signer_outcome(signer.pem, [authority("Other").pem], NOW).detail
    assert "no root certificate" in signer_outcome(signer.pem, [], NOW).detail


def test_a_signer_may_come_with_its_chain(root: Party) -> None:
    """10.2."""
    between = authority("Signing", root)
    signer = server(between, "signer")
    assert signer_outcome(signer.pem + between.pem, [root.pem], NOW).done
    assert not signer_outcome(signer.pem, [root.pem], NOW).done


@pytest.mark.parametrize(
    ("begins", "ends", "problem"),
    [
        (NOW - 9 * DAY, NOW - DAY, "expired"),
        (NOW + DAY, NOW + 9 * DAY, "not valid before"),
    ],
)
def test_a_signer_of_another_time_is_refused(
    root: Party, begins: datetime, ends: datetime, problem: str
) -> None:
    """10.2."""
    signer = server(root, "signer", begins, ends)
    assert problem in signer_outcome(signer.pem, [root.pem], NOW).detail
    assert signer_outcome(signer.pem, [root.pem], None).done, "without a clock there is no today"


@pytest.mark.parametrize("pem", ["", "none", "-----BEGIN CERTIFICATE-----\nAA\n"])
def test_a_signer_that_is_no_certificate_is_refused(root: Party, pem: str) -> None:
    assert not signer_outcome(pem, [root.pem], NOW).done


def test_an_authority_signs_no_firmware(root: Party) -> None:
    assert "authority" in signer_outcome(root.pem, [root.pem], NOW).detail


# --- The desk -------------------------------------------------------------------------------------


class Desk:
    """`FileJobs` on a directory, and what it tells."""

    def __init__(self, config: Config, roots: tuple[str, ...] = ()) -> None:
        self.events: queue.Queue[FileRequest] = queue.Queue()
        trust = Trust(config, lambda: (), lambda: roots)
        self.jobs = FileJobs(config, trust, self.events.put)
        self.jobs.snapshot = snapshot
        self._number = 0

    def begin(self, work: Work) -> int:
        self._number += 1
        self.jobs.do(DoFileWork(job=self._number, work=work))
        return self._number

    def outcome(self, work: Work) -> WorkOutcome:
        number = self.begin(work)
        event = self.events.get(timeout=30.0)
        assert isinstance(event, WorkFinished)
        assert event.job == number
        return event.outcome


def snapshot() -> Snapshot:
    return Snapshot(
        status=StationStatus(
            station="CP",
            version="1",
            uptime_s=1.0,
            clock="ntp",
            csms=CsmsStatus(
                configured=True,
                url="ws://h/",
                state="accepted",
                version="1.6",
                since_s=1.0,
                last_error="",
                next_attempt_s=None,
            ),
            ledger=LedgerStatus(waiting=0, quarantined=0, oldest_waiting_s=None, acknowledged=0),
            evses=(),
        ),
        variables=[variable("HeartbeatInterval", "300"), variable("BasicAuthPassword", "hush")],
        messages=[message(1, "2026-11-24T08:00:00.000Z"), message(2, "2026-11-24T10:00:00.000Z")],
        lines=[
            (datetime(2026, 11, 24, 8, tzinfo=UTC).timestamp(), "early ftp://u:hush@h/x"),
            (datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp(), "late"),
        ],
    )


def variable(name: str, value: str) -> Variable:
    return Variable(component="C", variable=name, key="", value=value, origin="file", writable=True)


def message(number: int, at: str) -> OcppMessage:
    text = '[2,"1","Authorize",{"idTag":"04A1B2C3D4"}]'
    return OcppMessage(
        number=number,
        at=at,
        outgoing=True,
        kind="call",
        action="Authorize",
        message_id=str(number),
        text=text,
    )


def configured(tmp_path: Path, **firmware: Any) -> Config:
    raw = read(ROOT / "config/examples/demo.toml")
    raw["paths"] = {"state_dir": str(tmp_path / "state"), "run_dir": str(tmp_path / "run")}
    raw["csms"]["password"] = "hush hush hush hush"
    raw["firmware"] = firmware
    (tmp_path / "state").mkdir(exist_ok=True)
    return parse(raw, "")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(configured(tmp_path, installer=["cp", "{file}", "installed"]))
    yield made
    made.jobs.stop(5.0)


@pytest.fixture(autouse=True)
def no_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the machine that runs the tests has in its journal is none of ours."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("chargepoint.agent.jobs.archive.JOURNAL", (str(tmp_path / "no-journal"),))


def test_a_firmware_is_downloaded_verified_installed_and_removed(
    tmp_path: Path, root: Party
) -> None:
    """10.2."""
    signer = server(root, "signer")
    root_file = root.files(tmp_path, "root")[0]
    config = configured(tmp_path, installer=["cp", "{file}", "installed"], root_file=root_file)
    desk, body = Desk(config), b"new software"
    assert desk.outcome(CheckSigner(certificate=signer.pem, now=NOW)).done
    with http_server(Shelf(files={"/fw": body})) as url:
        assert desk.outcome(Download(location=f"{url}/fw")).done
    work = Verify(certificate=signer.pem, signature=signed(signer, body, "ecdsa"))
    assert desk.outcome(work).done
    assert desk.outcome(Install()).done
    directory = tmp_path / "state" / "firmware"
    assert (directory / "installed").read_bytes() == body
    assert directory.stat().st_mode & 0o777 == 0o700
    assert desk.outcome(Confirm()).done
    assert desk.outcome(Discard()).done
    assert not (directory / "firmware.bin").exists()
    desk.jobs.stop(5.0)


def test_a_download_that_fails_is_an_outcome(desk: Desk) -> None:
    with http_server(Shelf()) as url:
        outcome = desk.outcome(Download(location=f"{url}/fw"))
    assert (outcome.problem, outcome.detail) == (Problem.FAILED, "HTTP 404")


def test_what_nobody_foresaw_is_an_outcome_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("chargepoint.agent.jobs.download.place", broken)
    assert desk.outcome(Download(location="http://h/")).detail == "ZeroDivisionError"


def test_a_cancelled_work_is_not_told_and_the_next_one_goes_on(desk: Desk) -> None:
    with http_server(Shelf(silent=True)) as silent, http_server(Shelf(files={"/fw": b"x"})) as url:
        number = desk.begin(upload_to(silent))
        desk.jobs.cancel(CancelFileWork(job=number))
        assert desk.outcome(Download(location=f"{url}/fw")).done
    assert desk.events.empty()


def test_a_flood_of_requests_leaves_no_queue_behind(desk: Desk) -> None:
    with http_server(Shelf(silent=True)) as silent:
        number = desk.begin(upload_to(silent))
        for _ in range(50):
            desk.jobs.cancel(CancelFileWork(job=number))
            number = desk.begin(upload_to(silent))
        assert desk.jobs.waiting <= 2


def upload_to(place: str, kind: LogKind = LogKind.DIAGNOSTICS, **span: datetime) -> Upload:
    return Upload(
        kind=kind,
        location=f"{place}/in/",
        file_name="CP-1.zip",
        oldest=span.get("oldest"),
        latest=span.get("latest"),
    )


def test_an_archive_holds_what_is_needed_and_no_secret(desk: Desk, tmp_path: Path) -> None:
    """10.3."""
    (tmp_path / "state" / "security.log").write_text('{"time": null, "event": "X"}\n')
    shelf = Shelf()
    with http_server(shelf) as url:
        assert desk.outcome(upload_to(url)).done
    members = archive(shelf, tmp_path)
    assert set(members) == {
        "about.json",
        "status.json",
        "variables.json",
        "config.json",
        "messages.jsonl",
        "log.txt",
        "security.log",
    }
    everything = "".join(members.values())
    assert "hush" not in everything
    assert "04A1B2C3D4" not in everything
    assert json.loads(members["config.json"])["csms"]["password"] == "…"
    assert list((tmp_path / "state" / "uploads").iterdir()) == []


def test_an_archive_keeps_to_its_span(desk: Desk, tmp_path: Path) -> None:
    """10.3: startTime and stopTime."""
    lines = [
        json.dumps({"time": f"2026-11-24T{hour:02}:00:00.000Z", "event": f"E{hour}"})
        for hour in (8, 9, 10, 11)
    ]
    (tmp_path / "state" / "security.log.1").write_text("\n".join(lines[:2]) + "\n")
    (tmp_path / "state" / "security.log").write_text("\n".join(lines[2:]) + "\n")
    at = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    shelf = Shelf()
    with http_server(shelf) as url:
        desk.outcome(upload_to(url, oldest=at, latest=at + timedelta(hours=1)))
    members = archive(shelf, tmp_path)
    assert members["log.txt"] == "late\n"
    assert [json.loads(line)["number"] for line in members["messages.jsonl"].splitlines()] == [2]
    assert members["security.log"] == lines[2] + "\n"


def test_a_security_log_is_uploaded_as_it_is(desk: Desk, tmp_path: Path) -> None:
    """10.3, TC_079."""
    (tmp_path / "state" / "security.log.1").write_text("old\n")
    (tmp_path / "state" / "security.log").write_text("new\n")
    shelf = Shelf()
    with http_server(shelf) as url:
        desk.outcome(upload_to(url, LogKind.SECURITY))
    assert shelf.stored["/in/CP-1.zip"] == b"old\nnew\n"


def test_a_security_log_that_is_not_there_yet_is_empty(desk: Desk) -> None:
    shelf = Shelf()
    with http_server(shelf) as url:
        assert desk.outcome(upload_to(url, LogKind.SECURITY)).done
    assert shelf.stored["/in/CP-1.zip"] == b""


@pytest.mark.parametrize(
    ("place", "problem"), [("C:", Problem.BAD_PLACE), ("sftp://h", Problem.UNSUPPORTED)]
)
def test_nothing_is_made_for_a_place_that_cannot_be_reached(
    desk: Desk, place: str, problem: Problem, tmp_path: Path
) -> None:
    assert desk.outcome(upload_to(place)).problem is problem
    assert not (tmp_path / "state" / "uploads").exists()


def test_remains_of_an_earlier_run_are_removed(desk: Desk, tmp_path: Path) -> None:
    uploads = tmp_path / "state" / "uploads"
    uploads.mkdir(mode=0o700)
    (uploads / "CP-0.zip").write_text("half")
    with http_server(Shelf()) as url:
        assert desk.outcome(upload_to(url)).done
    assert list(uploads.iterdir()) == []


def test_a_link_in_the_place_of_the_archive_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    with http_server(Shelf()) as url:
        desk.outcome(upload_to(url))
        (tmp_path / "state" / "uploads" / "CP-1.zip").symlink_to(victim)
        assert not desk.outcome(upload_to(url)).done
    assert victim.read_text() == "mine"


def test_stopping_does_not_wait_for_a_silent_server(desk: Desk) -> None:
    with http_server(Shelf(silent=True)) as url:
        desk.begin(Download(location=f"{url}/fw"))
        desk.jobs.stop(0.05)
    assert desk.events.empty()


def archive(shelf: Shelf, tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "got.zip"
    path.write_bytes(shelf.stored["/in/CP-1.zip"])
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name).decode() for name in opened.namelist()}


def test_the_reference_file_installs_nothing() -> None:
    assert load(ROOT / "config/station.toml").firmware.installer == ()


async def test_the_archive_is_handed_over_in_parts_and_not_left(tmp_path: Path) -> None:
    config = configured(tmp_path)
    pieces = [piece async for piece in archive_parts(config, snapshot())]
    assert pieces[-1] == Done(ok=True)
    data = b"".join(piece.data for piece in pieces[:-1] if isinstance(piece, ArchivePart))
    path = tmp_path / "got.zip"
    path.write_bytes(data)
    with zipfile.ZipFile(path) as opened:
        assert "status.json" in opened.namelist()
    assert list((tmp_path / "state" / "uploads").iterdir()) == []


def test_an_archive_is_not_made_when_the_disk_is_full(tmp_path: Path) -> None:
    raw = configured(tmp_path)
    full = msgspec.structs.replace(
        raw, files=msgspec.structs.replace(raw.files, free_min_mb=100_000.0 * 1_000)
    )
    desk = Desk(full)
    with http_server(Shelf()) as url:
        assert desk.outcome(upload_to(url)).detail == "no room on the disk"
    desk.jobs.stop(1.0)
