"""Contradictions of `[alerts]` with the wires: the modem's line, buzzer and lamp."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from chargepoint.config.alerts import Modem, Signal
from chargepoint.config.reading import Mistake
from chargepoint.config.station_file import RTU_UNIT_MAX, Bus, Config

COILS = "relay-board"
"""The only driver whose device may also carry buzzer and lamp."""


def contradictions(config: Config) -> Iterator[Mistake]:
    """What cannot be true together in `[alerts.modem]` and `[alerts.signal]`."""
    if config.alerts.modem is not None:
        yield from _modem(config, config.alerts.modem)
    if config.alerts.signal is not None:
        yield from _signal(config, config.alerts.signal)


def _modem(config: Config, modem: Modem) -> Iterator[Mistake]:
    key = "alerts.modem.bus"
    bus = _bus(config, modem.bus)
    if bus is None:
        yield _unknown(config, key, modem.bus)
    elif bus.kind != "serial":
        yield Mistake(key, f"`{bus.name}` is {bus.kind}, expected a bus of kind serial")
    else:
        others = [device.name for device in config.device if device.bus == bus.name]
        if others:
            yield Mistake(key, f"`{bus.name}` serves `{others[0]}`; the modem needs a line alone")
    if modem.sim_expires:
        yield from _date("alerts.modem.sim_expires", modem.sim_expires)


def _date(key: str, text: str) -> Iterator[Mistake]:
    try:
        date.fromisoformat(text)
    except ValueError:
        yield Mistake(key, f"found `{text}`, expected a date such as 2027-01-31")


def _signal(config: Config, signal: Signal) -> Iterator[Mistake]:
    bus = _bus(config, signal.bus)
    if bus is None:
        yield _unknown(config, "alerts.signal.bus", signal.bus)
    elif bus.kind == "serial":
        yield Mistake("alerts.signal.bus", f"`{bus.name}` is a serial line, expected a Modbus bus")
    elif bus.kind == "modbus-rtu" and signal.unit > RTU_UNIT_MAX:
        yield Mistake("alerts.signal.unit", f"found {signal.unit}, expected 1 to {RTU_UNIT_MAX}")
    yield from _owner(config, signal)
    if signal.lamp_coil is None and signal.buzzer_coil is None:
        yield Mistake("alerts.signal", "needs lamp_coil, buzzer_coil, or both")
    elif signal.lamp_coil == signal.buzzer_coil:
        yield Mistake("alerts.signal.buzzer_coil", f"is the lamp's coil too ({signal.lamp_coil})")


def _owner(config: Config, signal: Signal) -> Iterator[Mistake]:
    """Never a device that something else is in charge of, least of all a contactor's relay."""
    for device in config.device:
        if (device.bus, device.unit) == (signal.bus, signal.unit) and device.driver != COILS:
            yield Mistake(
                "alerts.signal.unit",
                f"{signal.unit} on `{signal.bus}` is `{device.name}` ({device.driver}); "
                f"expected a {COILS}, or a unit of its own",
            )


def _bus(config: Config, name: str) -> Bus | None:
    return next((bus for bus in config.bus if bus.name == name), None)


def _unknown(config: Config, key: str, name: str) -> Mistake:
    known = ", ".join(sorted(bus.name for bus in config.bus))
    return Mistake(key, f"no such name: `{name}`; expected one of {known}")
