"""Whether a meter's register can be believed, reading by reading.

The register is what a bill is made of. The guard compares each reading with the last good one and
with what the fuse can pass, and gives a verdict; the raw reading is kept in any case (DESIGN, the
ledger). A register that cannot be believed is held back, unless it insists: a jump or a lower
register that several further readings confirm is how the meter is now (exchanged, reset).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from hal.values import MeterReading, Quality

FUSE_MARGIN = 1.25
"""A fuse passes more than its rating for minutes."""

SLACK_WH = 150.0
"""Registers move in steps of up to 100 Wh, and readings are not taken at exact instants."""

DECREASE_WH = 1.0
"""A register that is lower by no more than this is only rounded differently."""

CONFIRMATIONS = 3
"""Readings in a row that agree with a register which was not believed at first."""

OPEN_WH = 20.0
"""Energy that may still appear after the contactor opened: the meter's own delay."""

FROZEN_WH = 200.0
"""Energy that the power says must have flowed while the register did not move."""

SPANS_WH = (*(float(10**digits) for digits in range(6, 13)), 2.0**31, 2.0**32)
"""Where registers of common meters start again from zero."""


class Plausibility(Enum):
    """The verdict on one reading."""

    GOOD = "good"
    MISSING = "missing"
    """The reading has no register, or the device itself doubts it."""
    JUMPED = "jumped"
    """More energy than the fuse can pass in the time."""
    SWAPPED = "swapped"
    """Such a jump, and with its register words exchanged it would fit."""
    DECREASED = "decreased"
    ROLLED_OVER = "rolled_over"
    """From near the end of its range to near zero."""
    REPLACED = "replaced"
    """Confirmed: the register now counts from another value."""
    FLOWING_WHILE_OPEN = "flowing_while_open"
    """The register moves although the contactor is open. Believed, and reported."""
    FROZEN = "frozen"
    """Power flows and the register stands still. Believed, and reported."""


BELIEVED = {
    Plausibility.GOOD,
    Plausibility.REPLACED,
    Plausibility.FLOWING_WHILE_OPEN,
    Plausibility.FROZEN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A register and when it was read."""

    energy_wh: float
    taken_s: float


class MeterGuard:
    """The verdicts on one meter. `power_max_w` is what the fuse of its EVSE passes."""

    def __init__(self, power_max_w: float, speed: float = 1.0) -> None:
        self._power_max_w = power_max_w
        self._speed = speed
        self._good: Register | None = None
        self._doubted: list[Register] = []
        self._unmoved_wh = 0.0
        """What the power says has flowed since the register moved last."""
        self._open: Register | None = None
        """The register when the contactor was first seen open."""

    @property
    def good(self) -> Register | None:
        """The last register that was believed."""
        return self._good

    def remember(self, register: Register) -> None:
        """Compare the next reading with this one."""
        self._good = register

    def room_wh(self, duration_s: float) -> float:
        """The most that can flow in `duration_s`."""
        rate_w = self._power_max_w * FUSE_MARGIN * self._speed
        return rate_w * max(0.0, duration_s) / 3600.0 + SLACK_WH * self._speed

    def judge(self, reading: MeterReading, closed: bool | None) -> Plausibility:
        """Verdict on `reading`; `closed`: the contactor, None if that is not known."""
        energy_wh = reading.energy_import_wh
        if energy_wh is None or reading.quality is not Quality.GOOD:
            return Plausibility.MISSING
        register = Register(energy_wh=energy_wh, taken_s=reading.taken_s)
        if self._good is None:
            return self._believe(register, Plausibility.GOOD)
        verdict = self._step(self._good, register)
        if verdict is not Plausibility.GOOD:
            return self._doubt(register, verdict)
        verdict = self._side_conditions(self._good, register, reading, closed)
        return self._believe(register, verdict)

    def _step(self, good: Register, register: Register) -> Plausibility:
        """The register against the last good one."""
        moved_wh = register.energy_wh - good.energy_wh
        room_wh = self.room_wh(register.taken_s - good.taken_s)
        if moved_wh < -DECREASE_WH:
            rolled = any(
                span * 0.99 < good.energy_wh <= span and moved_wh + span < room_wh
                for span in SPANS_WH
            )
            return Plausibility.ROLLED_OVER if rolled else Plausibility.DECREASED
        if moved_wh <= room_wh:
            return Plausibility.GOOD
        fits = (0 <= other - good.energy_wh <= room_wh for other in swapped(register.energy_wh))
        return Plausibility.SWAPPED if any(fits) else Plausibility.JUMPED

    def _doubt(self, register: Register, verdict: Plausibility) -> Plausibility:
        """Hold back, until enough readings agree with each other."""
        if self._doubted and not self._agrees(self._doubted[-1], register):
            self._doubted.clear()
        self._doubted.append(register)
        if verdict is Plausibility.SWAPPED or len(self._doubted) < CONFIRMATIONS:
            return verdict
        return self._believe(register, Plausibility.REPLACED)

    def _agrees(self, before: Register, register: Register) -> bool:
        room_wh = self.room_wh(register.taken_s - before.taken_s)
        return 0 <= register.energy_wh - before.energy_wh <= room_wh

    def _side_conditions(
        self, good: Register, register: Register, reading: MeterReading, closed: bool | None
    ) -> Plausibility:
        moved_wh = register.energy_wh - good.energy_wh
        if closed is not False:
            self._open = None
        elif self._open is None:
            self._open = register
        elif register.energy_wh - self._open.energy_wh > OPEN_WH * self._speed:
            return Plausibility.FLOWING_WHILE_OPEN
        if moved_wh > 0 or not closed:
            self._unmoved_wh = 0.0
            return Plausibility.GOOD
        duration_s = register.taken_s - good.taken_s
        self._unmoved_wh += max(0.0, reading.power_w or 0.0) * duration_s / 3600.0
        return Plausibility.FROZEN if self._unmoved_wh > FROZEN_WH else Plausibility.GOOD

    def _believe(self, register: Register, verdict: Plausibility) -> Plausibility:
        self._doubted.clear()
        self._good = register
        return verdict


def swapped(energy_wh: float) -> tuple[float, ...]:
    """What the register would say with its two 16-bit words exchanged, for common encodings."""
    found: list[float] = []
    for unit_wh in (1.0, 10.0, 100.0, 1000.0):
        number = round(energy_wh / unit_wh)
        if 0 <= number < 2**32:
            found.append(((number & 0xFFFF) << 16 | number >> 16) * unit_wh)
    for unit_wh in (1.0, 1000.0):
        try:
            word = struct.unpack(">I", struct.pack(">f", energy_wh / unit_wh))[0]
        except OverflowError:
            continue
        other = struct.unpack(">f", struct.pack(">I", (word & 0xFFFF) << 16 | word >> 16))[0]
        found.append(other * unit_wh)
    return tuple(found)
