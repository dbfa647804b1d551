"""`chargepoint qr`: the code leads to the driver's page, or says why it cannot."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from chargepoint.cli.main import main
from hil.stage import changed, example, to_toml

PUBLIC = {"web.public_url": "https://charge.example/nord"}


@pytest.fixture
def call(tmp_path: Path) -> Any:
    def called(changes: dict[str, Any], *arguments: str) -> Result:
        file = tmp_path / "station.toml"
        file.write_text(to_toml(changed(example(), changes)), "utf-8")
        return CliRunner().invoke(main, ["qr", "--config", str(file), *arguments])

    return called


@pytest.mark.parametrize(
    ("changes", "arguments", "wanted"),
    [
        (PUBLIC, (), "https://charge.example/nord/"),
        (PUBLIC, ("--evse", "2"), "https://charge.example/nord/e/2"),
        ({"web.listen": "192.0.2.7:80"}, (), "http://192.0.2.7/"),
        ({"web.listen": "192.0.2.7:8080"}, ("--evse", "1"), "http://192.0.2.7:8080/e/1"),
        ({"web.listen": "[2001:db8::1]:8443", "web.tls": "self-signed"}, (),
         "https://[2001:db8::1]:8443/"),
    ],
)  # fmt: skip
def test_the_address_is_that_of_the_configuration(
    call: Any, changes: dict[str, Any], arguments: tuple[str, ...], wanted: str
) -> None:
    result = call({"web": {}, **changes}, "--json", *arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["url"] == wanted


def test_the_name_of_the_host_is_a_guess_and_is_said_to_be_one(call: Any) -> None:
    told = json.loads(call({"web": {"listen": "0.0.0.0:8080"}}, "--json").stdout)
    assert told["url"] == f"http://{socket.gethostname()}:8080/"
    assert "web.public_url" in told["advice"]


def test_a_loopback_address_is_no_use_to_drivers(call: Any) -> None:
    result = call({"web": {}})
    assert result.exit_code == 1
    assert "set web.public_url" in result.output


def test_without_pages_there_is_nothing_to_lead_to(call: Any) -> None:
    assert "add [web]" in call({}).output
    assert call({"web": {"driver_page": False}}).exit_code == 1


def test_an_unknown_evse_or_language_is_a_usage_error(call: Any) -> None:
    assert call({"web": PUBLIC}, "--evse", "3").exit_code == 2
    assert call({"web": {}, **PUBLIC}, "--language", "xx").exit_code == 2


def test_the_terminal_shows_the_code_and_the_address(call: Any) -> None:
    result = call({"web": {}, **PUBLIC})
    assert result.exit_code == 0
    assert "▀" in result.output or "█" in result.output
    assert "https://charge.example/nord/" in result.output


def test_the_code_is_written_to_files(call: Any, tmp_path: Path) -> None:
    svg, png = tmp_path / "code.svg", tmp_path / "code.png"
    result = call({"web": {}, **PUBLIC}, "--svg", str(svg), "--png", str(png))
    assert result.exit_code == 0, result.output
    assert png.read_bytes().startswith(b"\x89PNG")
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")


def test_a_file_that_cannot_be_written_is_named(call: Any, tmp_path: Path) -> None:
    result = call({"web": {}, **PUBLIC}, "--sticker", str(tmp_path / "none" / "s.svg"))
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_the_sticker_names_site_place_and_phone_in_the_language_of_the_site(
    call: Any, tmp_path: Path
) -> None:
    file = tmp_path / "sticker.svg"
    site = {"name": "Müller & Söhne", "support_phone": "+49 30 1234", "language": "de"}
    result = call({"web": {}, **PUBLIC, "site": site}, "--evse", "2", "--sticker", str(file))
    assert result.exit_code == 0, result.output
    root = ElementTree.parse(file).getroot()
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert texts[:2] == ["Müller & Söhne", "Platz 2"]
    assert "Hilfe: +49 30 1234" in texts
    assert "https://charge.example/nord/e/2" in texts
    assert [e for e in root.iter() if e.tag.endswith("path")]
