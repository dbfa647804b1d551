"""Whether the drivers take the configuration as it is; no port is opened."""

from __future__ import annotations

from chargepoint.config import Config, Device
from hal.errors import ConfigurationError
from hal.loader import check_device


def refusals(config: Config) -> tuple[str, ...]:
    """What the drivers say against single devices; one text each."""
    return tuple(filter(None, (_refusal(config, device) for device in config.device)))


def _refusal(config: Config, device: Device) -> str:
    bus = config.bus_named(device.bus)
    try:
        check_device(
            driver=device.driver,
            name=device.name,
            map_name=device.map,
            options=device.options,
            bus_kind=bus.kind,
            baud=bus.baud if bus.kind == "modbus-rtu" else None,
        )
    except ConfigurationError as error:
        return str(error)
    return ""
