"""What a GSM modem is asked now and then: network, operator, signal, and what lies in its store."""

from __future__ import annotations

from dataclasses import replace

from hal.drivers.gsm_known import Known, Place
from hal.drivers.gsm_speech import Script, Speech

LISTING_S = 20.0
STORED_MAX = 255
"""Places of one listing that are emptied."""


class Looks:
    """Each look is a script; what it finds stands in `known`."""

    def __init__(self, known: Known, speech: Speech) -> None:
        self._known = known
        self._speech = speech
        self._memory = ""
        """Store that is read from now; empty: not known."""
        self._home = ""
        """The one that messages come into."""

    def memory(self) -> Script[None]:
        """Which store is the usual one: the first of `+CPMS: "SM",1,30,…`."""
        value = (yield from self._speech.ask("AT+CPMS?", "+CPMS:")).value
        quoted = value.split('"')
        self._home = self._memory = quoted[1] if len(quoted) > 2 else ""

    def network(self) -> Script[None]:
        """Any of the three will do: LTE modems may have the third only. Each tells `known`."""
        self._known.ask_network_anew()
        for name in ("CREG", "CEREG", "CGREG"):
            yield from self._speech.ask(f"AT+{name}?", f"+{name}:")
            if self._known.status.registered:
                return

    def operator(self) -> Script[None]:
        known = self._known
        name = ""
        if known.status.registered:
            yield from self._speech.ask("AT+COPS=3,0")
            value = (yield from self._speech.ask("AT+COPS?", "+COPS:")).value
            quoted = value.split('"')
            name = quoted[1][:24] if len(quoted) > 2 else ""
        known.status = replace(known.status, operator=name)

    def signal(self) -> Script[None]:
        yield from self._speech.ask("AT+CSQ", "+CSQ:")
        self._known.give_up_waiting()

    def message(self, place: Place) -> Script[None]:
        """Take out what lies at `place`; some modems keep reports in a store of their own."""
        yield from self._switch(place.memory)
        answer = yield from self._speech.ask(f"AT+CMGR={place.index}", "+CMGR:")
        for _, data in answer.pairs:
            self._known.message(data)
        if answer.good:
            yield from self._speech.ask(f"AT+CMGD={place.index}")

    def store(self) -> Script[None]:
        """Take out everything that lies there: a full store takes no more, and may not send."""
        yield from self._switch(self._home)
        answer = yield from self._speech.ask("AT+CMGL=4", "+CMGL:", within_s=LISTING_S)
        for header, data in answer.pairs[:STORED_MAX]:
            index = header.partition(":")[2].partition(",")[0].strip()
            self._known.message(data)
            if index.isdecimal():
                yield from self._speech.ask(f"AT+CMGD={index[:4]}")

    def _switch(self, memory: str) -> Script[None]:
        if memory and memory != self._memory:
            yield from self._speech.ask(f'AT+CPMS="{memory}"')
            self._memory = memory
