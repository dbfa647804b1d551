"""The driver's pages as HTML: a first view that works without JavaScript."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from chargepoint.catalog import languages, phrase, phrases
from chargepoint.web.context import Context

TEMPLATES = Path(__file__).parent / "templates"
NAMES = {"en": "English", "de": "Deutsch"}
"""Languages by their own names; others are named by their code."""

PASSED_ON = ("lang", "kiosk")
"""Parameters that stay when a driver goes from page to page."""


@cache
def environment() -> Environment:
    """Templates whose values are all escaped; a missing value is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(
    template: str, request: Request, context: Context, *, code: int = 200, **values: Any
) -> HTMLResponse:
    """One page in the language of the request, with what every page has."""
    language = context.language_of(request)
    frame = {
        "language": language,
        "languages": languages(),
        "names": {each: NAMES.get(each, each) for each in languages()},
        "t": partial(_said, language),
        "raw": partial(_raw, language),
        "link": linker(request),
        "path": request.url.path,
        "kiosk": is_kiosk(request),
        "site_name": context.config.site.name or phrase("driver.title", language),
    }
    text = environment().get_template(template).render({**frame, **values})
    return HTMLResponse(text, code, headers={"Cache-Control": "no-store"})


def is_kiosk(request: Request) -> bool:
    """The page stands on a display at the charger: large, and no way out of it."""
    return request.query_params.get("kiosk") == "1"


def linker(request: Request) -> Callable[..., str]:
    """Makes links that keep language and kiosk mode; parameters that are None are left out."""
    kept = {key: value for key in PASSED_ON if (value := request.query_params.get(key))}

    def link(path: str, **parameters: object) -> str:
        query = {**kept, **{key: value for key, value in parameters.items() if value is not None}}
        return path + ("?" + urlencode(query) if query else "")

    return link


def qr_svg(text: str) -> bytes:
    """The QR code of `text`, with its quiet zone."""
    import segno

    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", scale=4, border=4, light="#fff")
    return out.getvalue()


def _said(language: str, key: str, **fields: object) -> str:
    return phrase(key, language, **fields)


def _raw(language: str, key: str) -> str:
    """A phrase with its fields left open, for the script."""
    return phrases(language).get(key) or phrases("en")[key]
