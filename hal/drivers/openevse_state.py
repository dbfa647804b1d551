"""What an OpenEVSE says of itself in `GS`: states and flags of `J1772EvseController.h`.

The pilot state that `GS` also gives is not used: asleep the firmware does not measure it anew
(`Update` returns before), so it would show a vehicle of long ago. The connected flag is fresh.
"""

from __future__ import annotations

from dataclasses import dataclass

from hal.values import PilotState

UNKNOWN, GFCI_FAULT, SLEEPING, DISABLED = 0x00, 0x06, 0xFE, 0xFF
HARD_FAULT, RELAY, CONNECTED, BOOT_LOCK = 0x0002, 0x0040, 0x0100, 0x4000

# fmt: off
STATES = {                               #  EVSE state of `GS`
    0x01: PilotState.A,
    0x02: PilotState.B,
    0x03: PilotState.C,
    0x04: PilotState.D,
}
FAULTS = {                               #  EVSE state: catalogue id
    0x05: "diode_missing",
    0x07: "pe_lost",
    0x08: "contactor_welded",            #  stuck relay
    0x09: "rcd_test_failed",
    0x0A: "over_temperature",
    0x0B: "over_current",
    0x0E: "contactor_not_closing",       #  relay-closure fault
}
# fmt: on
FAULT_STATES = range(0x05, 0x10)


@dataclass(frozen=True, slots=True)
class State:
    """EVSE state and volatile flags, as the board gave them."""

    evse: int
    vflags: int

    @property
    def known(self) -> bool:
        """Whether the EVSE state is one that the firmware lists."""
        return self.faulty or self.evse in STATES or self.evse in (UNKNOWN, SLEEPING, DISABLED)

    @property
    def faulty(self) -> bool:
        """The EVSE state is a fault."""
        return self.evse in FAULT_STATES

    @property
    def relay(self) -> bool:
        """The firmware drives the relay closed; not an auxiliary contact."""
        return bool(self.vflags & RELAY)

    @property
    def boot_locked(self) -> bool:
        """It restarted and charges only after `SB`."""
        return bool(self.vflags & BOOT_LOCK)

    @property
    def rcd_tripped(self) -> bool:
        return self.evse == GFCI_FAULT

    @property
    def as_pilot(self) -> PilotState:
        """State of the vehicle; asleep or in a fault the pilot is steady at +12 V (x1), and C is
        not told from B."""
        if self.evse in STATES:
            return STATES[self.evse]
        if self.evse == DISABLED:
            return PilotState.F
        if self.relay:
            return PilotState.C  # Told to sleep, but the vehicle still has its seconds to stop.
        return PilotState.B if self.vflags & CONNECTED else PilotState.A

    @property
    def faults(self) -> frozenset[str]:
        """Catalogue ids, without the residual current (`rcd_tripped`)."""
        if self.rcd_tripped:
            return frozenset()
        if self.faulty:
            return frozenset({FAULTS.get(self.evse, "board_failure")})
        # State D is a hard fault to this firmware, and `ventilation_missing` to us.
        hard = self.vflags & HARD_FAULT and self.evse not in STATES
        return frozenset({"board_failure"}) if hard else frozenset()
