"""What a GSM modem tells: its state, and what became of messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hal.sms.received import StatusReport


class State(Enum):
    """How far the modem is."""

    STARTING = "starting"
    SEARCHING = "searching for a network"
    READY = "ready"
    FAILED = "failed"


class Registration(Enum):
    """Status of `+CREG`, `+CGREG` and `+CEREG` (27.007, 7.2)."""

    NONE = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    UNKNOWN = 4
    ROAMING = 5
    SMS_HOME = 6
    SMS_ROAMING = 7
    EMERGENCY = 8

    @classmethod
    def of(cls, number: int) -> Registration:
        """The status `number`; a number that is not known says UNKNOWN."""
        return cls(number) if number in cls._value2member_map_ else cls.UNKNOWN

    @property
    def carries_messages(self) -> bool:
        return self in (
            Registration.HOME,
            Registration.ROAMING,
            Registration.SMS_HOME,
            Registration.SMS_ROAMING,
        )

    @property
    def roaming(self) -> bool:
        return self in (Registration.ROAMING, Registration.SMS_ROAMING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemStatus:
    """The modem as it is now."""

    state: State = State.STARTING
    problem: str = ""
    """What is wrong, in words; empty: nothing is, as far as it is known."""
    registered: bool = False
    roaming: bool = False
    operator: str = ""
    signal_dbm: int | None = None
    weak: bool = False
    """The signal has been weak for WEAK_AFTER_S."""
    model: str = ""
    sim: str = ""
    """IMSI, masked."""
    restarts: int = 0
    """That were not ours."""
    resets: int = 0
    """That were ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The network has taken all parts of message `job`."""

    job: int
    references: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Message `job` was not taken, or not whole."""

    job: int
    again: bool
    """It may go another time."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message came, all its parts joined."""

    number: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """The modem started by itself, or ran into trouble with its supply."""

    reason: str


ModemEvent = Sent | NotSent | Received | StatusReport | Restarted
