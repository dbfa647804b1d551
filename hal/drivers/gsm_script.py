"""What is said to a GSM modem over its life: start, serve, recover. Written down as it runs.

Each `yield` hands out a command, or a pause, and is given the answer. What else the modem says
meanwhile stands in `Known`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from hal.drivers.gsm_dialogue import Ask
from hal.drivers.gsm_known import Known
from hal.drivers.gsm_looks import Looks
from hal.drivers.gsm_reports import State
from hal.drivers.gsm_sending import Sending
from hal.drivers.gsm_speech import Blocked, Lost, Pause, Script, Speech, StartedAgain
from hal.drivers.gsm_start import StartUp

# fmt: off
REGISTER_S      = 120.0   # without a network for so long: a problem
ALIVE_EVERY_S   = 60.0
NETWORK_EVERY_S = 300.0
SEARCH_EVERY_S  = 10.0
SIGNAL_EVERY_S  = 900.0   # and what lies in the store
RESET_ROUND     = 2       # starts in vain before a full reset …
RESET_EVERY_S   = 3600.0  # … at most so often
RESET_S         = 10.0
LOST_ROUND      = 3       # from then on it counts as failed
BLOCKED_S       = 600.0   # SIM fault: until the next look
MODEM_FAILURES_MAX = 3
# fmt: on
PAUSES_S = (2.0, 10.0, 30.0, 60.0)
"""Before each new start; the last for ever."""


class ModemScript:
    """`living` is the script; everything it does shows in `known`."""

    def __init__(
        self,
        known: Known,
        *,
        pin: str,
        may_try_pin: Callable[[], bool],
        pin_worked: Callable[[], None],
        centre: str,
    ) -> None:
        self._known = known
        self._speech = Speech()
        self._looks = Looks(known, self._speech)
        self._start = StartUp(
            known,
            self._speech,
            self._looks,
            pin=pin,
            may_try_pin=may_try_pin,
            pin_worked=pin_worked,
            centre=centre,
        )
        self._sending = Sending(known, self._speech, self._looks, centre)
        self._rounds = 0
        self._reset_s = -math.inf

    def living(self) -> Script[None]:
        """Start and serve, for ever."""
        known = self._known
        while True:
            try:
                yield from self._start.run()
                self._rounds = 0
                yield from self._serve()
            except StartedAgain:
                known.give_back("the modem started again")
                known.tell(State.STARTING)
            except Blocked as blocked:
                known.give_back(str(blocked))
                known.tell(State.FAILED, str(blocked))
                yield from self._rest(BLOCKED_S)
            except Lost as lost:
                known.give_back(str(lost))
                yield from self._recover(str(lost))

    def _rest(self, duration_s: float) -> Script[None]:
        """A pause that a restart or a new SIM ends."""
        try:
            yield Pause(duration_s)
        except StartedAgain:
            return

    def _recover(self, reason: str) -> Script[None]:
        """A longer pause each time; from the second round on a full reset, once in an hour."""
        known = self._known
        self._rounds += 1
        known.forget_network()
        lost = self._rounds >= LOST_ROUND
        words = f"{reason}; switch it off and on" if lost else reason
        known.tell(State.FAILED if lost else State.STARTING, words)
        if self._rounds >= RESET_ROUND and known.now_s - self._reset_s >= RESET_EVERY_S:
            yield from self._reset()
        yield from self._rest(PAUSES_S[min(self._rounds, len(PAUSES_S)) - 1])

    def _reset(self) -> Script[None]:
        known = self._known
        self._reset_s = known.now_s
        self._sending.modem_failures = 0
        known.switched_by_us = True
        known.status = replace(known.status, resets=known.status.resets + 1)
        try:
            yield Ask(text="AT+CFUN=1,1", within_s=RESET_S)
            yield Pause(RESET_S)
        except StartedAgain:
            return

    # --- service ----------------------------------------------------------------------------------

    def _serve(self) -> Script[None]:
        """Receive, send, supervise; what is most urgent first."""
        known = self._known
        alive_s = network_s = signal_s = known.now_s
        operator_of = known.status.registered
        while True:
            self._show()
            every_s = NETWORK_EVERY_S if known.status.registered else SEARCH_EVERY_S
            if known.ringing:
                known.ringing = False
                yield from self._speech.ask("ATH")
            elif known.to_read:
                yield from self._looks.message(known.to_read.popleft())
            elif known.job is not None and known.status.registered:
                yield from self._sending.run()
                alive_s = known.now_s
                self._judge_sending()
            elif operator_of != known.status.registered:
                operator_of = known.status.registered
                yield from self._looks.operator()
            elif known.now_s - signal_s >= SIGNAL_EVERY_S:
                signal_s = known.now_s
                yield from self._looks.signal()
                yield from self._looks.store()
            elif known.now_s - network_s >= every_s:
                network_s = alive_s = known.now_s
                yield from self._looks.network()
            elif known.now_s - alive_s >= ALIVE_EVERY_S:
                alive_s = known.now_s
                yield from self._speech.ask("AT")
            else:
                yield Pause()

    def _judge_sending(self) -> None:
        """A modem that fails again and again is reset, as far as that is allowed."""
        if self._sending.modem_failures >= MODEM_FAILURES_MAX:
            self._rounds = max(self._rounds, RESET_ROUND - 1)
            raise Lost("the modem fails to send")

    def _show(self) -> None:
        known = self._known
        if known.status.registered:
            problem = "the radio signal is weak" if known.status.weak else ""
            known.tell(State.READY, problem)
            return
        since_s = known.now_s if known.unregistered_s is None else known.unregistered_s
        long = known.now_s - since_s >= REGISTER_S
        if known.denied:
            known.tell(State.SEARCHING, "the network refuses the SIM")
        else:
            known.tell(State.SEARCHING, "no network" if long else "")
        known.give_back("the modem has no network")
