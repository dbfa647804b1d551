"""`chargepoint qr`: the QR code of the driver's page, for the terminal, a file or a sticker."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import click

from chargepoint.catalog import languages, phrase
from chargepoint.cli.station import config_option, fail, json_option, loaded, print_json
from chargepoint.config import Config
from chargepoint.config.addresses import driver_url

BORDER = 4
"""Modules of quiet zone that readers need."""

STICKER_MM = (62, 92)
CODE_MM = 50
GLYPH_RATIO = 0.55
"""Mean width of a letter to its height, to keep long names on the sticker."""

LONG = 40
"""Letters of an address that are still read easily below the code."""


@click.command("qr")
@config_option
@json_option
@click.option("--evse", type=click.IntRange(min=1), help="The page of this EVSE.")
@click.option("--svg", type=click.Path(dir_okay=False), help="Write the code to an SVG file.")
@click.option("--png", type=click.Path(dir_okay=False), help="Write the code to a PNG file.")
@click.option(
    "--sticker",
    type=click.Path(dir_okay=False),
    help="Write a sticker of 62 x 92 mm as SVG: code, place, support phone.",
)
@click.option("--language", default=None, help="Language of the sticker.  [default: the site's]")
def qr(
    config_path: str,
    as_json: bool,
    evse: int | None,
    svg: str | None,
    png: str | None,
    sticker: str | None,
    language: str | None,
) -> None:
    """Show the QR code of the driver's page, or write it to files.

    The address is `web.public_url`. Without that it is taken from `web.listen`, with the name of
    this host where it listens on all addresses. Nothing is asked of the running station.
    """
    config = loaded(config_path)
    _check(config, evse, language)
    address, advice = _address(config, evse)
    code = _code(address)
    written = [name for name in (svg, png, sticker) if name]
    try:
        for name, kind in ((svg, "svg"), (png, "png")):
            if name:
                code.save(name, kind=kind, scale=8, border=BORDER, light="#fff")
        if sticker:
            text = sticker_svg(config, evse, address, language or config.site.language)
            Path(sticker).write_text(text, "utf-8")
    except OSError as error:
        fail(f"{error.filename or written[0]}: cannot be written: {error.strerror or error}")
    if as_json:
        print_json({"url": address, "evse": evse, "files": written, "advice": advice})
        return
    if not written:
        click.echo(_for_terminal(code))
    click.echo(address)
    for name in written:
        click.echo(f"written: {name}")
    if advice:
        click.echo(f"Note: {advice}", err=True)


def sticker_svg(config: Config, evse: int | None, address: str, language: str) -> str:
    """A sticker: site, place, code, whom to call."""
    width, height = STICKER_MM
    named = config.site.name or phrase("driver.title", language)
    several = evse is not None and len(config.evse) > 1
    phone = config.site.support_phone
    # fmt: off
    lines = (
        # baseline, size in mm, weight, text
        (9.0,  5.0, 700, named),
        (15.5, 4.5, 700, phrase("driver.place", language, evse=evse) if several else ""),
        (73.5, 3.8, 400, phrase("driver.sticker.scan", language)),
        (80.5, 4.5, 700, phrase("driver.sticker.help", language, phone=phone) if phone else ""),
        (87.5, 2.4, 400, address if len(address) <= LONG else ""),
    )
    # fmt: on
    texts = "".join(_line(*line, width) for line in lines if line[3])
    code = _code(address)
    scale = CODE_MM / code.symbol_size(scale=1, border=BORDER)[0]
    out = io.BytesIO()
    code.save(out, kind="svg", xmldecl=False, svgns=False, nl=False, border=BORDER, omitsize=True)
    inner = out.getvalue().decode()
    path = inner[inner.index("<path") : inner.rindex("</svg>")]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" text-anchor="middle">'
        f'<rect width="{width}" height="{height}" rx="3" fill="#fff"/>{texts}'
        f'<g transform="translate({(width - CODE_MM) / 2} 18) scale({scale:.5f})">{path}</g>'
        "</svg>\n"
    )


def _line(baseline: float, size: float, weight: int, text: str, width: int) -> str:
    size = min(size, (width - 6) / (GLYPH_RATIO * len(text)))
    return (
        f'<text x="{width / 2}" y="{baseline}" font-size="{size:.2f}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )


def _check(config: Config, evse: int | None, language: str | None) -> None:
    ids = [each.id for each in config.evse]
    if evse is not None and evse not in ids:
        raise click.UsageError(f"there is no EVSE {evse}; one of {', '.join(map(str, ids))}")
    if language is not None and language not in languages():
        raise click.UsageError(f"no language `{language}`; one of {', '.join(languages())}")
    if config.web is None or not config.web.driver_page:
        fail("no driver's page is served: add [web] with driver_page = true to the configuration")


def _address(config: Config, evse: int | None) -> tuple[str, str]:
    """Address of the page, and what to change where it is only a guess."""
    assert config.web is not None
    known = driver_url(config, evse)
    if known is not None:
        certain = bool(config.web.public_url)
        return known, "" if certain else "set web.public_url if drivers reach it elsewhere"
    host, _, port = config.web.listen.rpartition(":")
    if host.strip("[]") not in ("0.0.0.0", "::", ""):
        fail(
            f"the pages listen on {config.web.listen}, which nobody else can reach: "
            "set web.public_url to the address that drivers use"
        )
    import msgspec

    name = socket.gethostname()
    web = msgspec.structs.replace(config.web, listen=f"{name}:{port}")
    guessed = driver_url(msgspec.structs.replace(config, web=web), evse)
    if guessed is None:
        fail("this host has no name that others know: set web.public_url")
    return guessed, f"`{name}` is the name of this host; set web.public_url if drivers need another"


def _code(address: str) -> Any:
    import segno

    return segno.make(address, error="m", micro=False)


def _for_terminal(code: Any) -> str:
    out = io.StringIO()
    code.terminal(out=out, border=2, compact=True)
    return out.getvalue()
