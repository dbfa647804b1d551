"""`chargepoint diagnostics`: what it writes, and what it leaves when it cannot."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chargepoint.cli.main import main
from chargepoint.config import load
from chargepoint.ipc.codec import encode
from chargepoint.ipc.service import Answered, ArchivePart, Done

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "examples" / "demo.toml"


def asked(
    tmp_path: Path, target: Path, *answers: Answered, options: tuple[str, ...] = ()
) -> Result:
    """The command against an agent that answers so."""
    config = tmp_path / "station.toml"
    config.write_text(EXAMPLE.read_text())
    path = load(config).agent_socket()
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                for answer in answers:
                    connection.sendall(encode(answer))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        result = CliRunner().invoke(
            main, ["diagnostics", "--config", str(config), str(target), *options]
        )
        thread.join(5.0)
        return result


def test_the_archive_is_written_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    done = asked(
        tmp_path, target, ArchivePart(data=b"PK\0"), ArchivePart(data=b"\xff"), Done(ok=True)
    )
    assert (done.exit_code, target.read_bytes()) == (0, b"PK\0\xff")
    assert target.stat().st_mode & 0o777 == 0o600


def test_what_was_written_can_be_had_as_json(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    answers = (ArchivePart(data=b"PK\0"), Done(ok=True))
    result = asked(tmp_path, target, *answers, options=("--json",))
    assert json.loads(result.output) == {"file": str(target), "size_bytes": 3}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([ArchivePart(data=b"PK")], "not complete"),
        ([Done(ok=False, detail="no room")], "no room"),
    ],
)
def test_nothing_is_written_when_it_is_not_complete(
    answers: list[Answered], said: str, tmp_path: Path
) -> None:
    target = tmp_path / "a.zip"
    done = asked(tmp_path, target, *answers)
    assert done.exit_code == 1
    assert said in done.output
    assert not target.exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    target = tmp_path / "missing" / "a.zip"
    done = asked(tmp_path, target, ArchivePart(data=b"PK"), Done(ok=True))
    assert (done.exit_code, "cannot be written" in done.output) == (1, True)
