"""A modem driver and the simulated modem on one line, in virtual time."""

from __future__ import annotations

from collections.abc import Callable

from hal.drivers.gsm_modem import GsmModem
from hal.drivers.gsm_reports import ModemEvent, NotSent, Sent, State
from hal.errors import BusDown
from hal.sms.submit import Pdu, pdus
from hil.plant.modem import Modem
from hil.wire.line_time import LineTime
from hil.wire.modem_unit import ModemUnit

NUMBER = "+12025550123"


class VirtualLine:
    """`hal.interfaces.SerialLink` onto a talker; time passes only in `read`."""

    name = "modem"

    def __init__(self, unit: ModemUnit) -> None:
        self.unit = unit
        self.now_s = 1000.0
        self.gone = False
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._check("write")
        self.written.append(data)
        self.unit.hear(data, self.now_s)

    def read(self, within_s: float) -> tuple[bytes, float]:
        self._check("read")
        until_s = self.now_s + within_s
        while True:
            data = b"".join(self.unit.due(self.now_s))
            if data or self.now_s >= until_s:
                return data, self.now_s
            self.now_s = max(min(self.unit.next_s(), until_s), self.now_s)

    def discard(self) -> None:
        self._check("discard")

    def _check(self, request: str) -> None:
        if self.gone:
            raise BusDown("modem", request, "unplugged")


class Stand:
    """Driver and modem; `run_until` steps the driver until something is so."""

    def __init__(self, modem: Modem | None = None, *, pin: str = "", centre: str = "") -> None:
        self.modem = Modem() if modem is None else modem
        self.unit = ModemUnit(self.modem, LineTime(115_200))
        self.line = VirtualLine(self.unit)
        self.events: list[ModemEvent] = []
        self.pin_allowed = True
        self.pin_tries = 0
        self.pins_worked = 0
        self.driver = GsmModem(
            self.line,
            pin=pin,
            may_try_pin=self._may_try_pin,
            pin_worked=self._pin_worked,
            centre=centre,
        )

    def _may_try_pin(self) -> bool:
        self.pin_tries += 1
        return self.pin_allowed

    def _pin_worked(self) -> None:
        self.pins_worked += 1

    def run_until(self, so: Callable[[], bool], within_s: float = 200.0) -> None:
        until_s = self.line.now_s + within_s
        while not so():
            assert self.line.now_s < until_s, f"not within {within_s} s: {self.driver.status}"
            self.events += self.driver.step()

    def run(self, seconds: float) -> None:
        until_s = self.line.now_s + seconds
        self.run_until(lambda: self.line.now_s >= until_s, seconds + 1.0)

    def start(self) -> Stand:
        self.run_until(lambda: self.driver.status.state is State.READY)
        return self

    def send(self, text: str, job: int = 1, to: str = NUMBER, report: bool = False) -> ModemEvent:
        """`Sent` or `NotSent` of one message."""
        self.driver.send(job, self.made(text, to, report))
        self.run_until(lambda: self.outcome(job) is not None)
        outcome = self.outcome(job)
        assert outcome is not None
        return outcome

    def made(self, text: str, to: str = NUMBER, report: bool = False) -> tuple[Pdu, ...]:
        return pdus(to, text, validity_s=86_400.0, report=report, reference=9)

    def outcome(self, job: int) -> Sent | NotSent | None:
        found = [
            event for event in self.events if isinstance(event, Sent | NotSent) and event.job == job
        ]
        return found[-1] if found else None
