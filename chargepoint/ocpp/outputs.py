"""What one entry point of an adapter has to say, collected in order."""

from __future__ import annotations

from collections.abc import Sequence

from chargepoint.ocpp.adapter import Close, Noted, Output, Send, Tell, Trace
from chargepoint.ocpp.redaction import redacted
from chargepoint.ocpp.rpc import Passed
from chargepoint.station.events import Event


class Outputs:
    """A list of outputs that is taken once."""

    def __init__(self) -> None:
        self._outputs: list[Output] = []

    def take(self) -> Sequence[Output]:
        taken, self._outputs = self._outputs, []
        return taken

    def tell(self, event: Event) -> None:
        self._outputs.append(Tell(event=event))

    def note(self, name: str, **fields: str | int | float | bool | None) -> None:
        self._outputs.append(Noted(name=name, fields=tuple(fields.items())))

    def close(self, code: int, reason: str) -> None:
        self._outputs.append(Close(code=code, reason=reason))

    def passed(self, frame: Passed) -> None:
        """A frame passed: send it if it is ours, show it in any case."""
        if frame.outgoing:
            self._outputs.append(Send(text=frame.text))
        self._outputs.append(
            Trace(
                outgoing=frame.outgoing,
                kind=frame.kind,
                action=frame.action,
                message_id=frame.message_id,
                text=redacted(frame.text),
            )
        )
