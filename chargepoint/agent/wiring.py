"""From the configuration to the parts: station settings, adapters, safety buses.

What the installer wrote and this release cannot do ends the start with a message, never a guess.
"""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chargepoint.agent.control_link import SafetyBus
from chargepoint.agent.latches import Latches
from chargepoint.agent.store import Opened
from chargepoint.config import Config, ConfigError, Csms, Evse, Mistake
from chargepoint.config.people import Maintenance
from chargepoint.ocpp.adapter import Adapter
from chargepoint.ocpp.v16.adapter import Adapter16
from chargepoint.ocpp.v16.configuration import KEYS
from chargepoint.ocpp.view import BootInformation
from chargepoint.station import kept_hazards
from chargepoint.station.security_values import Holdings
from chargepoint.station.settings import (
    EvseSettings,
    MaintenanceSettings,
    Restored,
    StationSettings,
)
from chargepoint.station.station import Station

if TYPE_CHECKING:
    from chargepoint.price_plan import PricePlan

FIRMWARE = "0.1.0"
"""Version of this software, for BootNotification; the package's own, which takes 10 ms to ask."""

SUBPROTOCOLS = {"1.6": "ocpp1.6"}
"""Versions that this release speaks."""

READER_DRIVERS = ("rfid-text", "pn532")

KEY_OF = {(key.component, key.variable): key.name for key in KEYS}
"""Variable -> OCPP 1.6 configuration key."""

_OF_CSMS = {
    "authorizationkey": "password",
    "securityprofile": "security_profile",
    "additionalrootcertificatecheck": "one_root",
    "allowcentralsystemtlswildcards": "wildcards",
}
"""Keys whose initial value the section `[csms]` has a place for."""

_BY_KEY = {key.name.casefold(): (key.component, key.variable) for key in KEYS}


def check(config: Config) -> None:
    """Raises ConfigError for what is legal TOML but cannot be served by this release."""
    mistakes = [
        Mistake("csms.versions", f"OCPP {wanted} is not in this release; expected 1.6")
        for wanted in (config.csms.versions if config.csms else ())
        if wanted not in SUBPROTOCOLS
    ]
    for name in config.ocpp.v16:
        if name.casefold() in _OF_CSMS:
            place = _OF_CSMS[name.casefold()]
            mistakes.append(Mistake(f"ocpp.v16.{name}", f"belongs into csms.{place}"))
        elif name.casefold() not in _BY_KEY:
            known = [key.name for key in KEYS]
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean `{close[0]}`?" if close else ""
            mistakes.append(Mistake(f"ocpp.v16.{name}", f"no such configuration key{hint}"))
    if mistakes:
        raise ConfigError(config.source, mistakes)


def subprotocols(settings: Csms) -> list[str]:
    """What is offered in the handshake, in order of preference."""
    return [SUBPROTOCOLS[wanted] for wanted in settings.versions]


def station(
    config: Config,
    opened: Opened,
    boot: str,
    holdings: Holdings = Holdings(),  # noqa: B008
) -> Station:
    """The station as configured, with what the store kept."""
    restored = Restored(
        spaces=opened.spaces, last_sequence=opened.last_sequence, waiting=opened.waiting
    )
    return Station(station_settings(config, holdings), restored, boot)


def latches(opened: Opened) -> Latches:
    """The hazards that every new run of a safety program must be told of."""
    return Latches(kept_hazards.restored(opened.spaces.get(kept_hazards.SPACE, {})))


def station_settings(
    config: Config,
    holdings: Holdings = Holdings(),  # noqa: B008
) -> StationSettings:
    """`[station]`, `[[evse]]` and `[ocpp]` as the station wants them."""
    about = config.station
    return StationSettings(
        id=about.id,
        vendor=about.vendor,
        model=about.model,
        serial=about.serial,
        firmware=FIRMWARE,
        evses=tuple(_evse(evse) for evse in config.evse),
        current_max_a=about.current_max_a,
        variables=variables(config),
        prices=about.prices,
        acceptance_needed=bool(config.csms and not config.csms.charge_before_accepted),
        remote_start_needs_vehicle=bool(config.csms and config.csms.remote_start_needs_vehicle),
        energy_speed=config.simulator.speed,
        holdings=holdings,
        key_form=config.csms.key_form if config.csms else "auto",
        one_root=bool(config.csms and config.csms.one_root),
        maintenance=_maintenance(config.maintenance),
        tariff=_tariff(config),
        alone=config.csms is None,
        own_cards=config.cards.deciding(alone=config.csms is None),
        day_of=lambda at: at.astimezone().date(),
        signed_firmware_only=config.firmware.signed_only,
        wildcards=bool(config.csms and config.csms.wildcards),
    )


def variables(config: Config) -> dict[tuple[str, str], str]:
    """Initial values of the device model; a 1.6 key wins over the same variable of 2.x."""
    found = {
        (component, variable): _text(value)
        for component, values in config.ocpp.v2.items()
        for variable, value in values.items()
    }
    for name, value in config.ocpp.v16.items():
        found[_BY_KEY[name.casefold()]] = _text(value)
    return found


def adapters(config: Config, built: Station) -> Mapping[str, Adapter]:
    """Subprotocol -> adapter, for each wanted version; none without a CSMS."""
    if config.csms is None:
        return {}
    about = config.station
    boot = BootInformation(
        vendor=about.vendor,
        model=about.model,
        serial=about.serial,
        firmware=FIRMWARE,
        connectors=len(config.evse),
    )
    return {"ocpp1.6": Adapter16(built, boot, config.csms, lambda: str(uuid.uuid4()))}


def safety_buses(config: Config) -> list[SafetyBus]:
    """One per safety program."""
    return [
        SafetyBus(
            name=bus,
            socket=config.control_socket(bus),
            evses=tuple(
                evse.id for evse in config.evse if config.device_named(evse.board).bus == bus
            ),
            meters=meters_of(config, bus),
        )
        for bus in config.safety_buses()
    ]


def readers_of(config: Config) -> dict[str, tuple[int, ...]]:
    """Reader -> EVSEs that it serves; a reader that none names serves all."""
    every = tuple(evse.id for evse in config.evse)
    named = {device.name: () for device in config.device if device.driver in READER_DRIVERS}
    served: dict[str, tuple[int, ...]] = {
        name: tuple(evse.id for evse in config.evse if evse.reader == name) for name in named
    }
    return {name: evses or every for name, evses in served.items()}


def meters_of(config: Config, bus: str) -> dict[str, int]:
    """Meter -> EVSE, for the meters on `bus`."""
    return {
        evse.meter: evse.id
        for evse in config.evse
        if evse.meter and config.device_named(evse.meter).bus == bus
    }


def _evse(evse: Evse) -> EvseSettings:
    return EvseSettings(
        id=evse.id,
        current_max_a=evse.current_max_a,
        current_min_a=evse.current_min_a,
        phases=evse.phases,
        phase_rotation=evse.phase_rotation,
        phase_switching=evse.phase_switching,
        socket=evse.connector == "socket",
        voltage_v=evse.voltage_v,
        has_meter=bool(evse.meter),
        meter_required=evse.meter_lost == "stop",
        meter_lost_stop_s=evse.meter_lost_stop_s,
        reader=evse.reader,
    )


def _maintenance(upkeep: Maintenance) -> MaintenanceSettings:
    return MaintenanceSettings(
        inspection_every_days=upkeep.inspection_every_days,
        rcd_test_every_days=upkeep.rcd_test_every_days,
        contactor_operations=upkeep.contactor_operations,
        contactor_load_operations=upkeep.contactor_load_operations,
        connector_plug_ins=upkeep.connector_plug_ins,
        closing_time_drift_s=upkeep.closing_time_drift_s,
        warn_ratio=upkeep.warn_ratio,
        warn_days=upkeep.warn_days,
    )


def _tariff(config: Config) -> PricePlan | None:
    """Loaded where there is one, because it brings decimals along."""
    if config.tariff is None:
        return None
    from chargepoint.config.prices import price_plan

    return price_plan(config.tariff)


def _text(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
