"""What each EVSE's board does when the programs fall silent, and why one is refused.

Boards are built as the safety program builds them, but no port is opened.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from chargepoint.config import Config, Device, Evse
from hal.bus.modbus import open_modbus_rtu, open_modbus_tcp
from hal.bus.serial import open_serial
from hal.errors import ConfigurationError
from hal.interfaces import ModbusLink, PilotBoard, SerialLink
from hal.loader import DRIVERS, build_board, check_device, inner_device, when_silent


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardReport:
    """One board as an installer should know it."""

    evse: int
    board: str
    driver: str
    watchdog_s: float | None = None
    opens_alone: bool = False
    """Certain to, by its driver or the installer's word, before it was asked."""
    asked: bool = False
    """It says at start whether it opens alone."""
    without_host: str = ""
    """What it does when the programs fall silent."""
    warning: str = ""
    refused: str = ""
    """Why it cannot be used, and what to do; empty: it can."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        head = f"EVSE {self.evse}: {self.board} ({self.driver}): "
        if self.refused:
            return f"{head}REFUSED: {self.refused}"
        watchdog = "no watchdog" if self.watchdog_s is None else f"watchdog {self.watchdog_s:g} s"
        warning = f"; WARNING: {self.warning}" if self.warning else ""
        return (
            f"{head}{watchdog}; {self._opening}; without this program: {self.without_host}{warning}"
        )

    @property
    def _opening(self) -> str:
        if self.opens_alone:
            return "opens alone" + (" (verified at start)" if self.asked else "")
        return "opens alone only if it says so at start" if self.asked else "does not open alone"


def board_reports(config: Config) -> list[BoardReport]:
    """One per EVSE, in their order."""
    return [_report(config, evse) for evse in config.evse]


def _report(config: Config, evse: Evse) -> BoardReport:
    device = config.device_named(evse.board)
    try:
        board = _board(config, evse, device)
        silent = when_silent(
            driver=device.driver, name=device.name, map_name=device.map, options=device.options
        )
    except ConfigurationError as error:
        return BoardReport(
            evse=evse.id, board=device.name, driver=device.driver, refused=str(error)
        )
    traits = board.traits
    unguarded = traits.watchdog_s is None and not traits.opens_alone
    return BoardReport(
        evse=evse.id,
        board=device.name,
        driver=device.driver,
        watchdog_s=traits.watchdog_s,
        opens_alone=traits.opens_alone,
        asked="opens_alone" in DRIVERS[device.driver].options,
        without_host=silent,
        warning="taken only because of accept_no_watchdog" if unguarded else "",
    )


def _board(config: Config, evse: Evse, device: Device) -> PilotBoard:
    """The board as the safety program builds it. Raises ConfigurationError."""
    bus = config.bus_named(device.bus)
    baud = bus.baud if bus.kind == "modbus-rtu" else None
    check_device(
        driver=device.driver,
        name=device.name,
        map_name=device.map,
        options=device.options,
        bus_kind=bus.kind,
        baud=baud,
    )
    inner = inner_device(driver=device.driver, name=device.name, options=device.options)
    return build_board(
        driver=device.driver,
        name=device.name,
        link=_link(config, device),
        map_name=device.map,
        options=device.options,
        current_max_a=evse.current_max_a,
        accept_no_watchdog=evse.accept_no_watchdog,
        baud=baud,
        inner=_board(config, evse, config.device_named(inner)) if inner else None,
    )


def _link(config: Config, device: Device) -> ModbusLink | SerialLink:
    """A link that opens its port with the first request, of which there is none."""
    bus = config.bus_named(device.bus)
    match bus.kind:
        case "modbus-rtu":
            line = open_modbus_rtu(
                bus.name, config.port(bus), bus.baud, bus.parity, bus.stop_bits, bus.timeout_max_s
            )
            return line.link(device.name, device.unit)
        case "modbus-tcp":
            path = open_modbus_tcp(bus.name, bus.host, bus.tcp_port, bus.timeout_max_s)
            return path.link(device.name, device.unit)
        case "serial":
            port = config.port(bus)
            serial = open_serial(bus.name, port, bus.baud, bus.parity, bus.stop_bits)
            return serial.link(device.name)
