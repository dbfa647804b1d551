"""Webhooks: the message as JSON, signed, with an idempotency key that a repetition carries too.

`X-Chargepoint-Signature: t=<unix seconds>,v1=<hex>` is HMAC-SHA256 with the shared secret over
`<unix seconds>.<body>`. The receiver refuses an old `t`, and takes a key that it has seen as done.
"""

from __future__ import annotations

import hashlib
import hmac
import time

import msgspec

from chargepoint.agent.notify.exchange import HttpRequest, exchange
from chargepoint.agent.notify.trust import Roots
from chargepoint.config.alerts import Webhook
from chargepoint.station.alerts.values import Channel, Message

SPARE_S = 2.0
"""Beyond the request's own time-out, before the desk gives it up."""


class WebhookWay:
    """`station`: goes into the idempotency key, which is unique among stations then."""

    channel = Channel.WEBHOOK

    def __init__(self, settings: Webhook, station: str) -> None:
        self._settings = settings
        self._station = station
        self._roots = Roots(settings.ca_file)
        self.limit_s = settings.timeout_s + SPARE_S

    async def send(self, message: Message) -> str:
        body = body_of(message)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f"{self._station}-{message.delivery}",
        }
        if self._settings.secret:
            headers["X-Chargepoint-Signature"] = signature(
                self._settings.secret, body, int(time.time())
            )
        request = HttpRequest(url=message.address, headers=headers, body=body)
        await exchange(request, self._roots, self._settings.timeout_s)
        return ""


def body_of(message: Message) -> bytes:
    """The data of the message with its texts, in the contact's language."""
    return msgspec.json.encode(
        {
            **message.data,
            "about": message.about,
            "contact": message.contact,
            "delivery": message.delivery,
            "subject": message.subject,
            "text": message.text,
        }
    )


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of the header for a body that is sent at `at` (Unix seconds)."""
    signed = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"
