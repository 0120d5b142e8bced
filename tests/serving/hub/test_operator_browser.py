"""The operator page in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from support.browser import PATIENCE_MS, accessibility_faults, open_page
from support.hub_site import HubSite, judged_page

pytestmark = pytest.mark.service
expect.set_options(timeout=PATIENCE_MS)


def test_runs_figures_and_drop_reasons_are_shown(site: HubSite, browser: Browser) -> None:
    with open_page(browser, f"{site.url}/?shopper=8"):
        site.settle()
    with open_page(browser, f"{site.url}/operator") as page:
        run = (
            page.get_by_role("region", name="Latest runs")
            .get_by_role("row")
            .filter(has=page.get_by_role("link", name="8", exact=True))
        )
        expect(run).to_contain_text("relevance 1")
        expect(page.get_by_role("heading", name="Why themes were dropped")).to_be_visible()
        expect(page.get_by_text("Pages stored")).to_be_visible()
        assert accessibility_faults(page) == []
        run.get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("How shopper 8's page came to be")


def test_the_trace_shows_each_theme_with_its_way_and_its_end(site: HubSite, browser: Browser) -> None:
    site.store(judged_page())
    with open_page(browser, f"{site.url}/operator?shopper=7") as page:
        expect(page.get_by_role("img", name="Funnel: 3 themes")).to_be_visible()
        themes = page.locator(".theme")
        expect(themes).to_have_count(3)
        expect(themes.nth(2)).to_contain_text("dropped")
        themes.nth(2).locator("summary").click()
        expect(themes.nth(2)).to_contain_text("restricted-alcohol: never bought any")
        themes.nth(0).locator("summary").click()
        expect(themes.nth(0)).to_contain_text("taken out by relevance")
        expect(themes.nth(0).get_by_role("group", name="Verdicts on Fruit bowl")).to_contain_text("0.910")
        assert accessibility_faults(page) == []


def test_a_shopper_without_a_page_gets_an_answer_and_not_a_blank(site: HubSite, browser: Browser) -> None:
    with open_page(browser, f"{site.url}/operator?shopper=nobody") as page:
        expect(page.get_by_role("alert")).to_contain_text("No page of this shopper is stored")


def test_the_trace_fits_a_phone(site: HubSite, browser: Browser) -> None:
    site.store(judged_page())
    with open_page(browser, f"{site.url}/operator?shopper=7", viewport={"width": 360, "height": 740}) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
