"""What is said to a GSM modem, in its order: a dialogue written down as it runs.

Each `yield` hands out a command, or a pause, and is given the answer. What else the modem says
meanwhile stands in `Known`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TypeVar

from hal.drivers.gsm_dialogue import COMMAND_S, Answer, Ask
from hal.drivers.gsm_known import Known
from hal.drivers.gsm_reports import NotSent, Sent, State
from hal.sms.failures import Advice, Failure
from hal.sms.number import masked
from hal.sms.submit import Pdu

# fmt: off
WAKE_ATTEMPTS   = 5
WAKE_S          = 1.0     # wait for each
QUIET_S         = 0.5     # after an escape: whatever comes is late
PROMPT_S        = 5.0
PROMPT_PAUSE_S  = 0.1     # between prompt and text
SUBMIT_S        = 60.0    # the network may take long
SWITCH_ON_S     = 15.0
SIM_S           = 30.0    # for the SIM to be ready
REGISTER_S      = 120.0   # without a network for so long: a problem
ALIVE_EVERY_S   = 60.0
NETWORK_EVERY_S = 300.0
SEARCH_EVERY_S  = 10.0
SIGNAL_EVERY_S  = 900.0   # and what lies in the store
TIMEOUTS_MAX    = 3       # in a row: start again
RESET_ROUND     = 2       # starts in vain before a full reset …
RESET_EVERY_S   = 3600.0  # … at most so often
RESET_S         = 10.0
LOST_ROUND      = 3       # from then on it counts as failed
BLOCKED_S       = 600.0   # SIM fault: until the next look
ATTEMPTS_MAX    = 3       # of one part, where an error asks for it
SOON_S          = 5.0
MODEM_FAILURES_MAX = 3
STORED_MAX      = 255
# fmt: on
PAUSES_S = (2.0, 10.0, 30.0, 60.0)
"""Before each new start; the last for ever."""
CTRL_Z, ESCAPE = "\x1a", "\x1b"
BLOCKING = ("SIM PUK", "PH-SIM PIN", "PH-NET PIN", "PH-NETSUB PIN", "PH-SP PIN")
SILENT = Failure("the modem does not answer", Advice.MODEM)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to say for so long; 0: until the next step."""

    duration_s: float = 0.0


Script = Generator[Ask | Pause, Answer, T]


class StartedAgain(Exception):
    """Thrown into the script: the modem has forgotten what it was told."""


class _Lost(Exception):
    """The modem does not answer, or not as it has to: begin anew."""


class _Blocked(Exception):
    """The SIM does not let us, and trying again would not help."""


class _Refused(Exception):
    """A part of a message was not taken."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


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
        self._pin = pin
        self._may_try_pin = may_try_pin
        self._pin_worked = pin_worked
        self._centre = centre
        self._timeouts = 0
        self._rounds = 0
        self._modem_failures = 0
        self._reset_s = -math.inf

    def living(self) -> Script[None]:
        """Start and serve, for ever."""
        known = self._known
        while True:
            try:
                yield from self._start()
                yield from self._serve()
            except StartedAgain:
                known.give_back("the modem started again")
                known.tell(State.STARTING)
            except _Blocked as blocked:
                known.give_back(str(blocked))
                known.tell(State.FAILED, str(blocked))
                yield from self._rest(BLOCKED_S)
            except _Lost as lost:
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
        self._modem_failures = 0
        known.switched_by_us = True
        known.status = replace(known.status, resets=known.status.resets + 1)
        try:
            yield Ask(text="AT+CFUN=1,1", within_s=RESET_S)
            yield Pause(RESET_S)
        except StartedAgain:
            return

    # --- start ------------------------------------------------------------------------------------

    def _start(self) -> Script[None]:
        """Everything that a modem forgets when it starts, in the order in which it needs it."""
        known = self._known
        self._timeouts = 0
        known.started_s = known.now_s
        known.to_read.clear()
        known.forget_network()
        yield from self._wake()
        if not (yield from self._ask("ATE0")).good:
            raise _Lost("the modem refuses ATE0")
        if not (yield from self._ask("AT+CMEE=1")).good:
            yield from self._ask("AT+CMEE=2")
        if (yield from self._ask("AT+CFUN?", "+CFUN:")).value.partition(",")[0] != "1":
            yield from self._switch_on()
        yield from self._open_sim()
        yield from self._identify()
        yield from self._set_up()
        yield from self._look_for_network()
        yield from self._look_at_signal()
        yield from self._read_store()
        known.started_s = known.now_s
        known.switched_by_us = False
        self._rounds = 0

    def _wake(self) -> Script[None]:
        """Out of a text that an earlier life may have left open, then until it answers."""
        yield Ask(text=f"{ESCAPE}\r", within_s=QUIET_S, raw=True)
        for _ in range(WAKE_ATTEMPTS):
            if (yield Ask(text="AT", within_s=WAKE_S)).good:
                # Late answers to what was sent before must not be taken for those to come.
                yield Pause(QUIET_S)
                return
        raise _Lost("the modem does not answer")

    def _switch_on(self) -> Script[None]:
        known = self._known
        known.switched_by_us = True
        yield from self._ask("AT+CFUN=1", within_s=SWITCH_ON_S)
        known.restarted = False

    def _open_sim(self) -> Script[None]:
        """Until `+CPIN: READY`; enters the PIN once."""
        known = self._known
        until_s = known.now_s + SIM_S
        entered = False
        while True:
            known.sim = ""
            answer = yield from self._ask("AT+CPIN?", "+CPIN:")
            state = known.sim or (answer.failure.reason if answer.failure else "no answer")
            if state == "READY":
                self._pin_worked()
                return
            if state == "SIM PIN" and not entered:
                yield from self._enter_pin()
                entered = True
                until_s = known.now_s + SIM_S
            elif state in BLOCKING or known.now_s >= until_s:
                raise _Blocked(_sim_words(state))
            yield Pause(1.0)

    def _enter_pin(self) -> Script[None]:
        if not self._pin:
            raise _Blocked("the SIM wants a PIN, and alerts.modem.pin is empty")
        if not self._may_try_pin():
            raise _Blocked("the PIN has been tried before; it is not tried again by itself")
        answer = yield Ask(text=f'AT+CPIN="{self._pin}"', within_s=SWITCH_ON_S, secret=True)
        if not answer.good:
            reason = answer.failure.reason if answer.failure else "no answer"
            raise _Blocked(f"the SIM does not take alerts.modem.pin: {reason}")

    def _identify(self) -> Script[None]:
        words = []
        for text in ("AT+CGMI", "AT+CGMM", "AT+CGMR"):
            answer = yield from self._ask(text, bare=True)
            words.append(answer.value[:30])
        imsi = (yield from self._ask("AT+CIMI", bare=True)).value
        status = self._known.status
        model = " ".join(word for word in words if word)
        self._known.status = replace(status, model=model, sim=masked(imsi) if imsi else "")

    def _set_up(self) -> Script[None]:
        if not (yield from self._ask("AT+CMGF=0")).good:
            raise _Lost("the modem refuses PDU mode")
        centre = (yield from self._ask("AT+CSCA?", "+CSCA:")).value
        if self._centre and self._centre not in centre:
            yield from self._set_centre()
        if not (yield from self._ask("AT+CNMI=2,1,0,2,0")).good:
            yield from self._ask("AT+CNMI=2,1")
        yield from self._ask("AT+CREG=1")
        yield from self._ask("AT+CEREG=1")

    def _set_centre(self) -> Script[None]:
        yield from self._ask(f'AT+CSCA="{self._centre}",145')

    # --- service ----------------------------------------------------------------------------------

    def _serve(self) -> Script[None]:
        """Receive, send, supervise; what is most urgent first."""
        known = self._known
        alive_s = network_s = signal_s = known.now_s
        operator_of: bool | None = None
        while True:
            self._show()
            every_s = NETWORK_EVERY_S if known.status.registered else SEARCH_EVERY_S
            if known.ringing:
                known.ringing = False
                yield from self._ask("ATH")
            elif known.to_read:
                yield from self._read(known.to_read.popleft())
            elif known.job is not None and known.status.registered:
                yield from self._send()
                alive_s = known.now_s
            elif operator_of != known.status.registered:
                operator_of = known.status.registered
                yield from self._look_for_operator()
            elif known.now_s - signal_s >= SIGNAL_EVERY_S:
                signal_s = known.now_s
                yield from self._look_at_signal()
                yield from self._read_store()
            elif known.now_s - network_s >= every_s:
                network_s = alive_s = known.now_s
                yield from self._look_for_network()
            elif known.now_s - alive_s >= ALIVE_EVERY_S:
                alive_s = known.now_s
                yield from self._ask("AT")
            else:
                yield Pause()

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

    def _look_for_network(self) -> Script[None]:
        """Any of the three will do: LTE modems may have the third only. Each tells `known`."""
        for name in ("CREG", "CEREG", "CGREG"):
            yield from self._ask(f"AT+{name}?", f"+{name}:")
            if self._known.status.registered:
                return

    def _look_for_operator(self) -> Script[None]:
        known = self._known
        name = ""
        if known.status.registered:
            yield from self._ask("AT+COPS=3,0")
            value = (yield from self._ask("AT+COPS?", "+COPS:")).value
            quoted = value.split('"')
            name = quoted[1][:24] if len(quoted) > 2 else ""
        known.status = replace(known.status, operator=name)

    def _look_at_signal(self) -> Script[None]:
        yield from self._ask("AT+CSQ", "+CSQ:")
        self._known.give_up_waiting()

    def _read(self, index: int) -> Script[None]:
        answer = yield from self._ask(f"AT+CMGR={index}", "+CMGR:")
        for _, data in answer.pairs:
            self._known.message(data)
        if answer.good:
            yield from self._ask(f"AT+CMGD={index}")

    def _read_store(self) -> Script[None]:
        """Take out everything that lies there: a full store takes no more, and may not send."""
        answer = yield from self._ask("AT+CMGL=4", "+CMGL:", within_s=20.0)
        for header, data in answer.pairs[:STORED_MAX]:
            index = header.partition(":")[2].partition(",")[0].strip()
            self._known.message(data)
            if index.isdecimal():
                yield from self._ask(f"AT+CMGD={index[:4]}")

    # --- sending ----------------------------------------------------------------------------------

    def _send(self) -> Script[None]:
        known = self._known
        assert known.job is not None
        job, pdus = known.job
        references = []
        try:
            for pdu in pdus:
                references.append((yield from self._send_part(pdu)))
        except _Refused as refused:
            known.job = None
            again = refused.failure.advice.again
            known.events.append(NotSent(job=job, again=again, reason=str(refused)))
            if self._modem_failures >= MODEM_FAILURES_MAX:
                self._rounds = max(self._rounds, RESET_ROUND - 1)
                raise _Lost(str(refused)) from refused
            return
        self._modem_failures = 0
        known.job = None
        known.events.append(Sent(job=job, references=tuple(references)))

    def _send_part(self, pdu: Pdu) -> Script[int]:
        """The reference that the modem gave it. Raises _Refused."""
        attempt = 1
        while True:
            answer = yield from self._submit(pdu)
            reference = answer.value.partition(",")[0].strip()
            if answer.good and reference.isdecimal():
                return int(reference[:3]) & 0xFF
            failure = SILENT if answer.silent else answer.failure or SILENT
            if failure.advice is Advice.MODEM:
                self._modem_failures += 1
            if attempt >= _attempts(failure.advice) or answer.silent:
                # Silence after the text: it may be on its way. A second one is for the caller.
                raise _Refused(failure)
            attempt += 1
            yield from self._mend(failure.advice)

    def _submit(self, pdu: Pdu) -> Script[Answer]:
        answer = yield Ask(text=f"AT+CMGS={pdu.length}", within_s=PROMPT_S, prompt=True)
        if not answer.prompted:
            # A prompt that comes late would take the next command for the text.
            yield Ask(text=f"{ESCAPE}\r", within_s=QUIET_S, raw=True)
            if answer.silent:
                self._count_silence()
            return answer
        yield Pause(PROMPT_PAUSE_S)
        text = pdu.hex + CTRL_Z
        sent = yield Ask(text=text, answer="+CMGS:", within_s=SUBMIT_S, raw=True)
        if sent.silent:
            yield Ask(text=f"{ESCAPE}\r", within_s=QUIET_S, raw=True)
            self._count_silence()
        return sent

    def _mend(self, advice: Advice) -> Script[None]:
        match advice:
            case Advice.SOON:
                yield Pause(SOON_S)
            case Advice.MAKE_ROOM:
                yield from self._read_store()
            case Advice.SET_CENTRE if self._centre:
                yield from self._set_centre()
            case _:
                yield Pause(1.0)

    # --- pieces -----------------------------------------------------------------------------------

    def _ask(
        self, text: str, answer: str = "", *, within_s: float = COMMAND_S, bare: bool = False
    ) -> Script[Answer]:
        """Say `text`. Raises _Lost after TIMEOUTS_MAX time-outs in a row."""
        found = yield Ask(text=text, answer=answer, within_s=within_s, bare=bare)
        if found.silent:
            self._count_silence()
        else:
            self._timeouts = 0
        return found

    def _count_silence(self) -> None:
        self._timeouts += 1
        if self._timeouts >= TIMEOUTS_MAX:
            raise _Lost("the modem does not answer")


def _attempts(advice: Advice) -> int:
    if advice in (Advice.GIVE_UP, Advice.LATER):
        return 1
    return ATTEMPTS_MAX if advice is Advice.SOON else 2


def _sim_words(state: str) -> str:
    if state == "SIM PUK":
        return "the SIM is blocked and wants its PUK"
    if state.startswith("PH-"):
        return f"the modem is locked to another SIM or network ({state})"
    if state in ("NOT INSERTED", "NOT READY"):
        return "there is no SIM, or it does not start"
    return f"the SIM is not ready: {state.lower()}"
