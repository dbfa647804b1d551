"""A GSM or LTE modem on a serial line, for short messages in PDU mode (27.005, 27.007).

    wake, echo off, numeric errors ──► SIM ──► identity ──► PDU mode, centre, notices
         ▲                                                          │
         └── restart, three time-outs ◄── receive, send, supervise ◄──┘

`step` reads the line once and moves the script (`gsm_script`) on as far as that allows; time comes
from the link. One message is under way at a time. The PIN is tried once: `may_try_pin` has to make
that last over restarts before it says yes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hal.drivers.gsm_dialogue import Answer, Ask, Dialogue, Lines
from hal.drivers.gsm_known import Known
from hal.drivers.gsm_reports import ModemEvent, ModemStatus, State
from hal.drivers.gsm_script import ModemScript
from hal.drivers.gsm_speech import Pause, StartedAgain
from hal.errors import BusDown
from hal.interfaces import SerialLink
from hal.sms.submit import Pdu

POLL_S = 0.2
"""Longest wait in one `step`."""


def never() -> bool:
    """The PIN must not be tried."""
    return False


class GsmModem:
    """Drive it with `step`, which gives what has happened; how it is stands in `status`."""

    def __init__(
        self,
        link: SerialLink,
        *,
        pin: str = "",
        may_try_pin: Callable[[], bool] = never,
        pin_worked: Callable[[], None] = lambda: None,
        centre: str = "",
    ) -> None:
        """`may_try_pin` is asked right before the PIN is sent, and must have noted durably that it
        was tried when it says yes; `pin_worked`: the SIM is open. `centre`: number of the service
        centre, for a SIM that does not know it."""
        self._link = link
        self._known = Known()
        self._script = ModemScript(
            self._known,
            pin=pin,
            may_try_pin=may_try_pin,
            pin_worked=pin_worked,
            centre=centre,
        )
        self._lines = Lines()
        self._dialogue = Dialogue()
        self._life = self._script.living()
        self._handed: Ask | Pause | None = None
        """What the script has handed out last; None before its first."""
        self._wait_until_s = 0.0

    @property
    def status(self) -> ModemStatus:
        return self._known.status

    @property
    def free(self) -> bool:
        """Whether a message may be handed to `send`."""
        return self._known.job is None and self.status.state is State.READY

    def send(self, job: int, pdus: Sequence[Pdu]) -> None:
        """Send one message in its parts, when `free`; `Sent` or `NotSent` with `job` follows."""
        assert self.free
        self._known.job = (job, tuple(pdus))

    def step(self, within_s: float = POLL_S) -> list[ModemEvent]:
        """Read the line, waiting at most `within_s`, and move on. Raises BusDown."""
        try:
            data, self._known.now_s = self._link.read(within_s)
            for line in self._lines.feed(data):
                self._take(line)
            self._move()
        except BusDown:
            self._begin_anew()
            raise
        return self._events()

    def events(self) -> list[ModemEvent]:
        """What has happened and was not given by `step`, because that raised."""
        return self._events()

    def _events(self) -> list[ModemEvent]:
        events = list(self._known.events)
        self._known.events.clear()
        return events

    def _take(self, line: str) -> None:
        found = self._dialogue.take(line, self._known.now_s)
        if isinstance(found, Answer):
            self._resume(found)
        elif found is not None:
            self._known.hear(found)

    def _move(self) -> None:
        now_s = self._known.now_s
        if self._handed is None:
            self._hand_out(next(self._life))
        elif self._known.restarted:
            self._known.restarted = False
            self._dialogue.forget()
            self._hand_out(self._life.throw(StartedAgain()))
        elif isinstance(self._handed, Pause):
            if now_s >= self._wait_until_s:
                self._resume(Answer())
        else:
            overdue = self._dialogue.overdue(now_s)
            if overdue is not None:
                self._resume(overdue)

    def _resume(self, answer: Answer) -> None:
        self._hand_out(self._life.send(answer))

    def _hand_out(self, handed: Ask | Pause) -> None:
        self._handed = handed
        if isinstance(handed, Pause):
            self._wait_until_s = self._known.now_s + handed.duration_s
            return
        self._lines.prompt_expected = handed.prompt
        self._dialogue.begin(handed, self._known.now_s)
        self._link.write(handed.octets)

    def _begin_anew(self) -> None:
        """The line is gone; what the modem knows of us is not known."""
        self._known.give_back("the serial line is lost")
        self._known.forget_network()
        self._known.tell(State.STARTING, "the serial line is lost")
        self._life.close()
        self._life = self._script.living()
        self._handed = None
        self._lines.forget()
        self._dialogue.forget()
