"""How commands find the station that they are about, and talk to it.

The configuration file is given with `--config`, or by the environment variable
CHARGEPOINT_CONFIG, or it is /etc/chargepoint/station.toml.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import click
import msgspec

from chargepoint.config import Config, ConfigError, load

DEFAULT_CONFIG = "/etc/chargepoint/station.toml"
ANSWER_WAIT_S = 5.0

config_option = click.option(
    "--config",
    "config_path",
    envvar="CHARGEPOINT_CONFIG",
    default=DEFAULT_CONFIG,
    show_default=True,
    metavar="FILE",
    help="Configuration of the station (or set CHARGEPOINT_CONFIG).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def loaded(path: str) -> Config:
    """The configuration in `path`; prints every mistake and exits with 2 when it is wrong."""
    try:
        return load(path)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


def chosen_bus(config: Config, bus: str | None) -> str:
    """The safety bus that is meant: the only one, or the one named. Raises click.UsageError."""
    buses = config.safety_buses()
    if bus is None and len(buses) > 1:
        raise click.UsageError(f"--bus is needed; one of {', '.join(buses)}")
    if bus is not None and bus not in buses:
        raise click.UsageError(f"no board is on bus `{bus}`; one of {', '.join(buses)}")
    return bus or buses[0]


def fail(message: str) -> NoReturn:
    """Print why it did not work and exit with 1."""
    click.echo(message, err=True)
    sys.exit(1)


def print_json(value: Any) -> None:
    """`value` (msgspec structs, plain data) as indented JSON on standard output."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False))


def ask(config: Config, request: Any, within_s: float | None = None) -> Iterator[Any]:
    """Answers of the running agent to `request`; exits with 1 when it cannot be reached.

    `within_s`: longest wait for an answer, where some action takes longer than usual.
    """
    from chargepoint.cli.legible import cleaned
    from chargepoint.ipc.client import ServiceClient, Unreachable

    try:
        with ServiceClient(config.agent_socket(), timeout_s=within_s or ANSWER_WAIT_S) as client:
            yield from map(cleaned, client.ask(request))
    except Unreachable as error:
        fail(f"the agent of {config.station.id} does not answer: {error}")


def carry_out(
    config: Config, request: Any, as_json: bool, *, within_s: float | None = None, who: str = ""
) -> None:
    """Have the agent do `request` and print what it did; exits with 1 and why it did not."""
    from chargepoint.ipc.service import Done

    answer = next((one for one in ask(config, request, within_s) if isinstance(one, Done)), None)
    if answer is None:
        fail("the agent gave no answer")
    if as_json:
        print_json(answer)
    elif answer.ok:
        click.echo(answer.detail)
    if not answer.ok:
        fail(f"{who}: {answer.detail}" if who else answer.detail)
