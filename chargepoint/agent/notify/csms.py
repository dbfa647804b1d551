"""Alerts to the CSMS as DataTransfer, beside what StatusNotification tells anyway.

Sent only while the CSMS has accepted us, and never put into the ledger: a CSMS that wants to know
nothing of it must not hold up what is owed to it.
"""

from __future__ import annotations

import msgspec

from chargepoint.agent.notify.way import Undelivered
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.config.alerts import ToCsms
from chargepoint.station.alerts.values import Channel, Message
from chargepoint.station.local_requests import TransferAsked

ANSWER_S = 40.0
"""Somewhat longer than a usual MessageTimeout."""

DATA_MAX = 2000


class CsmsWay:
    """Asks the station to send it, and waits for what the CSMS says."""

    channel = Channel.CSMS
    limit_s = ANSWER_S + 2.0

    def __init__(self, settings: ToCsms, answers: LocalAnswers) -> None:
        self._settings = settings
        self._answers = answers

    async def send(self, message: Message) -> str:
        done = await self._answers.ask(
            lambda request: TransferAsked(
                request=request,
                at_s=0.0,
                vendor_id=self._settings.vendor_id,
                message_id=f"alert.{message.about}",
                data=data_of(message),
            ),
            ANSWER_S,
        )
        if not done.ok:
            # What the CSMS says of its own accord stays; silence and absence pass.
            refused = done.detail.startswith("the CSMS answers ")
            raise Undelivered(done.detail, retry=not refused)
        return ""


def data_of(message: Message) -> str:
    """The data of the message as JSON, with its subject where that fits."""
    with_subject = msgspec.json.encode({**message.data, "subject": message.subject})
    if len(with_subject) <= DATA_MAX:
        return with_subject.decode()
    return msgspec.json.encode(message.data).decode()
