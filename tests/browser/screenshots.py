"""Takes the pictures of docs/ from a real station: `python -m tests.browser.screenshots`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from hil.stage import Stage
from tests.browser.browser import DESKTOP, PHONE, SMALL, WAIT_MS, open_browser, opened
from tests.browser.station import CARD, OWNER, PASSWORD, make_owner, standing

DOCS = Path(__file__).resolve().parents[2] / "docs"
SIZE_MAX_BYTES = 150_000
CHARGED = "1.5"
"""kWh that the picture of a charge shows at least."""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as place,
        open_browser() as browser,
        standing(Path(place)) as (stage, url),
    ):
        make_owner(stage)
        driver(browser, stage, url)
        owner(browser, url)
        fault(browser, stage, url)
    for name in ("driver-phone", "driver-kiosk", "driver-fault", "owner"):
        size = (DOCS / f"{name}.png").stat().st_size
        print(f"docs/{name}.png  {size / 1000:.0f} kB")
        assert size < SIZE_MAX_BYTES, name


def driver(browser: Browser, stage: Stage, url: str) -> None:
    """A charge on a phone, and on the display at the charger."""
    stage.plug_in()
    stage.card(CARD)
    with opened(browser, PHONE) as page:
        page.goto(url)
        expect(page.locator("[data-text=headline]")).to_have_text("Charging", timeout=WAIT_MS)
        page.wait_for_function(
            "() => parseFloat(document.querySelector('.figures .energy dd').textContent) > "
            + CHARGED
        )
        page.screenshot(path=DOCS / "driver-phone.png")
    with opened(browser, SMALL) as page:
        page.goto(f"{url}/?kiosk=1&lang=de")
        page.wait_for_load_state("load")
        page.screenshot(path=DOCS / "driver-kiosk.png")


def owner(browser: Browser, url: str) -> None:
    """The owner's area while it charges."""
    with opened(browser, DESKTOP) as page:
        page.goto(f"{url}/owner")
        page.get_by_label("Account").fill(OWNER)
        page.get_by_label("Password").fill(PASSWORD)
        page.locator("#login button").click()
        expect(page.locator("#views")).to_be_visible(timeout=WAIT_MS)
        page.wait_for_timeout(8000)  # so that the plots have a line
        page.screenshot(path=DOCS / "owner.png")


def fault(browser: Browser, stage: Stage, url: str) -> None:
    """A residual current, in plain words."""
    stage.post("/evse/1/fault", {"fault": "rcd_tripped", "active": True})
    with opened(browser, PHONE, locale="de-DE") as page:
        page.goto(url)
        expect(page.locator("[data-text=headline]")).to_have_text("Störung", timeout=WAIT_MS)
        page.screenshot(path=DOCS / "driver-fault.png")


if __name__ == "__main__":
    main()
