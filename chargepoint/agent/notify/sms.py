"""SMS through a GSM modem: a thread of its own owns the serial line and drives the modem.

Needs no network but that of the SIM. Whatever happens to the modem, `send` returns at once, and
each message is settled: sent, delivered, or the engine's again.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable

from chargepoint import log
from chargepoint.agent.notify.courier import Courier
from chargepoint.agent.notify.pin_marker import PinMarker
from chargepoint.agent.notify.way import TellAlert
from chargepoint.config import Config
from chargepoint.ipc.care import ModemHealth
from chargepoint.station.alerts.values import AlertEvent, Channel, Message, Settled
from hal.bus.serial import SerialBus, open_serial
from hal.drivers.gsm_modem import GsmModem
from hal.errors import BusDown

STEP_S = 0.25
"""Longest wait for the line; a message to send waits as long."""

LOST_PAUSE_S = 1.0
BROKEN_PAUSE_S = 60.0


class SmsChannel:
    """An outlet of the desk. `tell` is called in the thread of the loop that `start` ran in."""

    channel = Channel.SMS

    def __init__(self, config: Config, tell: TellAlert) -> None:
        """Needs `[alerts.modem]`; opens nothing yet."""
        settings = config.alerts.modem
        assert settings is not None
        self._settings = settings
        self._tell = tell
        self._marker = PinMarker(config.state_dir)
        self._bus = _bus(config, settings.bus)
        self._courier = self._made()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sms", daemon=True)
        self._log = log.get("sms")

    def start(self) -> None:
        """Begin; belongs to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self, within_s: float = 1.0) -> None:
        """Ask the thread to end and wait for it. Messages that wait stay the engine's."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(within_s)

    def send(self, message: Message) -> None:
        """Have it sent; `Settled` follows in any case."""
        if not self._courier.take(message):
            detail = "too many messages wait for the modem"
            self._tell(_failed(message, detail))

    def health(self) -> ModemHealth:
        """How the modem is. From any thread."""
        return self._courier.health()

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self._work()
        finally:
            self._bus.close()

    def _work(self) -> None:
        try:
            self._courier.step(STEP_S)
        except BusDown:
            self._ending.wait(LOST_PAUSE_S)
        except Exception as error:  # what a modem says must not end the station
            self._log.error("channel.broken", channel=self.channel.value, exc_info=error)
            before = self._courier
            self._courier = self._made()
            before.give_back_all(f"internal error: {type(error).__name__}")
            self._ending.wait(BROKEN_PAUSE_S)

    def _made(self) -> Courier:
        settings = self._settings
        modem = GsmModem(
            self._bus.link("modem"),
            pin=settings.pin,
            may_try_pin=self._may_try_pin,
            pin_worked=self._marker_forgotten,
            centre=settings.smsc,
        )
        return Courier(
            modem, self._tell_loop, reports=settings.delivery_reports, now=time.monotonic
        )

    def _may_try_pin(self) -> bool:
        try:
            return self._marker.allow(self._settings.pin)
        except OSError as error:
            self._log.error("modem.pin_not_noted", error=str(error))
            return False

    def _marker_forgotten(self) -> None:
        try:
            self._marker.forget()
        except OSError as error:
            self._log.error("modem.pin_not_noted", error=str(error))

    def _tell_loop(self, event: AlertEvent) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop has ended before its threads
            self._loop.call_soon_threadsafe(self._tell, event)


def _bus(config: Config, name: str) -> SerialBus:
    bus = config.bus_named(name)
    return open_serial(bus.name, config.port(bus), bus.baud, bus.parity, bus.stop_bits)


def _failed(message: Message, detail: str, now: Callable[[], float] = time.monotonic) -> Settled:
    return Settled(at_s=now(), delivery=message.delivery, state="failed", retry=True, detail=detail)
