"""ntfy: a push message to an app, by a POST to the address of a topic."""

from __future__ import annotations

import base64

from chargepoint.agent.notify.exchange import HttpRequest, exchange
from chargepoint.agent.notify.trust import Roots
from chargepoint.station.alerts.values import Channel, Message

TIMEOUT_S = 15.0
TEXT_MAX = 4000
"""Bytes; a longer body would become an attachment."""

# fmt: off
PRIORITY = {
    # severity: priority of ntfy (1 to 5), and a tag that its apps show as a symbol
    "info":     ("2", "information_source"),
    "warning":  ("3", "warning"),
    "error":    ("4", "rotating_light"),
    "critical": ("5", "rotating_light"),
}
# fmt: on


class NtfyWay:
    """Posts to the topic that is the contact's address."""

    channel = Channel.NTFY
    limit_s = TIMEOUT_S + 2.0

    def __init__(self) -> None:
        self._roots = Roots()

    async def send(self, message: Message) -> str:
        over = message.about == "cleared"
        priority, tag = PRIORITY["info" if over else message.severity]
        headers = {
            "Title": _header(message.subject),
            "Priority": priority,
            "Tags": "white_check_mark" if over else tag,
            "Content-Type": "text/plain; charset=utf-8",
        }
        body = message.text.encode()[:TEXT_MAX].decode("utf-8", "ignore").encode()
        request = HttpRequest(url=message.address, headers=headers, body=body)
        await exchange(request, self._roots, TIMEOUT_S)
        return ""


def _header(text: str) -> str:
    """A header's value; what is not ASCII as an encoded word of RFC 2047, which ntfy reads."""
    line = " ".join(text.split())[:120]
    if line.isascii():
        return line
    return f"=?UTF-8?B?{base64.b64encode(line.encode()).decode()}?="
