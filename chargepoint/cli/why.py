"""`chargepoint why`: why an EVSE does not charge, or why not faster; the binding reason first."""

from __future__ import annotations

import click
import msgspec

from chargepoint.catalog import next_step, reason_text
from chargepoint.cli.station import config_option, json_option, print_json
from chargepoint.cli.status import asked, coloured
from chargepoint.ipc.service import EvseStatus, Reason, StationStatus

COLOURS = {"inhibits": "red", "waits": "yellow", "limits": None}
MARKS = {"inhibits": "stops", "waits": "waits", "limits": "limit"}


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One EVSE with its reasons in words, for `--json`."""

    evse: int
    summary: str
    charging: bool
    reasons: tuple[ExplainedReason, ...]


class ExplainedReason(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    binding: bool
    current_a: float | None
    detail: str
    text: str
    next: str


@click.command()
@click.argument("number", type=click.IntRange(min=1), required=False)
@config_option
@json_option
def why(number: int | None, config_path: str, as_json: bool) -> None:
    """Say why EVSE NUMBER (default: each) does not charge, or not faster.

    First one sentence with the reason that counts, then every inhibition and limit in force, and
    what can be done about it. `>` marks the one that binds.
    """
    explained = [_explained(evse) for evse in _chosen(asked(config_path), number)]
    if as_json:
        print_json(explained)
        return
    for place, evse in enumerate(explained):
        if place:
            click.echo()
        show(evse)


def show(evse: Explained) -> None:
    """Print one EVSE for a person."""
    click.echo(click.style(evse.summary, bold=True))
    for reason in evse.reasons:
        mark = ">" if reason.binding else " "
        kind = coloured(f"{MARKS[reason.kind]:<5}", COLOURS[reason.kind])
        click.echo(f"  {mark} {kind}  {reason.text}")
        if reason.next:
            click.echo(f"             {reason.next}")


def _chosen(station: StationStatus, number: int | None) -> list[EvseStatus]:
    evses = [evse for evse in station.evses if number in (None, evse.evse)]
    if number is not None and not evses:
        raise click.UsageError(f"no EVSE {number}; there are 1 to {len(station.evses)}")
    return evses


def _explained(evse: EvseStatus) -> Explained:
    reasons = tuple(_in_words(reason) for reason in evse.reasons)
    charging = bool(reasons) and reasons[0].kind == "limits"
    return Explained(
        evse=evse.evse, summary=_summary(evse, reasons), charging=charging, reasons=reasons
    )


def _in_words(reason: Reason) -> ExplainedReason:
    return ExplainedReason(
        id=reason.id,
        kind=reason.kind,
        binding=reason.binding,
        current_a=reason.current_a,
        detail=reason.detail,
        text=reason_text(reason.id, detail=reason.detail, current_a=reason.current_a),
        next=next_step(reason.id, detail=reason.detail),
    )


def _summary(evse: EvseStatus, reasons: tuple[ExplainedReason, ...]) -> str:
    name = f"EVSE {evse.evse}"
    if not reasons:
        return f"{name}: the agent gives no reason"
    first = reasons[0]
    text = first.text[0].lower() + first.text[1:]
    if first.kind != "limits":
        return f"{name} is not charging: {text}"
    offered = evse.control.offered_a if evse.control is not None else 0.0
    return f"{name} is charging, {offered:g} A offered: {text}"
