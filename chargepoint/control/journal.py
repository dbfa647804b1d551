"""What the safety program tells its own log: the facts that a person would ask about later."""

from __future__ import annotations

from chargepoint import log
from chargepoint.ipc import messages as m
from chargepoint.ipc.story import noted

_log = log.get("control")


def note(fact: m.Fact) -> None:
    """Log `fact` if it belongs to the story of a session or of a fault."""
    line = noted(fact)
    if line is not None:
        getattr(_log, line.level)(line.name, **line.fields)
