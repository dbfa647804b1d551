"""The driver's page of a real station in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from chargepoint.catalog import entry, phrase
from chargepoint.ipc.care import AlertStatus, GetAlerts
from chargepoint.ipc.client import ServiceClient
from hil.stage import Stage
from tests.browser.browser import (
    AXE,
    PHONE,
    SIZES,
    WAIT_MS,
    grave_findings,
    opened,
    overflow,
    require,
)
from tests.browser.station import CARD

pytestmark = pytest.mark.system

Site = tuple[Stage, str]
STALE_WITHIN_MS = 5_000
RELOADED_WITHIN_MS = 40_000
"""Without a script the page is loaded anew every 15 s; what a busy machine shows first may pass."""


def state(page: Page, name: str, language: str = "en", within_ms: int = WAIT_MS) -> None:
    """Wait until the page says so."""
    headline = page.locator("[data-text=headline]")
    expect(headline).to_have_text(phrase(f"driver.state.{name}", language), timeout=within_ms)


def figure(page: Page, name: str) -> float:
    text = page.locator(f".figures .{name} dd").inner_text()
    return float(text.split()[0])


def test_a_charge_can_be_followed_from_free_to_free(browser: Browser, site: Site) -> None:
    stage, url = site
    with opened(browser) as page:
        page.goto(url)
        state(page, "free")
        stage.plug_in()
        state(page, "plugged")
        stage.card(CARD)
        state(page, "charging")
        power = page.locator(".figures .power dd")
        expect(power).to_have_text(re.compile(r"^[1-9]\d?\.\d kW$"), timeout=WAIT_MS)
        energy = page.locator(".figures .energy dd")
        expect(energy).not_to_have_text(re.compile(r"^0\.0"), timeout=WAIT_MS)
        assert figure(page, "energy") > 0
        assert "unknown" in page.locator(".figures .left dd").inner_text()
        page.get_by_label(phrase("driver.wanted")).fill("22")
        expect(page.locator("output")).to_contain_text("About ")
        stage.card(CARD)
        state(page, "finished")
        assert figure(page, "energy") > 0
        expect(page.locator(".todo")).to_contain_text("unplug")
        stage.unplug()
        state(page, "free")
        expect(page.locator("[data-figures]")).to_be_hidden()


def test_a_fault_is_told_in_plain_words_with_whom_to_call_until_it_is_over(
    browser: Browser, site: Site
) -> None:
    stage, url = site
    with opened(browser, locale="de-DE") as page:
        page.goto(url)
        state(page, "free", "de")
        stage.plug_in()
        stage.card(CARD)
        state(page, "charging", "de")
        stage.post("/evse/1/fault", {"fault": "rcd_tripped", "active": True})
        state(page, "out_of_order", "de")
        expect(page.locator("[data-text=about]")).to_have_text(entry("rcd_tripped", "de").driver)
        call = page.locator("[data-urgent] a")
        expect(call).to_be_visible()
        assert call.get_attribute("href") == "tel:+49305550100"
        stage.post("/evse/1/fault", {"fault": "rcd_tripped", "active": False})
        stage.unplug()
        state(page, "free", "de")
        expect(call).to_be_hidden()


def test_a_page_that_lost_its_connection_says_so_within_five_seconds(
    browser: Browser, site: Site
) -> None:
    """The page's own clock is moved, so that nobody has to wait."""
    with opened(browser, heard=False) as page:
        page.clock.install()
        page.goto(site[1])
        state(page, "free")
        stale = page.locator("[data-stale]")
        page.evaluate("source.close()")
        page.clock.pause_at(page.evaluate("heardAt / 1000 + 3"))
        expect(stale).to_be_hidden()
        page.clock.run_for(STALE_WITHIN_MS - 3000)
        expect(stale).to_be_visible()
        assert page.locator("main.is-stale").count() == 1
        page.clock.resume()
        page.reload()
        expect(stale).to_be_hidden()


def test_a_reported_problem_becomes_an_alert(browser: Browser, site: Site) -> None:
    stage, url = site
    with opened(browser) as page:
        page.goto(url)
        page.get_by_role("link", name=phrase("driver.report")).click()
        page.get_by_label(re.compile("What is wrong")).fill("The cable is <b>torn</b>")
        page.get_by_label(re.compile("reach you")).fill("0170 1234567")
        page.get_by_role("button", name="Send").click()
        expect(page.locator("h1")).to_have_text("Thank you")
        expect(page.locator("main a.call")).to_be_visible()
    with ServiceClient(stage.config.agent_socket(), timeout_s=5) as client:
        alerts = [each for each in client.ask(GetAlerts()) if isinstance(each, AlertStatus)]
    assert any("The cable is <b>torn</b>" in alert.detail for alert in alerts)


def test_the_page_and_its_form_work_without_javascript(browser: Browser, site: Site) -> None:
    _, url = site
    with opened(browser, java_script_enabled=False) as page:
        page.goto(url)
        state(page, "free", within_ms=RELOADED_WITHIN_MS)
        page.goto(f"{url}/problem?lang=de")
        page.get_by_label(re.compile("Was stimmt nicht")).fill("Der Stecker klemmt")
        page.get_by_role("button", name="Absenden").click()
        expect(page.locator("h1")).to_have_text("Vielen Dank")


def test_the_keyboard_reaches_the_contents_first(browser: Browser, site: Site) -> None:
    with opened(browser) as page:
        page.goto(site[1])
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        expect(page.locator(".skip")).to_be_in_viewport()


def test_no_page_is_wider_than_its_window(browser: Browser, site: Site) -> None:
    with opened(browser) as page:
        for path in ("/", "/?kiosk=1", "/problem", "/subscribe", "/thanks", "/?lang=de&kiosk=1"):
            page.goto(site[1] + path)
            assert [name for name, size in SIZES.items() if overflow(page, size) > 0] == [], path


def test_the_display_at_the_charger_shows_state_and_code_without_scrolling(
    browser: Browser, site: Site
) -> None:
    with opened(browser, SIZES["5 inch"]) as page:
        page.goto(f"{site[1]}/?kiosk=1")
        for part in (".headline", ".todo", ".scan img"):
            expect(page.locator(part)).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(
    ("scheme", "paths"),
    [("light", ("/", "/problem", "/subscribe", "/thanks", "/?kiosk=1")), ("dark", ("/?lang=de",))],
)
def test_an_accessibility_checker_finds_nothing_grave(
    browser: Browser, site: Site, scheme: str, paths: tuple[str, ...]
) -> None:
    require("" if AXE.exists() else "axe-core is not installed: make foreign")
    stage, url = site
    with opened(browser, PHONE, color_scheme=scheme, bypass_csp=True) as page:
        for path in paths:
            page.goto(url + path)
            assert grave_findings(page) == [], path
        stage.post("/evse/1/fault", {"fault": "pilot_shorted", "active": True})
        page.goto(url)
        state(page, "out_of_order")
        assert grave_findings(page) == []
        stage.post("/evse/1/fault", {"fault": "pilot_shorted", "active": False})
        stage.plug_in()
        stage.unplug()
        state(page, "free")
