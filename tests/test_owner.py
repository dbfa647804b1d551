"""What root writes belongs to the programs, and nobody can make root give away anything else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chargepoint.cli.bus_access import NotDone, owned
from chargepoint.config import Config, load
from chargepoint.station_key import sign
from chargepoint.web.accounts import Accounts, AccountsError
from tests.cli.agents import DEMO
from tests.web.place import PASSWORD

NOBODY = 65534
MADE = {
    "control-safety.lock",
    "station_key.pem",
    "station_key.pub",
    "web_users.json",
    "web_users.json.lock",
}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "station.toml"
    path.write_text(DEMO.read_text())
    found = load(str(path))
    found.run_dir.mkdir(parents=True)
    found.state_dir.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(found.run_dir, NOBODY, NOBODY)
        os.chown(found.state_dir, NOBODY, NOBODY)
    return found


@as_root
def test_what_root_leaves_behind_belongs_to_the_owner_of_the_directory(config: Config) -> None:
    """Else the safety program could not take its lock, nor the agent sign or write its log."""
    with owned(config, config.bus_named("safety")):
        pass
    sign(config.state_dir, "0" * 64)
    Accounts(config.state_dir).set("olga", PASSWORD)
    made = [*config.run_dir.iterdir(), *config.state_dir.iterdir()]
    assert {path.name for path in made} == MADE
    assert {path.stat().st_uid for path in made} == {NOBODY}


@as_root
def test_a_file_with_another_name_stays_whose_it_is(config: Config) -> None:
    lock = config.run_dir / "control-safety.lock"
    other = config.run_dir / "other"
    other.touch()
    os.link(other, lock)
    with owned(config, config.bus_named("safety")):
        pass
    assert other.stat().st_uid == 0


def test_a_link_in_the_place_of_a_lock_is_not_followed(config: Config, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (config.run_dir / "control-safety.lock").symlink_to(other)
    (config.state_dir / "web_users.json.lock").symlink_to(other)
    with pytest.raises(NotDone), owned(config, config.bus_named("safety")):
        pass
    with pytest.raises(AccountsError):
        Accounts(config.state_dir).set("olga", PASSWORD)
    assert not other.exists()
