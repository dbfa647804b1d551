"""Which drivers exist, and what is known of each before one is built.

A new driver is one row here and one line where its kind is built (`hal.loader`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hal.drivers import (
    bender_cc6,
    meter,
    openevse,
    phoenix_ev_cc,
    pilot_board,
    pn532,
    relay_board,
    relay_contactor,
    rfid_text,
    simple_evse,
)
from hal.drivers.options import Option

Kind = Literal["board", "meter", "reader", "relay"]


@dataclass(frozen=True, slots=True)
class Driver:
    """What is known of a driver before one is built."""

    kind: Kind
    bus: Literal["modbus", "serial"]
    map_kind: str = ""
    """Kind of register map that it needs; empty: it takes none."""
    gap_s: float = 0.0
    """Pause that the device needs between requests; to be given to its link."""
    options: Mapping[str, Option] = field(default_factory=dict)
    any_unit: bool = False
    """It answers whatever unit is asked for: there is nothing else on its connection."""
    opens_alone: bool = False
    """Every board of this driver opens alone, before it was asked."""
    when_silent: Callable[[Mapping[str, Any]], str] | None = None
    """What a board does when the host falls silent, by its settings."""
    inner_option: str = ""
    """Option that names the device which this one is built around; empty: it is built alone."""


# fmt: off
DRIVERS: Mapping[str, Driver] = {
    "pilot-board": Driver("board",  "modbus", "pilot-board", 0.0, pilot_board.OPTIONS,
                          when_silent=pilot_board.when_silent),
    "relay-contactor": Driver("board", "modbus", "", 0.0, relay_contactor.OPTIONS,
                          when_silent=relay_contactor.when_silent, inner_option="pilot"),
    "simple-evse": Driver("board",  "modbus", "", simple_evse.GAP_S, simple_evse.OPTIONS,
                          opens_alone=True, when_silent=simple_evse.when_silent),
    "openevse":    Driver("board",  "serial", "", 0.0, openevse.OPTIONS,
                          opens_alone=True, when_silent=openevse.when_silent),
    "bender-cc6":  Driver("board",  "modbus", "", 0.0, bender_cc6.OPTIONS, any_unit=True,
                          opens_alone=True, when_silent=bender_cc6.when_silent),
    "phoenix-ev-cc": Driver("board", "modbus", "", 0.0, phoenix_ev_cc.OPTIONS, any_unit=True,
                          when_silent=phoenix_ev_cc.when_silent),
    "meter":       Driver("meter",  "modbus", "meter", 0.0, meter.OPTIONS),
    "rfid-text":   Driver("reader", "serial", "", 0.0, rfid_text.OPTIONS),
    "pn532":       Driver("reader", "serial", "", 0.0, pn532.OPTIONS),
    "relay-board": Driver("relay",  "modbus", "", 0.0, relay_board.OPTIONS),
}
# fmt: on
