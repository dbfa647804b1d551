"""The plant as plain data: what `GET /state` answers and the page shows."""

from __future__ import annotations

import math
from typing import Any

from chargepoint.config import Config, Evse
from hil.build import Built
from hil.plant.board import ReferenceBoard
from hil.plant.evse import PlantEvse
from hil.plant.pilot import mode_of
from hil.wire.meter_unit import MeterUnit
from hil.wire.modem_unit import ModemUnit


def state(config: Config, built: Built) -> dict[str, Any]:
    """Everything, at one instant. Keys carry their units; EVSEs are keyed by their number."""
    with built.world as now_s:
        plant = built.world.plant
        return {
            "now_s": now_s,
            "station": {
                "id": config.station.id,
                "vendor": config.station.vendor,
                "model": config.station.model,
            },
            "speed": plant.speed,
            "grid": {
                "supply": "on" if plant.grid.on else "off",
                "voltage_v": list(plant.grid.nominal_v),
                "frequency_hz": plant.grid.nominal_hz,
                "rotation": "clockwise" if plant.grid.clockwise else "anticlockwise",
            },
            "evse": {
                str(evse.id): _evse(built, evse, plant.evses[evse.id]) for evse in config.evse
            },
            "reader": {
                name: {"token": field.token, "presentations": field.presentations}
                for name, field in plant.fields.items()
            },
            "device": _devices(config, built),
            "bus": {
                bus.name: {
                    "kind": bus.kind,
                    "port": config.port(bus) if bus.port else f"{bus.host}:{bus.tcp_port}",
                    "faults": _bus_faults(built, bus.name),
                }
                for bus in config.bus
            },
            "modem": {name: _modem(unit) for name, unit in built.modems.items()},
            "signal": _signal(config, built),
            "last_event_id": plant.record.last_id,
        }


def _evse(built: Built, config: Evse, evse: PlantEvse) -> dict[str, Any]:
    return {
        "board": config.board,
        "meter": config.meter,
        "reader": config.reader,
        "connector": config.connector,
        "phases": config.phases,
        "current_max_a": config.current_max_a,
        **_vehicle(evse),
        **_pilot(evse),
        **_power(evse),
        "energy_wh": _energy_wh(built, config, evse),
        "faults": sorted(evse.faults),
    }


def _vehicle(evse: PlantEvse) -> dict[str, Any]:
    vehicle = evse.vehicle
    return {
        "plugged": vehicle.plugged,
        "cable_a": vehicle.cable_a if vehicle.plugged else None,
        "request": vehicle.request.value,
        "ev_current_max_a": vehicle.current_max_a,
        "ev_phases": vehicle.phases,
        "s2_closed": vehicle.s2_closed,
        "asleep": vehicle.asleep,
        "battery_wh": round(vehicle.battery.content_wh, 1),
        "battery_capacity_wh": vehicle.battery.capacity_wh,
        "battery_ratio": round(vehicle.battery.charge_ratio, 5),
    }


def _pilot(evse: PlantEvse) -> dict[str, Any]:
    pilot = evse.pilot
    board = evse.board
    reference = board if isinstance(board, ReferenceBoard) else None
    lock = evse.lock if reference is None or reference.options.has_lock else None
    return {
        "pilot_state": evse.pilot_state.value,
        "pilot_mode": mode_of(board.duty_ratio).value,
        "pilot_high_v": round(pilot.high_v, 3),
        "pilot_low_v": round(pilot.low_v, 3),
        "duty_ratio": round(board.duty_ratio, 4),
        "offered_a": round(evse.offered_a, 2),
        "proximity_ohm": evse.proximity_ohm,
        "rcd_tripped": reference.rcd_tripped if reference else evse.rcd_fault,
        "emergency_stopped": evse.stop_pressed,
        "watchdog_expired": reference.watchdog_expired if reference else None,
        "watchdog_s": reference.watchdog_s if reference else None,
        "locked": lock.locked if lock else None,
        "pe_lost": evse.pe_lost,
        "tilted": evse.tilted,
        "door_open": evse.door_open,
    }


def _power(evse: PlantEvse) -> dict[str, Any]:
    true = evse.meter.now
    moved_s = evse.contactor.changed_s
    return {
        "contactor_commanded": evse.contactor.coil,
        "contactor_closed": evse.contactor.closed,
        "contactor_operations": evse.contactor.operations,
        "contactor_changed_s": moved_s if math.isfinite(moved_s) else None,
        "second_closed": evse.second.closed if evse.second is not None else None,
        "outlet_v": [round(one, 1) for one in evse.outlet_v],
        "switched_phases": 1 if evse.one_phase else evse.phases,
        "temperature_held": evse.enclosure.held_c is not None,
        "temperature_c": round(evse.enclosure.temperature_c, 1),
        "voltage_v": [round(one, 1) for one in true.voltage_v],
        "current_a": [round(one, 2) for one in true.current_a],
        "power_w": round(true.power_w, 1),
    }


def _energy_wh(built: Built, config: Evse, evse: PlantEvse) -> float:
    """The register as it reads on the wire, with the resolution that it has there."""
    unit = built.units.get(config.meter)
    energy_wh = evse.meter.values.energy_import_wh
    return unit.energy_shown_wh() if isinstance(unit, MeterUnit) else energy_wh


def _bus_faults(built: Built, bus: str) -> list[str]:
    trouble, unit = built.troubles.get(bus), built.modems.get(bus)
    return sorted({*(trouble.faults if trouble else ()), *(unit.modem.faults if unit else ())})


def _modem(unit: ModemUnit) -> dict[str, Any]:
    modem = unit.modem
    return {
        "sim": modem.sim,
        "registered": modem.registration == 1,
        "on": unit.on,
        "stored": len(modem.store),
        "sent": [
            {
                "at_s": message.at_s,
                "to": message.to,
                "text": message.text,
                "parts": message.parts,
                "validity_s": message.validity_s,
                "report": message.report,
            }
            for message in tuple(modem.sent)
        ],
    }


def _signal(config: Config, built: Built) -> dict[str, Any] | None:
    """Buzzer and lamp, as their relays are; null: there is none."""
    signal = config.alerts.signal
    if signal is None:
        return None
    slave = built.slaves.get(signal.bus, {}).get(signal.unit)
    bank = built.world.plant.relays.get(slave.device if slave else "")
    outputs = bank.outputs if bank is not None else []

    def on(coil: int | None) -> bool | None:
        return outputs[coil] if coil is not None and coil < len(outputs) else None

    return {
        "device": slave.device if slave else "",
        "lamp": on(signal.lamp_coil),
        "buzzer": on(signal.buzzer_coil),
    }


def _devices(config: Config, built: Built) -> dict[str, Any]:
    requests = {
        slave.device: slave.requests for bus in built.slaves.values() for slave in bus.values()
    }
    requests |= {name: line.requests for name, line in built.rapi.items()}
    return {
        device.name: {
            "driver": device.driver,
            "bus": device.bus,
            "unit": device.unit,
            "requests": requests.get(device.name),
            "faults": sorted(built.troubles[device.name].faults)
            if device.name in built.troubles
            else [],
        }
        for device in config.device
    }
