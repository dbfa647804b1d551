"""What a CSMS decides for OCPP 1.6: answers, transaction ids, and a memory of everything it heard.

Pure bookkeeping without sockets: `handle(identity, action, payload)` returns the answer to a CALL
or raises `Refusal`. `Behaviour` bends the answers for tests: a pending boot, refused messages,
tokens that are not accepted. Every payload is checked against the published schema first, so a
station that sends anything illegal is found out here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema

Payload = dict[str, Any]

HEARTBEAT_INTERVAL_S = 300


class Refusal(Exception):
    """The CALL is answered with a CALLERROR."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """How this CSMS differs from a friendly one."""

    boot_status: str = "Accepted"
    interval_s: int = HEARTBEAT_INTERVAL_S
    token_status: dict[str, str] = field(default_factory=dict)
    """Verdict per idTag; all others get `token_default`."""
    token_default: str = "Accepted"
    parent: dict[str, str] = field(default_factory=dict)
    start_status: str = ""
    """Verdict in StartTransaction.conf; empty: as for Authorize."""
    refuse: dict[str, str] = field(default_factory=dict)
    """CALLERROR code per action."""
    mute: set[str] = field(default_factory=set)
    """Actions that get no answer at all; `*` mutes everything."""
    delay_s: float = 0.0
    """Wait before each answer (done by the server)."""


@dataclass(slots=True, kw_only=True)
class Transaction:
    """A transaction as this CSMS knows it."""

    id: int
    identity: str
    start: Payload
    stop: Payload | None = None
    samples: list[Payload] = field(default_factory=list)
    repeats: int = 0
    """Further deliveries of an identical StartTransaction."""

    @property
    def energy_wh(self) -> int | None:
        return None if self.stop is None else self.stop["meterStop"] - self.start["meterStart"]


class Central:
    """The decisions of one CSMS. `first_transaction_id` counts up from there."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        first_transaction_id: int = 1001,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.transactions: dict[int, Transaction] = {}
        self.status: dict[tuple[str, int], Payload] = {}
        self.boots: list[tuple[str, Payload]] = []
        self.violations: list[str] = []
        """What a station sent against the schema or the rules."""
        self._now = now
        self._next_id = first_transaction_id

    def handle(self, identity: str, action: str, payload: Payload) -> Payload:
        """The answer to `action`. Raises Refusal."""
        problem = schema_problem(action, payload)
        if problem:
            self.violations.append(f"{action}: {problem}")
            raise Refusal("FormationViolation", problem)
        if action in self.behaviour.refuse:
            raise Refusal(self.behaviour.refuse[action], "refused by this CSMS")
        handler = getattr(self, "_" + action, None)
        if handler is None:
            raise Refusal("NotImplemented", action)
        answer: Payload = handler(identity, payload)
        return answer

    def open_transaction(self, identity: str, connector: int) -> Transaction | None:
        """The newest transaction on this connector that has not ended."""
        for transaction in reversed(self.transactions.values()):
            same = transaction.start["connectorId"] == connector
            if transaction.identity == identity and same and transaction.stop is None:
                return transaction
        return None

    # --- one method per action, named after it ----------------------------------------------------

    def _BootNotification(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        self.boots.append((identity, payload))
        return {
            "status": self.behaviour.boot_status,
            "currentTime": self._time(),
            "interval": self.behaviour.interval_s,
        }

    def _Heartbeat(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        return {"currentTime": self._time()}

    def _Authorize(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        return {"idTagInfo": self._verdict(payload["idTag"])}

    def _StatusNotification(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        self.status[identity, payload["connectorId"]] = payload
        return {}

    def _StartTransaction(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        transaction = self._repeated(identity, payload)
        if transaction is None:
            transaction = Transaction(id=self._next_id, identity=identity, start=payload)
            self.transactions[transaction.id] = transaction
            self._next_id += 1
        verdict = self._verdict(payload["idTag"])
        if self.behaviour.start_status:
            verdict["status"] = self.behaviour.start_status
        return {"transactionId": transaction.id, "idTagInfo": verdict}

    def _StopTransaction(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        transaction = self.transactions.get(payload["transactionId"])
        if transaction is None:
            self.violations.append(f"StopTransaction: unknown id {payload['transactionId']}")
        else:
            if transaction.stop is not None and transaction.stop != payload:
                self.violations.append(f"StopTransaction: {transaction.id} stopped twice")
            if payload["meterStop"] < transaction.start["meterStart"]:
                self.violations.append(f"StopTransaction: {transaction.id} runs backwards")
            transaction.stop = payload
        return {"idTagInfo": self._verdict(payload["idTag"])} if "idTag" in payload else {}

    def _MeterValues(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        number = payload.get("transactionId")
        if number is not None:
            transaction = self.transactions.get(number)
            if transaction is None:
                self.violations.append(f"MeterValues: unknown id {number}")
            elif transaction.stop is not None:
                self.violations.append(f"MeterValues: after the stop of {number}")
            else:
                transaction.samples.append(payload)
        return {}

    def _DataTransfer(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        return {"status": "UnknownVendorId"}

    def _DiagnosticsStatusNotification(  # noqa: N802
        self, identity: str, payload: Payload
    ) -> Payload:
        return {}

    def _FirmwareStatusNotification(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        return {}

    def _SecurityEventNotification(self, identity: str, payload: Payload) -> Payload:  # noqa: N802
        return {}

    # --- pieces -----------------------------------------------------------------------------------

    def _repeated(self, identity: str, payload: Payload) -> Transaction | None:
        """The transaction of an identical StartTransaction that was delivered before."""
        for transaction in self.transactions.values():
            if transaction.identity == identity and transaction.start == payload:
                transaction.repeats += 1
                return transaction
        return None

    def _verdict(self, id_tag: str) -> Payload:
        behaviour = self.behaviour
        verdict: Payload = {"status": behaviour.token_status.get(id_tag, behaviour.token_default)}
        if id_tag in behaviour.parent:
            verdict["parentIdTag"] = behaviour.parent[id_tag]
        if verdict["status"] == "Accepted":
            verdict["expiryDate"] = _iso(self._now() + timedelta(days=30))
        return verdict

    def _time(self) -> str:
        return _iso(self._now())


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@cache
def _schema(action: str) -> Mapping[str, Any] | None:
    file = files("ocpp.v16").joinpath("schemas", f"{action}.json")
    if not file.is_file():
        return None
    schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8-sig"))
    return schema


def schema_problem(action: str, payload: Any) -> str:
    """What is wrong with a request payload by the published 1.6 schema; empty: nothing."""
    schema = _schema(action) if action.isalnum() else None
    if schema is None:
        return ""
    for error in jsonschema.Draft4Validator(schema).iter_errors(payload):
        place = "/".join(str(part) for part in error.absolute_path)
        return f"{place}: {error.message}"[:255]
    return ""
