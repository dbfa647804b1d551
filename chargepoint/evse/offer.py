"""What the pilot offers: the limit in force, and the history of the oscillator.

The limit is the smallest of lease (or failsafe), cable, board, configuration, temperature and what
a simplified pilot may take; below 6 A (`current_min_a`) there is nothing to offer. A lower limit
acts at once, a higher one at most every 5 s.
"""

from __future__ import annotations

from chargepoint.evse.lease import Lease
from chargepoint.evse.machine import Shown
from chargepoint.evse.pilot import CURRENT_MAX_A, duty_from_current
from chargepoint.evse.settings import EvseSettings
from chargepoint.evse.situation import STEADY_HOLD_S
from hal.values import BoardCommand, BoardTraits, PilotMode

RAISE_WAIT_S = 5.0
"""A vehicle has 5 s to follow a new duty (sequence 6); a further raise waits for that."""

SETTLE_S = 0.1
"""Readings may still show the half-waves of before this long after the oscillator was started."""

FAULT_FADES_S = 0.5
"""Readings may still show our own state F this long after it was ended."""

SIMPLIFIED_A = 10.0
"""Offered to a vehicle with a simplified pilot (A.2.3)."""

CABLE_UNREADABLE_A = 13.0
"""Rating assumed at a socket outlet whose board cannot read the cable: the lowest coded."""


class Offer:
    """Limit and pilot of one EVSE."""

    def __init__(self, settings: EvseSettings, traits: BoardTraits) -> None:
        self._settings = settings
        self.traits = traits
        self._leased_a = 0.0
        self._mode_s = 0.0
        self._raised_s = 0.0
        self._steady_s: float | None = None
        self._fault_s: float | None = None
        self.lease = Lease(settings.limit_lease_s)
        self.mode = PilotMode.STEADY
        self.offered_a = 0.0
        self.driven_ratio: float | None = None
        """Duty of a technician's signal, which offers nothing to anybody."""
        self.reduced_s: float | None = None
        """When the offered current was last lowered, or a first offer made."""

    def renew(self, current_a: float, until_s: float, now_s: float) -> None:
        """Take a new limit. What is no current (negative, not a number) counts as 0."""
        self._leased_a = current_a if current_a >= 0 else 0.0
        self.lease.renew(until_s, now_s)

    def limit(
        self,
        rating_a: float | None,
        heat_a: float | None,
        *,
        cable: bool,
        simplified: bool,
        now_s: float,
    ) -> tuple[float, str]:
        """Limit in force in A, and which one that is.

        `cable`: a cable is used whose rating is `rating_a`; None: not read. `heat_a`: most that the
        temperature allows. `simplified`: the vehicle has no S2.
        """
        limits: list[tuple[float, str]] = [
            (self._leased_a, "lease")
            if self.lease.alive(now_s)
            else (self._settings.failsafe_current_a, "failsafe"),
            (self._settings.current_max_a, "configuration"),
            (self.traits.current_max_a, "board"),
            (CURRENT_MAX_A, "pilot"),
        ]
        if cable:
            limits.append((rating_a or 0.0, "cable"))
        elif self._settings.socket and not self.traits.runs_pilot:
            limits.append((CABLE_UNREADABLE_A, "cable"))
        if heat_a is not None:
            limits.append((heat_a, "heat"))
        if simplified:
            limits.append((SIMPLIFIED_A, "pilot"))
        return min(limits, key=lambda one: one[0])

    def oscillates(self, now_s: float) -> bool:
        """The oscillator was started long enough ago for readings to show it."""
        return self.mode is PilotMode.OFFER and now_s - self._mode_s >= SETTLE_S

    def fault_shown(self, now_s: float) -> bool:
        """State F on the pilot is ours."""
        fades = self._fault_s is not None and now_s - self._fault_s < FAULT_FADES_S
        return self.mode is PilotMode.FAULT or fades

    def steady_s(self, now_s: float) -> float:
        """How long the oscillator has been off in this plug-in; 0: it runs; endless: never ran."""
        if self.mode is PilotMode.OFFER:
            return 0.0
        return STEADY_HOLD_S if self._steady_s is None else now_s - self._steady_s

    def unplugged(self) -> None:
        """Nobody is left who could mind how soon the oscillator starts again."""
        self._steady_s = None

    def show(
        self, shown: Shown, limit_a: float, *, allowed: bool, faulty: bool, now_s: float
    ) -> None:
        """Set the pilot: `shown` of the phase; `allowed` to offer; `faulty` enough for state F."""
        self.driven_ratio = None
        mode = PilotMode.STEADY
        kept = shown is Shown.KEPT and self.mode is PilotMode.OFFER
        if (shown is Shown.OFFER or kept) and allowed and limit_a >= self._settings.current_min_a:
            mode = PilotMode.OFFER
        elif shown is Shown.WAKE or (shown is Shown.FAULT and faulty):
            mode = PilotMode.FAULT
        self._follow(mode, now_s)
        self._set_current(limit_a if mode is PilotMode.OFFER else 0.0, now_s)

    def drive(self, duty_ratio: float, now_s: float) -> None:
        """Set the pilot to a technician's signal; nobody is there to whom it could be an offer."""
        self.driven_ratio = duty_ratio
        self._follow(PilotMode.STEADY if duty_ratio >= 1.0 else PilotMode.OFFER, now_s)
        self._set_current(0.0, now_s)

    def command(
        self, *, closed: bool, locked: bool, phases: int = 3, test_rcd: bool = False
    ) -> BoardCommand:
        """The whole command of a step."""
        duty_ratio = {PilotMode.STEADY: 1.0, PilotMode.FAULT: 0.0}.get(self.mode, self.driven_ratio)
        return BoardCommand(
            pilot=self.mode,
            current_a=self.offered_a,
            duty_ratio=duty_from_current(self.offered_a) if duty_ratio is None else duty_ratio,
            closed=closed,
            locked=locked,
            phases=phases,
            test_rcd=test_rcd,
        )

    def _follow(self, mode: PilotMode, now_s: float) -> None:
        if mode is self.mode:
            return
        if self.mode is PilotMode.OFFER:
            self._steady_s = now_s
        if self.mode is PilotMode.FAULT:
            self._fault_s = now_s
            self._steady_s = now_s if self._steady_s is not None else None
        self.mode = mode
        self._mode_s = now_s

    def _set_current(self, current_a: float, now_s: float) -> None:
        raising = current_a > self.offered_a > 0
        if raising and now_s - self._raised_s < RAISE_WAIT_S:
            return
        if current_a > self.offered_a:
            self._raised_s = now_s
        if current_a < self.offered_a or self.offered_a == 0:
            self.reduced_s = now_s
        self.offered_a = current_a
