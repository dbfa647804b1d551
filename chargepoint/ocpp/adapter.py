"""The contract between the station and one OCPP version.

An adapter is pure: it is told what arrived on the socket and what the station wants, and returns
text to send, events for the station, or the wish to close. It owns registration, heartbeats,
framing, one call in flight, answers, and the translation in both directions; it stores nothing.
One adapter object serves one version for the life of the agent, across reconnects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chargepoint.station.effects import Effect
from chargepoint.station.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One text frame for the socket."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Close the connection; the shell reconnects by its own back-off."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """An event for the station."""

    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One message as it passed, for `ocpp messages`, the log and the demo panel; redacted."""

    outgoing: bool
    kind: str
    """`call`, `result`, `error` or `invalid`."""
    action: str
    message_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A catalogue event, like `station.effects.Note`."""

    name: str
    fields: tuple[tuple[str, str | int | float | bool | None], ...] = ()


Output = Send | Close | Tell | Trace | Noted


class Adapter(Protocol):
    """One OCPP version, spoken from the station's side."""

    @property
    def subprotocol(self) -> str:
        """Name in Sec-WebSocket-Protocol: `ocpp1.6`, `ocpp2.0.1`, `ocpp2.1`."""
        ...

    def connected(self, now_s: float) -> Sequence[Output]:
        """The socket is open with our subprotocol."""
        ...

    def disconnected(self, now_s: float) -> Sequence[Output]:
        """The socket is gone; calls in flight are returned or reported unanswered."""
        ...

    def received(self, text: str, now_s: float) -> Sequence[Output]:
        """One text frame arrived; never raises for anything that the CSMS may send."""
        ...

    def handle(self, effect: Effect, now_s: float) -> Sequence[Output]:
        """Carry out one effect that concerns the CSMS; others are ignored."""
        ...

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do what is due at `now_s`."""
        ...

    def deadline_s(self) -> float | None:
        """When `tick` wants to be called next."""
        ...
