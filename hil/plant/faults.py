"""Faults that a person can set at an outlet, by catalogue id, and what each does to the plant.

The ids are those of the hazards that `control` should conclude, plus vices of vehicles. A fault is
set until it is cleared, whatever is plugged in meanwhile; what follows is up to the physics. Some
need a part that not every outlet has: without it they change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hil.plant.board import ReferenceBoard
from hil.plant.evse import PlantEvse
from hil.plant.pilot import Diode, Short
from hil.plant.vehicle import Vehicle

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


def _outlet(name: str) -> Apply:
    """Sets the attribute `name` of the outlet."""

    def apply(evse: PlantEvse, active: bool, now_s: float) -> None:
        assert isinstance(getattr(evse, name), bool), name
        setattr(evse, name, active)

    return apply


def _vice(name: str) -> Apply:
    """Sets the attribute `name` of the vehicle."""

    def apply(evse: PlantEvse, active: bool, now_s: float) -> None:
        vehicle: Vehicle = evse.vehicle
        assert isinstance(getattr(vehicle, name), bool), name
        setattr(vehicle, name, active)

    return apply


def _feed(fault: str) -> Apply:
    def apply(evse: PlantEvse, active: bool, now_s: float) -> None:
        evse.feed_faults.add(fault) if active else evse.feed_faults.discard(fault)

    return apply


def _hot(fault: str) -> Apply:
    def apply(evse: PlantEvse, active: bool, now_s: float) -> None:
        spots = evse.enclosure.hot_spots
        spots.add(fault) if active else spots.discard(fault)

    return apply


def _lock(kind: str) -> Apply:
    def apply(evse: PlantEvse, active: bool, now_s: float) -> None:
        if evse.lock is not None:
            evse.lock.fail(now_s, **{kind: active})

    return apply


def _diode_missing(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.vehicle.diode = Diode.MISSING if active else Diode.FITTED


def _asleep(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.vehicle.sleepy = evse.vehicle.asleep = active


def _simplified(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.vehicle.simplified = active
    evse.vehicle.s2_closed = active and evse.vehicle.plugged


def _welded(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.contactor.fail(now_s, welded=active)


def _second_welded(evse: PlantEvse, active: bool, now_s: float) -> None:
    if evse.second is not None:
        evse.second.fail(now_s, welded=active)


def _not_closing(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.contactor.fail(now_s, stuck_open=active)


def _sensor_lost(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.enclosure.sensor_lost = active


def _board_fault(evse: PlantEvse, active: bool, now_s: float) -> None:
    evse.board_faults = frozenset({"internal"}) if active else frozenset()


def _firmware(change: Callable[[ReferenceBoard, bool, float], None]) -> Apply:
    """A fault inside the reference board."""

    def apply(evse: PlantEvse, active: bool, now_s: float) -> None:
        if isinstance(evse.board, ReferenceBoard):
            change(evse.board, active, now_s)

    return apply


def _rcd_test(board: ReferenceBoard, active: bool, now_s: float) -> None:
    board.rcd_test_broken = active


def _driven(board: ReferenceBoard, active: bool, now_s: float) -> None:
    board.drive_by_hand(active)


def _frozen(board: ReferenceBoard, active: bool, now_s: float) -> None:
    board.freeze(active)


def _stuck_phases(board: ReferenceBoard, active: bool, now_s: float) -> None:
    board.phase_switch.stick(active, now_s)


# fmt: off
FAULTS: Mapping[str, PlantFault] = {
    "pilot_shorted":           PlantFault("Pilot",       _short(Short.EARTH)),
    "pilot_out_of_range":      PlantFault("Pilot",       _short(Short.GENERATOR)),
    "proximity_invalid":       PlantFault("Pilot",       _outlet("proximity_broken")),
    "cable_cut":               PlantFault("Pilot",       _outlet("cable_cut")),
    "diode_missing":           PlantFault("Vehicle",     _diode_missing),
    "over_current":            PlantFault("Vehicle",     _vice("overdraws")),
    "over_current_one_phase":  PlantFault("Vehicle",     _vice("overdraws_one")),
    "ventilation_missing":     PlantFault("Vehicle",     _vice("needs_ventilation")),
    "vehicle_ignores_pilot":   PlantFault("Vehicle",     _vice("ignores_pilot")),
    "vehicle_asleep":          PlantFault("Vehicle",     _asleep),
    "vehicle_slow":            PlantFault("Vehicle",     _vice("slow")),
    "simplified_pilot":        PlantFault("Vehicle",     _simplified),
    "contactor_welded":        PlantFault("Contactor",   _welded),
    "second_contactor_welded": PlantFault("Contactor",   _second_welded),
    "contactor_not_closing":   PlantFault("Contactor",   _not_closing),
    "contactor_opened_alone":  PlantFault("Contactor",   _outlet("coil_supply_lost")),
    "contactor_driven":        PlantFault("Contactor",   _firmware(_driven)),
    "output_live":             PlantFault("Contactor",   _outlet("bridged")),
    "phase_switch_stuck":      PlantFault("Contactor",   _firmware(_stuck_phases)),
    "connector_not_locked":    PlantFault("Lock",        _lock("jammed")),
    "lock_opened":             PlantFault("Lock",        _lock("sprung")),
    "lock_stuck":              PlantFault("Lock",        _lock("stuck")),
    "rcd_tripped":             PlantFault("Protection",  _outlet("rcd_fault")),
    "rcd_test_failed":         PlantFault("Protection",  _firmware(_rcd_test)),
    "breaker_tripped":         PlantFault("Protection",  _outlet("breaker_open")),
    "pe_lost":                 PlantFault("Protection",  _outlet("pe_lost")),
    "emergency_stopped":       PlantFault("Protection",  _outlet("stop_pressed")),
    "over_voltage":            PlantFault("Mains",       _feed("over_voltage")),
    "under_voltage":           PlantFault("Mains",       _feed("under_voltage")),
    "frequency_out_of_range":  PlantFault("Mains",       _feed("frequency_out_of_range")),
    "phase_missing":           PlantFault("Mains",       _feed("phase_missing")),
    "phase_rotation_wrong":    PlantFault("Mains",       _feed("phase_rotation_wrong")),
    "temperature_raised":      PlantFault("Temperature", _hot("temperature_raised")),
    "temperature_high":        PlantFault("Temperature", _hot("temperature_high")),
    "over_temperature":        PlantFault("Temperature", _hot("over_temperature")),
    "overheated":              PlantFault("Temperature", _hot("overheated")),
    "temperature_sensor_lost": PlantFault("Temperature", _sensor_lost),
    "tilted":                  PlantFault("Enclosure",   _outlet("tilted")),
    "door_open":               PlantFault("Enclosure",   _outlet("door_open")),
    "water_detected":          PlantFault("Enclosure",   _outlet("wet")),
    "board_fault":             PlantFault("Board",       _board_fault),
    "reading_stale":           PlantFault("Board",       _firmware(_frozen)),
}
# fmt: on


def set_fault(evse: PlantEvse, fault: str, active: bool, now_s: float) -> None:
    """Set or clear `fault`. Raises KeyError for an id that the plant cannot cause."""
    FAULTS[fault].apply(evse, active, now_s)
    if active:
        evse.faults.add(fault)
    else:
        evse.faults.discard(fault)
