"""The owner's area of a real station in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from hil.stage import Stage
from tests.browser.browser import (
    AXE,
    DESKTOP,
    SIZES,
    WAIT_MS,
    grave_findings,
    opened,
    overflow,
    require,
)
from tests.browser.station import CARD, OWNER, PASSWORD, make_owner

pytestmark = pytest.mark.system

Site = tuple[Stage, str]


@pytest.fixture(scope="module", autouse=True)
def account(site: Site) -> None:
    make_owner(site[0])


def log_in(page: Page, url: str, password: str = PASSWORD) -> None:
    page.goto(f"{url}/owner")
    page.locator("#login-account").fill(OWNER)
    page.locator("#login-password").fill(password)
    page.locator("#login button").click()


def views(page: Page) -> list[str]:
    """Addresses of all views, once somebody is logged in."""
    expect(page.locator("#views")).to_be_visible(timeout=WAIT_MS)
    return [link.get_attribute("href") or "" for link in page.locator("#views a").all()]


def show(page: Page, view: str) -> None:
    """Go to a view and wait until it has drawn something."""
    page.locator(f'#views a[href="{view}"]').click()
    expect(page.locator(f'#views a[href="{view}"]')).to_have_attribute("aria-current", "page")
    expect(page.locator("#view *").nth(1)).to_be_attached(timeout=WAIT_MS)


def test_nothing_is_shown_without_a_login_and_a_wrong_password_is_told(
    browser: Browser, site: Site
) -> None:
    with opened(browser, heard=False) as page:
        log_in(page, site[1], "not the password")
        expect(page.locator("#login-error")).not_to_be_empty(timeout=WAIT_MS)
        expect(page.locator("#views")).to_be_hidden()
        assert page.locator("#view *").count() == 0


def test_every_view_fits_its_window_and_logging_out_closes_them(
    browser: Browser, site: Site
) -> None:
    with opened(browser, DESKTOP) as page:
        log_in(page, site[1])
        found = views(page)
        assert len(found) >= 6
        for view in found:
            show(page, view)
            assert page.locator("#notice").inner_text() == "", view
            assert [name for name, size in SIZES.items() if overflow(page, size) > 0] == [], view
        page.locator("#logout").click()
        expect(page.locator("#login")).to_be_visible(timeout=WAIT_MS)
        expect(page.locator("#views")).to_be_hidden()


@pytest.mark.parametrize(("scheme", "shown"), [("light", slice(None)), ("dark", slice(1))])
def test_an_accessibility_checker_finds_nothing_grave_in_any_view(
    browser: Browser, site: Site, scheme: str, shown: slice
) -> None:
    require("" if AXE.exists() else "axe-core is not installed: make foreign")
    with opened(browser, DESKTOP, color_scheme=scheme, bypass_csp=True) as page:
        page.goto(f"{site[1]}/owner?lang=de")
        expect(page.locator("#login")).to_be_visible(timeout=WAIT_MS)
        assert grave_findings(page) == []
        log_in(page, site[1])
        for view in views(page)[shown]:
            show(page, view)
            assert grave_findings(page) == [], view


def test_a_card_is_learnt_at_the_reader_and_forgotten_again(browser: Browser, site: Site) -> None:
    stage, url = site
    with opened(browser, DESKTOP, bypass_csp=True) as page:
        log_in(page, url)
        views(page)
        show(page, "#cards")
        page.locator("#view button.main").click()
        page.locator("#dialog-body input").first.fill("Änne <b>Öztürk</b>")
        page.locator("#dialog-yes").click()
        row = page.locator("#view tbody tr")
        for _ in range(10):
            stage.card(CARD)
            try:
                expect(row).to_have_count(1, timeout=1500)
                break
            except AssertionError:
                continue
        expect(row).to_contain_text("Änne <b>Öztürk</b>")
        assert CARD not in page.content()
        assert [name for name, size in SIZES.items() if overflow(page, size) > 0] == []
        assert not AXE.exists() or grave_findings(page) == []
        row.locator("button.danger").click()
        page.locator("#dialog-yes").click()
        expect(row).to_have_count(0, timeout=WAIT_MS)
