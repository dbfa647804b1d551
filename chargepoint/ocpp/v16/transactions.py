"""Records of the outbox as requests of OCPP 1.6, encoded when they are sent.

A start becomes StartTransaction, a sample MeterValues, an end StopTransaction, a security event
SecurityEventNotification (white paper). One record may need several MeterValues requests because of
their size; what 1.6 does not know needs none. Sections 4.8, 4.10, 6.33 and 6.45 to 6.50; rules X,
Q1 to Q8 and E of the rule matrix.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from chargepoint.ocpp.frames import Payload
from chargepoint.ocpp.times import Timestamps
from chargepoint.ocpp.v16 import pricing
from chargepoint.ocpp.v16.id_tag_info import ID_TAG_MAX
from chargepoint.ocpp.v16.meter_values import meter_values, requests, thinned
from chargepoint.station.effects import SendRecord
from chargepoint.station.records import (
    ConnectorUnplugged,
    SecurityEventHappened,
    StopReason,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)

STOP_TRANSACTION_MAX_METER_VALUES = 100

GIVEN_UP_ID = -1
"""transactionId of a transaction whose start the CSMS never took (errata 3.18)."""

Request = tuple[str, Payload]
"""Action and payload."""

# fmt: off
REASONS = {
    StopReason.DE_AUTHORIZED:        "DeAuthorized",
    StopReason.EMERGENCY_STOP:       "EmergencyStop",
    StopReason.ENERGY_LIMIT_REACHED: "Other",
    StopReason.EV_DISCONNECTED:      "EVDisconnected",
    StopReason.GROUND_FAULT:         "Other",
    StopReason.HARD_RESET:           "HardReset",
    StopReason.LOCAL:                "Local",
    StopReason.MASTER_PASS:          "Local",
    StopReason.OTHER:                "Other",
    StopReason.OVERCURRENT_FAULT:    "Other",
    StopReason.POWER_LOSS:           "PowerLoss",
    StopReason.REBOOT:               "Reboot",
    StopReason.REMOTE:               "Remote",
    StopReason.SOFT_RESET:           "SoftReset",
    StopReason.STOPPED_BY_EV:        "Other",
    StopReason.TIME_LIMIT_REACHED:   "Other",
    StopReason.TIMEOUT:              "Other",
    StopReason.UNLOCK_COMMAND:       "UnlockCommand",
}
# fmt: on


class NotYet(Exception):
    """The record cannot be written now: the wall time or the CSMS's transaction id is missing."""


def record_requests(effect: SendRecord, times: Timestamps, now_s: float) -> list[Request]:
    """The requests that carry the record; none when 1.6 has no word for it. Raises NotYet."""
    record = effect.record
    match record:
        case TransactionStarted():
            return [("StartTransaction", _start(record, times, now_s))]
        case TransactionUpdated():
            for sample in record.samples[:1]:
                _required(times.of(sample.stamp, now_s))
            values = meter_values(record.samples, times, now_s)
            if not values:
                return []
            number = _transaction_id(effect)
            return [("MeterValues", part) for part in requests(record.evse, number, values)]
        case TransactionEnded():
            return [("StopTransaction", _stop(record, effect, times, now_s))]
        case ConnectorUnplugged():
            return [("DataTransfer", _unplugged(record, effect, times, now_s))]
        case SecurityEventHappened():
            return [("SecurityEventNotification", _security(record, times, now_s))]
        case _:
            assert_never(record)


def _start(record: TransactionStarted, times: Timestamps, now_s: float) -> Payload:
    payload: Payload = {
        "connectorId": record.evse,
        "idTag": record.id_token.value[:ID_TAG_MAX],
        "meterStart": record.meter_start_wh,
        "timestamp": _required(times.of(record.stamp, now_s)),
    }
    if record.reservation_id is not None:
        payload["reservationId"] = record.reservation_id
    return payload


def _stop(record: TransactionEnded, effect: SendRecord, times: Timestamps, now_s: float) -> Payload:
    payload: Payload = {
        "transactionId": _transaction_id(effect),
        "meterStop": record.meter_stop_wh,
        "timestamp": _required(times.of(record.stamp, now_s)),
        "reason": REASONS[record.reason],
    }
    if record.id_token is not None:
        payload["idTag"] = record.id_token.value[:ID_TAG_MAX]
    values = meter_values(record.samples, times, now_s)
    if values:
        payload["transactionData"] = thinned(values, STOP_TRANSACTION_MAX_METER_VALUES)
    return payload


def _unplugged(
    record: ConnectorUnplugged, effect: SendRecord, times: Timestamps, now_s: float
) -> Payload:
    data = {
        "transactionId": _transaction_id(effect),
        "timestamp": _required(times.of(record.stamp, now_s)),
    }
    text = msgspec.json.encode(data).decode()
    return {"vendorId": pricing.VENDOR, "messageId": pricing.UNPLUGGED, "data": text}


def _security(record: SecurityEventHappened, times: Timestamps, now_s: float) -> Payload:
    payload: Payload = {
        "type": record.kind,
        "timestamp": _required(times.of(record.stamp, now_s)),
    }
    if record.info:
        payload["techInfo"] = record.info
    return payload


def _transaction_id(effect: SendRecord) -> int:
    if effect.csms_transaction_id is not None:
        return effect.csms_transaction_id
    if effect.start_given_up:
        return GIVEN_UP_ID
    raise NotYet("the CSMS has not given this transaction an id yet")


def _required(timestamp: str | None) -> str:
    if timestamp is None:
        raise NotYet("no wall time is known yet")
    return timestamp
