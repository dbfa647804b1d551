"""The reference installer: a real virtual environment, the exchange of links, and the way back."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "systemd" / "chargepoint-firmware"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """Functions of the script."""
    return runpy.run_path(str(SCRIPT), run_name="firmware")


def wheel(version: str, prints: str) -> bytes:
    """A wheel called chargepoint whose command says `prints`, or fails when that is empty."""
    from io import BytesIO

    info = f"chargepoint-{version}.dist-info"
    code = f"def main():\n    print({prints!r})\n" if prints else "import nothing_like_it\n"
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("chargepoint_test.py", code)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: chargepoint\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(
            f"{info}/entry_points.txt", "[console_scripts]\nchargepoint = chargepoint_test:main\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return made.getvalue()


def bundle(path: Path, version: str, prints: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"chargepoint-{version}-py3-none-any.whl", wheel(version, prints))
    return path


def called(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(SCRIPT), "--root", str(tmp_path / "software")]
    command += ["--firmware-dir", str(tmp_path / "firmware"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def running(tmp_path: Path) -> str:
    command = str(tmp_path / "software" / "current" / "bin" / "chargepoint")
    return subprocess.run([command], capture_output=True, text=True, check=True).stdout.strip()


def test_a_version_is_installed_replaced_and_taken_back(tmp_path: Path) -> None:
    """10.1: the new one does not reach its CSMS, the old one comes back and says why."""
    first = called(tmp_path, "install", str(bundle(tmp_path / "1.zip", "1.0", "one")))
    assert (first.returncode, first.stdout) == (0, "")
    assert not (tmp_path / "software" / "pending").exists(), "there is nothing to go back to"
    assert (
        called(tmp_path, "install", str(bundle(tmp_path / "2.zip", "2.0", "two"))).returncode == 0
    )
    assert running(tmp_path) == "two"
    assert called(tmp_path, "watch", "--checks", "2").returncode == 0
    assert called(tmp_path, "watch", "--checks", "2").returncode == 75
    assert running(tmp_path) == "one"
    assert "no connection" in (tmp_path / "firmware" / "rolled-back").read_text()
    assert called(tmp_path, "watch", "--checks", "2").returncode == 0, "once"


def test_a_version_that_does_not_start_never_becomes_current(tmp_path: Path) -> None:
    """TC_044_3."""
    done = called(tmp_path, "install", str(bundle(tmp_path / "1.zip", "1.0", "")))
    assert done.returncode == 1
    assert "nothing_like_it" in done.stdout
    assert list((tmp_path / "software" / "versions").iterdir()) == []
    assert not (tmp_path / "software" / "current").exists()


# --- Links and checks without environments --------------------------------------------------------


@pytest.fixture
def software(tmp_path: Path, script: dict[str, Any]) -> Path:
    """Two versions, the newer one pending."""
    root = tmp_path / "software"
    for name in ("0001-a", "0002-b", "0003-c"):
        (root / "versions" / name).mkdir(parents=True)
    script["point"](root / "previous", root / "versions" / "0001-a")
    script["point"](root / "current", root / "versions" / "0002-b")
    (root / "pending").write_text(json.dumps({"checks": 0}))
    return root


def test_a_confirmed_version_stays_and_others_are_removed(
    software: Path, tmp_path: Path, script: dict[str, Any]
) -> None:
    (tmp_path / "confirmed").touch()
    assert script["watch"](software, tmp_path, 1) is False
    assert not (software / "pending").exists()
    assert os.readlink(software / "current") == "versions/0002-b"
    kept = sorted(path.name for path in (software / "versions").iterdir())
    assert kept == ["0001-a", "0002-b"]


def test_a_note_that_was_torn_apart_leads_back(
    software: Path, tmp_path: Path, script: dict[str, Any]
) -> None:
    (software / "pending").write_text('{"che')
    assert script["watch"](software, tmp_path, 15) is True
    assert os.readlink(software / "current") == "versions/0001-a"


def test_without_a_former_version_there_is_no_way_back(
    software: Path, tmp_path: Path, script: dict[str, Any]
) -> None:
    (software / "previous").unlink()
    for _ in range(3):
        assert script["watch"](software, tmp_path, 2) is False
    assert os.readlink(software / "current") == "versions/0002-b"


# --- What is in the file --------------------------------------------------------------------------

A = "a-1-py3-none-any.whl"


def odd(*members: tuple[str, bytes], mode: int = 0o100644) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, body in members:
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, body)

    return write


def lying(path: Path) -> None:
    """A member that is larger than its header says."""
    odd((A, os.urandom(2000)))(path)
    raw = path.read_bytes()
    at = raw.rindex(b"PK\x01\x02") + 24  # size in the central directory
    path.write_bytes(raw[:at] + (1000).to_bytes(4, "little") + raw[at + 4 :])


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        pytest.param(lambda path: path.write_bytes(b"not a zip"), "no zip", id="no zip"),
        pytest.param(odd(), "0 members", id="empty"),
        pytest.param(odd(("../x.whl", b"x")), "no wheel", id="out of its directory"),
        pytest.param(odd(("/etc/x.whl", b"x")), "no wheel", id="absolute"),
        pytest.param(odd(("dir/x.whl", b"x")), "no wheel", id="below a directory"),
        pytest.param(odd(("setup.py", b"x")), "no wheel", id="another file"),
        pytest.param(odd((A, b"/etc/passwd"), mode=0o120777), "no plain file", id="link"),
        pytest.param(odd((A, b"\0" * 1_000_000)), "100 times", id="bomb"),
        pytest.param(odd(*((f"a{n}.whl", b"x") for n in range(201))), "201", id="too many"),
        pytest.param(lying, "CRC|larger", id="larger than it says"),
    ],
)
def test_what_no_firmware_file_has_is_refused(
    write: Callable[[Path], None], reason: str, tmp_path: Path, script: dict[str, Any]
) -> None:
    file = tmp_path / "firmware.zip"
    write(file)
    with pytest.raises(script["Refused"], match=reason):
        script["unpack"](file, tmp_path / "wheels")
    wheels = tmp_path / "wheels"
    left = sum(path.stat().st_size for path in wheels.iterdir()) if wheels.exists() else 0
    assert left <= 1000
    assert not (tmp_path / "x.whl").exists()
