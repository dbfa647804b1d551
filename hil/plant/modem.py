"""A GSM modem's surroundings: SIM, network, and the messages that go and come."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

SENT_MAX = 200
STORE_MAX = 10
PIN_ATTEMPTS = 3
GOOD_RSSI, WEAK_RSSI = 20, 3
DELIVERED, EXPIRED = 0x00, 0x46

# fmt: off
MODEM_FAULTS = {
    "no_network":          "Finds no network",
    "registration_denied": "The network refuses the SIM",
    "weak_signal":         "Receives -107 dBm",
    "sim_missing":         "There is no SIM in it",
    "sim_blocked":         "The SIM wants its PUK",
    "sms_refused":         "The network takes no message for now (CMS error 38)",
    "sms_failing":         "The modem fails at each message (CMS error 300)",
    "sms_barred":          "The operator bars messages (CMS error 8)",
    "undeliverable":       "Messages expire at the service centre",
    "store_full":          "The SIM's memory is full (CMS error 322) until something is deleted",
    "restart":             "Starts again by itself, once",
    "chatty":              "Tells something unasked in each answer",
}
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message that the network has taken, all its parts joined."""

    at_s: float
    to: str
    text: str
    parts: int
    references: tuple[int, ...]
    validity_s: float | None
    report: bool


@dataclass(slots=True)
class Modem:
    """State that outlives a restart of the modem, save for `unlocked`."""

    pin: str = ""
    """Of the SIM; empty: it wants none."""
    faults: set[str] = field(default_factory=set)
    pin_attempts: int = PIN_ATTEMPTS
    unlocked: bool = False
    lte_only: bool = False
    """Registered for packets only: +CREG says 0."""
    reference: int = 0
    centre: str = "+491710760000"
    sent: deque[SentMessage] = field(default_factory=lambda: deque(maxlen=SENT_MAX))
    store: dict[int, str] = field(default_factory=dict)
    """PDUs by place."""
    own_report_store: bool = False
    """Delivery reports lie in a store of their own, `SR`."""
    reports: dict[int, str] = field(default_factory=dict)

    @property
    def sim(self) -> str:
        """As `+CPIN` says it."""
        if "sim_missing" in self.faults:
            return "NOT INSERTED"
        if "sim_blocked" in self.faults or self.pin_attempts == 0:
            return "SIM PUK"
        return "SIM PIN" if self.pin and not self.unlocked else "READY"

    @property
    def registration(self) -> int:
        if self.sim != "READY":
            return 0
        if "no_network" in self.faults:
            return 2
        return 3 if "registration_denied" in self.faults else 1

    @property
    def rssi(self) -> int:
        return WEAK_RSSI if "weak_signal" in self.faults else GOOD_RSSI

    def enter_pin(self, pin: str) -> bool:
        """Whether the SIM takes it; the third wrong one blocks it."""
        if pin == self.pin:
            self.unlocked, self.pin_attempts = True, PIN_ATTEMPTS
            return True
        self.pin_attempts = max(self.pin_attempts - 1, 0)
        return False

    def memory(self, name: str) -> dict[int, str]:
        """The store that a modem calls `SM` or `SR`."""
        return self.reports if name == "SR" else self.store

    def keep(self, pdu: str, memory: str = "SM") -> int | None:
        """Place in the store; None when it is full."""
        store = self.memory(memory)
        places = [place for place in range(1, STORE_MAX + 1) if place not in store]
        if not places:
            return None
        store[places[0]] = pdu
        return places[0]

    def next_reference(self) -> int:
        self.reference = self.reference % 255 + 1
        return self.reference
