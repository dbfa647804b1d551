"""`chargepoint web`: the pages of the station, and who may log in to them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from chargepoint.cli.run import loading
from chargepoint.cli.station import config_option, fail, json_option, loaded, print_json
from chargepoint.config import Config

if TYPE_CHECKING:
    from chargepoint.web.accounts import Accounts


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def web(context: click.Context, config_path: str) -> None:
    """Serve the pages in the foreground (without a command), or manage their accounts."""
    context.obj = config_path
    if context.invoked_subcommand is None:
        _serve(config_path)


def _chosen(context: click.Context, config_path: str | None) -> Config:
    """The file named after the command, else the one named before it."""
    return loaded(config_path or context.obj)


own_config = click.option("--config", "config_path", metavar="FILE", help="Configuration.")


@web.command()
@own_config
@click.pass_context
def serve(context: click.Context, config_path: str | None) -> None:
    """Serve the pages in the foreground; SIGTERM stops it in order."""
    _serve(config_path or context.obj)


def _serve(config_path: str) -> None:
    config = loaded(config_path)
    with loading():
        from chargepoint.web.main import run as run_web

    sys.exit(run_web(config))


@web.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice(["technician", "owner"]),
    help="What the account may do; the first account is an owner, further ones are technicians.",
)  # fmt: skip
@own_config
@json_option
@click.pass_context
def passwd(
    context: click.Context, name: str, role: str | None, config_path: str | None, as_json: bool
) -> None:
    """Make the account NAME, or set its password. It is asked for, or read from standard input."""
    from chargepoint.web.accounts import AccountsError, Role

    accounts = _accounts(_chosen(context, config_path))
    password = _password()
    try:
        if role is None and not accounts.all():
            role = "owner"
        account = accounts.set(name, password, Role(role) if role else None)
    except AccountsError as error:
        fail(str(error))
    if as_json:
        print_json({"account": name, "role": account.role})
    else:
        click.echo(f"{name}: password set, {account.role}")


@web.command()
@own_config
@json_option
@click.pass_context
def users(context: click.Context, config_path: str | None, as_json: bool) -> None:
    """List the accounts, and the fingerprint of the certificate that the pages show."""
    from chargepoint.web.accounts import AccountsError

    config = _chosen(context, config_path)
    try:
        found = _accounts(config).all()
    except AccountsError as error:
        fail(str(error))
    rows = [
        {"account": name, "role": one.role, "changed_at": one.changed_at}
        for name, one in sorted(found.items())
    ]
    certificate = _fingerprint(config)
    if as_json:
        print_json({"accounts": rows, "certificate_sha256": certificate})
        return
    for row in rows:
        click.echo(f"{row['account']:<20} {row['role']:<12} {row['changed_at']}")
    if not rows:
        click.echo("no account yet; make one with `chargepoint web passwd NAME`")
    if certificate:
        click.echo(f"certificate SHA-256: {certificate}")


@web.command()
@click.argument("name")
@own_config
@json_option
@click.pass_context
def remove(context: click.Context, name: str, config_path: str | None, as_json: bool) -> None:
    """Remove the account NAME; its sessions end."""
    from chargepoint.web.accounts import AccountsError

    try:
        _accounts(_chosen(context, config_path)).remove(name)
    except AccountsError as error:
        fail(str(error))
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"{name}: removed")


def _accounts(config: Config) -> Accounts:
    from chargepoint.web.accounts import Accounts

    return Accounts(config.state_dir)


def _password() -> str:
    """Typed twice on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return password
    return sys.stdin.readline().rstrip("\r\n")


def _fingerprint(config: Config) -> str:
    """Of the certificate in use; empty where there is none yet. Nothing is made here."""
    if config.web is None or config.web.tls == "off":
        return ""
    from chargepoint.web.tls import FOLDER, files_of, fingerprint

    if config.web.tls == "files":
        return fingerprint(files_of(config, config.web)[0])
    return fingerprint(config.state_dir / FOLDER / "cert.pem")
