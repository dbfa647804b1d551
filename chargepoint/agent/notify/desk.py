"""All ways out of the station that are configured, behind one desk.

What is not configured is not loaded: each channel brings its library along.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from chargepoint.agent.notify.dispatch import Dispatch
from chargepoint.agent.notify.way import TellAlert, Way
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.config import Config
from chargepoint.ipc.care import ModemHealth
from chargepoint.station.alerts.values import Channel, LinkUp, Message, Settled

if TYPE_CHECKING:
    from chargepoint.agent.mqtt.link import MqttLink
    from chargepoint.agent.notify.dead_man import SignOfLife
    from chargepoint.agent.notify.email_replies import EmailReplies
    from chargepoint.agent.notify.sms import SmsChannel


class NotifyDesk:
    """`tell` hears what becomes of messages, replies and links, in the loop's thread.

    `answers`: asks the station, for the way over the CSMS. `alive`: whether the station does its
    work, for the sign of life.
    """

    def __init__(
        self,
        config: Config,
        tell: TellAlert,
        *,
        answers: LocalAnswers | None = None,
        alive: Callable[[], bool] = lambda: True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._now = now
        self.mqtt: MqttLink | None = _link(config)
        self._dispatch = Dispatch(list(_ways(config, self.mqtt, answers)), tell, now)
        self._sms: SmsChannel | None = _sms(config, self._dispatch)
        self._replies: EmailReplies | None = _replies(config, self._dispatch)
        self._sign_of_life: SignOfLife | None = _sign_of_life(config, alive)
        self._pinging: asyncio.Task[None] | None = None
        if self.mqtt is not None:
            self.mqtt.watchers.append(self._mqtt_changed)

    def start(self) -> None:
        """Begin to send; belongs to the running loop. Readers of `mqtt` join before."""
        self._dispatch.start()
        for part in (self.mqtt, self._sms, self._replies):
            if part is not None:
                part.start()
        if self._sign_of_life is not None:
            self._pinging = asyncio.create_task(self._sign_of_life.run(), name="sign-of-life")

    async def stop(self) -> None:
        """Send no more; what waits is the engine's. Takes about a second at most."""
        if self._pinging is not None:
            self._pinging.cancel()
        if self._replies is not None:
            self._replies.stop()
        await self._dispatch.stop()
        if self._sms is not None:
            await asyncio.to_thread(self._sms.stop)
        if self.mqtt is not None:
            await self.mqtt.stop()

    def send(self, message: Message) -> None:
        """Have it sent; `Settled` follows in any case. Never blocks, never raises."""
        self._dispatch.send(message)

    async def try_channel(self, message: Message) -> Settled:
        """Send it now and wait for what becomes of it, at most 30 s. Nothing is told."""
        return await self._dispatch.try_channel(message)

    @property
    def failing(self) -> Mapping[Channel, str]:
        """Channels whose last attempt failed, with what was said."""
        return self._dispatch.failing

    @property
    def dead_man_problem(self) -> str:
        """Why the sign of life does not get out; empty: it does, or none is configured."""
        return "" if self._sign_of_life is None else self._sign_of_life.problem

    def modem(self) -> ModemHealth | None:
        """How the modem is; None without one."""
        return None if self._sms is None else self._sms.health()

    def _mqtt_changed(self, connected: bool, error: str) -> None:
        if connected:
            self._tell(LinkUp(at_s=self._now(), channels=frozenset({Channel.MQTT})))


def _link(config: Config) -> MqttLink | None:
    if config.mqtt is None:
        return None
    from chargepoint.agent.mqtt.link import MqttLink
    from chargepoint.agent.mqtt.topics import topics

    return MqttLink(config.mqtt, config.station.id, topics(config))


def _ways(config: Config, link: MqttLink | None, answers: LocalAnswers | None) -> Iterator[Way]:
    alerts, contacts = config.alerts, config.alerts.contact
    if alerts.email is not None:
        from chargepoint.agent.notify.email import EmailWay

        yield EmailWay(alerts.email, config.station.id)
    if any(contact.webhook for contact in contacts):
        from chargepoint.agent.notify.webhook import WebhookWay

        yield WebhookWay(alerts.webhook, config.station.id)
    if any(contact.ntfy for contact in contacts):
        from chargepoint.agent.notify.ntfy import NtfyWay

        yield NtfyWay()
    if any(contact.apprise for contact in contacts):
        from chargepoint.agent.notify.apprise import AppriseWay

        yield AppriseWay()
    if link is not None:
        from chargepoint.agent.mqtt.topics import topics
        from chargepoint.agent.notify.mqtt import MqttWay

        yield MqttWay(link, topics(config))
    if alerts.csms.vendor_id and answers is not None:
        from chargepoint.agent.notify.csms import CsmsWay

        yield CsmsWay(alerts.csms, answers)


def _sms(config: Config, dispatch: Dispatch) -> SmsChannel | None:
    if config.alerts.modem is None:
        return None
    from chargepoint.agent.notify.sms import SmsChannel

    channel = SmsChannel(config, dispatch.settled)
    dispatch.join(Channel.SMS, channel)
    return channel


def _replies(config: Config, dispatch: Dispatch) -> EmailReplies | None:
    if config.alerts.email is None or not config.alerts.email.reply_server:
        return None
    from chargepoint.agent.notify.email_replies import EmailReplies

    return EmailReplies(config.alerts.email, dispatch.settled)


def _sign_of_life(config: Config, alive: Callable[[], bool]) -> SignOfLife | None:
    if config.alerts.dead_man is None:
        return None
    from chargepoint.agent.notify.dead_man import SignOfLife

    return SignOfLife(config.alerts.dead_man, alive)
