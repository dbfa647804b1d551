"""The words of the full-screen `chargepoint watch`: a picture of the station as lines of text."""

from __future__ import annotations

import click

from chargepoint.catalog import entries, reason_text
from chargepoint.cli.status import duration
from chargepoint.cli.watch_feed import Picture
from chargepoint.ipc.care import AlertStatus, LogLine
from chargepoint.ipc.messages import EvseSnapshot
from chargepoint.ipc.service import EvseStatus, OcppMessage, Reason

REASONS_MAX = 2
PHASE_COLOURS = {
    "energised": "green",
    "closing": "green",
    "faulted": "red",
    "out_of_service": "red",
    "stopping": "yellow",
    "opening": "yellow",
}
SEVERITY_COLOURS = {"critical": "red", "error": "red", "warning": "yellow"}


def head(picture: Picture) -> str:
    """Station, clock, link, records, and what is not reached."""
    status = picture.status
    if status is None:
        said = "waiting for the agent"
    else:
        ledger = status.ledger
        configured = status.csms.configured
        link = f"CSMS {status.csms.state}" if configured else "no CSMS"
        kept = "waiting" if configured else "kept"
        said = (
            f"{status.station}  up {duration(status.uptime_s)}  clock {status.clock}  "
            f"{link}  records {ledger.waiting} {kept}"
        )
    absent = "".join(f"  ! {program} {reason}" for program, reason in picture.absent.items())
    return said + absent


def evse(picture: Picture, number: int) -> str:
    """One EVSE in at most ten lines."""
    control, told = picture.evses.get(number), picture.of(number)
    title = click.style(f"EVSE {number}", bold=True)
    state = "" if told is None else f"  {told.state}{'' if told.enabled else ' (disabled here)'}"
    lines = [title + state]
    if control is None:
        lines.append(click.style("the safety program is not reached", fg="red"))
    else:
        lines += _control(picture, control)
    if told is not None:
        lines += _session(told)
        lines += [f"why      {_reason(reason)}" for reason in told.reasons[:REASONS_MAX]]
    return "\n".join(lines[:10])


def power(picture: Picture, number: int) -> str:
    """Power now and at most, above the curve."""
    kept = picture.powers.get(number)
    if not kept:
        return "no power reading"
    told = picture.of(number)
    meter = None if told is None else told.meter
    amperes = "" if meter is None else "/".join(f"{one:.1f}" for one in meter.current_a)
    return (
        f"{kept[-1] / 1000:.2f} kW{f'  {amperes} A' if amperes else ''}\n"
        f"max {max(kept) / 1000:.2f} kW in {duration(len(kept))}"
    )


def buses(picture: Picture) -> str:
    """Errors of each bus and how late its loop is, one line each."""
    lines = []
    told = {} if picture.health is None else {bus.bus: bus for bus in picture.health.buses}
    for loop in picture.loops.values():
        told |= {bus.bus: bus for bus in loop.buses}
    for name, bus in told.items():
        errors = bus.timeouts + bus.bad_replies
        share = 100 * errors / bus.requests if bus.requests else 0.0
        text = f"bus {name}  {bus.requests} requests, {errors} errors ({share:.2f} %)"
        if bus.latency_p99_s:
            text += f", p99 {bus.latency_p99_s * 1000:.1f} ms"
        late = picture.loops.get(name)
        if late is not None:
            text += (
                f"; loop p99 {late.tick_p99_s * 1000:.1f} ms, max {late.tick_max_s * 1000:.1f} ms"
            )
        lines.append(text + (click.style("  DOWN", fg="red") if bus.down else ""))
    return "\n".join(lines) or "no bus heard yet"


def message(one: OcppMessage) -> str:
    """An OCPP message in one line."""
    arrow = "→" if one.outgoing else "←"
    return f"{one.at[11:23]} {arrow} {one.kind:<6} {one.action:<22} {one.text}"


def logged(one: LogLine) -> str:
    """A line of the log, without its date."""
    fields = " ".join(f"{key}={value}" for key, value in one.fields.items())
    mark = click.style(f"{one.level:<7}", fg=SEVERITY_COLOURS.get(one.level))
    return f"{one.at[11:19]} {mark} {one.event:<22} {fields}"


def alert(one: AlertStatus) -> str:
    """An alert in one line."""
    mark = click.style(f"{one.severity:<8}", fg=SEVERITY_COLOURS.get(one.severity))
    count = f" ×{one.count}" if one.count > 1 else ""
    seen = f"  acknowledged by {one.acknowledged_by}" if one.acknowledged_by else ""
    muted = "  muted" if one.muted else ""
    place = f"{one.place}: " if one.place else ""
    detail = f" ({one.detail})" if one.detail else ""
    what = f"{place}{one.title}{detail}{count}"
    return f"{mark} {one.alert:<5} {what}, {duration(one.age_s)}{seen}{muted}"


def _control(picture: Picture, control: EvseSnapshot) -> list[str]:
    phase = click.style(control.phase.value, fg=PHASE_COLOURS.get(control.phase.value))
    contactor = {True: "closed", False: "open", None: "not known"}[control.contactor_closed]
    lock = {True: ", locked", False: ", unlocked", None: ""}[control.locked]
    heat = "" if control.temperature_c is None else f", {control.temperature_c:.0f} °C"
    lines = [
        f"pilot    {_pilot(picture, control)}",
        f"phase    {phase}, contactor {contactor}{lock}{heat}",
        f"limit    {control.offered_a:g} A offered of {control.limit_a:g} A "
        f"({control.limited_by}), {control.phases} ph",
    ]
    for hazard in control.hazards[:2]:
        entry = entries().get(hazard)
        lines.append(click.style(f"hazard   {entry.title if entry else hazard}", fg="red"))
    return lines


def _pilot(picture: Picture, control: EvseSnapshot) -> str:
    state = control.pilot.value if control.pilot else "?"
    levels = picture.levels
    if levels is None or levels.evse != control.evse:
        return state
    duty = "" if levels.duty_ratio is None else f", duty {levels.duty_ratio * 100:.1f} %"
    return f"{state}  {levels.high_v:+.1f} V / {levels.low_v:+.1f} V{duty}"


def _session(told: EvseStatus) -> list[str]:
    running = told.transaction
    if running is None:
        return []
    energy = "?" if running.energy_wh is None else f"{running.energy_wh / 1000:.3f}"
    since = running.started_at[11:16] or "?"
    return [f"session  {energy} kWh, {running.id_token}, since {since}, {running.charging_state}"]


def _reason(reason: Reason) -> str:
    return reason_text(reason.id, detail=reason.detail, current_a=reason.current_a)
