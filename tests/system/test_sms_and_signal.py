"""A fault reaches a telephone, lamp and buzzer without any network, and the telephone answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hil.stage import Stage, example

pytestmark = pytest.mark.system

NUMBER = "+4915112345678"
STRANGER = "+4915187654321"
CHANGES: dict[str, Any] = {
    "bus": [
        *example()["bus"],
        {"name": "gsm", "kind": "serial", "port": "gsm.tty", "baud": 115_200},
    ],
    "alerts.contact": [{"name": "Ann", "sms": NUMBER, "language": "de"}],
    "alerts.modem": {"bus": "gsm", "pin": "4711"},
    "alerts.limits": {"sms_per_minute": 60},
    "alerts.rule": {"emergency_stopped": {"clear_after_s": 2.0}},
    "alerts.signal": {"bus": "safety", "unit": 77, "lamp_coil": 0, "buzzer_coil": 3},
}
BEEP_EVERY_S = 4.0
WAIT_S = 60.0


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, changes=CHANGES) as stage:
        stage.start_simulator()
        stage.start("run")
        stage.wait_until(lambda: "modem.ready" in stage.log("run"), WAIT_S, "a modem", "run")
        yield stage


def sent(stage: Stage) -> list[str]:
    return [message["text"] for message in stage.state()["modem"]["gsm"]["sent"]]


def seen(stage: Stage, seconds: float) -> set[tuple[str, bool]]:
    """What lamp and buzzer were in so many seconds."""
    until_s = stage.state()["now_s"] + seconds
    found: set[tuple[str, bool]] = set()

    def over() -> bool:
        state = stage.state()
        found.update((part, state["signal"][part]) for part in ("lamp", "buzzer"))
        return bool(state["now_s"] >= until_s)

    stage.wait_until(over, seconds + WAIT_S, "time to pass", "run")
    return found


def test_a_fault_is_shown_at_once_told_when_there_is_a_network_and_acknowledged_by_sms(
    stage: Stage,
) -> None:
    assert seen(stage, 0.5) == {("lamp", False), ("buzzer", False)}
    stage.post("/device/gsm/fault", {"fault": "no_network"})
    stage.post("/evse/1/fault", {"fault": "emergency_stopped"})
    stage.wait_until(lambda: "alert.raised" in stage.log("run"), WAIT_S, "an alert", "run")
    assert seen(stage, 2.0) == {(p, on) for p in ("lamp", "buzzer") for on in (True, False)}
    assert sent(stage) == []

    stage.post("/device/gsm/fault", {"fault": "no_network", "active": False})
    stage.wait_until(lambda: len(sent(stage)) == 1, WAIT_S, "the SMS", "run")
    (told,) = sent(stage)
    assert "Not-Halt betätigt, Ladepunkt 1" in told

    code = re.findall(r"OK [A-Z0-9]{4}", told)[0]
    stage.post("/modem/gsm/receive", {"from": STRANGER, "text": code})
    stage.post("/modem/gsm/receive", {"from": NUMBER, "text": code.lower()})
    stage.wait_until(lambda: "alert.acknowledged" in stage.log("run"), WAIT_S, "it known", "run")
    stage.wait_until(lambda: not stage.state()["signal"]["buzzer"], WAIT_S, "silence", "run")
    assert seen(stage, BEEP_EVERY_S) == {("lamp", True), ("lamp", False), ("buzzer", False)}

    stage.post("/evse/1/fault", {"fault": "emergency_stopped", "active": False})
    stage.wait_until(lambda: "vorbei" in sent(stage)[-1], WAIT_S, "the end by SMS", "run")
    assert seen(stage, 0.5) == {("lamp", False), ("buzzer", False)}
    assert stage.log("run").count("alert.acknowledged") == 1
    assert NUMBER not in stage.log("run")
    assert "4711" not in stage.log("run")
