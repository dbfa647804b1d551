"""How a GSM modem is set up: everything that it forgets when it starts, in the order it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hal.drivers.gsm_dialogue import Ask
from hal.drivers.gsm_known import Known
from hal.drivers.gsm_looks import Looks
from hal.drivers.gsm_speech import QUIET_S, Blocked, Lost, Pause, Script, Speech
from hal.sms.number import masked

# fmt: off
WAKE_ATTEMPTS = 5
WAKE_S        = 1.0     # wait for each
SWITCH_ON_S   = 15.0
SIM_S         = 30.0    # for the SIM to be ready
# fmt: on
BLOCKING = ("SIM PUK", "PH-SIM PIN", "PH-NET PIN", "PH-NETSUB PIN", "PH-SP PIN")


class StartUp:
    """The PIN is entered once: `may_try_pin` has to make that last over restarts."""

    def __init__(
        self,
        known: Known,
        speech: Speech,
        looks: Looks,
        *,
        pin: str,
        may_try_pin: Callable[[], bool],
        pin_worked: Callable[[], None],
        centre: str,
    ) -> None:
        self._known = known
        self._speech = speech
        self._looks = looks
        self._pin = pin
        self._may_try_pin = may_try_pin
        self._pin_worked = pin_worked
        self._centre = centre

    def run(self) -> Script[None]:
        """Until it can be used. Raises Lost and Blocked."""
        known = self._known
        self._speech.begin()
        known.started_s = known.now_s
        known.to_read.clear()
        known.forget_network()
        yield from self._wake()
        yield from self._agree()
        yield from self._open_sim()
        yield from self._identify()
        yield from self._set_up()
        yield from self._looks.network()
        yield from self._looks.operator()
        yield from self._looks.signal()
        yield from self._looks.memory()
        yield from self._looks.store()
        known.started_s = known.now_s
        known.switched_by_us = False

    def _wake(self) -> Script[None]:
        """Out of a text that an earlier life may have left open, then until it answers."""
        yield from self._speech.escape()
        for _ in range(WAKE_ATTEMPTS):
            if (yield Ask(text="AT", within_s=WAKE_S)).good:
                # Late answers to what was sent before must not be taken for those to come.
                yield Pause(QUIET_S)
                return
        raise Lost("the modem does not answer")

    def _agree(self) -> Script[None]:
        """No echo, numbers for errors, and the radio on."""
        if not (yield from self._speech.ask("ATE0")).good:
            raise Lost("the modem refuses ATE0")
        if not (yield from self._speech.ask("AT+CMEE=1")).good:
            yield from self._speech.ask("AT+CMEE=2")
        if (yield from self._speech.ask("AT+CFUN?", "+CFUN:")).value.partition(",")[0] != "1":
            self._known.switched_by_us = True
            yield from self._speech.ask("AT+CFUN=1", within_s=SWITCH_ON_S)
            self._known.restarted = False

    def _open_sim(self) -> Script[None]:
        """Until `+CPIN: READY`; enters the PIN once."""
        known = self._known
        until_s = known.now_s + SIM_S
        entered = False
        while True:
            known.sim = ""
            answer = yield from self._speech.ask("AT+CPIN?", "+CPIN:")
            state = known.sim or (answer.failure.reason if answer.failure else "no answer")
            if state == "READY":
                self._pin_worked()
                return
            if state == "SIM PIN" and not entered:
                yield from self._enter_pin()
                entered = True
                until_s = known.now_s + SIM_S
            elif state in BLOCKING or known.now_s >= until_s:
                raise Blocked(_sim_words(state))
            yield Pause(1.0)

    def _enter_pin(self) -> Script[None]:
        if not self._pin:
            raise Blocked("the SIM wants a PIN, and alerts.modem.pin is empty")
        if not self._may_try_pin():
            raise Blocked("the PIN has been tried before; it is not tried again by itself")
        answer = yield Ask(text=f'AT+CPIN="{self._pin}"', within_s=SWITCH_ON_S, secret=True)
        if not answer.good:
            reason = answer.failure.reason if answer.failure else "no answer"
            raise Blocked(f"the SIM does not take alerts.modem.pin: {reason}")

    def _identify(self) -> Script[None]:
        words = []
        for text in ("AT+CGMI", "AT+CGMM", "AT+CGMR"):
            answer = yield from self._speech.ask(text, bare=True)
            words.append(answer.value[:30])
        imsi = (yield from self._speech.ask("AT+CIMI", bare=True)).value
        status = self._known.status
        model = " ".join(word for word in words if word)
        self._known.status = replace(status, model=model, sim=masked(imsi) if imsi else "")

    def _set_up(self) -> Script[None]:
        if not (yield from self._speech.ask("AT+CMGF=0")).good:
            raise Lost("the modem refuses PDU mode")
        centre = (yield from self._speech.ask("AT+CSCA?", "+CSCA:")).value
        if self._centre and self._centre not in centre:
            yield from self._speech.ask(f'AT+CSCA="{self._centre}",145')
        if not (yield from self._speech.ask("AT+CNMI=2,1,0,2,0")).good:
            yield from self._speech.ask("AT+CNMI=2,1")
        yield from self._speech.ask("AT+CREG=1")
        yield from self._speech.ask("AT+CEREG=1")


def _sim_words(state: str) -> str:
    if state == "SIM PUK":
        return "the SIM is blocked and wants its PUK"
    if state.startswith("PH-"):
        return f"the modem is locked to another SIM or network ({state})"
    if state in ("NOT INSERTED", "NOT READY"):
        return "there is no SIM, or it does not start"
    return state if state[:1].islower() else f"the SIM is not ready ({state})"
