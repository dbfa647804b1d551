"""The signed report: what stands in it, and that no byte of it can be changed unseen."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chargepoint import station_key
from chargepoint.catalog import languages
from chargepoint.cli.doctor import doctor
from chargepoint.doctor import judge
from chargepoint.doctor.report import report
from chargepoint.doctor.seal import CLOSE, OPEN, SealError, checked, digest, place, sealed
from hil.stage import to_toml
from tests.doctor.samples import RAW, healthy


@pytest.fixture
def made(tmp_path: Path) -> bytes:
    return make(tmp_path)


def make(state_dir: Path, language: str = "en", **texts: str) -> bytes:
    found = healthy()
    findings = judge(found, language)
    return report(
        found, findings, lambda text: station_key.sign(state_dir, text), language=language, **texts
    )


def test_an_untouched_report_names_its_station_and_key(tmp_path: Path, made: bytes) -> None:
    seal = checked(made)
    assert seal.station == "CP-1"
    assert seal.signed.fingerprint == station_key.own_fingerprint(tmp_path)


def test_a_change_of_any_single_byte_is_found(made: bytes) -> None:
    """Each byte of the file in turn: text, marks and signature."""
    unseen = [at for at in range(len(made)) if _intact(_flipped(made, at))]
    assert unseen == []


def test_a_byte_less_or_more_at_any_mark_is_found(made: bytes) -> None:
    start, end = made.index(OPEN), made.index(CLOSE)
    for at in (0, start, start + len(OPEN), end, end + len(CLOSE), len(made) - 1):
        assert not _intact(made[:at] + made[at + 1 :])
        assert not _intact(made[:at] + b" " + made[at:])
    assert not _intact(made + b"\n")


def test_a_report_signed_anew_with_another_key_shows_that_key(tmp_path: Path, made: bytes) -> None:
    """Anybody may make a key: the fingerprint is what tells stations apart."""
    start, end = made.index(OPEN) + len(OPEN), made.index(CLOSE)
    forged = made[:start] + made[end:]
    forged = forged.replace(b"1234.000 kWh", b"0000.000 kWh")
    (tmp_path / "forger").mkdir()
    signed = station_key.sign(tmp_path / "forger", digest(forged))
    assert checked(sealed(forged, "CP-1", signed)).signed.fingerprint != (
        checked(made).signed.fingerprint
    )


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b"", "no place"),
        (b"<html></html>", "no place"),
        (place().encode(), "not signed"),
        (place().encode() * 2, "several"),
        (CLOSE + OPEN, "cannot be read|no place|not signed"),
        (OPEN + b"{}" + CLOSE, "cannot be read"),
        (OPEN + b"\xff" + CLOSE, "cannot be read"),
    ],
)
def test_what_is_no_report_is_refused(document: bytes, problem: str) -> None:
    with pytest.raises(SealError, match=problem):
        checked(document)


def test_a_seal_of_one_station_does_not_fit_the_document_of_another(tmp_path: Path) -> None:
    made = make(tmp_path)
    start, end = made.index(OPEN) + len(OPEN), made.index(CLOSE)
    bare = made[:start] + made[end:]
    with pytest.raises(SealError, match="another station"):
        checked(sealed(bare, "CP-2", station_key.sign(tmp_path, digest(bare))))


def test_the_report_tells_station_wiring_limits_values_and_findings(made: bytes) -> None:
    text = _text(made)
    for expected in (
        "Commissioning report",
        "CP-1",
        "/dev/serial/by-id/a",
        "pilot-board reference_pilot_board",
        "32 A",
        "1234.000 kWh",
        "+12.05 V",
        "wss://csms.example/ocpp (accepted 1.6)",
        "No fault was found.",
        "41 in order, 0 warnings, 0 faults, 0 not judged",
        "Pilot level",
    ):
        assert expected in text, expected


def test_the_report_holds_no_secret_and_asks_nothing_from_elsewhere(made: bytes) -> None:
    assert b"0123456789abcdef" not in made
    assert b"hook.example" not in made
    assert re.findall(rb'(?:src|href|url\()\s*=?\s*"?http', made) == []


def test_what_a_person_writes_is_text_and_never_markup(tmp_path: Path) -> None:
    text = '<script>alert(1)</script> "data-station" & more'
    made = make(tmp_path, by=text, note=text + place())
    assert b"<script>alert" not in made
    assert text in _text(made)
    assert checked(made).station == "CP-1"


@pytest.mark.parametrize("language", languages())
def test_the_report_is_in_every_language(tmp_path: Path, language: str) -> None:
    made = make(tmp_path, language=language)
    assert f'<html lang="{language}"'.encode() in made
    assert checked(made)
    titles = {"en": "Commissioning report", "de": "Inbetriebnahmeprotokoll"}
    assert titles.get(language, "") in _text(made)


# --- The command ----------------------------------------------------------------------------------


def test_verify_says_whether_a_report_is_intact(tmp_path: Path, made: bytes) -> None:
    fingerprint = checked(made).signed.fingerprint
    path = tmp_path / "report.html"
    path.write_bytes(made)
    good = _verify(path, "--key", fingerprint)
    assert good.exit_code == 0
    assert f"signed by station CP-1 with key {fingerprint}" in good.output
    path.write_bytes(_flipped(made, 700))
    bad = _verify(path, "--key", fingerprint)
    assert (bad.exit_code, "NOT intact" in bad.output) == (1, True)


def test_verify_refuses_the_key_of_another_station(tmp_path: Path, made: bytes) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(made)
    result = _verify(path, "--key", "0" * 16, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["ok"], told["station"]) == (False, "CP-1")


def test_verify_without_a_known_key_says_that_anybody_may_make_one(
    tmp_path: Path, made: bytes
) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(made)
    result = _verify(path)
    assert result.exit_code == 0
    assert "compare it with the station's own" in result.output


def test_verify_compares_with_the_station_of_the_configuration(tmp_path: Path) -> None:
    config = _station(tmp_path)
    made = make(tmp_path / "state")
    path = tmp_path / "report.html"
    path.write_bytes(made)
    assert "the expected key" in _verify(path, config=config).output
    (tmp_path / "other").mkdir()
    path.write_bytes(make(tmp_path / "other"))
    assert _verify(path, config=config).exit_code == 1


@pytest.mark.parametrize("arguments", [["--verify", "missing.html"], ["--key", "ab"]])
def test_a_wrong_call_is_told_as_one(arguments: list[str]) -> None:
    assert CliRunner().invoke(doctor, arguments).exit_code == 2


def test_a_report_is_written_and_signed_without_a_running_station(tmp_path: Path) -> None:
    config = _station(tmp_path)
    path = tmp_path / "report.html"
    arguments = ["--config", str(config), "--no-network", "--report", str(path), "--by", "Ann"]
    result = CliRunner().invoke(doctor, arguments)
    assert result.exit_code == 1  # its ports do not exist
    assert "doctor" not in result.stderr
    assert checked(path.read_bytes()).signed.fingerprint == (
        station_key.own_fingerprint(tmp_path / "state")
    )
    assert "Ann" in _text(path.read_bytes())


def test_the_list_can_be_had_as_json_and_by_part(tmp_path: Path) -> None:
    config = _station(tmp_path)
    arguments = ["--config", str(config), "--no-network", "--json", "--part", "bus"]
    result = CliRunner().invoke(doctor, arguments)
    told = json.loads(result.stdout)
    assert {finding["part"] for finding in told} == {"bus"}
    assert "doctor.port_missing" in [i for finding in told for i in finding["catalogue"]]
    assert CliRunner().invoke(doctor, [*arguments, "--part", "engine"]).exit_code == 2


def _station(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    raw = {**RAW, "paths": {"state_dir": "state", "run_dir": "run"}}
    raw["bus"] = [{**bus, "port": "missing.tty"} for bus in RAW["bus"][:2]]
    raw["device"] = RAW["device"][:3]
    path = tmp_path / "station.toml"
    path.write_text(to_toml(raw), "utf-8")
    return path


def _verify(path: Path, *arguments: str, config: Path | None = None) -> Result:
    chosen = ["--config", str(config or path.with_name("none.toml"))]
    return CliRunner().invoke(doctor, [*chosen, "--verify", str(path), *arguments])


def _flipped(document: bytes, at: int) -> bytes:
    return document[:at] + bytes([document[at] ^ 1]) + document[at + 1 :]


def _intact(document: bytes) -> bool:
    try:
        checked(document)
    except SealError:
        return False
    return True


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _text(document: bytes) -> str:
    parser = _Words()
    parser.feed(document.decode())
    return " ".join(" ".join(parser.words).split())
