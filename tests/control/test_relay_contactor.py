"""A relay contactor as control wires it: around its pilot board, both guarded and made safe."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from chargepoint.config import Config, load, parse
from chargepoint.control.wiring import board_of, board_units, open_bus
from hal.drivers.relay_contactor import RelayContactor
from hal.errors import ConfigurationError
from hal.interfaces import PilotBoard

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/relay_contactor.toml"
PILOT, RELAYS = 1, 2


def board(config: Config) -> PilotBoard:
    bus = open_bus(config, config.bus_named("safety"))
    return board_of(config, bus, config.evse[0], accept_no_watchdog=False)


def test_it_is_built_around_the_pilot_board_that_it_names() -> None:
    found = board(load(EXAMPLE))
    assert isinstance(found, RelayContactor)
    assert found.name == "contactor"
    assert (found.traits.watchdog_s, found.traits.opens_alone) == (1.0, False)
    assert found.traits.current_max_a == 16


def test_both_units_are_guarded_against_a_technicians_writes() -> None:
    config = load(EXAMPLE)
    assert board_units(config, config.evse) == {PILOT, RELAYS}


@pytest.mark.parametrize("word", [True, False])
def test_a_slow_line_is_refused_even_if_the_pilot_board_opens_alone(word: bool) -> None:
    """What the pilot board opens is not what carries the current."""
    raw = tomllib.loads(EXAMPLE.read_text("utf-8"))
    raw["bus"][0]["baud"] = 9600
    raw["device"][0]["options"] = {"opens_alone": word}
    config = parse(raw, "station.toml")
    with pytest.raises(ConfigurationError, match="contactor: bus" if word else "pilot: bus"):
        board(config)
