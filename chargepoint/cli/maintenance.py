"""`chargepoint maintenance`: what wears out and falls due, the counters, and who was here."""

from __future__ import annotations

import click

from chargepoint.catalog import phrase
from chargepoint.cli.station import (
    ask,
    carry_out,
    config_option,
    fail,
    json_option,
    loaded,
    print_json,
)
from chargepoint.cli.status import coloured
from chargepoint.ipc.care import (
    GetMaintenance,
    MaintenanceItem,
    MaintenanceStatus,
    RecordVisit,
    UseStatus,
    Visit,
)
from chargepoint.ipc.service import Done

COLOURS = {"good": "green", "due": "yellow", "overdue": "red", "unknown": None}
VISITS_SHOWN = 5
RECORD_WAIT_S = 12.0


@click.group("maintenance")
def maintenance() -> None:
    """What wears out and falls due, the counters, and visits: show, record."""


@maintenance.command("show")
@config_option
@json_option
def show(config_path: str, as_json: bool) -> None:
    """Show each interval and rated life with its due date, the counters, and the last visits.

    Rated lives and intervals stand in [maintenance]; a due date of a life is extrapolated from the
    use of the last half year.
    """
    answer = next(ask(loaded(config_path), GetMaintenance()), None)
    if not isinstance(answer, MaintenanceStatus):
        fail(answer.detail if isinstance(answer, Done) else "the agent gave no answer")
    if as_json:
        print_json(answer)
        return
    for item in answer.items:
        click.echo(_item_line(item))
    click.echo()
    for use in answer.uses:
        click.echo(_use_line(use))
    click.echo()
    for visit in answer.visits[:VISITS_SHOWN]:
        click.echo(_visit_line(visit))
    if not answer.visits:
        click.echo("No visit is recorded yet.")


@maintenance.command("record")
@click.argument("note")
@click.option("--task", "tasks", multiple=True, help="A task that is done, as `show` names it.")
@click.option("--by", default="", help="Who was here; default: the user who calls this.")
@config_option
@json_option
def record(note: str, tasks: tuple[str, ...], by: str, config_path: str, as_json: bool) -> None:
    """Record a visit with a NOTE; each `--task` that was done begins anew.

    `contactor/N` means a new contactor: its loaded openings and its closing time begin anew too.
    """
    request = RecordVisit(note=note, tasks=tasks, by=by)
    carry_out(loaded(config_path), request, as_json, within_s=RECORD_WAIT_S)


def _item_line(item: MaintenanceItem) -> str:
    state = coloured(f"{item.state:<8}", COLOURS[item.state])
    name = phrase(f"task.{item.task.partition('/')[0]}", evse=item.evse)
    due = f", due {item.due_at}" if item.due_at else ""
    return f"{state} {item.task:<17} {name}: {item.detail}{due}"


def _use_line(use: UseStatus) -> str:
    if use.evse == 0:
        return (
            f"Station  {use.on_h:.0f} h on, {use.starts} starts of the agent, "
            f"{use.boots} of the host"
        )
    parts = [
        f"{use.charging_h:.0f} h charging",
        f"{use.energy_wh / 1000:.1f} kWh",
        f"{use.starts} starts of the safety program",
    ]
    if use.temperature_min_c is not None and use.temperature_max_c is not None:
        parts.append(f"{use.temperature_min_c:.0f} to {use.temperature_max_c:.0f} °C")
    if use.closing_reference_s is not None:
        recent_s = use.closing_recent_s
        late = "" if recent_s is None else f", {recent_s * 1000:.0f} ms of late"
        parts.append(f"contactor closed in {use.closing_reference_s * 1000:.0f} ms when new{late}")
    return f"EVSE {use.evse}   " + ", ".join(parts)


def _visit_line(visit: Visit) -> str:
    tasks = f" ({', '.join(visit.tasks)})" if visit.tasks else ""
    return f"{visit.at or 'date unknown':<20} {visit.by}: {visit.note}{tasks}"
