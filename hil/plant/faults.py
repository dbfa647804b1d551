"""Faults that a person can set at an outlet, by catalogue id, and what each does to the plant.

The ids are those of the hazards that `control` should conclude, plus vices of vehicles. A fault is
set until it is cleared, whatever is plugged in meanwhile; what follows is up to the physics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hil.plant.board import ReferenceBoard
from hil.plant.evse import PlantEvse
from hil.plant.pilot import Diode, Short

Apply = Callable[[PlantEvse, bool, float], None]


@dataclass(frozen=True, slots=True)
class PlantFault:
    """One fault; `group` is the heading under which a person looks for it."""

    group: str
    apply: Apply


def _short(kind: Short) -> Apply:
    def apply(evse: PlantEvse, active: bool, now_s: float) -> None:
        if active:
            evse.short = kind
        elif evse.short is kind:
            evse.short = Short.NONE

    return apply


def _diode_missing(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.vehicle.diode = Diode.MISSING if active else Diode.FITTED


def _ventilation(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.vehicle.needs_ventilation = active


def _over_current(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.vehicle.overdraws = active


def _ignores_pilot(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.vehicle.ignores_pilot = active


def _asleep(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.vehicle.sleepy = evse.vehicle.asleep = active


def _proximity(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.proximity_broken = active


def _welded(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.contactor.fail(now_s, welded=active)


def _not_closing(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.contactor.fail(now_s, stuck_open=active)


def _coil_lost(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.coil_supply_lost = active


def _rcd(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.rcd_fault = active


def _stopped(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.stop_pressed = active


def _hot(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.enclosure.hot_spot = active


def _board_fault(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.board_faults = frozenset({"internal"}) if active else frozenset()


def _frozen(evse: PlantEvse, active: bool, now_s: float) -> None:
    if isinstance(evse.board, ReferenceBoard):
        evse.board.freeze(active)


# fmt: off
FAULTS: Mapping[str, PlantFault] = {
    "pilot_shorted":          PlantFault("Pilot",     _short(Short.EARTH)),
    "pilot_out_of_range":     PlantFault("Pilot",     _short(Short.GENERATOR)),
    "proximity_invalid":      PlantFault("Pilot",     _proximity),
    "diode_missing":          PlantFault("Vehicle",   _diode_missing),
    "over_current":           PlantFault("Vehicle",   _over_current),
    "ventilation_missing":    PlantFault("Vehicle",   _ventilation),
    "vehicle_ignores_pilot":  PlantFault("Vehicle",   _ignores_pilot),
    "vehicle_asleep":         PlantFault("Vehicle",   _asleep),
    "contactor_welded":       PlantFault("Contactor", _welded),
    "contactor_not_closing":  PlantFault("Contactor", _not_closing),
    "contactor_opened_alone": PlantFault("Contactor", _coil_lost),
    "rcd_tripped":            PlantFault("Station",   _rcd),
    "emergency_stopped":      PlantFault("Station",   _stopped),
    "over_temperature":       PlantFault("Station",   _hot),
    "board_fault":            PlantFault("Board",     _board_fault),
    "reading_stale":          PlantFault("Board",     _frozen),
}
# fmt: on


def set_fault(evse: PlantEvse, fault: str, active: bool, now_s: float) -> None:
    """Set or clear `fault`. Raises KeyError for an id that the plant cannot cause."""
    FAULTS[fault].apply(evse, active, now_s)
    if active:
        evse.faults.add(fault)
    else:
        evse.faults.discard(fault)
