"""Relay and input boards with coils and discrete inputs, Waveshare class (`relay-board`).

Waveshare Modbus RTU Relay and compatibles: outputs are coils from 0, inputs (where there are any)
discrete inputs from 0. **Such a board has no watchdog**: a relay stays where it was told to be.
The option `hold_s` replaces it: an output is then never switched on for good, only "flash on" for
`hold_s`, repeated with each `command`, so that the board lets go when the host stops. Call
`command` at least twice per `hold_s`, and mind that a relay of a stopped host drops under load.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from hal.drivers.options import Number, Option
from hal.errors import ConfigurationError, DeviceError
from hal.interfaces import ModbusLink
from hal.values import RelayReading

FLASH_ON = 0x0200
"""Function 05 at 0x0200 + n: close relay n for value x 100 ms (manufacturer's documentation)."""
FLASH_STEP_S = 0.1
OUTPUTS_DEFAULT = 8
OPTIONS: Mapping[str, Option] = {
    "outputs": Number(OUTPUTS_DEFAULT, 1, 32, whole=True),
    "inputs": Number(0, 0, 32, whole=True),
    "hold_s": Number(None, 0.5, 60.0),
}


@runtime_checkable
class PulseLink(Protocol):
    """A link that can also write function 05 with a value that is neither on nor off."""

    def write_coil_value(self, address: int, value: int) -> float: ...


class CoilRelayBoard:
    """Satisfies `hal.interfaces.RelayBoard`."""

    def __init__(
        self,
        link: ModbusLink,
        *,
        name: str,
        outputs: int = OUTPUTS_DEFAULT,
        inputs: int = 0,
        hold_s: float | None = None,
    ) -> None:
        """Raises ConfigurationError when `hold_s` is set and the link cannot write pulses."""
        self._name = name
        self._link = link
        self._outputs = outputs
        self._inputs = inputs
        self._hold_steps = 0 if hold_s is None else math.floor(hold_s / FLASH_STEP_S + 1e-6)
        self._pulse: PulseLink | None = None
        if hold_s is not None:
            if not isinstance(link, PulseLink):
                raise ConfigurationError(
                    f"{name}: options.hold_s: found {hold_s}, expected a bus that can write pulses"
                )
            self._pulse = link
        self._told: list[bool | None] = [None] * outputs

    @property
    def name(self) -> str:
        return self._name

    def read(self) -> RelayReading:
        """All outputs as the board drives them, and all inputs. Raises DeviceError."""
        outputs = self._link.read_coils(0, self._outputs)
        inputs: tuple[bool, ...] = ()
        if self._inputs:
            inputs = self._link.read_discrete_inputs(0, self._inputs).values[: self._inputs]
        found = outputs.values[: self._outputs]
        self._told = [
            told if told == is_on else None for told, is_on in zip(self._told, found, strict=False)
        ]
        return RelayReading(taken_s=outputs.taken_s, outputs=found, inputs=inputs)

    def command(self, outputs: Sequence[bool]) -> None:
        """Switch the outputs, off before on; writes what differs, and each held output again.

        Raises DeviceError, after which everything is written again; ValueError for another number
        of outputs than the board has.
        """
        if len(outputs) != self._outputs:
            raise ValueError(f"{self._name}: {len(outputs)} outputs, expected {self._outputs}")
        try:
            for number in sorted(range(self._outputs), key=lambda number: outputs[number]):
                self._write(number, outputs[number])
        except DeviceError:
            self._told = [None] * self._outputs
            raise

    def _write(self, number: int, on: bool) -> None:
        if on and self._pulse is not None:
            self._pulse.write_coil_value(FLASH_ON + number, self._hold_steps)
        elif self._told[number] is not on:
            self._link.write_coil(number, on)
        self._told[number] = on
