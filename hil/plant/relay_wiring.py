"""A contactor, and perhaps a lock, that hang on a relay board instead of on the pilot board."""

from __future__ import annotations

from dataclasses import dataclass

from hil.plant.lock import Lock
from hil.plant.relay import RelayBank


@dataclass(slots=True, kw_only=True)
class RelayWiring:
    """Which output does what, and which input shows what; all count from 0."""

    bank: RelayBank
    output: int
    aux_input: int | None = None
    aux_mirror: bool = False
    """The auxiliary contact is closed while the contactor is open."""
    lock_output: int | None = None
    lock_input: int | None = None
    lock: Lock | None = None

    def __post_init__(self) -> None:
        if self.lock_output is not None:
            self.lock = Lock()

    @property
    def coil(self) -> bool:
        return self.bank.outputs[self.output]

    def deadline_s(self) -> float:
        return self.lock.deadline_s() if self.lock is not None else float("inf")

    def step(self, now_s: float, contactor_closed: bool) -> None:
        """Move the lock as its relay says, and show what is on the inputs."""
        if self.aux_input is not None:
            self.bank.inputs[self.aux_input] = contactor_closed != self.aux_mirror
        if self.lock is not None and self.lock_output is not None:
            self.lock.tell(self.bank.outputs[self.lock_output], now_s)
            self.lock.step(now_s)
            if self.lock_input is not None:
                self.bank.inputs[self.lock_input] = self.lock.locked
