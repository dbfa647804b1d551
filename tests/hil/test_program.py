"""`chargepoint simulate` as a process."""

from __future__ import annotations

import os
from pathlib import Path

from hil.stage import Stage


def test_serves_until_it_is_told_to_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.start_simulator()
        link = Path(stage.config.port(stage.config.bus_named("safety")))
        assert link.is_symlink()
        stage.plug_in()
        assert stage.state()["evse"]["1"]["pilot_state"] == "B"
        assert stage.end("simulate") == 0
        assert not os.path.lexists(link)
        assert "simulator.started" in stage.log("simulate")
        assert "simulator.stopped" in stage.log("simulate")


def test_a_second_one_on_the_same_port_says_so_and_ends_with_1(tmp_path: Path) -> None:
    with Stage(tmp_path / "one") as first:
        first.start_simulator()
        port = int(first.config.simulator.http.rpartition(":")[2])
        with Stage(tmp_path / "two", simulator_port=port) as second:
            assert second.start("simulate").wait(20.0) == 1
            assert "simulator.failed" in second.log("simulate")
        assert first.state()["evse"]["1"]["plugged"] is False
