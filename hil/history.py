"""The power of each outlet over the last minutes, so that a page opened late has its curve."""

from __future__ import annotations

from collections import deque

from hil.world import World

SPAN_S = 180.0
EVERY_S = 0.5


class PowerHistory:
    """Fed by the simulator's ticker; read by `GET /history`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._next_s = 0.0
        size = int(SPAN_S / EVERY_S)
        self._points: dict[int, deque[tuple[float, float]]] = {
            number: deque(maxlen=size) for number in world.plant.evses
        }

    def sample(self) -> None:
        """Take a point if one is due. The world is locked."""
        plant = self._world.plant
        if plant.now_s < self._next_s:
            return
        self._next_s = plant.now_s + EVERY_S
        for number, evse in plant.evses.items():
            self._points[number].append((plant.now_s, round(evse.meter.now.power_w, 1)))

    def as_json(self) -> dict[str, list[tuple[float, float]]]:
        """Instant and watts of each point, oldest first, by EVSE."""
        with self._world:
            return {str(number): list(points) for number, points in self._points.items()}
