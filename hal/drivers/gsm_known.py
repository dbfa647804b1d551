"""What is known of a GSM modem from its own lines: network, SIM, signal, messages, restarts."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hal.drivers.gsm_dialogue import Unsolicited
from hal.drivers.gsm_reports import (
    ModemEvent,
    ModemStatus,
    NotSent,
    Received,
    Registration,
    Restarted,
    State,
)
from hal.sms.assembly import Assembly
from hal.sms.received import BadPdu, StatusReport, decoded
from hal.sms.submit import Pdu

EVENTS_MAX = 256
TO_READ_MAX = 64
RSSI_MAX = 31
WEAK_RSSI = 6
"""Below this (-101 dBm) a message may not get through."""
WEAK_AFTER_S = 300.0
RESTART_LINES = ("RDY", "^SYSSTART")
LATE_LINES = ("Call Ready", "SMS Ready")
"""Of a start too, but some seconds after it, when ours may be done."""
LATE_S = 60.0
_PLACE = re.compile(r'"([A-Z]{2})"\s*,\s*([0-9]{1,4})(?![0-9])')
_SUPPLY = re.compile(r"(UNDER|OVER)-VOLTAGE.*|NORMAL POWER DOWN")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies: the memory's two letters, as the modem names it, and the index."""

    memory: str
    index: int


class Known:
    """Takes the lines that nobody asked for, and keeps what follows from them."""

    def __init__(self) -> None:
        self.status = ModemStatus()
        self.now_s = -math.inf
        self.events: deque[ModemEvent] = deque(maxlen=EVENTS_MAX)
        self.job: tuple[int, tuple[Pdu, ...]] | None = None
        """The message that is under way."""
        self.sim = ""
        """What `+CPIN` said last."""
        self.to_read: deque[Place] = deque(maxlen=TO_READ_MAX)
        """Places in the store where something new lies."""
        self.ringing = False
        self.restarted = False
        """It has forgotten what it was told."""
        self.switched_by_us = False
        """A restart that we have asked for is going on."""
        self.started_s = -math.inf
        """When it began to be set up, or was set up."""
        self.unregistered_s: float | None = None
        """Since when it has no network."""
        self._registrations: dict[str, Registration] = {}
        self._weak_since_s: float | None = None
        self._assembly = Assembly()

    # --- for the script ---------------------------------------------------------------------------

    def tell(self, state: State, problem: str = "") -> None:
        self.status = replace(self.status, state=state, problem=problem)

    def give_back(self, reason: str) -> None:
        """The message under way has not been sent."""
        if self.job is not None:
            self.events.append(NotSent(job=self.job[0], again=True, reason=reason))
            self.job = None

    def forget_network(self) -> None:
        self._registrations.clear()
        self.unregistered_s = self.now_s
        self.status = replace(self.status, registered=False, roaming=False)

    def ask_network_anew(self) -> None:
        """What was said before is not to hide what is said next."""
        self._registrations.clear()

    @property
    def denied(self) -> bool:
        return Registration.DENIED in self._registrations.values()

    def message(self, data: str) -> None:
        """A PDU came, on its own or out of the store."""
        try:
            message = decoded(data)
        except BadPdu:
            return  # one of ours in the store, or a kind that nobody sends to a charger
        if isinstance(message, StatusReport):
            self.events.append(message)
        else:
            self._received(self._assembly.add(message, self.now_s))

    def give_up_waiting(self) -> None:
        """Parts whose rest has not come for long are given as they are."""
        self._received(self._assembly.expired(self.now_s))

    def _received(self, messages: Sequence[tuple[str, str]]) -> None:
        self.events.extend(Received(number=number, text=text) for number, text in messages)

    # --- lines ------------------------------------------------------------------------------------

    def hear(self, found: Unsolicited) -> None:
        """One line that may come at any time."""
        name, _, value = (part.strip() for part in found.line.partition(":"))
        match name:
            case "+CREG" | "+CGREG" | "+CEREG":
                self._registration(name, value)
            case "+CPIN":
                self._sim(value)
            case "+CSQ":
                self._signal(value)
            case "+CMTI" | "+CDSI":
                place = _PLACE.match(value)
                if place is not None:
                    self.to_read.append(Place(place[1], int(place[2])))
            case "+CMT" | "+CDS":
                self.message(found.data)
            case "RING" | "+CRING":
                self.ringing = True
            case "+CSMINS":
                self.restarted = True
            case _:
                self._start_or_supply(found.line)

    def _registration(self, name: str, value: str) -> None:
        """`mode,status,…` where it was asked for; `status` or `status,"area","cell"` where not."""
        fields = [field.strip() for field in value.split(",")]
        asked = len(fields) > 1 and fields[1].isdecimal()
        text = fields[1] if asked else fields[0]
        if not text.isdecimal():
            return
        self._registrations[name] = Registration.of(int(text[:3]))
        carrying = [one for one in self._registrations.values() if one.carries_messages]
        if carrying:
            self.unregistered_s = None
        elif self.unregistered_s is None:
            self.unregistered_s = self.now_s
        roaming = bool(carrying) and all(one.roaming for one in carrying)
        self.status = replace(self.status, registered=bool(carrying), roaming=roaming)

    def _sim(self, value: str) -> None:
        before, self.sim = self.sim, value
        if value in ("NOT READY", "NOT INSERTED") and before == "READY":
            self.restarted = True

    def _signal(self, value: str) -> None:
        """`rssi,ber`: 0 to 31 are steps of 2 dB from -113 dBm, 99 says nothing (27.007, 8.5)."""
        text = value.partition(",")[0].strip()
        rssi = int(text[:3]) if text.isdecimal() else RSSI_MAX + 1
        if rssi > RSSI_MAX:
            self.status = replace(self.status, signal_dbm=None)
            return
        if rssi >= WEAK_RSSI:
            self._weak_since_s = None
        elif self._weak_since_s is None:
            self._weak_since_s = self.now_s
        weak = self._weak_since_s is not None and self.now_s - self._weak_since_s >= WEAK_AFTER_S
        self.status = replace(self.status, signal_dbm=2 * rssi - 113, weak=weak)

    def _start_or_supply(self, line: str) -> None:
        if _SUPPLY.fullmatch(line):
            self.events.append(Restarted(reason=f"its supply: {line.lower()}"))
            return
        late = line in LATE_LINES and self.now_s - self.started_s > LATE_S
        if line not in RESTART_LINES and not late:
            return
        self.restarted = True
        if not self.switched_by_us:
            self.status = replace(self.status, restarts=self.status.restarts + 1)
            self.events.append(Restarted(reason=f"it started by itself ({line})"))
