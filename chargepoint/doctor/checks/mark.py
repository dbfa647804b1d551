"""What a check says before it is put into words."""

from __future__ import annotations

from typing import Literal

import msgspec


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """`problem`: catalogue id of what is wrong; needed for `warn` and `fail`."""

    check: str
    level: Literal["pass", "warn", "fail", "skip"]
    subject: str = ""
    found: str = ""
    problem: str = ""
    related: tuple[str, ...] = ()


def good(check: str, subject: str = "", found: str = "") -> Mark:
    return Mark(check=check, level="pass", subject=subject, found=found)


def unknown(check: str, subject: str = "", why: str = "") -> Mark:
    """It could not be judged; `why` says what was missing."""
    return Mark(check=check, level="skip", subject=subject, found=why)


def warn(check: str, problem: str, subject: str = "", found: str = "") -> Mark:
    return Mark(check=check, level="warn", subject=subject, found=found, problem=problem)


def fail(check: str, problem: str, subject: str = "", found: str = "") -> Mark:
    return Mark(check=check, level="fail", subject=subject, found=found, problem=problem)
