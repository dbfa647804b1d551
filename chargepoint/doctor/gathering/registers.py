"""What one device says of itself and of now, read through its driver or its register map."""

from __future__ import annotations

from chargepoint.config import Config, Device, Evse
from chargepoint.doctor.evidence import Probe
from chargepoint.doctor.gathering.links import ReadingLink
from hal.drivers.pilot_board_map import abilities_of, reading_of, single_block
from hal.drivers.registers import read_block, read_identity
from hal.errors import BadReply, ConfigurationError
from hal.loader import DRIVERS, build_board, build_meter, build_relay_board
from hal.register_map import RegisterMap, load
from hal.values import BoardReading, DeviceIdentity


def probed(config: Config, device: Device, link: ReadingLink) -> Probe:
    """Identity and one reading. Raises DeviceError."""
    known = DRIVERS.get(device.driver)
    try:
        match None if known is None else known.kind:
            case "board" if device.driver == "pilot-board":
                identity, reading = pilot_board(load(device.map), link)
                return Probe(device=device.name, identity=identity, board=reading)
            case "board":
                return Probe(device=device.name, board=_other_board(config, device, link))
            case "meter":
                meter = build_meter(
                    driver=device.driver,
                    name=device.name,
                    link=link,
                    map_name=device.map,
                    options=device.options,
                )
                identity = meter.identify()
                return Probe(device=device.name, identity=identity, meters=(meter.read(),))
            case "relay":
                build_relay_board(
                    driver=device.driver, name=device.name, link=link, options=device.options
                ).read()
                return Probe(device=device.name)
    except ConfigurationError as error:
        return Probe(device=device.name, trouble="unasked", detail=str(error))
    return Probe(device=device.name, trouble="unasked", detail=f"driver {device.driver}")


def pilot_board(found: RegisterMap, link: ReadingLink) -> tuple[DeviceIdentity, BoardReading]:
    """What a raw board shows, without preparing it. Raises DeviceError."""
    answers = read_identity(link, found)
    raw = {name: words.values[0] for name, (_, words) in answers.items()}
    block = single_block(found)
    words = read_block(link, block)
    values = {one.name: tuple(block.words(one, words.values)) for one in block.registers}
    firmware = raw.get("firmware")
    identity = DeviceIdentity(
        vendor=found.vendor,
        model=found.model or found.name,
        firmware="" if firmware is None else f"{firmware >> 8}.{firmware & 0xFF}",
    )
    return identity, reading_of(found, values, abilities_of(found, raw), words.taken_s)


def _other_board(config: Config, device: Device, link: ReadingLink) -> BoardReading:
    """A reading of a board that decodes its pilot itself. Raises DeviceError."""
    inner = device.options.get("pilot")
    if isinstance(inner, str):
        raise BadReply(
            device.name, "read", f"it is built around {inner} and read while running only"
        )
    evse = next((one for one in config.evse if one.board == device.name), None)
    return build_board(
        driver=device.driver,
        name=device.name,
        link=link,
        map_name=device.map,
        options=device.options,
        current_max_a=32.0 if evse is None else _max_a(evse),
        accept_no_watchdog=True,
    ).read()


def _max_a(evse: Evse) -> float:
    return evse.current_max_a
