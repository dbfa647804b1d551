"""`chargepoint simulate`: the plant on the wire."""

from __future__ import annotations

import sys

import click

from chargepoint.cli.station import config_option, loaded


@click.command()
@config_option
def simulate(config_path: str) -> None:
    """Run a simulated charger and car: boards, meters and readers on the configured buses.

    Serial buses appear as links in the run directory, TCP buses on loopback. The page and the
    HTTP interface are at the address of `simulator.http`.
    """
    config = loaded(config_path)
    from hil.simulator import run

    sys.exit(run(config))
