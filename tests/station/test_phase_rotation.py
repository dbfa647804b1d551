"""Phases of a connector that are not those of the meter, in values and in the share of a supply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from chargepoint.station.limits import shares_a
from chargepoint.station.phase_rotation import lines_of, rotated, rotation_of
from chargepoint.station.records import Measurand
from chargepoint.station.settings import EvseSettings
from chargepoint.station.variables import definitions
from hal.values import MeterReading
from tests.station.world import World

READING = MeterReading(
    taken_s=1.0,
    voltage_v=(231.0, 232.0, 233.0),
    current_a=(1.0, 2.0, 3.0),
    power_phase_w=(100.0, 200.0, 300.0),
    power_w=600.0,
)

# fmt: off
ROTATIONS = [
    # rotation  the meter's 1, 2, 3 as the connector's L1, L2, L3
    ("RST",     (1.0, 2.0, 3.0)),
    ("RTS",     (1.0, 3.0, 2.0)),
    ("SRT",     (2.0, 1.0, 3.0)),
    ("STR",     (2.0, 3.0, 1.0)),
    ("TRS",     (3.0, 1.0, 2.0)),
    ("TSR",     (3.0, 2.0, 1.0)),
    ("",        (1.0, 2.0, 3.0)),
]
SHARES = [
    # limits                       supply  lines                            shares
    ({1: 32.0, 2: 32.0},           32.0,   {1: "R", 2: "S"},                {1: 32.0, 2: 32.0}),
    ({1: 32.0, 2: 32.0},           32.0,   {1: "R", 2: "R"},                {1: 16.0, 2: 16.0}),
    ({1: 32.0, 2: 32.0},           32.0,   {},                              {1: 16.0, 2: 16.0}),
    ({1: 32.0, 2: 32.0, 3: 32.0},  32.0,   {1: "R", 2: "S"},  {1: 16.0, 2: 16.0, 3: 16.0}),
    ({1: 6.0, 2: 32.0, 3: 32.0},   32.0,   {1: "R", 2: "S"},  {1: 6.0, 2: 16.0, 3: 16.0}),
    ({1: 16.0, 2: 16.0, 3: 16.0},  11.0,   {1: "R", 2: "R", 3: "S"}, {1: 11.0, 2: 0.0, 3: 11.0}),
    ({1: 16.0, 2: 16.0},           5.0,    {1: "R", 2: "S"},                {1: 0.0, 2: 0.0}),
]
# fmt: on


@pytest.mark.parametrize(("rotation", "currents"), ROTATIONS)
def test_values_are_reported_in_the_order_of_the_connector(
    rotation: str, currents: tuple[float, ...]
) -> None:
    turned = rotated(READING, rotation)
    assert turned.current_a == currents
    assert turned.voltage_v == tuple(230.0 + current for current in currents)
    assert turned.power_phase_w == tuple(100.0 * current for current in currents)
    assert turned.power_w == 600.0


def test_a_single_phase_has_no_order() -> None:
    reading = replace(READING, current_a=(5.0,))
    assert rotated(reading, "STR").current_a == (5.0,)


@pytest.mark.parametrize(
    ("text", "rotation"),
    [("0.RST,1.STR", "STR"), ("0.STR", ""), ("1.Unknown", ""), ("1.NotApplicable", ""), ("", "")],
)
def test_only_a_rotation_that_is_known_counts(text: str, rotation: str) -> None:
    assert rotation_of(text, 1) == rotation


def test_a_connector_of_three_phases_loads_all_and_one_of_one_its_first() -> None:
    assert lines_of("STR", 3) == "RST"
    assert lines_of("STR", 1) == "S"
    assert lines_of("", 1) == "RST"


@pytest.mark.parametrize(("limits", "supply", "lines", "shares"), SHARES)
def test_each_phase_of_the_supply_is_shared_by_those_that_load_it(
    limits: Mapping[int, float],
    supply: float,
    lines: Mapping[int, str],
    shares: Mapping[int, float],
) -> None:
    assert shares_a(limits, supply, lines) == shares


def test_a_change_by_the_csms_turns_the_values_that_follow() -> None:
    """ConnectorPhaseRotation is stored, reported and used."""
    world = World(variables={("SampledDataCtrlr", "TxUpdatedMeasurands"): "Voltage"})
    world.charging()
    world.set("Ocpp16Ctrlr", "ConnectorPhaseRotation", "1.TRS")
    world.wait(60.0, step_s=5.0)
    last = world.updates[-1].samples[0].values
    assert [(value.phase, value.value) for value in last] == [
        ("L1-N", 232.0),
        ("L2-N", 230.0),
        ("L3-N", 231.0),
    ]
    assert last[0].measurand is Measurand.VOLTAGE


def test_the_installer_says_how_it_was_wired() -> None:
    world = World()
    evses = (
        EvseSettings(id=1, phase_rotation="STR"),
        EvseSettings(id=2, phases=1),
        EvseSettings(id=3),
    )
    rows = {row.variable: row for row in definitions(replace(world.settings, evses=evses))}
    assert rows["ConnectorPhaseRotation"].default == "1.STR,2.NotApplicable,3.RST"
