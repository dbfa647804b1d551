"""`chargepoint log` and `token`: what is asked of the agent, or of the journal, and shown."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from chargepoint.ipc.care import AuditLine, AwaitToken, GetAudit, GetLog, LogLine, TokenSeen
from chargepoint.ipc.service import Answered, Done, Request
from hal.values import TokenKind
from tests.cli.agents import Agent


def line(event: str, level: str = "info", **fields: str) -> LogLine:
    return LogLine(at="2026-07-01T10:00:00.123Z", level=level, part="x", event=event, fields=fields)


LINES = [
    line("contactor.closed", evse="1", operations="7"),
    line("contactor.closed", evse="2", operations="3"),
    line("csms.disconnected", "warning", reason="no answer"),
]
AUDIT = AuditLine(
    at="2026-07-01T10:00:00Z",
    user="anna",
    by="mqtt",
    action="UnlockHere",
    detail="evse=1",
    ok=False,
    outcome="the contactor is closed",
)


class Station:
    def __init__(self) -> None:
        self.cards = ["04A1", "04A1"]
        self.audit = AUDIT

    def answer(self, request: Request) -> Sequence[Answered]:
        match request:
            case GetLog(follow=True):
                return (line("agent.stopping"),)
            case GetLog():
                return (*LINES, Done(ok=True))
            case GetAudit():
                return (self.audit, Done(ok=True))
            case AwaitToken() if self.cards:
                return (seen(self.cards.pop(0)),)
            case _:
                return (Done(ok=False, detail="no card within 30 s"),)


def seen(card: str) -> TokenSeen:
    return TokenSeen(
        reader="cards",
        kind=TokenKind.ISO14443,
        token=f"…{card[-2:]}",
        digest=f"digest of {card}",
        verdict="accepted (cache)",
    )


@pytest.fixture
def station() -> Station:
    return Station()


@pytest.fixture
def agent(tmp_path: Path, station: Station, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with Agent(tmp_path, station.answer) as made:
        yield made


def journal(tmp_path: Path, *entries: dict[str, object]) -> None:
    """A journalctl that has these entries."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "journalctl"
    texts = "\n".join(json.dumps(entry) for entry in entries)
    program.write_text(f"#!/bin/sh\n/bin/cat <<'EOF'\n{texts}\nEOF\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def entry(message: str, unit: str = "chargepoint-agent.service") -> dict[str, object]:
    return {
        "__REALTIME_TIMESTAMP": "1782900000123456",
        "_SYSTEMD_UNIT": unit,
        "MESSAGE": message,
    }


def test_without_a_journal_the_agent_tells(agent: Agent) -> None:
    result = agent.call("log")
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == 3
    assert "csms.disconnected" in result.output
    assert "reason=no answer" in result.output


EVIL = "\x1b[2J\x1b]0;owned\x07\r\n10:00 \x9b31m\u202e"


def test_what_strangers_wrote_commands_no_terminal(agent: Agent, station: Station) -> None:
    LINES.append(line("csms.refused", "error", said=EVIL))
    try:
        shown = agent.call("log").output
        followed = agent.call("log", "--last", "1").output
        as_json = agent.call("log", "--json").output
    finally:
        LINES.pop()
    assert r"said=\x1b[2J\x1b]0;owned\x07\r\n10:00 \x9b31m\u202e" in shown
    assert len(shown.splitlines()) == 4
    assert all(sign.isprintable() or sign == "\n" for sign in shown + followed + as_json)


def test_what_people_wrote_commands_no_terminal_from_the_audit_log(
    agent: Agent, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = msgspec.structs.replace(AUDIT, by=EVIL, detail=EVIL, outcome=EVIL)
    monkeypatch.setattr(station, "audit", spoilt)
    shown = agent.call("log", "--audit").output
    assert len(shown.splitlines()) == 1
    assert all(sign.isprintable() or sign == "\n" for sign in shown)


def test_filters_are_passed_on_and_applied(agent: Agent) -> None:
    result = agent.call(
        "log", "--evse", "2", "--since", "10m", "--level", "warning", "--event", "contactor."
    )
    assert result.exit_code == 0, result.output
    assert result.output == ""
    [request] = agent.asked
    assert isinstance(request, GetLog)
    assert (request.since_s, request.level, request.event) == (600.0, "warning", "contactor.")


def test_only_what_names_an_evse_is_shown(agent: Agent) -> None:
    result = agent.call("log", "--evse", "2", "--json")
    [found] = [json.loads(text) for text in result.output.splitlines()]
    assert found["fields"] == {"evse": "2", "operations": "3"}


def test_the_last_lines_are_those_that_passed_the_filter(agent: Agent) -> None:
    result = agent.call("log", "--event", "contactor.", "--last", "1", "--json")
    [found] = [json.loads(text) for text in result.output.splitlines()]
    assert found["fields"]["evse"] == "2"


def test_following_goes_on_until_the_agent_ends(agent: Agent) -> None:
    result = agent.call("log", "-f", "--last", "0")
    assert "agent.stopping" in result.output
    assert "the agent has gone" in result.output
    assert result.exit_code == 1


def test_an_age_that_is_none_is_refused(agent: Agent) -> None:
    result = agent.call("log", "--since", "yesterday")
    assert result.exit_code == 2
    assert "found `yesterday`, expected a number with s, m, h or d: 10m" in result.output


def test_the_audit_log_names_who_did_what_and_what_came_of_it(agent: Agent) -> None:
    result = agent.call("log", "--audit")
    assert "anna (mqtt)  UnlockHere evse=1  not: the contactor is closed" in result.output
    [found] = [json.loads(t) for t in agent.call("log", "--audit", "--json").output.splitlines()]
    assert found["user"] == "anna"


def test_the_journal_has_the_lines_of_all_programs(agent: Agent, tmp_path: Path) -> None:
    journal(
        tmp_path,
        entry('{"time":"10:00","level":"warning","part":"field","event":"device.lost","evse":1}'),
        entry("Traceback (most recent call last):", "chargepoint-control@safety.service"),
    )
    result = agent.call("log")
    assert result.exit_code == 0, result.output
    first, second = result.output.splitlines()
    assert first.split() == ["10:00", "warning", "field", "device.lost", "evse=1"]
    assert second.split()[3:] == [
        "control@safety",
        "text=Traceback",
        *["(most", "recent", "call", "last):"],
    ]
    assert agent.asked == []


def test_an_empty_journal_is_no_source(agent: Agent, tmp_path: Path) -> None:
    journal(tmp_path)
    assert "csms.disconnected" in agent.call("log").output


def test_the_source_can_be_named(agent: Agent, tmp_path: Path) -> None:
    assert agent.call("log", "--source", "journal").exit_code == 1
    journal(tmp_path, entry('{"level":"info","event":"from.journal"}'))
    assert "csms.disconnected" in agent.call("log", "--source", "agent").output
    assert "from.journal" in agent.call("log", "--source", "journal").output


def test_a_card_is_shown_with_what_would_be_said_to_it(agent: Agent) -> None:
    result = agent.call("token", "test", "--reader", "cards", "--within", "5")
    assert result.exit_code == 0, result.output
    assert agent.asked == [AwaitToken(within_s=5.0, reader="cards")]
    assert "…A1  ISO14443 at reader cards, digest digest of 04A1" in result.output
    assert "accepted (cache)" in result.output


def test_two_presentations_of_one_card_are_the_same(agent: Agent) -> None:
    result = agent.call("token", "compare")
    assert result.exit_code == 0, result.output
    assert "The same card." in result.output


def test_two_cards_differ(agent: Agent, station: Station) -> None:
    station.cards = ["04A1", "04B2"]
    result = agent.call("token", "compare", "--json")
    assert result.exit_code == 1
    assert '"same": false' in result.output


def test_no_card_is_told_and_exits_with_1(agent: Agent, station: Station) -> None:
    station.cards = []
    result = agent.call("token", "test", "--json")
    assert result.exit_code == 1
    assert "no card within 30 s" in result.output
