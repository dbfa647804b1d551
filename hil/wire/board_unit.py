"""The reference pilot board as a Modbus unit, at the addresses of its register map.

A read or write outside the defined registers is refused with exception 2, a value outside the
range with exception 3. Each command that changes something is put on record with the instant at
which its last byte had arrived.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hal.register_map import RegisterMap
from hil.plant.board import ReferenceBoard
from hil.plant.pilot import mode_of
from hil.plant.record import Record
from hil.wire.memory import ReadOnlyCoils, flag_word, placed, register_at, slice_of
from hil.wire.modbus import DEVICE_FAILURE, ILLEGAL_VALUE, Refusal, Table

LAYOUT = 1
FIRMWARE = 0x0100


class BoardUnit(ReadOnlyCoils):
    """The reference pilot board."""

    def __init__(
        self,
        board: ReferenceBoard,
        registers: RegisterMap,
        *,
        record: Record,
        evse: int,
        device: str,
        unidentified: bool = False,
    ) -> None:
        self.unidentified = unidentified
        """Answers with another magic number than the map expects."""
        self.board = board
        self._map = registers
        self._record = record
        self._evse = evse
        self._device = device

    def hear(self, now_s: float) -> None:
        self.board.hear(now_s)

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        words: dict[int, int] = {}
        if table == "input":
            words = placed(self._map.reading, "input", self._readings())
            words |= placed(self._map.identity, "input", self._identity())
        elif table in ("holding", "coil"):
            words = placed(self._map.command, table, self._commands())
        return slice_of(words, address, count)

    def write(self, table: Table, address: int, values: Sequence[int], now_s: float) -> None:
        for number, value in enumerate(values):
            register = register_at(self._map.command, table, address + number)
            self._command(register.name, register.decode((value,)), now_s)

    def _command(self, name: str, value: float, now_s: float) -> None:
        board = self.board
        match name:
            case "pilot":
                if not 0.0 <= value <= 1.0:
                    raise Refusal(ILLEGAL_VALUE)
                if value != board.duty_ratio:
                    self._tell(now_s, "pilot_commanded", duty_ratio=value)
                board.set_duty(value)
            case "contactor":
                closed = bool(value)
                if closed != board.told_closed or (not closed and board.coil):
                    self._tell(now_s, "contactor_commanded", closed=closed)
                board.set_contactor(closed)
            case "lock":
                if bool(value) != board.told_locked:
                    self._tell(now_s, "lock_commanded", locked=bool(value))
                board.set_lock(bool(value), now_s)
            case "watchdog":
                if not board.set_watchdog(value):
                    raise Refusal(ILLEGAL_VALUE)
            case "one_phase":
                self._switch_phases(bool(value), now_s)
            case "rcd_test":
                if value:
                    self._tell(now_s, "rcd_tested")
                    board.test_rcd(now_s)

    def _switch_phases(self, one_phase: bool, now_s: float) -> None:
        """Raises Refusal under load, and where the board cannot switch."""
        told = self.board.phase_switch.told_one_phase
        if not (self.board.options.has_phase_switch or not one_phase):
            raise Refusal(ILLEGAL_VALUE)
        if not self.board.set_one_phase(one_phase, now_s):
            raise Refusal(DEVICE_FAILURE)
        if one_phase != told:
            self._tell(now_s, "phases_commanded", phases=1 if one_phase else 3)

    def _tell(self, now_s: float, event_type: str, **fields: object) -> None:
        self._record.add(now_s, event_type, evse=self._evse, device=self._device, **fields)

    def _identity(self) -> Mapping[str, float]:
        options = self.board.options
        capabilities = {
            "opens_alone": options.opens_alone,
            "lock": options.has_lock,
            "rcd": options.has_rcd,
            "proximity": options.has_proximity,
            "temperature": options.has_temperature,
            "contactor_feedback": options.has_contactor_feedback,
            "rcd_test": options.has_rcd_test,
            "pe_monitor": options.has_pe_monitor,
            "tilt": options.has_tilt,
            "door": options.has_door,
            "phase_switch": options.has_phase_switch,
            "second_contact": options.has_second_contact,
            "output_sense": options.has_output_sense,
        }
        expected = self._map.identity["magic"].expect if "magic" in self._map.identity else None
        return {
            "magic": float((expected or 0) ^ (0xFFFF if self.unidentified else 0)),
            "layout": LAYOUT,
            "firmware": FIRMWARE,
            "capabilities": flag_word(self._map.identity.get("capabilities"), capabilities),
            "current_max": options.current_max_a,
        }

    def _readings(self) -> Mapping[str, float]:
        board = self.board
        senses = board.senses
        if senses is None:
            return {}
        status = {
            "contactor_closed": senses.contactor_closed and board.options.has_contactor_feedback,
            "contactor_commanded": board.coil,
            "rcd_tripped": board.rcd_tripped,
            "watchdog_expired": board.watchdog_expired,
            "locked": board.locked,
            "emergency_stopped": senses.emergency_stopped,
            "oscillating": mode_of(board.duty_ratio).value == "offer",
            "pe_lost": senses.pe_lost and board.options.has_pe_monitor,
            "tilted": senses.tilted and board.options.has_tilt,
            "door_open": senses.door_open and board.options.has_door,
            "second_closed": senses.second_closed,
            "output_live": senses.output_live and board.options.has_output_sense,
            "one_phase": board.phase_switch.one_phase,
        }
        faults = dict.fromkeys(senses.faults, True)
        return {
            "status": flag_word(self._map.reading.get("status"), status),
            "pilot_high": senses.pilot.high_v,
            "pilot_low": senses.pilot.low_v,
            "duty": board.duty_ratio,
            "proximity": senses.proximity_ohm if board.options.has_proximity else 0.0,
            "temperature": senses.temperature_c if board.options.has_temperature else math.nan,
            "sample": board.sample,
            "faults": flag_word(self._map.reading.get("faults"), faults),
        }

    def _commands(self) -> Mapping[str, float]:
        board = self.board
        return {
            "pilot": board.duty_ratio,
            "watchdog": board.watchdog_s,
            "contactor": board.told_closed,
            "lock": board.told_locked,
            "rcd_test": 0.0,
            "one_phase": board.phase_switch.told_one_phase,
        }
