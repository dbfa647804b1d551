"""`chargepoint config`: is the file right, and where does each value in force come from."""

from __future__ import annotations

import sys

import click

from chargepoint.cli.station import ask, config_option, fail, json_option, loaded, print_json
from chargepoint.config import Config, ConfigError, Mistake, load
from chargepoint.ipc.service import GetConfiguration, Variables


@click.group()
def config() -> None:
    """Check a configuration file; show the values in force."""


@config.command()
@click.argument("file", type=click.Path(dir_okay=False))
@json_option
def check(file: str, as_json: bool) -> None:
    """Check FILE and name every mistake at once. Exits with 0 when it is right, else with 1.

    For each EVSE it says what its board does by itself: its watchdog, whether it opens alone, what
    happens when this program falls silent; or why the board is refused, and what to do. No port is
    opened: whether the devices are there and are what FILE says, only a start can tell.
    """
    try:
        found = load(file)
    except ConfigError as error:
        if as_json:
            print_json({"file": file, "ok": False, "mistakes": error.mistakes})
        else:
            click.echo(str(error), err=True)
            click.echo(f"{len(error.mistakes)} mistake(s) in {file}", err=True)
        sys.exit(1)
    from chargepoint.cli.board_report import board_reports
    from chargepoint.config import web_listen
    from chargepoint.config.advice import advice

    notes = advice(found)
    notes += [f"web: {note}" for note in web_listen.advice(found)]
    reports = board_reports(found)
    problems = _device_problems(found)
    problems += [
        Mistake(f"evse.{report.evse}.board", report.refused)
        for report in reports
        if report.refused and report.refused not in {one.problem for one in problems}
    ]
    if as_json:
        boards = [report.as_json() for report in reports]
        answer = {"ok": not problems, "mistakes": problems, "boards": boards, "notes": notes}
        print_json({"file": file} | answer)
    else:
        for problem in problems:
            click.echo(f"{file}: {problem}", err=True)
        if not problems:
            click.echo(f"{file}: all right: {_summary(found)}")
        for report in reports:
            click.echo(str(report))
        for note in notes:
            click.echo(f"note: {note}")
    sys.exit(1 if problems else 0)


@config.command()
@config_option
@json_option
def show(config_path: str, as_json: bool) -> None:
    """Show every OCPP variable of the running station: value, and where it comes from."""
    answer = next(ask(loaded(config_path), GetConfiguration()), None)
    if not isinstance(answer, Variables):
        fail("the agent gave no answer")
    if as_json:
        print_json(answer.variables)
        return
    for variable in answer.variables:
        name = variable.key or f"{variable.component}.{variable.variable}"
        origin = click.style(
            f"{variable.origin:<8}", fg="cyan" if variable.origin != "default" else None
        )
        locked = "" if variable.writable else "  (read-only)"
        click.echo(f"{name:<40} {origin} {variable.value}{locked}")


def _summary(found: Config) -> str:
    csms = ", ".join(found.csms.addresses) if found.csms else "no CSMS"
    return f"{len(found.evse)} EVSE(s), {len(found.device)} device(s), {csms}"


def _device_problems(found: Config) -> list[Mistake]:
    """What the device loader refuses, without opening any port."""
    from hal.errors import ConfigurationError
    from hal.loader import check_device

    problems = []
    for number, device in enumerate(found.device, start=1):
        try:
            bus = found.bus_named(device.bus)
            check_device(
                driver=device.driver,
                name=device.name,
                map_name=device.map,
                options=device.options,
                bus_kind=bus.kind,
                baud=bus.baud,
            )
        except ConfigurationError as error:
            problems.append(Mistake(f"device.{number}", str(error)))
    return problems
