"""What the station is born with: who it is, what it is made of, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec

from chargepoint.station.security_values import Holdings

if TYPE_CHECKING:
    from chargepoint.price_plan import PricePlan

BUILT_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""Nobody ran this software before; an earlier wall time is a clock that was never set."""


def day_utc(at: datetime) -> date:
    """The day of an aware instant, as it is at Greenwich."""
    return at.astimezone(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseSettings:
    """One EVSE with one connector."""

    id: int
    current_max_a: float = 32.0
    """Per phase."""
    current_min_a: float = 6.0
    """Less is paused."""
    phases: int = 3
    phase_rotation: str = ""
    """How the connector's phases lie on the meter's, such as `STR`; empty: `RST` or unknown."""
    signing_meter: bool = False
    """Its meter gives signed readings."""
    phase_switching: bool = False
    """Can charge with one phase instead of three, and change between them."""
    socket: bool = False
    """A socket outlet, which may lock the plug; else a fixed cable."""
    voltage_v: float = 230.0
    """Nominal phase voltage, for converting between W and A."""
    has_meter: bool = True
    meter_required: bool = True
    """Without its meter no transaction starts, and one that runs is ended."""
    meter_lost_stop_s: float = 300.0
    """How long a transaction goes on without its meter, where that is required."""
    reader: str = ""


class MaintenanceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[maintenance]`: rated lives and intervals; 0: none. Meaning and source as there."""

    inspection_every_days: float = 365.0
    rcd_test_every_days: float = 180.0
    contactor_operations: int = 100_000
    contactor_load_operations: int = 6_000
    connector_plug_ins: int = 10_000
    closing_time_drift_s: float = 0.05
    warn_ratio: float = 0.9
    warn_days: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSettings:
    """The station; what the CSMS may change stands in the device model instead."""

    id: str
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    evses: tuple[EvseSettings, ...] = ()
    current_max_a: float | None = None
    """Supply limit per phase, shared by all EVSEs; None: only their own limits."""
    variables: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Initial values from the configuration: (component, variable) -> text."""
    prices: bool = False
    """There is somewhere to show what the CSMS says of prices and costs."""
    acceptance_needed: bool = False
    """Nothing starts before the CSMS has accepted this station for the first time (B6)."""
    remote_start_needs_vehicle: bool = False
    """Refuse a remote start where nothing is plugged in."""
    energy_speed: float = 1.0
    """How many times faster than real time the meters count; the simulator's `speed`.

    The meter guard would otherwise take a simulated hour in a minute for an impossible jump.
    """
    built_at: datetime = BUILT_AT
    holdings: Holdings = field(default_factory=Holdings)
    """Keys and certificates that there are."""
    key_form: str = "auto"
    """How an AuthorizationKey of hex digits is meant: `auto`, `text` or `hex`."""
    one_root: bool = False
    """A new root of the CSMS must be signed by the present one."""
    wildcards: bool = True
    """A certificate for `*.example.com` is taken."""
    maintenance: MaintenanceSettings = field(default_factory=MaintenanceSettings)
    tariff: PricePlan | None = None
    """What the station shows of costs by itself; None: nothing."""
    alone: bool = False
    """There is no CSMS."""
    own_cards: bool = False
    """The station's own cards decide while no CSMS can be asked."""
    day_of: Callable[[datetime], date] = day_utc
    """The day, as people at the station count it."""
    signed_firmware_only: bool = False
    """UpdateFirmware, which knows no signature, is refused."""

    def evse(self, evse: int) -> EvseSettings | None:
        """The EVSE with this id."""
        return next((settings for settings in self.evses if settings.id == evse), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What the store kept from earlier runs."""

    spaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Space -> key -> JSON text, as written by `Put`."""
    last_sequence: int = 0
    """Highest sequence that a record ever had."""
    waiting: int = 0
    """Records in the outbox."""

    def space(self, name: str) -> Mapping[str, str]:
        """Keys and values of one space; empty when there are none."""
        return self.spaces.get(name, {})
