"""The `chargepoint` command: one module per command, loaded only when it is used.

Exit codes: 0 all well, 1 it failed, 2 the call or the configuration was wrong.
"""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    # name: (module under chargepoint.cli, attribute, one line for --help)
    "run": ("run", "run", "Run the station: control and agent in the foreground."),
    "control": ("run", "control", "Run only the safety program of one bus."),
    "agent": ("run", "agent", "Run only the agent (OCPP, records, readers)."),
    "web": ("web", "web", "Serve the pages; make and remove their accounts."),
    "simulate": ("simulate", "simulate", "Run a simulated charger and car on the wire."),
    "demo": ("demo", "demo", "Simulator, station and a local CSMS together."),
    "status": ("status", "status", "Show the station as it is now."),
    "watch": ("watch", "watch", "Follow what happens: a full screen, or line by line."),
    "alerts": ("alerts", "alerts", "What is wrong, who was told; acknowledge, mute, test."),
    "why": ("why", "why", "Say why an EVSE does not charge, or not faster."),
    "evse": ("evse", "evse", "Actions on one EVSE: enable, disable, limit, unlock, …"),
    "maintenance": ("maintenance", "maintenance", "What wears out and falls due, and visits."),
    "bus": ("bus", "bus", "The buses: list, scan, stats, monitor, read, write."),
    "meter": ("meter", "meter", "The meters: values, age, plausibility, registers."),
    "token": ("token", "token", "Look at cards; keep the station's own list."),
    "log": ("log", "log", "What happened: filter, follow; the audit log."),
    "bundle": ("bundle", "bundle", "One archive with everything that support asks for."),
    "diagnostics": ("diagnostics", "diagnostics", "Write a zip file for a technician."),
    "explain": ("explain", "explain", "Say what a code, event or hazard means."),
    "config": ("config", "config", "Check a configuration file; show values in force."),
    "doctor": ("doctor", "doctor", "Look at every part; say what is wrong and what to do."),
    "qr": ("qr", "qr", "The QR code of the driver's page; a sticker with it."),
    "ocpp": ("ocpp", "ocpp", "The CSMS: link, messages, transactions, records."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command: click.Command = getattr(import_module(f"chargepoint.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chargepoint", prog_name="chargepoint")
def main() -> None:
    """The agent inside an EV charger.

    Start with `chargepoint demo`. In the field, `chargepoint run --config FILE` is what the
    service manager starts; the other commands look at the running station and work at any time.
    """


if __name__ == "__main__":
    main()
