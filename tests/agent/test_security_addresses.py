"""What is shown when there are several addresses of the CSMS."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from chargepoint.agent.endpoint import Endpoint, endpoints
from chargepoint.agent.security.access import SafeAccess
from chargepoint.agent.security.journal import SecurityLog
from chargepoint.agent.security.safe import Safe
from chargepoint.agent.security.worker import SecurityWorker
from chargepoint.config import Csms
from chargepoint.station.events import ClockRead
from chargepoint.station.security_values import ChangeKey

HEX_KEY = "4f43415f4f4354545f61646d696e5f74657374"
REFUSED = InvalidStatus(Response(HTTPStatus.UNAUTHORIZED, "Unauthorized", Headers()))


def raising(error: BaseException) -> None:
    raise error


def test_each_address_is_shown_both_spellings_of_a_key(tmp_path: Path) -> None:
    settings = Csms(urls=("ws://a", "ws://b"), security_profile=1, password=HEX_KEY)
    safe = Safe(tmp_path, settings)
    safe.load()
    clock = ClockRead(wall=datetime.now(UTC), synchronised=True, rtc=False, at_s=1.0)
    worker = SecurityWorker(SecurityLog(tmp_path), raising)
    access = SafeAccess(safe, worker, settings, lambda report: None, lambda: clock)
    both = endpoints(settings, "CP")

    def shown(endpoint: Endpoint) -> bytes:
        applied = access.applied(endpoint)
        access.failed(applied, REFUSED)
        return base64.b64decode(applied.headers(0)["Authorization"].split()[1])

    bytes_first, text_next = b"CP:OCA_OCTT_admin_test", f"CP:{HEX_KEY}".encode()
    turns = [shown(place) for place in (*both, *both)]
    assert turns == [bytes_first, bytes_first, text_next, text_next]
    assert access.attempts == 1


def test_a_change_and_what_worked_before_are_both_tried_at_an_address_before_the_next(
    tmp_path: Path,
) -> None:
    """11.3."""
    settings = Csms(urls=("ws://a", "ws://b"), security_profile=1, password="0123456789abcdef")
    safe = Safe(tmp_path, settings)
    safe.load()
    clock = ClockRead(wall=datetime.now(UTC), synchronised=True, rtc=False, at_s=1.0)
    worker = SecurityWorker(SecurityLog(tmp_path), raising)
    access = SafeAccess(safe, worker, settings, lambda report: None, lambda: clock)
    assert safe.perform(ChangeKey(key="fedcba9876543210")).tried_next
    shown = []
    for _ in range(access.attempts):
        applied = access.applied(endpoints(settings, "CP")[0])
        shown.append(applied.keys[0])
        access.failed(applied, REFUSED)
    new, old = b"fedcba9876543210", b"0123456789abcdef"
    assert shown == [new, new, old, new]
