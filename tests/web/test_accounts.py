"""Accounts in their file, and the waits after failed logins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chargepoint.web.accounts import Accounts, AccountsError, Role
from chargepoint.web.throttle import ACCOUNT_WAIT_MAX_S, ADDRESS_WAIT_MAX_S, Throttle
from tests.web.place import PASSWORD, Clock


def test_a_password_is_kept_as_a_hash_in_a_file_for_its_owner_only(tmp_path: Path) -> None:
    Accounts(tmp_path).set("olga", PASSWORD, Role.OWNER)
    path = tmp_path / "web_users.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in path.read_text("utf-8")
    account = Accounts(tmp_path).check("olga", PASSWORD)
    assert account is not None
    assert account.role is Role.OWNER


@pytest.mark.parametrize("password", ["", PASSWORD + "x", PASSWORD.upper(), "x" * 5000, "\udc80"])
def test_a_wrong_password_is_wrong(tmp_path: Path, password: str) -> None:
    accounts = Accounts(tmp_path)
    accounts.set("olga", PASSWORD)
    assert accounts.check("olga", password) is None
    assert accounts.check("nobody", password) is None


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "x" * 201])
def test_a_weak_password_is_refused(tmp_path: Path, password: str) -> None:
    with pytest.raises(AccountsError):
        Accounts(tmp_path).set("olga", password)


@pytest.mark.parametrize("name", ["", "Olga", "1st", "a" * 33, "../x", "a b", "a\nb"])
def test_a_name_that_could_be_mistaken_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AccountsError, match="a name has"):
        Accounts(tmp_path).set(name, PASSWORD)


def test_a_change_by_another_program_is_seen(tmp_path: Path) -> None:
    ours, theirs = Accounts(tmp_path), Accounts(tmp_path)
    assert ours.all() == {}
    theirs.set("olga", PASSWORD)
    assert list(ours.all()) == ["olga"]


def test_a_new_password_keeps_the_role(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    accounts.set("olga", PASSWORD, Role.OWNER)
    assert accounts.set("olga", "another long one").role is Role.OWNER


def test_the_last_owner_stays_while_there_are_others(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    accounts.set("olga", PASSWORD, Role.OWNER)
    accounts.set("toni", PASSWORD, Role.TECHNICIAN)
    with pytest.raises(AccountsError, match="last owner"):
        accounts.remove("olga")
    with pytest.raises(AccountsError, match="last owner"):
        accounts.set("olga", PASSWORD, Role.TECHNICIAN)
    accounts.remove("toni")
    accounts.remove("olga")
    assert accounts.all() == {}


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "\x00", '{"a": {"role": "king"}}'])
def test_a_broken_file_is_named_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "web_users.json"
    path.write_text(text, "utf-8")
    with pytest.raises(AccountsError, match="web_users"):
        Accounts(tmp_path).set("olga", PASSWORD)
    assert path.read_text("utf-8") == text


def test_a_hash_says_by_which_work_it_was_made(tmp_path: Path) -> None:
    """So that a later version can ask for more, and old ones still count."""
    Accounts(tmp_path).set("olga", PASSWORD)
    path = tmp_path / "web_users.json"
    stored = json.loads(path.read_text("utf-8"))["olga"]
    assert (stored["cost"], stored["block"], stored["parallel"]) == (16384, 8, 1)


# --- Waits ----------------------------------------------------------------------------------------


def failed(throttle: Throttle, clock: Clock, count: int, address: str, account: str) -> float:
    for _ in range(count):
        throttle.failed(address, account)
    return throttle.wait_s(address, account)


def test_an_account_waits_less_than_an_address_does() -> None:
    """A stranger must not be able to keep the owner out for long."""
    clock = Clock()
    throttle = Throttle(clock)
    assert failed(throttle, clock, 30, "192.0.2.1", "olga") == ADDRESS_WAIT_MAX_S
    assert throttle.wait_s("192.0.2.2", "olga") == ACCOUNT_WAIT_MAX_S
    assert throttle.wait_s("192.0.2.2", "toni") == 0
    assert throttle.wait_s("192.0.2.1", "toni") == ADDRESS_WAIT_MAX_S


def test_a_network_of_ipv6_is_one_address() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    failed(throttle, clock, 9, "2001:db8::1", "olga")
    assert throttle.wait_s("2001:db8::ffff:2", "toni") > 0
    assert throttle.wait_s("2001:db8:0:1::1", "toni") == 0


def test_failures_are_forgotten_after_an_hour_and_by_success() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    failed(throttle, clock, 9, "192.0.2.1", "olga")
    clock.now_s += 3601
    assert failed(throttle, clock, 1, "192.0.2.1", "olga") == 0
    failed(throttle, clock, 9, "192.0.2.1", "olga")
    throttle.succeeded("192.0.2.1", "olga")
    assert throttle.wait_s("192.0.2.1", "olga") == 0


def test_memory_of_failures_is_bounded() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    for number in range(5000):
        throttle.failed(f"10.0.{number // 250}.{number % 250}", f"a{number}")
    assert len(throttle._failures) == 2000
