"""Security events (white paper, section 3.6): into the security log, the weighty ones to the CSMS.

Which ones are sent follows edition 4 of the white paper; certification wants those about
certificates already for edition 3 (TC_077, TC_078). What is sent is a record of the outbox, so that
an event without a connection, as all failures of one are, is delivered after the next.
"""

from __future__ import annotations

from chargepoint.station.clock import Clock
from chargepoint.station.desk import Desk
from chargepoint.station.effects import LogSecurityEvent
from chargepoint.station.outbox import Outbox
from chargepoint.station.records import SecurityEventHappened

INFO_MAX = 255

REPEATS_MAX = 50
"""Different causes that are remembered between two connections."""

# fmt: off
EVENTS = {
    # name                                  sent to the CSMS
    "FirmwareUpdated":                      True,
    "FailedToAuthenticateAtCentralSystem":  False,
    "CentralSystemFailedToAuthenticate":    False,
    "SettingSystemTime":                    True,
    "StartupOfTheDevice":                   True,
    "ResetOrReboot":                        True,
    "SecurityLogWasCleared":                True,
    "ReconfigurationOfSecurityParameters":  True,    # not critical, but wanted in practice (A01)
    "MemoryExhaustion":                     True,
    "InvalidMessages":                      False,
    "AttemptedReplayAttacks":               False,
    "TamperDetectionActivated":             True,
    "InvalidFirmwareSignature":             True,    # TC_081
    "InvalidFirmwareSigningCertificate":    True,
    "InvalidCentralSystemCertificate":      True,
    "InvalidChargePointCertificate":        True,
    "InvalidTLSVersion":                    True,
    "InvalidTLSCipherSuite":                True,
    "MaintenanceLoginAccepted":             True,
    "MaintenanceLoginFailed":               True,
    "DiscardedRenewedClientCertificate":    True,
}
# fmt: on


class SecurityEvents:
    """Stored and logged before anything else happens."""

    def __init__(self, desk: Desk, outbox: Outbox, clock: Clock) -> None:
        self._desk = desk
        self._outbox = outbox
        self._clock = clock
        self._repeats: set[tuple[str, str]] = set()

    def happened(self, kind: str, info: str = "") -> None:
        """`kind` is a name from the OCPP security event list; KeyError for another."""
        self._tell(kind, info, EVENTS[kind])

    def requested(self, kind: str, info: str = "") -> None:
        """What the CSMS brings about itself: logged each time, sent once for each cause until it
        has accepted us again. One that repeats itself must not fill the outbox."""
        self._tell(kind, info, EVENTS[kind] and self._is_new(kind, info))

    def noticed(self, kind: str, info: str = "") -> None:
        """What repeats itself: told once for each cause until the CSMS has accepted us again."""
        if self._is_new(kind, info):
            self.happened(kind, info)

    def accepted(self) -> None:
        """The CSMS is there: what happens from here on is told anew."""
        self._repeats.clear()

    # --- Inside -----------------------------------------------------------------------------------

    def _is_new(self, kind: str, info: str) -> bool:
        cause = (kind, info)
        if cause in self._repeats or len(self._repeats) >= REPEATS_MAX:
            return False
        self._repeats.add(cause)
        return True

    def _tell(self, kind: str, info: str, sent: bool) -> None:
        stamp = self._desk.stamp()
        self._desk.emit(
            LogSecurityEvent(
                kind=kind, info=info, sent=sent, stamp=stamp, wall=self._clock.wall(stamp)
            )
        )
        if sent:
            record = SecurityEventHappened(
                sequence=self._outbox.next_sequence(),
                kind=kind,
                stamp=stamp,
                info=info[:INFO_MAX],
            )
            self._outbox.append(record, durable=True)
