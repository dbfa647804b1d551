"""The tables of this room as Mermaid and Markdown: docs/iec61851.md shows them, a test compares."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chargepoint.evse.hazards import HAZARDS, Hazard, Seconds
from chargepoint.evse.machine import OUTPUTS, TRANSITIONS, Row
from chargepoint.ipc.messages import Phase


def transition_diagram() -> str:
    """The transitions as a Mermaid state diagram, one arrow per row of the table."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.STARTING.value}"]
    for row in TRANSITIONS:
        lines.append(f"    {row.source.value} --> {row.to.value}: {_words(row.when)}")
    return "\n".join(lines)


def transition_table() -> str:
    """The transitions as a Markdown table: number, clause and confidence of each row."""
    return _table(
        ("row", "from", "when", "to", "clause", "conf."),
        (_transition(number, row) for number, row in enumerate(TRANSITIONS, start=1)),
    )


def output_table() -> str:
    """What belongs to each phase, as a Markdown table."""
    return _table(
        ("phase", "pilot", "contactor", "lock"),
        (
            (phase.value, outputs.pilot.value, outputs.contactor.value, outputs.lock.value)
            for phase, outputs in OUTPUTS.items()
        ),
    )


def hazard_table() -> str:
    """The hazards as a Markdown table."""
    head = (
        *("hazard", "reaction", "must last", "lifted by", "good for", "times", "then", "shows F"),
        "kept",
    )
    return _table(head, (_hazard(hazard) for hazard in HAZARDS.values()))


def _transition(number: int, row: Row) -> tuple[str, ...]:
    when = _words(row.when)
    return (str(number), row.source.value, when, row.to.value, row.clause, row.confidence)


def _hazard(hazard: Hazard) -> tuple[str, ...]:
    return (
        f"`{hazard.id}`",
        hazard.reaction.value,
        _duration(hazard.hold_s),
        hazard.reset.value,
        _duration(hazard.good_s),
        "always" if hazard.attempts is None else str(hazard.attempts),
        "" if hazard.attempts is None else hazard.then.value,
        "yes" if hazard.shows_fault else "",
        "yes" if hazard.persists else "",
    )


def _duration(value: Seconds) -> str:
    return f"`{value}`" if isinstance(value, str) else f"{value:g} s"


def _words(condition: Callable[..., object]) -> str:
    return condition.__name__.replace("_", " ")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
