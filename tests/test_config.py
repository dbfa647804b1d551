"""The configuration file: what is right is read, what is wrong is named, all at once."""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint import config as sections
from chargepoint.config import Config, ConfigError, Section, load, parse

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "config").rglob("*.toml"))
DEMO = tomllib.loads((ROOT / "config/examples/demo.toml").read_text())


def mistakes(change: dict[str, Any]) -> list[str]:
    """What is said about the demo file after `change` (dotted keys to values; None deletes)."""
    raw = copy.deepcopy(DEMO)
    for key, value in change.items():
        *parts, last = key.split(".")
        place: Any = raw
        for part in parts:
            if part.isdigit() and isinstance(place, list):
                place = place[int(part) - 1]
            else:
                place = place.setdefault(part, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
    with pytest.raises(ConfigError) as caught:
        parse(raw, "station.toml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_configuration_is_right(path: Path) -> None:
    assert isinstance(load(path), Config)


def test_all_mistakes_are_named_at_once_with_key_value_and_expectation() -> None:
    said = mistakes(
        {
            "evse.1.current_max_a": "32",
            "csms.security_profile": 9,
            "bus.1.kind": "can",
            "station.vendor": None,
        }
    )
    assert said == [
        "station.toml: station.vendor: missing, but required",
        "station.toml: evse.1.current_max_a: found '32'; expected `float`, got `str`",
        "station.toml: bus.1.kind: found 'can'; expected one of "
        "'modbus-rtu', 'modbus-tcp', 'serial'",
        "station.toml: csms.security_profile: found 9; expected `int` <= 3",
    ]


def test_a_misspelt_key_is_named_with_the_right_spelling() -> None:
    assert mistakes({"evse.2.fases": 3}) == [
        "station.toml: evse.2.fases: unknown key; did you mean `phases`?"
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"evse.1.board": "bord1"}, "evse.1.board: no such name: `bord1`"),
        ({"device.1.bus": "safty"}, "device.1.bus: no such name: `safty`"),
        ({"device.2.unit": 1}, "device.2.unit: same address as `board1`"),
        ({"device.2.unit": 255}, "device.2.unit: found 255, expected 1 to 247 on RTU"),
        ({"device.2.name": "board1"}, "device.2.name: `board1` is used before"),
        ({"evse.2.id": 3}, "evse: ids are [1, 3]; expected 1 to 2 without gaps"),
        ({"bus.1.port": ""}, "bus.1.port: missing, but required for modbus-rtu"),
        ({"csms.url": "http://x/"}, "csms.url: found `http://x/`, expected ws://"),
        ({"csms.url": "ws://u:p@x/"}, "csms.url: holds credentials"),
        ({"csms.url": "ws://x:99999/"}, "csms.url: found `ws://x:99999/`, expected ws://"),
        ({"csms.url": ""}, "csms.url: missing; expected ws://"),
        ({"csms.urls": ["ws://a/", "ftp://b/"]}, "csms.urls.2: found `ftp://b/`, expected ws://"),
        ({"csms.proxy": "socks5://x:1"}, "csms.proxy: is not usable; expected http://host:port"),
        ({"csms.proxy": "http://u:p@x:1"}, "csms.proxy: holds credentials"),
        ({"csms.proxy_user": "me"}, "csms.proxy_user: there is no csms.proxy"),
        ({"csms.security_profile": 1}, "csms.password: missing; security_profile 1 needs it"),
        ({"csms.versions": []}, "csms.versions: is empty"),
        ({"simulator.vehicle": {"7": {}}}, "simulator.vehicle.7: no such name: `7`"),
        ({"alerts.contact": [{"name": "a"}]}, "alerts.contact.1: `a` has no address"),
        (
            {"alerts.contact": [{"name": "a", "ntfy": "http://n/t"}] * 2},
            "alerts.contact.2.name: `a` is used before",
        ),
        (
            {"alerts.contact": [{"name": "csms", "ntfy": "http://n/t"}]},
            "alerts.contact.1.name: `csms` means another contact already",
        ),
        (
            {"alerts.contact": [{"name": "a", "email": "a@b.c"}]},
            "alerts.contact.1.email: cannot be reached without [alerts.email]",
        ),
        (
            {"alerts.contact": [{"name": "a", "sms": "+491511234567"}]},
            "alerts.contact.1.sms: cannot be reached without [alerts.modem]",
        ),
        (
            {"alerts.contact": [{"name": "a", "mqtt": True}]},
            "alerts.contact.1.mqtt: cannot be reached without [mqtt]",
        ),
        (
            {"alerts.contact": [{"name": "a", "ntfy": "http://n/t", "channels": ["sms"]}]},
            "alerts.contact.1.channels: names `sms`, but sms has no address",
        ),
        (
            {"alerts.contact": [{"name": "a", "ntfy": "http://n/t", "conditions": ["rcd_triped"]}]},
            "alerts.contact.1.conditions: the catalogue knows no `rcd_triped`; did you mean `rcd_",
        ),
        ({"alerts.rule": {"nonsense": {}}}, "alerts.rule: the catalogue knows no `nonsense`"),
        (
            {"alerts.rule": {"door_open": {"limit_days": 3}}},
            "alerts.rule.door_open.limit_days: `door_open` does not take it; it has no limit",
        ),
        (
            {"alerts.rule": {"disk_full_soon": {"limit_c": 3}}},
            "alerts.rule.disk_full_soon.limit_c: `disk_full_soon` does not take it; expected "
            "limit_mb or limit_ratio",
        ),
        (
            {"alerts.rule": {"host_hot": {"limit_c": 20}}},
            "alerts.rule.host_hot.limit_c: found 20, expected 40 to 110",
        ),
        ({"alerts.language": "xx"}, "alerts.language: there are no texts in `xx`"),
        ({"web.subscribe": ["sms"]}, "web.subscribe: `sms` cannot be sent without [alerts.modem]"),
        ({"web.subscribe": ["apprise"]}, "web.subscribe: `apprise` reaches no driver"),
        ({"evse": []}, "evse: no [[evse]] table; expected at least one"),
        ({"station": "x"}, "station: found 'x', expected a table"),
        ({"evse": {"id": 1}}, "evse: found {'id': 1}, expected [[evse]] tables"),
    ],
)
def test_a_contradiction_is_named_with_its_place(change: dict[str, Any], expected: str) -> None:
    said = mistakes(change)
    assert any(line.startswith(f"station.toml: {expected}") for line in said), said


def test_a_file_that_is_not_toml_is_named_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_text("[station]\nid = \n")
    with pytest.raises(ConfigError, match=r"is not TOML: .*line 2"):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")


def test_relative_paths_are_taken_from_the_directory_of_the_file() -> None:
    config = load(ROOT / "config/examples/demo.toml")
    assert config.run_dir == ROOT / "config/examples/var/run"
    assert config.port(config.bus_named("safety")) == str(config.run_dir / "safety.tty")


def keys() -> list[str]:
    """Every key of every table of the file."""
    found = [
        kind
        for kind in vars(sections).values()
        if isinstance(kind, type) and issubclass(kind, Section) and kind not in (Section, Config)
    ]
    names = {
        f"{kind.__name__}.{field.name}" for kind in found for field in msgspec.structs.fields(kind)
    }
    return sorted(names - {"Ocpp.v16", "Ocpp.v2", "Simulator.vehicle"})


@pytest.mark.parametrize("key", keys())
def test_every_key_stands_with_a_comment_in_the_reference_file(key: str) -> None:
    text = (ROOT / "config/station.toml").read_text()
    _, _, name = key.partition(".")
    lines = [line for line in text.splitlines() if line.lstrip("# ").startswith(f"{name} = ")]
    assert lines, f"{key} is missing in config/station.toml"


def test_the_defaults_in_the_reference_file_are_the_true_ones() -> None:
    """Uncommenting a line changes nothing."""
    text = (ROOT / "config/station.toml").read_text()
    setting = re.compile(r"# ([A-Za-z_0-9]+ = |\[)")
    lines = [line[2:] if setting.match(line) else line for line in text.splitlines()]
    optional = ("current_max_a = 32  ", "password", "host", "identity = ")
    lines = [line for line in lines if not line.startswith(optional)]
    as_given, as_shown = (
        parse(tomllib.loads(text), "x"),
        parse(tomllib.loads("\n".join(lines)), "x"),
    )
    for name in ("paths", "system", "log", "csms", "safety", "bus", "device", "evse"):
        assert getattr(as_given, name) == getattr(as_shown, name), name
