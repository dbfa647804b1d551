"""A relay board: outputs that stay where they were told to be, inputs, and timed "flash on"."""

from __future__ import annotations

import math

CHANNELS = 8


class RelayBank:
    """Eight relays and eight inputs. There is no watchdog; a flash ends by itself."""

    def __init__(self, channels: int = CHANNELS) -> None:
        self.outputs = [False] * channels
        self.inputs = [False] * channels
        self._until_s = [math.inf] * channels

    def switch(self, channel: int, on: bool) -> None:
        self.outputs[channel] = on
        self._until_s[channel] = math.inf

    def flash(self, channel: int, on: bool, until_s: float) -> None:
        """Switch `on` until `until_s`, then the other way."""
        self.outputs[channel] = on
        self._until_s[channel] = until_s

    def step(self, now_s: float) -> None:
        for channel, until_s in enumerate(self._until_s):
            if now_s >= until_s:
                self.switch(channel, not self.outputs[channel])

    def deadline_s(self) -> float:
        return min(self._until_s)
