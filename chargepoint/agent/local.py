"""What serves people and devices at the station: the service socket and the field buses.

Loaded and started after the first word to the CSMS: drivers and their libraries take their time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from chargepoint.agent.alerting.desk import Alerting
from chargepoint.agent.audit import Audit
from chargepoint.agent.clock import host_boot_id
from chargepoint.agent.field import Field, build
from chargepoint.agent.host import HostWatch, Lateness
from chargepoint.agent.requests.alerts import AlertRequests
from chargepoint.agent.requests.audit import AuditRequests
from chargepoint.agent.requests.bus import BusDesk, BusRequests
from chargepoint.agent.requests.cards import CardRequests
from chargepoint.agent.requests.evse import EvseRequests
from chargepoint.agent.requests.health import HealthDesk, web_certificate
from chargepoint.agent.requests.log import LogRequests
from chargepoint.agent.requests.maintenance import MaintenanceRequests
from chargepoint.agent.requests.signing import SigningRequests
from chargepoint.agent.requests.tokens import TokenDesk, TokenRequests
from chargepoint.agent.service import Service
from chargepoint.agent.status import ServiceDesk
from chargepoint.agent.wiring import readers_of
from chargepoint.config import Config
from chargepoint.station.clock import ClockTrust
from chargepoint.station.events import Event

if TYPE_CHECKING:
    from chargepoint.agent.mqtt_states.desk import MqttStates

FIELD_WAIT_S = 1.0
TRUSTED = (ClockTrust.RTC, ClockTrust.CSMS, ClockTrust.NTP)


class Local:
    """`tell` and `failed` are called in the threads of the field buses."""

    def __init__(
        self,
        config: Config,
        desk: ServiceDesk,
        tell: Callable[[Event], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Raises ConfigurationError for a device that cannot be built."""
        self._field: Field = build(config, tell, failed)
        self._host = HostWatch(config.state_dir, web_certificate=web_certificate(config))
        self._lateness = Lateness()
        self._watching: asyncio.Task[None] | None = None
        self.health = HealthDesk(
            config,
            safety=desk.controls,
            field=self._field,
            host=self._host,
            lateness=self._lateness,
            dropped=desk.dropped,
            holdings=desk.holdings,
            trusted=lambda: desk.station.clock.trust in TRUSTED,
        )
        self.bus = BusDesk(config, desk.controls, self._field)
        signal = None
        if config.alerts.signal is not None:
            from chargepoint.agent.notify.signal import SignalDesk

            signal = SignalDesk(config.alerts.signal, self.bus.transact)
        self.alerting = Alerting(config, desk, self.health, host_boot_id(), signal)
        audit = Audit(config.state_dir)
        self._states: MqttStates | None = None
        if self.alerting.notify.mqtt is not None:
            from chargepoint.agent.mqtt_states.desk import MqttStates

            self._states = MqttStates(
                config, self.alerting.notify.mqtt, desk.status, desk.evses, audit, desk.now
            )
        tokens = TokenDesk(desk.readers, tuple(readers_of(config)), config.state_dir)
        handlers = {
            **AlertRequests(config, self.alerting).handlers(),
            **AuditRequests(audit).handlers(),
            **BusRequests(self.bus).handlers(),
            **EvseRequests(desk.evses).handlers(),
            **self.health.handlers(),
            **MaintenanceRequests(desk.station, desk.evses.answers, desk.now).handlers(),
            **LogRequests(desk.lines, desk.written, desk.controls.facts).handlers(),
            **TokenRequests(tokens, desk.station.forecast.verdict).handlers(),
            **CardRequests(
                config.cards.own, desk.station, desk.evses.answers, tokens, desk.now
            ).handlers(),
            **SigningRequests(config.state_dir).handlers(),
        }
        self._service = Service(config.agent_socket(), desk, handlers, audit)

    async def start(self) -> None:
        """Raises OSError when the socket cannot be made."""
        await self._service.start()
        self._field.start()
        self._host.start()
        if self._states is not None:
            self._states.start()
        self.alerting.start()
        self._watching = asyncio.create_task(self._lateness.watch(), name="lateness")

    async def stop(self) -> None:
        await self._service.stop()
        if self._states is not None:
            await self._states.stop()
        await self.alerting.stop()
        self._host.stop()
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.to_thread(self._field.stop, FIELD_WAIT_S)
