"""`ocpp transactions`, `resend` and `export` as a person calls them, without and with an agent."""

from __future__ import annotations

import csv
import io
import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chargepoint.agent.store import Store
from chargepoint.cli.main import main
from chargepoint.station.effects import Quarantine, Remove
from tests.agent.samples import TRANSACTION, ended, kept, put, started

ROOT = Path(__file__).resolve().parents[2]


class Station:
    """A configuration, and a store that an agent has left behind."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.config = place / "station.toml"
        text = (ROOT / "config/examples/demo.toml").read_text()
        self.config.write_text(text)
        from chargepoint.config import load

        loaded = load(str(self.config))
        self.socket = loaded.agent_socket()
        self.store = Store(loaded.state_dir, loaded.run_dir, lambda: 1000.0)
        self.store.open()
        clock = put("b3a1c0de", '{"zero":"2026-11-24T08:00:00+00:00","trust":"ntp"}', space="clock")
        self.store.apply([clock, kept(started(1)), kept(ended(3))])
        self.store.apply(
            [Remove(sequence=1), Quarantine(sequence=3, code="GenericError", description="no")]
        )

    def call(self, *arguments: str) -> Result:
        runner = CliRunner()
        return runner.invoke(main, ["ocpp", *arguments, "--config", str(self.config)])


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path)
    yield station
    station.store.close()


def test_transactions_are_shown_without_an_agent(station: Station) -> None:
    result = station.call("transactions")
    assert result.exit_code == 0, result.output
    assert "refused: record 3 (GenericError: no)" in result.output
    assert "EVSE 1" in result.output


def test_transactions_as_json_are_one_line_each(station: Station) -> None:
    (line,) = station.call("transactions", "--json").output.splitlines()
    one = json.loads(line)
    assert (one["id"], one["state"], one["refused"]) == (TRANSACTION, "refused", [3])


def test_transactions_as_csv_have_a_head(station: Station) -> None:
    rows = list(csv.DictReader(io.StringIO(station.call("transactions", "--csv").output)))
    assert [(row["id"], row["reason"], row["csms_id"]) for row in rows] == [
        (TRANSACTION, "Local", "")
    ]


def test_json_and_csv_at_once_are_a_usage_error(station: Station) -> None:
    assert station.call("transactions", "--csv", "--json").exit_code == 2


def test_an_export_is_a_private_file_of_json_lines(station: Station) -> None:
    file = station.place / "records.jsonl"
    result = station.call("export", str(file))
    assert result.output == f"1 record in {file}\n"
    (line,) = file.read_text().splitlines()
    exported = json.loads(line)
    assert (exported["place"], exported["code"]) == ("refused", "GenericError")
    assert exported["record"]["meter_stop_wh"] == 1500
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_export_that_cannot_be_written_leaves_nothing(station: Station) -> None:
    result = station.call("export", str(station.place / "nowhere" / "records.jsonl"))
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.output
    assert not list(station.place.glob("*.part"))


def test_an_export_of_a_station_that_never_ran_fails(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text((ROOT / "config/examples/demo.toml").read_text())
    runner = CliRunner()
    file = tmp_path / "records.jsonl"
    result = runner.invoke(main, ["ocpp", "export", str(file), "--config", str(config)])
    assert result.exit_code == 1
    assert "there is no ledger yet" in result.output
    assert not file.exists()


def test_a_resend_needs_the_agent(station: Station) -> None:
    result = station.call("resend", "3")
    assert result.exit_code == 1
    assert "does not answer" in result.output


def test_an_answer_that_breaks_off_is_no_answer(station: Station) -> None:
    """An export must not look complete when the agent died in the middle."""
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        station.socket.parent.mkdir(parents=True, exist_ok=True)
        listener.bind(str(station.socket))
        listener.listen()

        def die() -> None:
            client, _ = listener.accept()
            client.recv(1000)
            client.close()

        dying = threading.Thread(target=die)
        dying.start()
        file = station.place / "records.jsonl"
        result = station.call("export", str(file))
        dying.join()
    assert result.exit_code == 1
    assert "not complete" in result.output
    assert not file.exists()
