"""Registration: BootNotification, its answers and its retries (OCPP 1.6, sections 4.2 and 6.6).

Decides when a BootNotification is due and what may be sent in which state; the adapter sends. The
state outlives the connection: a mere reconnect needs no new BootNotification.
"""

from __future__ import annotations

from enum import Enum

from chargepoint.ocpp.frames import Payload
from chargepoint.ocpp.view import BootInformation

RETRY_S = (15.0, 30.0, 60.0, 120.0, 300.0)
"""Waits after a BootNotification without a usable answer."""

RETRY_DEFAULT_S = 60.0
"""Wait after Pending or Rejected with an interval of 0, which means: as you like, but no flood."""

RETRY_MAX_S = 86_400.0
"""Longest wait that we take from a CSMS; an interval of years is a mistake, and would be final."""

HEARTBEAT_DEFAULT_S = 300
HEARTBEAT_MIN_S = 10
"""For an `interval` of the CSMS that is missing, zero, negative, or too short to be meant."""


class Registered(Enum):
    """What the CSMS last said."""

    NOT_YET = "not yet"
    """Nothing usable: only BootNotification may be sent."""
    PENDING = "Pending"
    """What was triggered may be sent; requests are answered."""
    REJECTED = "Rejected"
    """Nothing may be sent, requests are not even answered."""
    ACCEPTED = "Accepted"


class Registration:
    """State of registration and when the next BootNotification is due."""

    def __init__(self) -> None:
        self.state = Registered.NOT_YET
        self._due_s: float | None = None
        self._not_before_s = float("-inf")
        self._failures = 0

    @property
    def accepted(self) -> bool:
        return self.state is Registered.ACCEPTED

    def connected(self, now_s: float, afresh: bool) -> None:
        """A connection begins; `afresh`: register again even when accepted before."""
        if self.accepted and not afresh:
            self._due_s = None
            return
        if self.accepted:
            self.state = Registered.NOT_YET
        self._due_s = max(now_s, self._not_before_s)

    def disconnected(self) -> None:
        self._due_s = None

    def asked(self, now_s: float) -> None:
        """The CSMS wants one now: the only way to be earlier than its own interval."""
        self._due_s = now_s

    def lapsed(self, now_s: float) -> None:
        """The CSMS no longer takes us for registered."""
        self.state = Registered.NOT_YET
        self._due_s = now_s

    def take_due(self, now_s: float) -> bool:
        """Whether a BootNotification is to be sent now; it is due once."""
        if self._due_s is None or now_s < self._due_s:
            return False
        self._due_s = None
        return True

    def answered(self, payload: Payload, now_s: float) -> bool:
        """Take a BootNotification.conf; False when it says nothing that can be used."""
        status = payload.get("status")
        if status not in ("Accepted", "Pending", "Rejected"):
            self.unanswered(now_s)
            return False
        self.state = Registered(status)
        self._failures = 0
        self._due_s = None
        if not self.accepted:
            interval = _interval(payload)
            wait_s = min(interval, RETRY_MAX_S) if interval > 0 else RETRY_DEFAULT_S
            self._not_before_s = now_s + wait_s
            self._due_s = self._not_before_s
        return True

    def unanswered(self, now_s: float) -> None:
        """No answer, a CALLERROR or nonsense: try again with growing waits, unless accepted."""
        if self.accepted:
            return
        if self._due_s is None:
            self._due_s = now_s + RETRY_S[min(self._failures, len(RETRY_S) - 1)]
        self._failures += 1

    def deadline_s(self) -> float | None:
        return self._due_s


def heartbeat_interval_s(payload: Payload) -> int:
    """Heartbeat interval of an accepting answer, made sane."""
    interval = _interval(payload)
    return max(HEARTBEAT_MIN_S, interval) if interval > 0 else HEARTBEAT_DEFAULT_S


def boot_notification(information: BootInformation) -> Payload:
    """The request; optional fields only when there is something to say."""
    # fmt: off
    fields = {
        "chargePointVendor":       information.vendor,
        "chargePointModel":        information.model,
        "chargePointSerialNumber": information.serial,
        "firmwareVersion":         information.firmware,
        "meterType":               information.meter_type,
        "meterSerialNumber":       information.meter_serial,
        "iccid":                   information.iccid,
        "imsi":                    information.imsi,
    }
    # fmt: on
    required = ("chargePointVendor", "chargePointModel")
    return {key: text for key, text in fields.items() if text or key in required}


def _interval(payload: Payload) -> int:
    interval = payload.get("interval")
    whole = isinstance(interval, int) and not isinstance(interval, bool)
    return min(interval, 2**31 - 1) if whole and interval is not None else 0
