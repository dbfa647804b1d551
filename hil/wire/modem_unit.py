"""A GSM modem on its serial line, from the modem's side: AT commands in PDU mode.

Echo, unsolicited lines, SIM and registration, a prompt for texts, delivery reports, a store for
what comes. It forgets what it was told when it starts again, as the real ones do.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

from hil.plant.modem import DELIVERED, EXPIRED, STORE_MAX, Modem, SentMessage
from hil.wire import sms_pdu
from hil.wire.line_time import LineTime
from hil.wire.sms_pdu import Submitted, Unreadable
from hil.wire.talker import Outbox
from hil.wire.trouble import Trouble

ANSWER_DELAY_S = 0.01
SUBMIT_DELAY_S = 0.4
REPORT_DELAY_S = 1.5
BOOT_S = 2.0
READY_S = 3.0
"""From RDY to `SMS Ready`."""
COMMAND_MAX = 512
CTRL_Z, ESCAPE, CR = 0x1A, 0x1B, 0x0D
NOTICE = "+CTZV: 4"

# fmt: off
BARRED, OUT_OF_ORDER, MODEM_FAILURE, NO_SIM_YET      = 8, 38, 300, 302
INVALID_PDU, MEMORY_FULL, CENTRE_UNKNOWN, NO_NETWORK = 304, 322, 330, 331
# fmt: on
SIM_MISSING, SIM_PIN, SIM_PUK, WRONG_PIN = 10, 11, 12, 16


class ModemUnit:
    """Satisfies `Talker`."""

    def __init__(
        self,
        modem: Modem,
        line: LineTime,
        *,
        sent: Callable[[SentMessage], None] = lambda message: None,
        trouble: Trouble | None = None,
    ) -> None:
        """`sent` is told of each message that is whole, in the thread of the line."""
        self.modem = modem
        self.trouble = Trouble() if trouble is None else trouble
        self.commands: list[str] = []
        """What was heard, PINs included; the last COMMAND_MAX."""
        self.echo = True
        self.on = True
        self._line = line
        self._sent = sent
        self._lock = threading.RLock()
        """Held for each of the public methods; never while another one is waited for."""
        self._outbox = Outbox()
        self._later: list[tuple[float, Callable[[float], None]]] = []
        self._buffer = bytearray()
        self._expected: int | None = None
        """Octets of the message whose text is awaited."""
        self._parts: dict[tuple[str, int], dict[int, tuple[Submitted, int]]] = {}
        self._registration_told = False
        self._storing_notices = False
        self._memory = "SM"

    # --- Talker -----------------------------------------------------------------------------------

    def hear(self, data: bytes, now_s: float) -> None:
        if not self.on or self.trouble.deaf(now_s):
            return
        now_s += self._line.duration_s(len(data))
        with self._lock:
            for byte in data:
                self._hear_byte(byte, now_s)

    def due(self, now_s: float) -> list[bytes]:
        with self._lock:
            for at_s, deed in sorted(self._later, key=lambda one: one[0]):
                if at_s <= now_s and (at_s, deed) in self._later:
                    self._later.remove((at_s, deed))
                    deed(at_s)
            return self._outbox.take(now_s)

    def next_s(self) -> float:
        with self._lock:
            return min([self._outbox.next_s(), *(at_s for at_s, _ in self._later)])

    # --- what happens to it -----------------------------------------------------------------------

    def receive(self, sender: str, text: str, now_s: float) -> bool:
        """A message comes; False when it is not taken."""
        with self._lock:
            if self.modem.registration != 1 or not self.on or "store_full" in self.modem.faults:
                return False
            return self._keep(sms_pdu.deliver(sender, text), "+CMTI", now_s)

    def set_fault(self, fault: str, active: bool, now_s: float) -> None:
        """The faults of `hil.plant.modem`."""
        with self._lock:
            self._set_fault(fault, active, now_s)

    def _set_fault(self, fault: str, active: bool, now_s: float) -> None:
        before = (self.modem.sim, self.modem.registration)
        if fault == "restart":
            if active:
                self.restart(now_s)
            return
        (self.modem.faults.add if active else self.modem.faults.discard)(fault)
        if self.modem.sim != before[0] and self.modem.sim != "READY":
            self._say(f"+CPIN: {self.modem.sim}", now_s)
        elif self.modem.sim != before[0]:
            self._say("+CSMINS: 1,1", now_s)
        if self.modem.registration != before[1] and self._registration_told:
            self._say(f"+CREG: {self.modem.registration}", now_s)

    def restart(self, now_s: float) -> None:
        """Off, and on again after BOOT_S with everything forgotten."""
        self.on = False
        self._outbox.clear()
        self._later.clear()
        self._later.append((now_s + BOOT_S, self._boot))

    def _boot(self, now_s: float) -> None:
        self.on, self.echo = True, True
        self._buffer.clear()
        self._expected = None
        self._registration_told = self._storing_notices = False
        self._memory = "SM"
        self.modem.unlocked = False
        self._say("RDY", now_s)
        self._say(f"+CPIN: {self.modem.sim}", now_s + 0.5)
        self._later.append((now_s + READY_S, lambda at_s: self._say("SMS Ready", at_s)))

    # --- lines ------------------------------------------------------------------------------------

    def _hear_byte(self, byte: int, now_s: float) -> None:
        if self._expected is not None and byte in (CTRL_Z, ESCAPE):
            text, self._buffer = bytes(self._buffer), bytearray()
            length, self._expected = self._expected, None
            if byte == ESCAPE:
                self._answer(now_s, "OK")
            else:
                self._submit(text.decode("latin-1").strip(), length, now_s)
            return
        if byte == ESCAPE:
            self._buffer.clear()
        elif byte == CR and self._expected is None:
            command, self._buffer = self._buffer.decode("latin-1").strip(), bytearray()
            if command:
                self._command(command, now_s)
        elif len(self._buffer) < COMMAND_MAX:
            self._buffer.append(byte)

    def _command(self, command: str, now_s: float) -> None:
        self.commands = [*self.commands[1 - COMMAND_MAX :], command]
        if self.echo or "echo" in self.trouble.faults:
            self._put(now_s, command.encode("latin-1") + b"\r")
        if "chatty" in self.modem.faults:
            self._say(NOTICE, now_s)
            self._say(f"+CREG: {self.modem.registration}", now_s)
        for pattern, answer in COMMANDS:
            found = re.fullmatch(pattern, command, re.IGNORECASE)
            if found is not None:
                answer(self, now_s, *found.groups())
                return
        self._answer(now_s, "ERROR")

    def _answer(self, now_s: float, *lines: str) -> None:
        text = "".join(f"\r\n{line}\r\n" for line in lines)
        self._put(now_s + ANSWER_DELAY_S, text.encode("latin-1"))

    def _say(self, line: str, now_s: float) -> None:
        """Something that nobody asked for."""
        self._put(now_s, f"\r\n{line}\r\n".encode("latin-1"))

    def _put(self, at_s: float, data: bytes) -> None:
        at_s += self.trouble.delay_s()
        for pause_s, piece in self.trouble.pieces(self.trouble.spoiled(data)):
            at_s += pause_s + self._line.duration_s(len(piece))
            self._outbox.put(at_s, piece)

    # --- commands ---------------------------------------------------------------------------------

    def _ok(self, now_s: float) -> None:
        self._answer(now_s, "OK")

    def _set_echo(self, now_s: float, value: str) -> None:
        self.echo = value == "1"
        self._ok(now_s)

    def _reset(self, now_s: float) -> None:
        self._ok(now_s)
        self._later.append((now_s + 0.2, self.restart))

    def _ask_sim(self, now_s: float) -> None:
        if self.modem.sim == "NOT INSERTED":
            self._answer(now_s, f"+CME ERROR: {SIM_MISSING}")
        else:
            self._answer(now_s, f"+CPIN: {self.modem.sim}", "OK")

    def _enter_pin(self, now_s: float, pin: str) -> None:
        if self.modem.sim != "SIM PIN":
            self._answer(now_s, f"+CME ERROR: {SIM_PUK if self.modem.sim == 'SIM PUK' else 3}")
        elif self.modem.enter_pin(pin):
            self._ok(now_s)
        else:
            self._answer(now_s, f"+CME ERROR: {WRONG_PIN}")

    def _identity(self, now_s: float, name: str) -> None:
        values = {
            "CGMI": "SIMULATED",
            "CGMM": "MODEM",
            "CGMR": "1.0",
            "CGSN": "356938035643809",
            "CIMI": "262011234567890",
        }
        if name.upper() == "CIMI" and self.modem.sim != "READY":
            self._answer(now_s, f"+CME ERROR: {SIM_PIN}")
        else:
            self._answer(now_s, values[name.upper()], "OK")

    def _ask_registration(self, now_s: float, name: str) -> None:
        status = self.modem.registration
        if self.modem.lte_only and name.upper() != "CEREG":
            status = 0
        self._answer(now_s, f"+{name.upper()}: {int(self._registration_told)},{status}", "OK")

    def _tell_registration(self, now_s: float, name: str, mode: str) -> None:
        if name.upper() == "CREG":
            self._registration_told = mode != "0"
        self._ok(now_s)

    def _ask_signal(self, now_s: float) -> None:
        self._answer(now_s, f"+CSQ: {self.modem.rssi},99", "OK")

    def _ask_centre(self, now_s: float) -> None:
        self._answer(now_s, f'+CSCA: "{self.modem.centre}",145', "OK")

    def _set_centre(self, now_s: float, number: str) -> None:
        self.modem.centre = number
        self._ok(now_s)

    def _set_notices(self, now_s: float) -> None:
        self._storing_notices = True
        self._ok(now_s)

    def _ask_operator(self, now_s: float) -> None:
        known = self.modem.registration == 1
        self._answer(now_s, '+COPS: 0,0,"Simulated Mobile",7' if known else "+COPS: 0", "OK")

    @property
    def _reading(self) -> dict[int, str]:
        return self.modem.memory(self._memory)

    def _ask_memory(self, now_s: float) -> None:
        count = len(self._reading)
        self._answer(now_s, f'+CPMS: "{self._memory}",{count},{STORE_MAX},"SM",0,{STORE_MAX}', "OK")

    def _set_memory(self, now_s: float, name: str) -> None:
        self._memory = name
        self._answer(now_s, f"+CPMS: {len(self._reading)},{STORE_MAX},0,{STORE_MAX}", "OK")

    def _read(self, now_s: float, place: str) -> None:
        pdu = self._reading.get(int(place))
        if pdu is None:
            self._answer(now_s, "+CMS ERROR: 321")
        else:
            length = sms_pdu.tpdu_length(pdu)
            self._put(now_s, f"\r\n+CMGR: 0,,{length}\r\n{pdu}\r\n\r\nOK\r\n".encode())

    def _list(self, now_s: float) -> None:
        lines = "".join(
            f"\r\n+CMGL: {place},1,,{sms_pdu.tpdu_length(pdu)}\r\n{pdu}\r\n"
            for place, pdu in sorted(self._reading.items())
        )
        self._put(now_s + ANSWER_DELAY_S, f"{lines}\r\nOK\r\n".encode())

    def _delete(self, now_s: float, place: str) -> None:
        self._reading.pop(int(place), None)
        self.modem.faults.discard("store_full")
        self._ok(now_s)

    # --- messages ---------------------------------------------------------------------------------

    def _begin_text(self, now_s: float, length: str) -> None:
        if self.modem.sim != "READY":
            self._answer(now_s, f"+CMS ERROR: {NO_SIM_YET}")
            return
        self._expected = int(length)
        self._put(now_s + ANSWER_DELAY_S, b"\r\n> ")

    def _submit(self, text: str, length: int, now_s: float) -> None:
        refusal = self._refusal()
        try:
            message = sms_pdu.read_submit(text)
            if message.tpdu_octets != length:
                raise Unreadable(f"found {message.tpdu_octets} octets, expected {length}")
        except Unreadable:
            refusal = refusal or INVALID_PDU
        if refusal is not None:
            self._answer(now_s + SUBMIT_DELAY_S, f"+CMS ERROR: {refusal}")
            return
        reference = self.modem.next_reference()
        self._answer(now_s + SUBMIT_DELAY_S, f"+CMGS: {reference}", "OK")
        self._note(message, reference, now_s)
        if message.report:
            status = EXPIRED if "undeliverable" in self.modem.faults else DELIVERED
            pdu = sms_pdu.report(reference, message.to, status)
            at_s = now_s + SUBMIT_DELAY_S + REPORT_DELAY_S
            self._later.append((at_s, lambda later_s: self._report(pdu, later_s)))

    def _refusal(self) -> int | None:
        # fmt: off
        refusals = {"sms_barred": BARRED, "sms_refused": OUT_OF_ORDER, "store_full": MEMORY_FULL,
                    "sms_failing": MODEM_FAILURE}
        # fmt: on
        for fault, code in refusals.items():
            if fault in self.modem.faults:
                return code
        if not self.modem.centre:
            return CENTRE_UNKNOWN
        return None if self.modem.registration == 1 else NO_NETWORK

    def _note(self, message: Submitted, reference: int, now_s: float) -> None:
        """Join the parts of one message; what is whole is a sent message."""
        group, total, number = message.group or (-reference, 1, 1)
        parts = self._parts.setdefault((message.to, group), {})
        parts[number] = (message, reference)
        if len(parts) < total:
            return
        del self._parts[message.to, group]
        ordered = [parts[number] for number in sorted(parts)]
        sent = SentMessage(
            at_s=now_s,
            to=message.to,
            text="".join(part.text for part, _ in ordered),
            parts=total,
            references=tuple(one for _, one in ordered),
            validity_s=message.validity_s,
            report=message.report,
        )
        self.modem.sent.append(sent)
        self._sent(sent)

    def _report(self, pdu: str, now_s: float) -> None:
        self._keep(pdu, "+CDSI", now_s, "SR" if self.modem.own_report_store else "SM")

    def _keep(self, pdu: str, notice: str, now_s: float, memory: str = "SM") -> bool:
        place = self.modem.keep(pdu, memory)
        if place is None:
            self._say("+CIEV: smsfull,1", now_s)
            return False
        if self._storing_notices:
            self._say(f'{notice}: "{memory}",{place}', now_s)
        return True


# fmt: off
COMMANDS: tuple[tuple[str, Callable[..., Any]], ...] = (
    (r"AT",                             ModemUnit._ok),
    (r"ATE([01])",                      ModemUnit._set_echo),
    (r"ATH",                            ModemUnit._ok),
    (r"AT\+CMEE=[012]",                 ModemUnit._ok),
    (r"AT\+CFUN\?",                     lambda unit, now_s: unit._answer(now_s, "+CFUN: 1", "OK")),
    (r"AT\+CFUN=1",                     ModemUnit._ok),
    (r"AT\+CFUN=1,1",                   ModemUnit._reset),
    (r"AT\+CPIN\?",                     ModemUnit._ask_sim),
    (r'AT\+CPIN="(\d{4,8})"',           ModemUnit._enter_pin),
    (r"AT\+(CGMI|CGMM|CGMR|CGSN|CIMI)", ModemUnit._identity),
    (r"AT\+(CREG|CGREG|CEREG)\?",       ModemUnit._ask_registration),
    (r"AT\+(CREG|CGREG|CEREG)=([012])", ModemUnit._tell_registration),
    (r"AT\+CSQ",                        ModemUnit._ask_signal),
    (r"AT\+CSCA\?",                     ModemUnit._ask_centre),
    (r'AT\+CSCA="(\+?\d+)"(?:,\d+)?',   ModemUnit._set_centre),
    (r"AT\+CMGF=0",                     ModemUnit._ok),
    (r"AT\+CNMI=2,1,0,2,0",             ModemUnit._set_notices),
    (r"AT\+COPS=3,0",                   ModemUnit._ok),
    (r"AT\+COPS\?",                     ModemUnit._ask_operator),
    (r"AT\+CMGS=(\d{1,3})",             ModemUnit._begin_text),
    (r"AT\+CPMS\?",                     ModemUnit._ask_memory),
    (r'AT\+CPMS="(SM|SR)"',             ModemUnit._set_memory),
    (r"AT\+CMGR=(\d{1,3})",             ModemUnit._read),
    (r"AT\+CMGD=(\d{1,3})",             ModemUnit._delete),
    (r"AT\+CMGL=4",                     ModemUnit._list),
)
# fmt: on
