"""Which devices of the safety buses answer, as far as their facts tell.

The safety program says when a device is lost and when it is back; a reading says that it answers.
What was before a connection is not told again: such a device is not known until it is heard.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chargepoint.ipc import messages as m


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Since `at_s` the device answers, or not."""

    answers: bool
    at_s: float
    detail: str = ""


class DevicesSeen:
    """`meters`: EVSE -> its meter on a safety bus."""

    def __init__(self, meters: Mapping[int, str]) -> None:
        self._meters = meters
        self._seen: dict[str, Seen] = {}

    def get(self, device: str) -> Seen | None:
        return self._seen.get(device)

    def heard(self, fact: m.AnyFact) -> None:
        """Take note of what a fact says of a device."""
        match fact:
            case m.DeviceLost(device=device, detail=detail, at_s=at_s):
                self._seen[device] = Seen(answers=False, at_s=at_s, detail=detail)
            case m.DeviceBack(device=device, at_s=at_s):
                self._seen[device] = Seen(answers=True, at_s=at_s)
            case m.Measured(evse=evse, at_s=at_s) if evse in self._meters:
                self._answered(self._meters[evse], at_s)
            case m.TokenRead(reader=reader, at_s=at_s):
                self._answered(reader, at_s)
            case _:
                pass

    def forget(self) -> None:
        """A safety program has left: what it told is no longer the present."""
        self._seen.clear()

    def _answered(self, device: str, at_s: float) -> None:
        seen = self._seen.get(device)
        if seen is None or not seen.answers:
            self._seen[device] = Seen(answers=True, at_s=at_s)
