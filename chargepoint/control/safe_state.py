"""Command the safe state to all boards of a bus, after a control that could not do so itself.

The service manager runs this when control has ended (ExecStopPost):

    python -m chargepoint.control.safe_state CONFIG [BUS]

Exit code 0 when every board confirmed, 1 when one did not, 2 for a wrong call or configuration.
"""

from __future__ import annotations

import sys

from chargepoint.config import Config, ConfigError, load
from chargepoint.control.wiring import open_bus
from hal.errors import ConfigurationError, DeviceError
from hal.interfaces import PilotBoard
from hal.loader import build_board
from hal.values import SAFE_COMMAND

TRIES = 3


def main(arguments: list[str]) -> int:
    """The exit code."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        config = load(arguments[0])
        buses = arguments[1:] or list(config.safety_buses())
        confirmed = [_make_safe(config, bus) for bus in buses]
        return 0 if all(confirmed) else 1
    except (ConfigError, ConfigurationError, StopIteration) as error:
        print(error or f"no bus `{arguments[-1]}`", file=sys.stderr)
        return 2


def _make_safe(config: Config, bus_name: str) -> bool:
    bus = open_bus(config, config.bus_named(bus_name))
    confirmed = True
    for evse in config.evse:
        device = config.device_named(evse.board)
        if device.bus != bus_name:
            continue
        board = build_board(
            driver=device.driver,
            name=device.name,
            link=bus.link(device.name, device.unit),
            map_name=device.map,
            options=device.options,
            current_max_a=evse.current_max_a,
            accept_no_watchdog=True,
        )
        confirmed = _command(board) and confirmed
    bus.close()
    return confirmed


def _command(board: PilotBoard) -> bool:
    for _ in range(TRIES):
        try:
            board.command(SAFE_COMMAND)
        except DeviceError as error:
            print(f"{board.name}: {error}", file=sys.stderr)
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
