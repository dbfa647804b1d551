"""Messages that wait for the modem, are under way, or wait for their delivery reports.

One `step` lets the modem move on and hands it the next message when it is free. Used by one thread;
only `take` may be called by others.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from datetime import UTC, date, datetime

import msgspec

from chargepoint import log
from chargepoint.agent.notify.way import TellAlert
from chargepoint.ipc.care import ModemHealth
from chargepoint.station.alerts.values import Channel, LinkUp, Message, Replied, Settled
from hal.drivers.gsm_modem import GsmModem
from hal.drivers.gsm_reports import ModemEvent, NotSent, Received, Restarted, Sent, State
from hal.errors import BusDown
from hal.sms.number import masked
from hal.sms.received import StatusReport
from hal.sms.submit import Pdu, pdus

WAITING_MAX = 64
READY_WAIT_S = 25.0
"""A message waits so long for a modem that starts or searches; then it is the engine's again."""

PENDING_MAX = 128
PENDING_S = 172_800.0
"""Service centres report within two days, or never."""

TEXT_MAX = 500
SAME_DIGITS = 6
"""A number that is written another way in the report (national, with a prefix) ends alike."""


class _Waiting(msgspec.Struct, frozen=True):
    message: Message
    since_s: float


class _Pending(msgspec.Struct):
    """A message that is sent; `left` are the references that are not reported yet."""

    delivery: int
    number: str
    left: set[int]
    sent_s: float


class Courier:
    """Between the desk's messages and one modem. `tell` is called in the thread of `step`."""

    def __init__(
        self,
        modem: GsmModem,
        tell: TellAlert,
        *,
        reports: bool,
        now: Callable[[], float],
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._modem = modem
        self._tell = tell
        self._reports = reports
        self._now = now
        self._today = today
        self._arriving: queue.Queue[Message] = queue.Queue(WAITING_MAX)
        self._waiting: list[_Waiting] = []
        self._sending: Message | None = None
        self._pending: list[_Pending] = []
        self._reference = 0
        self._counted: tuple[date, int] = (today(), 0)
        self._told: tuple[State, str] = (State.STARTING, "")
        self._lost_s: float | None = None
        self._log = log.get("sms")

    def take(self, message: Message) -> bool:
        """False when too many wait. From any thread."""
        try:
            self._arriving.put_nowait(message)
        except queue.Full:
            return False
        return True

    def health(self) -> ModemHealth:
        """From any thread."""
        status = self._modem.status
        day, count = self._counted
        return ModemHealth(
            ready=status.state is State.READY,
            detail=status.problem or status.state.value,
            operator=status.operator,
            signal_dbm=status.signal_dbm,
            registered=status.registered,
            roaming=status.roaming,
            sent_today=count if day == self._today() else 0,
        )

    def step(self, within_s: float) -> None:
        """Let the modem move on, waiting at most `within_s`. Raises BusDown, once it has told."""
        self._collect()
        try:
            for event in self._modem.step(within_s):
                self._happened(event)
        except BusDown as down:
            for event in self._modem.events():
                self._happened(event)
            self._give_back_all(f"modem: {down.detail}")
            self._note_state()
            raise
        self._note_state()
        self._give_back_old()
        self._hand_over()
        self._forget_old()

    def give_back_all(self, reason: str) -> None:
        """Everything that is not sent is the engine's again."""
        self._collect()
        if self._sending is not None:
            self._waiting.insert(0, _Waiting(self._sending, self._now()))
            self._sending = None
        self._give_back_all(reason)

    # --- messages ---------------------------------------------------------------------------------

    def _collect(self) -> None:
        while len(self._waiting) < WAITING_MAX:
            try:
                message = self._arriving.get_nowait()
            except queue.Empty:
                return
            self._waiting.append(_Waiting(message, self._now()))

    def _hand_over(self) -> None:
        while self._waiting and self._modem.free:
            waiting = self._waiting.pop(0)
            try:
                made = self._made(waiting)
            except ValueError as error:
                self._settle(waiting.message, "failed", detail=f"not sent: {error}")
                continue
            self._sending = waiting.message
            self._modem.send(waiting.message.delivery, made)

    def _made(self, waiting: _Waiting) -> tuple[Pdu, ...]:
        message = waiting.message
        self._reference = self._reference % 255 + 1
        return pdus(
            message.address,
            message.short[:TEXT_MAX],
            reference=self._reference,
            validity_s=max(message.valid_s - (self._now() - waiting.since_s), 0.0),
            report=self._reports,
        )

    def _give_back_old(self) -> None:
        status = self._modem.status
        if status.state is State.FAILED:
            self._give_back_all(f"modem: {status.problem}")
        elif status.state is not State.READY:
            until_s = self._now() - READY_WAIT_S
            for old in [one for one in self._waiting if one.since_s <= until_s]:
                self._waiting.remove(old)
                words = status.problem or status.state.value
                self._settle(old.message, "failed", detail=f"modem: {words}", retry=True)

    def _give_back_all(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            self._settle(one.message, "failed", detail=reason, retry=True)

    # --- what the modem tells ---------------------------------------------------------------------

    def _happened(self, event: ModemEvent) -> None:
        match event:
            case Sent():
                self._sent(event)
            case NotSent():
                message, self._sending = self._sending, None
                if message is not None:
                    number = masked(message.address)
                    self._log.warning("sms.failed", to=number, error=event.reason)
                    self._settle(message, "failed", detail=event.reason, retry=event.again)
            case StatusReport():
                self._reported(event)
            case Received():
                self._log.info("sms.received", sender=masked(event.number))
                self._tell(
                    Replied(
                        at_s=self._now(),
                        channel=Channel.SMS,
                        address=event.number,
                        text=event.text[:TEXT_MAX],
                    )
                )
            case Restarted():
                self._log.warning("modem.restarted", reason=event.reason)

    def _sent(self, event: Sent) -> None:
        message, self._sending = self._sending, None
        if message is None:
            return
        day, count = self._counted
        today = self._today()
        self._counted = (today, count + 1 if day == today else 1)
        if self._reports:
            del self._pending[: -PENDING_MAX + 1]
            left = set(event.references)
            sent_s = self._now()
            self._pending.append(_Pending(message.delivery, message.address, left, sent_s))
        self._log.info("sms.sent", to=masked(message.address), parts=len(event.references))
        references = ",".join(map(str, event.references))
        self._settle(message, "sent", reference=references)

    def _reported(self, report: StatusReport) -> None:
        """References come around again after 255 messages: the newest is meant."""
        if report.outcome == "pending":
            return
        for pending in reversed(self._pending):
            if report.reference in pending.left and _same(report.number, pending.number):
                break
        else:
            return
        pending.left.discard(report.reference)
        delivered = report.outcome == "delivered"
        if delivered and pending.left:
            return
        self._pending.remove(pending)
        self._tell(
            Settled(
                at_s=self._now(),
                delivery=pending.delivery,
                state="delivered" if delivered else "failed",
                detail="" if delivered else f"not delivered: {report.reason}",
                reference=str(report.reference),
            )
        )

    def _forget_old(self) -> None:
        oldest_s = self._now() - PENDING_S
        while self._pending and self._pending[0].sent_s < oldest_s:
            del self._pending[0]

    def _settle(
        self,
        message: Message,
        state: str,
        *,
        detail: str = "",
        retry: bool = False,
        reference: str = "",
    ) -> None:
        self._tell(
            Settled(
                at_s=self._now(),
                delivery=message.delivery,
                state="sent" if state == "sent" else "failed",
                detail=detail,
                retry=retry,
                reference=reference,
            )
        )

    # --- how the modem is -------------------------------------------------------------------------

    def _note_state(self) -> None:
        """Say once when it is lost and once when it is back; what waits elsewhere may come then."""
        status = self._modem.status
        before, problem = self._told
        self._told = (status.state, status.problem)
        if status.state is State.READY and before is not State.READY:
            lost_s = None if self._lost_s is None else round(self._now() - self._lost_s, 1)
            self._lost_s = None
            self._log.info(
                "modem.ready",
                model=status.model,
                operator=status.operator,
                signal_dbm=status.signal_dbm,
                roaming=status.roaming,
                lost_s=lost_s,
            )
            self._tell(LinkUp(at_s=self._now(), channels=frozenset({Channel.SMS})))
        elif status.problem and status.problem != problem and status.state is not State.READY:
            if self._lost_s is None:
                self._lost_s = self._now()
            self._log.warning("modem.lost", problem=status.problem)


def _same(one: str, other: str) -> bool:
    return one[-SAME_DIGITS:] == other[-SAME_DIGITS:]
