"""What a person does to the plant: plug, card, request, faults, supply. One method for each.

Every method checks what it is given, changes the plant at one instant and puts it on record. A
refusal says what was wrong, where, what was found and what was expected; it changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from chargepoint.config import Config
from hil.build import Built
from hil.plant.evse import PlantEvse
from hil.plant.faults import FAULTS, set_fault
from hil.plant.field import HOLD_DEFAULT_S
from hil.plant.grid import FREQUENCY_MAX_HZ, FREQUENCY_MIN_HZ, VOLTAGE_MAX_V
from hil.plant.modem import MODEM_FAULTS
from hil.plant.pilot import PROXIMITY_OHM
from hil.plant.temperature import HELD_MAX_C, HELD_MIN_C
from hil.plant.vehicle import Request
from hil.wire.board_unit import BoardUnit
from hil.wire.pn532 import UID_BYTES
from hil.wire.text_reader import EM4100_BYTES
from hil.wire.trouble import (
    SERIAL_ONLY,
    SILENCE_EVERY_S,
    SILENCE_S,
    VALUE_FAULTS,
    WIRE_FAULTS,
    Trouble,
)

HOLD_MAX_S = 3600.0
TOKEN_MAX = 64
CURRENT_MAX_A = 80.0
PHASES = (1, 2, 3)
ROTATIONS = {"clockwise": True, "anticlockwise": False}
UNPLUGGED = "unplugged"
"""Fault of a bus: its adapter is pulled out."""

# fmt: off
BOARD_LINKS = {  #  faults of an EVSE that are faults of its board's wire
    "board_lost":    "silent",
    "board_refused": "unidentified",
}
READER_FAULTS = ("silent", "silences", "crc", "slow", "noise", "truncated", "stutter")
RAPI_FAULTS = (*READER_FAULTS, "exception", "echo")
MODEM_LINE_FAULTS = (
    "silent", "silences", "slow", "noise", "truncated", "stutter", "echo", *MODEM_FAULTS
)
# fmt: on
EVSE_FAULTS = (*FAULTS, *BOARD_LINKS)
SMS_UNITS_MAX = 70
_NUMBER = re.compile(r"\+?[0-9]{3,20}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


class Refused(Exception):
    """The plant cannot do that. `missing`: there is no such thing at all."""

    def __init__(
        self, what: str, *, where: str, found: Any, expected: str, missing: bool = False
    ) -> None:
        super().__init__(f"{where}: found {found!r}, expected {expected}")
        self.what = what
        self.where = where
        self.found = found
        self.expected = expected
        self.missing = missing


class Operator:
    """Hands on the plant. Each method returns the monotonic instant at which it was done."""

    def __init__(self, config: Config, built: Built) -> None:
        self._config = config
        self._built = built
        self._world = built.world

    # --- at an outlet ----------------------------------------------------------------------------

    def plug_in(self, evse: int, cable_a: int | None = None) -> float:
        """A vehicle plugs in; nothing happens when one is there already."""
        if cable_a is not None and cable_a not in PROXIMITY_OHM:
            ratings = ", ".join(str(one) for one in PROXIMITY_OHM)
            raise Refused("unknown cable", where="cable_a", found=cable_a, expected=ratings)
        with self._world as now_s:
            outlet = self._evse(evse)
            if not outlet.vehicle.plugged:
                outlet.vehicle.plug_in(cable_a)
                self._done("plugged_in", evse=evse, cable_a=outlet.vehicle.cable_a)
        return now_s

    def unplug(self, evse: int) -> float:
        """The plug is pulled, whatever flows; nothing happens when none is in."""
        with self._world as now_s:
            outlet = self._evse(evse)
            if outlet.vehicle.plugged:
                under_load = outlet.contactor.closed and outlet.vehicle.current_a > 0.0
                outlet.vehicle.unplug()
                self._done("unplugged", evse=evse, under_load=under_load)
        return now_s

    def vehicle(
        self,
        evse: int,
        request: str | None = None,
        current_a: float | None = None,
        phases: int | None = None,
    ) -> float:
        """What the vehicle wants and can; what is not given stays."""
        wishes = [one.value for one in Request]
        if request is not None and request not in wishes:
            expected = f"one of {', '.join(wishes)}"
            raise Refused("unknown request", where="request", found=request, expected=expected)
        if current_a is not None and not 0.0 <= current_a <= CURRENT_MAX_A:
            raise Refused("no such current", where="current_a", found=current_a, expected="0 to 80")
        if phases is not None and phases not in PHASES:
            raise Refused("no such phases", where="phases", found=phases, expected="1, 2 or 3")
        with self._world as now_s:
            car = self._evse(evse).vehicle
            if request is not None:
                car.request = Request(request)
            if current_a is not None:
                car.current_max_a = current_a
            if phases is not None:
                car.phases = phases
            wish = {
                "request": car.request.value,
                "current_a": car.current_max_a,
                "phases": car.phases,
            }
            self._done("vehicle_changed", evse=evse, **wish)
        return now_s

    def fault(self, evse: int, fault: str, active: bool) -> float:
        """Set or clear a fault by its catalogue id."""
        if fault not in EVSE_FAULTS:
            raise Refused(
                "unknown fault",
                where="fault",
                found=fault,
                expected=f"one of {', '.join(EVSE_FAULTS)}",
            )
        with self._world as now_s:
            outlet = self._evse(evse)
            if fault in BOARD_LINKS:
                self._board_link(outlet, fault, active)
            else:
                set_fault(outlet, fault, active, now_s)
            self._done("fault_set" if active else "fault_cleared", evse=evse, fault=fault)
        return now_s

    def temperature(self, evse: int, celsius: float | None) -> float:
        """Hold the temperature at the sensor; None lets it follow the current again."""
        if celsius is not None and not HELD_MIN_C <= celsius <= HELD_MAX_C:
            expected = f"{HELD_MIN_C:g} to {HELD_MAX_C:g}, or null"
            raise Refused("no such temperature", where="celsius", found=celsius, expected=expected)
        with self._world as now_s:
            self._evse(evse).enclosure.held_c = celsius
            self._done("temperature_held", evse=evse, celsius=celsius)
        return now_s

    # --- elsewhere -------------------------------------------------------------------------------

    def present(self, reader: str, token: str, hold_s: float = HOLD_DEFAULT_S) -> float:
        """A card is laid on a reader for `hold_s`."""
        known = self._world.plant.fields
        if reader not in known:
            raise _missing("reader", reader, known)
        if not 0.0 < hold_s <= HOLD_MAX_S:
            raise Refused("no such time", where="hold_s", found=hold_s, expected="above 0, to 3600")
        self._check_token(reader, token)
        with self._world as now_s:
            known[reader].present(token, now_s + hold_s)
            self._done("card_presented", reader=reader, token=token, hold_s=hold_s)
        line = self._built.lines.get(self._config.device_named(reader).bus)
        if line is not None:
            line.wake()
        return now_s

    def sms(self, modem: str, sender: str, text: str) -> float:
        """A message arrives at a modem."""
        known = self._built.modems
        if modem not in known:
            raise _missing("modem", modem, known)
        if not _NUMBER.fullmatch(sender):
            raise Refused("no number", where="from", found=sender, expected="3 to 20 digits, or +…")
        if not 0 < len(text.encode("utf-16-be", "replace")) <= 2 * SMS_UNITS_MAX:
            expected = f"1 to {SMS_UNITS_MAX} characters"
            raise Refused("no such text", where="text", found=text[:40], expected=expected)
        # Not inside the world: the modem's own lock is held while it tells the plant.
        if not known[modem].receive(sender, text, self._world.clock()):
            raise Refused(
                "not taken", where="modem", found=modem, expected="one with network and room"
            )
        self._built.lines[modem].wake()
        with self._world as now_s:
            self._done("sms_received", modem=modem, sender=sender, text=text)
        return now_s

    def device_fault(
        self,
        name: str,
        fault: str,
        active: bool,
        *,
        ratio: float | None = None,
        silent_s: float = SILENCE_S,
        every_s: float = SILENCE_EVERY_S,
    ) -> float:
        """Set or clear a fault of a device, or of a whole bus, on its wire.

        `ratio`: share of the frames that `noise` damages; without it noise stands before each.
        `silent_s`, `every_s`: length of `silences`, and time between them on average.
        """
        known = self.device_faults(name)
        if fault not in known:
            raise Refused(
                "unknown fault", where="fault", found=fault, expected=f"one of {', '.join(known)}"
            )
        _check_chance(ratio, silent_s, every_s)
        if fault == UNPLUGGED:
            self._plug_line(name, not active)
        if fault in MODEM_FAULTS:
            return self._modem_fault(name, fault, active)
        with self._world as now_s:
            if fault in VALUE_FAULTS:
                self._value_fault(name, fault, active)
            trouble = self._built.troubles[name]
            if fault == "noise":
                trouble.noise_ratio = ratio
            elif fault == "silences":
                trouble.silence_s, trouble.silence_every_s = silent_s, every_s
            if active and fault != "jump":
                trouble.faults.add(fault)
            else:
                trouble.faults.discard(fault)
            self._done("fault_set" if active else "fault_cleared", device=name, fault=fault)
        return now_s

    def device_faults(self, name: str) -> tuple[str, ...]:
        """Ids that `device_fault` takes for this device or bus. Refused when there is none."""
        built = self._built
        if name in built.units:
            freezable = name in built.meters or isinstance(built.units[name], BoardUnit)
            values = (
                *(["frozen"] if freezable else []),
                *(["jump"] if name in built.meters else []),
            )
            return (*self._wire_faults(self._config.device_named(name).bus), *values)
        if name in built.world.plant.fields:
            return READER_FAULTS
        if name in built.rapi:
            return RAPI_FAULTS
        if name in built.modems:
            return (*MODEM_LINE_FAULTS, UNPLUGGED)
        if name in built.lines:
            return (*(self._wire_faults(name) if built.slaves.get(name) else ()), UNPLUGGED)
        raise _missing(
            "device", name, {*built.units, *built.world.plant.fields, *built.rapi, *built.lines}
        )

    def _wire_faults(self, bus: str) -> tuple[str, ...]:
        network = bus in self._built.servers
        return tuple(one for one in WIRE_FAULTS if not (network and one in SERIAL_ONLY))

    def grid(
        self,
        supply: str | None = None,
        voltage_v: Sequence[float] | None = None,
        frequency_hz: float | None = None,
        rotation: str | None = None,
    ) -> float:
        """Supply on or off, its voltages, frequency and rotation; what is not given stays."""
        if supply not in (None, "on", "off"):
            raise Refused("unknown supply", where="supply", found=supply, expected="on or off")
        if voltage_v is not None:
            _check_voltages(voltage_v)
        if frequency_hz is not None and not FREQUENCY_MIN_HZ <= frequency_hz <= FREQUENCY_MAX_HZ:
            expected = f"{FREQUENCY_MIN_HZ:g} to {FREQUENCY_MAX_HZ:g}"
            raise Refused(
                "no such frequency", where="frequency_hz", found=frequency_hz, expected=expected
            )
        if rotation is not None and rotation not in ROTATIONS:
            expected = f"one of {', '.join(ROTATIONS)}"
            raise Refused("unknown rotation", where="rotation", found=rotation, expected=expected)
        with self._world as now_s:
            grid = self._world.plant.grid
            if supply is not None:
                grid.on = supply == "on"
            if voltage_v is not None:
                grid.nominal_v = (voltage_v[0], voltage_v[1], voltage_v[2])
            if frequency_hz is not None:
                grid.nominal_hz = frequency_hz
            if rotation is not None:
                grid.clockwise = ROTATIONS[rotation]
            self._done(
                "grid_changed",
                supply="on" if grid.on else "off",
                voltage_v=list(grid.nominal_v),
                frequency_hz=grid.nominal_hz,
                rotation="clockwise" if grid.clockwise else "anticlockwise",
            )
        return now_s

    # --- pieces ----------------------------------------------------------------------------------

    def _evse(self, number: int) -> PlantEvse:
        evses = self._world.plant.evses
        if number not in evses:
            raise _missing("EVSE", number, {str(one) for one in evses})
        return evses[number]

    def _done(self, event_type: str, **fields: Any) -> None:
        """Put it on record first, then let the plant react."""
        plant = self._world.plant
        plant.record.add(plant.now_s, event_type, **fields)
        plant.touch()

    def _board_link(self, outlet: PlantEvse, fault: str, active: bool) -> None:
        name = next(evse.board for evse in self._config.evse if evse.id == outlet.number)
        unit = self._built.units.get(name)
        if fault == "board_lost":
            faults = self._built.troubles[name].faults
            faults.add("silent") if active else faults.discard("silent")
        elif isinstance(unit, BoardUnit):
            unit.unidentified = active
        if active:
            outlet.faults.add(fault)
        else:
            outlet.faults.discard(fault)

    def _modem_fault(self, name: str, fault: str, active: bool) -> float:
        unit = self._built.modems[name]
        unit.set_fault(fault, active, self._world.clock())
        self._built.lines[name].wake()
        with self._world as now_s:
            self._done("fault_set" if active else "fault_cleared", device=name, fault=fault)
        return now_s

    def _value_fault(self, name: str, fault: str, active: bool) -> None:
        unit = self._built.units[name]
        if name in self._built.meters:
            meter = self._built.meters[name]
            if fault == "frozen":
                meter.freeze(active)
            elif active:
                meter.jump()
        elif isinstance(unit, BoardUnit):
            unit.board.freeze(active)

    def _plug_line(self, name: str, plugged: bool) -> None:
        line = self._built.lines[name]
        self._built.troubles.setdefault(name, Trouble())
        if plugged:
            line.start()
        else:
            line.stop()

    def _check_token(self, reader: str, token: str) -> None:
        device = self._config.device_named(reader)
        if device.driver == "pn532":
            sizes: tuple[int, ...] = UID_BYTES
        elif device.options.get("format") == "em4100":
            sizes = (EM4100_BYTES,)
        else:
            if not (0 < len(token) <= TOKEN_MAX and token.isascii() and token.isprintable()):
                expected = "1 to 64 printable ASCII characters"
                raise Refused("unreadable token", where="token", found=token, expected=expected)
            return
        if not _HEX.fullmatch(token) or len(token) // 2 not in sizes:
            allowed = " or ".join(str(size) for size in sizes)
            expected = f"a hexadecimal UID of {allowed} bytes"
            raise Refused("unreadable token", where="token", found=token, expected=expected)


def _check_chance(ratio: float | None, silent_s: float, every_s: float) -> None:
    if ratio is not None and not 0.0 < ratio <= 1.0:
        raise Refused("no such share", where="ratio", found=ratio, expected="above 0, to 1")
    for name, value_s in (("silent_s", silent_s), ("every_s", every_s)):
        if not 0.0 < value_s <= HOLD_MAX_S:
            raise Refused("no such time", where=name, found=value_s, expected="above 0, to 3600")


def _check_voltages(voltage_v: Sequence[float]) -> None:
    if len(voltage_v) != 3 or not all(0.0 <= one <= VOLTAGE_MAX_V for one in voltage_v):
        expected = "three voltages from 0 to 300"
        raise Refused(
            "no such voltages", where="voltage_v", found=list(voltage_v), expected=expected
        )


def _missing(kind: str, name: object, known: Any) -> Refused:
    names = ", ".join(sorted(str(one) for one in known)) or "none is configured"
    return Refused(
        f"no such {kind}", where=kind.lower(), found=name, expected=f"one of {names}", missing=True
    )
