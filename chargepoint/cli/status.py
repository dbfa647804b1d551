"""`chargepoint status`: the station as it is now, for people or as JSON."""

from __future__ import annotations

import click

from chargepoint.catalog import entries
from chargepoint.cli.station import ask, config_option, fail, json_option, loaded, print_json
from chargepoint.ipc.messages import EvseSnapshot
from chargepoint.ipc.service import (
    CostStatus,
    CountsStatus,
    CsmsStatus,
    EvseStatus,
    GetStatus,
    LedgerStatus,
    LocalCostStatus,
    StationStatus,
)
from chargepoint.price_plan import minor_units

COLOURS = {
    "Available": "green",
    "Charging": "green",
    "Faulted": "red",
    "Unavailable": "red",
    "accepted": "green",
    "rejected": "red",
}


@click.command()
@config_option
@json_option
def status(config_path: str, as_json: bool) -> None:
    """Show the station as it is now: each EVSE, the CSMS link and the records that wait."""
    answer = asked(config_path)
    if as_json:
        print_json(answer)
        return
    show(answer)


def asked(config_path: str) -> StationStatus:
    """What the running agent says of the station; exits when it cannot be had."""
    answer = next(ask(loaded(config_path), GetStatus()), None)
    if not isinstance(answer, StationStatus):
        fail(f"the agent answered {type(answer).__name__} instead of its status")
    return answer


def _owed(ledger: LedgerStatus) -> str:
    oldest = (
        "" if ledger.oldest_waiting_s is None else f", oldest {duration(ledger.oldest_waiting_s)}"
    )
    refused = coloured(f"{ledger.quarantined} refused", "red" if ledger.quarantined else None)
    waiting = f"{ledger.waiting} waiting{oldest}"
    return f"  Records  {ledger.acknowledged} acknowledged, {waiting}, {refused}"


def show(station: StationStatus) -> None:
    """Print `station` for a person."""
    click.echo(
        f"{click.style(station.station, bold=True)}  chargepoint {station.version}, "
        f"up {duration(station.uptime_s)}, clock: {station.clock}"
    )
    show_csms(station.csms)
    ledger = station.ledger
    if station.csms.configured:
        click.echo(_owed(ledger))
    else:
        click.echo(f"  Records  {ledger.waiting} kept for a CSMS that may come")
    for warning in station.warnings:
        click.echo("  " + click.style(f"Warning  {warning}", fg="yellow"))
    for evse in station.evses:
        click.echo()
        show_evse(evse)


def show_csms(csms: CsmsStatus) -> None:
    """Print the CSMS link in one or two lines."""
    if not csms.configured:
        click.echo("  CSMS     none configured")
        return
    version = f" OCPP {csms.version}" if csms.version else ""
    state = coloured(csms.state, COLOURS.get(csms.state, "yellow"))
    click.echo(f"  CSMS     {state}{version} for {duration(csms.since_s)}, {csms.url}")
    if csms.last_error and csms.state not in ("connected", "accepted"):
        again = "" if csms.next_attempt_s is None else f"; next try in {csms.next_attempt_s:.0f} s"
        click.echo(f"           last error: {csms.last_error}{again}")
        if csms.check:
            click.echo(f"           to check: {csms.check}")


def show_evse(evse: EvseStatus) -> None:
    """Print one EVSE."""
    state = coloured(evse.state, COLOURS.get(evse.state, "yellow"))
    click.echo(f"{click.style(f'EVSE {evse.evse}', bold=True)}  {state}{_fault(evse.fault)}")
    if not evse.enabled:
        click.echo("  " + click.style("taken out of service here", fg="yellow"))
    if evse.local_limit_a is not None:
        click.echo(f"  Local limit {evse.local_limit_a:g} A")
    control = evse.control
    if control is None:
        click.echo("  " + click.style("the safety program is not reached", fg="red"))
    else:
        click.echo(f"  {condition(control)}")
        for hazard in control.hazards:
            click.echo(f"  {warning(hazard)}")
    if evse.meter is not None:
        click.echo(f"  {_meter(evse)}")
    transaction = evse.transaction
    if transaction is not None:
        energy = "?" if transaction.energy_wh is None else f"{transaction.energy_wh / 1000:.3f} kWh"
        number = "not yet known" if transaction.csms_id is None else str(transaction.csms_id)
        click.echo(
            f"  Transaction {number} of {transaction.id_token}: {energy}, "
            f"{transaction.charging_state}, since {transaction.started_at or 'unknown'}"
        )
    if evse.cost is not None and (evse.cost.price or evse.cost.cost is not None):
        click.echo(f"  {_cost(evse.cost)}")
    elif evse.local_cost is not None:
        click.echo(f"  {_local_cost(evse.local_cost)}")
    if evse.counts is not None:
        click.echo(f"  {_counts(evse.counts)}")


def condition(control: EvseSnapshot) -> str:
    """Pilot, contactor, what is offered, and what binds it, in one line."""
    pilot = control.pilot.value if control.pilot else "?"
    contactor = {True: "closed", False: "open", None: "not known"}[control.contactor_closed]
    phases = "1 phase" if control.phases == 1 else f"{control.phases} phases"
    return (
        f"Pilot {pilot}, {control.phase.value}; contactor {contactor}; "
        f"offered {control.offered_a:g} A of {control.limit_a:g} A "
        f"({control.limited_by}), {phases}"
    )


def warning(hazard: str) -> str:
    """A hazard that stops the connector, or one that only warns or limits."""
    entry = entries().get(hazard)
    stops = entry is None or entry.stops
    label = click.style("Hazard " if stops else "Warning", fg="red" if stops else "yellow")
    return f"{label} {_fault(hazard).removeprefix(': ')}"


def duration(seconds: float) -> str:
    """`seconds` for people: `12 s`, `3 min`, `2 h 05 min`, `4 d 3 h`."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    if whole < 172800:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def coloured(text: str, colour: str | None) -> str:
    return click.style(text, fg=colour) if colour else text


def _fault(fault: str | None) -> str:
    if fault is None:
        return ""
    entry = entries().get(fault)
    return f": {entry.title} ({fault})" if entry else f": {fault}"


def _cost(cost: CostStatus) -> str:
    parts = [f"Price {cost.price}"] if cost.price else []
    if cost.cost is not None:
        kind = "final cost" if cost.final else "cost so far"
        parts.append(f"{kind} {cost.cost:g}{' (idle)' if cost.idle else ''}")
    return "; ".join([*parts, *([cost.text] if cost.text else [])])


def _local_cost(cost: LocalCostStatus) -> str:
    kind = "cost" if cost.final else "cost so far"
    most = " at most" if cost.provisional else ""
    idle = " (idle)" if cost.idle else ""
    amount = f"{cost.cost:.{minor_units(cost.currency)}f} {cost.currency}"
    told = f"{kind}{most} {amount}{idle}{_parts(cost)}"
    return f"Tariff {cost.price}; {told}, not billed here"


def _parts(cost: LocalCostStatus) -> str:
    """What the cost is made of, where that says more than the cost itself."""
    digits = minor_units(cost.currency)
    told = [f"{part.id} {part.amount:.{digits}f}" for part in cost.parts]
    if cost.tax is not None and not any(part.id == "tax" for part in cost.parts):
        told.append(f"tax in it {cost.tax:.{digits}f}")
    return f": {', '.join(told)}" if len(told) > 1 else ""


def _counts(counts: CountsStatus) -> str:
    parts = [
        f"{counts.operations} contactor operations ({counts.openings_under_load} under load)",
        f"{counts.plug_ins} plug-ins",
    ]
    if counts.rcd_tests_passed or counts.rcd_tests_failed:
        failed = coloured(
            f"{counts.rcd_tests_failed} failed", "red" if counts.rcd_tests_failed else None
        )
        parts.append(f"RCD tests {counts.rcd_tests_passed} passed, {failed}")
    if counts.hazards:
        often = sorted(counts.hazards.items(), key=lambda item: (-item[1], item[0]))
        parts.append("hazards " + ", ".join(f"{hazard} {times}" for hazard, times in often))
    return "So far: " + "; ".join(parts)


def _meter(evse: EvseStatus) -> str:
    meter = evse.meter
    assert meter is not None
    parts = []
    if meter.energy_import_wh is not None:
        parts.append(f"{meter.energy_import_wh / 1000:.3f} kWh")
    if meter.power_w is not None:
        parts.append(f"{meter.power_w / 1000:.2f} kW")
    if meter.current_a:
        parts.append("/".join(f"{current:.1f}" for current in meter.current_a) + " A")
    if meter.voltage_v:
        parts.append("/".join(f"{voltage:.0f}" for voltage in meter.voltage_v) + " V")
    return "Meter " + ", ".join(parts)
