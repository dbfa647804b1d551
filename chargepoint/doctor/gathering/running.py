"""A station that runs, through the agent's socket and as an observer of its safety programs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from chargepoint.config import Config
from chargepoint.doctor.evidence import CardFacts, ControlFacts, Probe
from chargepoint.doctor.gathering.probing import probe
from chargepoint.ipc.cards import CardsInUse, CardStatus, ListCards
from chargepoint.ipc.care import (
    AlertStatus,
    AuditLine,
    BusAnswer,
    GetAlerts,
    GetAudit,
    GetHealth,
    HealthStatus,
    TransactBus,
)
from chargepoint.ipc.client import ControlClient, ServiceClient, Unreachable
from chargepoint.ipc.messages import RcdTested, Snapshot
from chargepoint.ipc.service import Answered, Done, GetStatus, Request, StationStatus
from hal.errors import BadReply, BusDown, DeviceError, DeviceRefused, DeviceSkipped, NoReply

WAIT_S = 3.0
FACTS_WAIT_S = 2.0
ALERTS_CLOSED = 50
AUDIT_LAST = 500
A = TypeVar("A", bound=Answered)


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent answered; None: nothing."""

    status: StationStatus | None = None
    problem: str = ""
    health: HealthStatus | None = None
    alerts: tuple[AlertStatus, ...] | None = None
    audit: tuple[AuditLine, ...] | None = None
    cards: CardFacts | None = None
    later: StationStatus | None = None
    """Some seconds after `status`, for meters."""


def agent(config: Config, pause_s: float) -> Agent:
    """Everything that the agent can be asked; its meters twice, with `pause_s` between."""
    try:
        status = _one(config, GetStatus(), StationStatus)
    except Unreachable as error:
        return Agent(problem=str(error))
    if status is None:
        return Agent(problem="it does not tell its status")
    health = alerts = audit = cards = later = None
    with contextlib.suppress(Unreachable):
        health = _one(config, GetHealth(), HealthStatus)
        alerts = _all(config, GetAlerts(closed=ALERTS_CLOSED), AlertStatus)
        audit = _all(config, GetAudit(last=AUDIT_LAST), AuditLine)
        cards = _cards(config)
        if any(evse.meter is not None for evse in status.evses):
            time.sleep(pause_s)
            later = _one(config, GetStatus(), StationStatus)
    return Agent(status=status, health=health, alerts=alerts, audit=audit, cards=cards, later=later)


def _cards(config: Config) -> CardFacts | None:
    use = _one(config, ListCards(), CardsInUse)
    if use is None:
        return None
    states = [card.state for card in _all(config, ListCards(), CardStatus) or ()]
    return CardFacts(
        own=use.own, everybody=use.everybody, kept=len(states), valid=states.count("valid")
    )


def control(config: Config, bus: str) -> ControlFacts:
    """The EVSEs of one safety program now, and the tests that it remembers."""
    path = config.control_socket(bus)
    try:
        with ControlClient(path, "doctor", observer=True, timeout_s=WAIT_S) as client:
            snapshot = next((f for f in client.facts() if isinstance(f, Snapshot)), None)
        if snapshot is None:
            return ControlFacts(bus=bus, reached=False, problem=f"{path}: no snapshot")
    except Unreachable as error:
        return ControlFacts(bus=bus, reached=False, problem=str(error))
    return ControlFacts(
        bus=bus,
        reached=True,
        evses=snapshot.evses,
        rcd_tests=_tests(path, snapshot.boot),
        now_s=time.monotonic(),
    )


def _tests(path: Path, boot: str) -> tuple[RcdTested, ...]:
    """Self-tests among the facts that the safety program still holds."""
    found: list[RcdTested] = []
    with (
        contextlib.suppress(Unreachable),
        ControlClient(
            path, "doctor", observer=True, timeout_s=FACTS_WAIT_S, boot=boot, after=0
        ) as client,
    ):
        for fact in client.facts():
            if isinstance(fact, RcdTested):
                found.append(fact)
            if isinstance(fact, Snapshot):
                break
    return tuple(found)


def probes(config: Config, found: Agent) -> tuple[Probe, ...]:
    """Raw boards by two low-priority reads each; meters by two looks at the station's status."""
    if found.status is None:
        return ()
    boards = {evse.board for evse in config.evse}
    asked = []
    for device in config.device:
        if device.name in boards and device.driver == "pilot-board":
            asked.append(probe(config, device, _reads(config, device.bus, device.name)))
    return (*asked, *_meters(config, found))


def _meters(config: Config, found: Agent) -> list[Probe]:
    result = []
    for evse in config.evse:
        readings = [
            told.meter
            for status in (found.status, found.later)
            if status is not None
            for told in status.evses
            if told.evse == evse.id and told.meter is not None
        ]
        if evse.meter and readings and _answers(found, evse.meter):
            result.append(Probe(device=evse.meter, meters=tuple(readings)))
    return result


def _answers(found: Agent, device: str) -> bool:
    if found.health is None:
        return True
    return not any(d.device == device and d.answers is False for d in found.health.devices)


def _reads(
    config: Config, bus: str, device: str
) -> Callable[[int, int, int, int], tuple[int, ...]]:
    def read(unit: int, function: int, address: int, count: int) -> tuple[int, ...]:
        request = f"read {function}: {address}+{count}"
        asked = TransactBus(
            by="doctor", bus=bus, unit=unit, function=function, address=address, count=count
        )
        try:
            answer = next(iter(_client(config).ask(asked)), None)
        except Unreachable as error:
            raise DeviceSkipped(device, request, str(error)) from error
        if isinstance(answer, BusAnswer):
            return answer.values
        detail = answer.detail if isinstance(answer, Done) else "no answer"
        raise _error(device, request, detail)

    return read


def _error(device: str, request: str, detail: str) -> DeviceError:
    """The text that a refusal came with, as the error that it was at the bus."""
    if "no reply" in detail or "only noise" in detail:
        return NoReply(device, request, detail)
    if "exception " in detail:
        return DeviceRefused(device, request, detail, 0)
    if "received " in detail:
        return BadReply(device, request, detail)
    if "open: " in detail or "lost" in detail:
        return BusDown(device, request, detail)
    return DeviceSkipped(device, request, detail)


def _client(config: Config) -> ServiceClient:
    return ServiceClient(config.agent_socket(), timeout_s=WAIT_S)


def _one(config: Config, request: Request, kind: type[A]) -> A | None:
    answer = next(iter(_client(config).ask(request)), None)
    return answer if isinstance(answer, kind) else None


def _all(config: Config, request: Request, kind: type[A]) -> tuple[A, ...] | None:
    """The answers of this kind; None when the agent does not serve the request."""
    answers = list(_client(config).ask(request))
    last = answers[-1] if answers else None
    if isinstance(last, Done) and not last.ok:
        return None
    return tuple(answer for answer in answers if isinstance(answer, kind))
