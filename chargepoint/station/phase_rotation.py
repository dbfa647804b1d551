"""How the phases of a connector lie on those of the meter and of the supply before it.

ConnectorPhaseRotation names for each connector the supply's phases R, S, T in the order of the
connector's L1, L2, L3 (OCPP 1.6, section 9.1.4): with `STR` the connector's L1 hangs on S. Meters
count R, S, T as 1, 2, 3; what is reported are the connector's phases. Without a known rotation
everything stays as the meter says, and a single phase may be any of the three.
"""

from __future__ import annotations

from dataclasses import replace

from hal.values import MeterReading

LINES = "RST"
"""Phases of the supply, in the meter's order."""


def rotation_of(text: str, connector: int) -> str:
    """The three letters for `connector` in a value such as `0.RST,1.STR`; empty: not known."""
    for item in text.split(","):
        index, _, rotation = item.strip().partition(".")
        if index == str(connector) and sorted(rotation) == sorted(LINES):
            return rotation
    return ""


def rotated(reading: MeterReading, rotation: str) -> MeterReading:
    """`reading` with its phases in the connector's order."""
    if rotation in ("", LINES):
        return reading

    def turned(values: tuple[float, ...]) -> tuple[float, ...]:
        if len(values) != len(LINES):
            return values
        return tuple(values[LINES.index(line)] for line in rotation)

    return replace(
        reading,
        voltage_v=turned(reading.voltage_v),
        current_a=turned(reading.current_a),
        power_phase_w=turned(reading.power_phase_w),
    )


def lines_of(rotation: str, phases: int) -> str:
    """Phases of the supply that a connector may load."""
    return rotation[0] if rotation and phases == 1 else LINES
