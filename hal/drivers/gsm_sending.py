"""How a GSM modem is given a message: command, prompt, text, reference; what errors ask for."""

from __future__ import annotations

from hal.drivers.gsm_dialogue import Answer, Ask
from hal.drivers.gsm_known import Known
from hal.drivers.gsm_looks import Looks
from hal.drivers.gsm_reports import NotSent, Sent
from hal.drivers.gsm_speech import Pause, Script, Speech
from hal.sms.failures import Advice, Failure
from hal.sms.submit import Pdu

# fmt: off
PROMPT_S       = 5.0
PROMPT_PAUSE_S = 0.1    # between prompt and text
SUBMIT_S       = 60.0   # the network may take long
ATTEMPTS_MAX   = 3      # of one part, where an error asks for it
SOON_S         = 5.0
# fmt: on
CTRL_Z = "\x1a"
SILENT = Failure("the modem does not answer", Advice.MODEM)


class _Refused(Exception):
    """A part of a message was not taken."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Sending:
    """Sends the message that is under way in `known`."""

    def __init__(self, known: Known, speech: Speech, looks: Looks, centre: str) -> None:
        self._known = known
        self._speech = speech
        self._looks = looks
        self._centre = centre
        self.modem_failures = 0
        """In a row, of the modem itself."""

    def run(self) -> Script[None]:
        """All parts; `Sent` or `NotSent` tells what became of them."""
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
            return
        self.modem_failures = 0
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
                self.modem_failures += 1
            if attempt >= _attempts(failure.advice) or answer.silent:
                # Silence after the text: it may be on its way. A second one is for the caller.
                raise _Refused(failure)
            attempt += 1
            yield from self._mend(failure.advice)

    def _submit(self, pdu: Pdu) -> Script[Answer]:
        answer = yield Ask(text=f"AT+CMGS={pdu.length}", within_s=PROMPT_S, prompt=True)
        if not answer.prompted:
            # A prompt that comes late would take the next command for the text.
            yield from self._speech.escape()
            if answer.silent:
                self._speech.count_silence()
            return answer
        yield Pause(PROMPT_PAUSE_S)
        text = pdu.hex + CTRL_Z
        sent = yield Ask(text=text, answer="+CMGS:", within_s=SUBMIT_S, raw=True)
        if sent.silent:
            yield from self._speech.escape()
            self._speech.count_silence()
        return sent

    def _mend(self, advice: Advice) -> Script[None]:
        match advice:
            case Advice.SOON:
                yield Pause(SOON_S)
            case Advice.MAKE_ROOM:
                yield from self._looks.store()
            case Advice.SET_CENTRE if self._centre:
                yield from self._speech.ask(f'AT+CSCA="{self._centre}",145')
            case _:
                yield Pause(1.0)


def _attempts(advice: Advice) -> int:
    if advice in (Advice.GIVE_UP, Advice.LATER):
        return 1
    return ATTEMPTS_MAX if advice is Advice.SOON else 2
