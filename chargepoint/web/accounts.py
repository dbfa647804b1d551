"""Who may log in: `web_users.json` in the state directory, passwords hashed with scrypt.

The file is written by `chargepoint web passwd` and by an owner on the page, and read again whenever
it has changed; both write it whole, to a new file that takes its place.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Annotated

import msgspec

from chargepoint.owner import same_owner

FILE = "web_users.json"
ACCOUNTS_MAX = 50
PASSWORD_MIN, PASSWORD_MAX = 10, 200
NAME = r"^[a-z][a-z0-9_.-]{0,31}$"

COST, BLOCK, PARALLEL = 2**14, 8, 1
"""scrypt: 16 MiB and some 50 ms for each look; stored with each hash, so that they may grow."""


class Role(StrEnum):
    """What an account may do."""

    TECHNICIAN = "technician"
    """Everything but accounts."""
    OWNER = "owner"


class AccountsError(Exception):
    """The file cannot be used, or what is wanted of it cannot be; the text says why."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the file."""

    role: Role
    salt: str
    """Hexadecimal."""
    key: str
    """scrypt of the password, hexadecimal."""
    cost: Annotated[int, msgspec.Meta(ge=2**10, le=2**17)] = COST
    block: Annotated[int, msgspec.Meta(ge=1, le=16)] = BLOCK
    parallel: Annotated[int, msgspec.Meta(ge=1, le=4)] = PARALLEL
    changed_at: str = ""

    def matches(self, password: str) -> bool:
        """Whether `password` is the one; takes the time that scrypt takes."""
        key = _scrypt(password, bytes.fromhex(self.salt), self.cost, self.block, self.parallel)
        return hmac.compare_digest(key.hex(), self.key)


NOBODY = Account(role=Role.TECHNICIAN, salt="00" * 16, key="")
"""Asked for a name that does not exist, so that the answer takes as long as any."""


class Accounts:
    """The file in `state_dir`, with what was last read of it."""

    def __init__(
        self, state_dir: Path, wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.path = state_dir / FILE
        self._wall = wall
        self._read: tuple[tuple[int, int, int], dict[str, Account]] | None = None

    def all(self) -> dict[str, Account]:
        """Accounts by name; none while there is no file. Raises AccountsError."""
        try:
            found = self.path.stat()
            mark = (found.st_mtime_ns, found.st_size, found.st_ino)
            if self._read is None or self._read[0] != mark:
                text = self.path.read_bytes()
                self._read = (mark, msgspec.json.decode(text, type=dict[str, Account]))
            return self._read[1]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise AccountsError(f"{self.path}: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise AccountsError(f"{self.path}: {error}") from error

    def check(self, name: str, password: str) -> Account | None:
        """The account, when the password is right. Takes a while: call it in a thread."""
        account = self.all().get(name, NOBODY)
        return account if account.matches(password[:PASSWORD_MAX]) and account.key else None

    def set(self, name: str, password: str, role: Role | None = None) -> Account:
        """Make the account, or change its password, or its role. Raises AccountsError."""
        if problem := name_problem(name) or password_problem(password, name):
            raise AccountsError(problem)
        salt = secrets.token_bytes(16)
        key = _scrypt(password, salt, COST, BLOCK, PARALLEL)
        with self._changing() as accounts:
            before = accounts.get(name)
            if before is None and len(accounts) >= ACCOUNTS_MAX:
                raise AccountsError(f"there are {len(accounts)} accounts already")
            role = role or (before.role if before else Role.TECHNICIAN)
            if role is not Role.OWNER:
                _keep_an_owner(accounts, name, before)
            accounts[name] = account = Account(
                role=role,
                salt=salt.hex(),
                key=key.hex(),
                changed_at=self._wall().isoformat(timespec="seconds"),
            )
        return account

    def remove(self, name: str) -> None:
        """Raises AccountsError for a name that is not there, and for the last owner of several."""
        with self._changing() as accounts:
            if name not in accounts:
                raise AccountsError(f"there is no account `{name}`")
            _keep_an_owner(accounts, name, accounts[name])
            del accounts[name]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        """The accounts, to be changed by one at a time; written at the end."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            place = self.path.parent / f"{FILE}.lock"
            with os.fdopen(os.open(place, flags, 0o600), "ab") as lock:
                same_owner(lock.fileno(), self.path.parent)
                flock(lock, LOCK_EX)
                accounts = dict(self.all())
                yield accounts
                self._write(accounts)
        except OSError as error:
            raise AccountsError(f"{self.path}: {error.strerror}") from error

    def _write(self, accounts: dict[str, Account]) -> None:
        new = self.path.with_suffix(".new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            same_owner(file.fileno(), self.path.parent)
            file.write(msgspec.json.format(msgspec.json.encode(accounts), indent=2))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        self._read = None


def name_problem(name: str) -> str:
    """What is wrong with a name; empty: nothing."""
    import re

    if re.fullmatch(NAME, name):
        return ""
    return "a name has 1 to 32 of a-z, 0-9, `_`, `.`, `-` and begins with a letter"


def password_problem(password: str, name: str = "") -> str:
    """What is wrong with a password; empty: nothing."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        return f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters"
    if len(set(password)) < 5 or (name and password.casefold() == name.casefold()):
        return "this password is too easy to guess"
    return ""


def _keep_an_owner(accounts: dict[str, Account], name: str, before: Account | None) -> None:
    if before is None or before.role is not Role.OWNER:
        return
    others = [other for other in accounts if other != name]
    if others and not any(accounts[other].role is Role.OWNER for other in others):
        raise AccountsError("this is the last owner, and others could not manage accounts")


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    memory = 128 * cost * block * parallel + 1024 * 1024
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block, p=parallel, maxmem=memory, dklen=32)
