"""Commands that the catalogue tells people to use exist."""

from __future__ import annotations

import re

import click
import pytest

from chargepoint.catalog import entries, entry, languages
from chargepoint.cli.main import main

COMMAND = re.compile(r"`chargepoint ([^`]*)`")


def commands(language: str) -> set[str]:
    """Everything after `chargepoint` between backticks."""
    texts = []
    for one in entries():
        found = entry(one, language)
        texts += [found.cause, found.remedy]
    return {name for text in texts for name in COMMAND.findall(text or "")}


def exists(line: str) -> bool:
    """Whether the words name a command; numbers and placeholders follow it."""
    command: click.Command | None = main
    context = click.Context(main)
    for word in line.split():
        if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        command = command.get_command(context, word)
    return command is not None


@pytest.mark.parametrize("language", languages())
def test_a_command_that_is_advised_can_be_called(language: str) -> None:
    found = commands(language)
    assert len(found) > 10
    assert sorted(line for line in found if not exists(line)) == []


def test_a_command_that_is_none_is_noticed() -> None:
    assert exists("alerts test")
    assert not exists("maintenance visit")
