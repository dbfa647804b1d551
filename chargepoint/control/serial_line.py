"""A safety bus that is a serial line: one board on it, and nothing that speaks Modbus.

Gives the loop what it expects of its bus. Only `requests` (what was sent) and `down` of the
counters are known here: which answers were late or wrong, the driver alone can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from hal.bus.modbus import BusCounters
from hal.bus.serial import LineLink, SerialBus


class SerialSafetyBus:
    """Satisfies `chargepoint.control.loop.Bus`."""

    def __init__(self, line: SerialBus) -> None:
        self._line = line

    @property
    def name(self) -> str:
        return self._line.name

    def link(self, device_name: str) -> LineLink:
        """The view of the line's board."""
        return self._line.link(device_name)

    def transact(
        self, unit: int, function: int, address: int, count: int, values: Sequence[int]
    ) -> tuple[int, ...]:
        """Raises ValueError: there are no Modbus requests on this line."""
        raise ValueError(f"{self.name} is a serial line; it carries no Modbus requests")

    def health(self) -> BusCounters:
        """Counters since start; those that the line cannot know are 0."""
        counters = self._line.health()
        return BusCounters(
            requests=counters.writes,
            timeouts=0,
            bad_replies=0,
            refused=0,
            down=counters.down,
            latency_p99_s=0.0,
        )

    def close(self) -> None:
        """Give the port back."""
        self._line.close()
