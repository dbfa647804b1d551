"""`chargepoint web`: accounts by hand, and what it says when it cannot serve."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chargepoint.cli.main import main
from hil.stage import changed, example, free_port, to_toml

PASSWORD = "correct-horse-battery\n"


def written(folder: Path, **changes: object) -> str:
    wanted = {key.replace("__", "."): value for key, value in changes.items()}
    path = folder / "station.toml"
    path.write_text(to_toml(changed(example(), {"paths.state_dir": "state", **wanted})), "utf-8")
    return str(path)


def web(config: str, *arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(main, ["web", "--config", config, *arguments], input=given)


def test_the_first_account_is_an_owner_and_further_ones_are_technicians(tmp_path: Path) -> None:
    config = written(tmp_path)
    for name in ("olga", "toni"):
        assert web(config, "passwd", name, given=PASSWORD).exit_code == 0
    found = json.loads(web(config, "users", "--json").stdout)
    assert [(one["account"], one["role"]) for one in found["accounts"]] == [
        ("olga", "owner"),
        ("toni", "technician"),
    ]


def test_a_password_is_neither_shown_nor_weak(tmp_path: Path) -> None:
    config = written(tmp_path)
    assert PASSWORD.strip() not in web(config, "passwd", "olga", given=PASSWORD).output
    weak = web(config, "passwd", "toni", given="short\n")
    assert weak.exit_code == 1
    assert "10 to 200 characters" in weak.output


def test_an_account_is_removed_once(tmp_path: Path) -> None:
    config = written(tmp_path)
    web(config, "passwd", "olga", given=PASSWORD)
    assert web(config, "remove", "olga").exit_code == 0
    gone = web(config, "remove", "olga")
    assert (gone.exit_code, gone.output) == (1, "there is no account `olga`\n")


def test_the_file_may_be_named_before_or_after_the_command(tmp_path: Path) -> None:
    config = written(tmp_path)
    result = CliRunner().invoke(main, ["web", "users", "--config", config])
    assert result.exit_code == 0
    assert "no account yet" in result.output


def test_without_the_section_it_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = web(written(tmp_path))
    assert result.exit_code == 2
    assert "web: missing" in result.output + capsys.readouterr().err


def test_an_address_in_use_is_named(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        result = web(written(tmp_path, web__listen=f"127.0.0.1:{port}", log__format="text"))
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"web__listen": "0.0.0.0:80"}, "note: web: 0.0.0.0:80 is reached by others without TLS"),
        ({"web__listen": "0.0.0.0:80", "web__insecure": True}, "passwords can be read"),
        ({"web__listen": "charger:80"}, "web.listen: found `charger`, expected an address"),
        ({"web__listen": "127.0.0.1:70000"}, "web.listen: found port 70000"),
        ({"web__tls": "files", "web__cert_file": "a.pem"}, "web.key_file: missing"),
        (
            {"web__subscribe": ["ntfy"]},
            "note: web: subscribe: `ntfy` is not offered on the driver's",
        ),
        ({"web__key_file": "a.pem"}, "web.key_file: is used only with"),
    ],
    ids=str,
)
def test_config_check_says_what_the_section_means(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    result = CliRunner().invoke(main, ["config", "check", written(tmp_path, **changes)])
    assert said in result.output
