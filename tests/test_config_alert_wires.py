"""The modem's line and the coils of buzzer and lamp must not be somebody else's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.test_config import DEMO, mistakes

LINE = {"name": "gsm", "kind": "serial", "port": "gsm.tty"}
BUSES = [*DEMO["bus"], LINE]


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ({"modem": {"bus": "gms"}}, "alerts.modem.bus: no such name: `gms`; expected one of gsm"),
        ({"modem": {"bus": "safety"}}, "alerts.modem.bus: `safety` is modbus-rtu, expected a bus"),
        ({"modem": {"bus": "rfid"}}, "alerts.modem.bus: `rfid` serves `"),
        (
            {"modem": {"bus": "gsm", "pin": "12"}},
            "alerts.modem.pin: found a value that is not shown; expected 4 to 8 digits",
        ),
        (
            {"modem": {"bus": "gsm", "sim_expires": "soon"}},
            "alerts.modem.sim_expires: found `soon`, expected a date such as 2027-01-31",
        ),
        ({"signal": {"bus": "x", "unit": 9, "lamp_coil": 0}}, "alerts.signal.bus: no such name"),
        (
            {"signal": {"bus": "gsm", "unit": 9, "lamp_coil": 0}},
            "alerts.signal.bus: `gsm` is a serial line, expected a Modbus bus",
        ),
        (
            {"signal": {"bus": "safety", "unit": 1, "lamp_coil": 0}},
            "alerts.signal.unit: 1 on `safety` is `board1` (pilot-board); expected a relay-board",
        ),
        ({"signal": {"bus": "safety", "unit": 99}}, "alerts.signal: needs lamp_coil, buzzer_coil"),
        (
            {"signal": {"bus": "safety", "unit": 99, "lamp_coil": 2, "buzzer_coil": 2}},
            "alerts.signal.buzzer_coil: is the lamp's coil too (2)",
        ),
    ],
)
def test_a_contradiction_with_the_wires_is_named(alerts: dict[str, Any], expected: str) -> None:
    said = mistakes({"bus": BUSES, "alerts": alerts})
    assert any(line.startswith(f"station.toml: {expected}") for line in said), said
