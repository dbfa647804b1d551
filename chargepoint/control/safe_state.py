"""Command the safe state to all boards of a bus, after a control that could not do so itself.

The service manager runs this when control has ended (ExecStopPost):

    python -m chargepoint.control.safe_state CONFIG [BUS]

Exit code 0 when every board confirmed, 1 when one did not or control runs, 2 for a wrong call or
configuration.
"""

from __future__ import annotations

import os
import sys

from chargepoint.config import Config, ConfigError, Evse, load
from chargepoint.control.wiring import BusTaken, SafetyBus, board_of, open_bus, own
from hal.errors import ConfigurationError, DeviceError
from hal.interfaces import PilotBoard
from hal.values import SAFE_COMMAND

TRIES = 3


def main(arguments: list[str]) -> int:
    """The exit code."""
    if len(arguments) not in (1, 2):
        return _complain(__doc__ or "", 2)
    try:
        config = load(arguments[0])
    except ConfigError as error:
        return _complain(str(error), 2)
    known = config.safety_buses()
    for name in arguments[1:]:
        if name not in known:
            return _complain(f"no board is on bus `{name}`; one of {', '.join(known)}", 2)
    # Every bus and every board gets its turn, whatever became of the one before.
    return max(make_bus_safe(config, name) for name in arguments[1:] or known)


def make_bus_safe(config: Config, bus_name: str) -> int:
    """Command the safe state to every board of the bus; the exit code."""
    try:
        lock = own(config, bus_name)
        bus = open_bus(config, config.bus_named(bus_name))
    except (BusTaken, OSError) as error:
        return _complain(str(error), 1)
    except ConfigurationError as error:
        return _complain(str(error), 2)
    evses = [evse for evse in config.evse if config.device_named(evse.board).bus == bus_name]
    try:
        return max(_make_safe(config, bus, evse) for evse in evses)
    finally:
        bus.close()
        os.close(lock)


def _make_safe(config: Config, bus: SafetyBus, evse: Evse) -> int:
    try:
        board = board_of(config, bus, evse, accept_no_watchdog=True)
    except ConfigurationError as error:
        return _complain(str(error), 2)
    return _command(board)


def _command(board: PilotBoard) -> int:
    for _ in range(TRIES):
        try:
            board.command(SAFE_COMMAND)
        except DeviceError as error:
            _complain(str(error), 1)
        else:
            return 0
    return 1


def _complain(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
