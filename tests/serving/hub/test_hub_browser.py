"""The Shopping Hub in a browser, as shoppers use it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import PATIENCE_MS, accessibility_faults, eventually, open_page, settled
from support.http_app import small_page
from support.hub_site import THEMES, HubSite, judged_page

from state.placement import Page as ShopperPage

pytestmark = pytest.mark.service
expect.set_options(timeout=PATIENCE_MS)
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


def shelf(page: Page, title: str) -> Page:
    return page.get_by_role("region", name=title)  # type: ignore[return-value]


def test_a_shopper_is_picked_and_their_shelves_are_shown(site: HubSite, browser: Browser) -> None:
    site.store(judged_page("7"))
    with open_page(browser, f"{site.url}/?shopper=elsewhere") as page:
        page.get_by_role("button", name="Change shopper").click()
        page.get_by_role("dialog").get_by_role("button", name="Shopper 7").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Shelves for shopper 7")
        expect(page.get_by_role("heading", level=2)).to_contain_text(["Fruit bowl", "Yogurt and toast"])
        tiles = shelf(page, "Fruit bowl").get_by_role("listitem")
        expect(tiles).to_have_count(4)
        expect(tiles.first).to_contain_text("$2–$4")
        expect(tiles.filter(has_text="Banana")).to_contain_text("Fresh fruits", ignore_case=True)
        assert page.url.endswith("?shopper=7")


def test_why_tells_words_checks_and_scores(site: HubSite, browser: Browser) -> None:
    site.store(judged_page())
    with open_page(browser, f"{site.url}/?shopper=7") as page:
        page.get_by_role("button", name="Why am I seeing Fruit bowl?").click()
        dialog = page.get_by_role("dialog", name="Why am I seeing this?")
        for told in (
            "In most orders.",
            "breakfast",
            "banana",
            "House rules",
            "Fits the title",
            "Score 0.91, at least 0.86 needed",
            "Not done this time: not sampled",
        ):
            expect(dialog).to_contain_text(told)
        dialog.get_by_text("Details").click()
        expect(dialog.get_by_text("no: Tea")).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(page.get_by_role("button", name="Why am I seeing Fruit bowl?")).to_be_focused()


def test_a_new_shopper_sees_what_is_popular_until_their_page_is_made(site: HubSite, browser: Browser) -> None:
    site.chat.go.clear()
    with open_page(browser, f"{site.url}/?shopper=new-shopper") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to the shop")
        expect(page.get_by_role("note")).to_contain_text("A first look")
        expect(shelf(page, "Popular in the shop")).to_be_visible()
        expect(page.get_by_role("region", name="Your page is being made")).to_be_visible()
        site.chat.go.set()
        expect(shelf(page, "Fruit bowl favorites")).to_be_visible()
        expect(page.get_by_role("note")).to_have_count(0)


def test_progress_is_shown_by_shelf_while_a_page_is_made_again(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    with open_page(browser, f"{site.url}/?shopper=7") as page:
        site.chat.go.clear()
        page.get_by_role("button", name="Refresh shelves").click()
        making = page.get_by_role("region", name="Your page is being made")
        for title in THEMES:
            expect(making).to_contain_text(title)
        expect(making.get_by_text("waiting")).to_have_count(3)
        expect(shelf(page, "Fruit bowl")).to_be_visible()
        expect(page.get_by_role("button", name="Refresh shelves")).to_be_disabled()
        expect(page.locator("#said")).to_have_text("3 ideas for shelves")
        site.chat.go.set()
        expect(shelf(page, "Yogurt for the week")).to_be_visible()
        expect(making).to_have_count(0)
        expect(shelf(page, "Tea time")).to_have_count(0)
        expect(page.locator("#said")).to_have_text("Your new page is ready")


def test_a_page_that_cannot_be_made_leaves_the_shelves_and_a_way_to_try_again(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    with open_page(browser, f"{site.url}/?shopper=7") as page:
        page.route(
            "**/regenerate",
            lambda route: route.fulfill(
                status=503,
                headers={"Retry-After": "30"},
                json={"title": "Service Unavailable", "detail": "Too many wait."},
            ),
        )
        page.get_by_role("button", name="Refresh shelves").click()
        expect(page.get_by_role("alert")).to_contain_text("Too many wait. Try again in 30 seconds.")
        expect(shelf(page, "Fruit bowl")).to_be_visible()
        page.unroute("**/regenerate")
        page.get_by_role("button", name="Try again").click()
        expect(shelf(page, "Yogurt for the week")).to_be_visible()


def test_a_page_without_shelves_says_so(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    with open_page(browser, f"{site.url}/?shopper=7") as page:
        page.route("**/v1/pages/7", lambda route: route.fulfill(json={**route.fetch().json(), "placements": []}))
        page.reload()
        expect(page.get_by_role("heading", name="No shelves yet")).to_be_visible()
        expect(page.get_by_role("button", name="Make my page")).to_be_visible()


def test_everything_can_be_done_with_the_keyboard(site: HubSite, browser: Browser) -> None:
    site.store(judged_page())
    with open_page(browser, f"{site.url}/?shopper=7") as page:
        keys = page.keyboard
        keys.press("Tab")
        expect(page.get_by_role("link", name="Skip to the shelves")).to_be_focused()
        row = shelf(page, "Fruit bowl")
        names = row.get_by_role("heading", level=3).all_inner_texts()
        row.evaluate("node => { node.dataset.drawn = 'once' }")
        keys.press("Enter")
        expect(page).to_have_url(re.compile("#main$"))
        while not row.get_by_role("button", name=names[0], exact=True).evaluate(
            "node => node === document.activeElement"
        ):
            keys.press("Tab")
        assert row.get_attribute("data-drawn") == "once", "the skip link had the page drawn again"
        keys.press("ArrowRight")
        expect(row.get_by_role("button", name=names[1], exact=True)).to_be_focused()
        keys.press("End")
        expect(row.get_by_role("button", name=names[-1], exact=True)).to_be_focused()
        keys.press("Enter")
        dialog = page.get_by_role("dialog", name=names[-1])
        expect(dialog).to_be_visible()
        keys.press("Escape")
        expect(row.get_by_role("button", name=names[-1], exact=True)).to_be_focused()
        keys.press("Tab")
        keys.press("Space")
        expect(page.get_by_role("button", name=re.compile("Basket: 1"))).to_be_visible()
        keys.press("Tab")
        expect(page.get_by_role("button", name="Why am I seeing Yogurt and toast?")).to_be_focused()


def test_what_is_added_can_be_undone_before_the_shop_is_told(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    before = site.feedback()

    def told(kind: str) -> int:
        return site.feedback().get(kind, 0) - before.get(kind, 0)

    with open_page(browser, f"{site.url}/?shopper=7") as page:
        page.get_by_role("button", name="Add Banana to the basket").click()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name=re.compile("Basket: 0"))).to_be_visible()
        page.get_by_role("button", name="Banana", exact=True).click()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Add Lemon to the basket").click()
        page.get_by_role("button", name="Add Gala Apple to the basket").click()
        eventually(page, lambda: told("add_to_cart") == 2)
        eventually(page, lambda: told("impression") >= 4)
        assert told("click") == 1


def test_search_finds_products_and_leads_back(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    with open_page(browser, f"{site.url}/?shopper=7") as page:
        page.get_by_role("searchbox", name="Search products").fill("yogurt")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("“yogurt”")
        expect(page.get_by_role("region", name="Search results").get_by_role("listitem")).to_have_count(4)
        page.get_by_role("button", name="Back to shelves").click()
        expect(shelf(page, "Fruit bowl")).to_be_visible()
        page.goto(f"{site.url}/?shopper=7&q=no+such+thing")
        expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


def test_a_search_says_how_it_was_understood_and_leads_on(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    with open_page(browser, f"{site.url}/?shopper=7&q=greek+yogrt") as page:
        chips = page.get_by_role("list", name="Understood as").get_by_role("listitem")
        expect(chips).to_have_text(["Product: yogurt", "Flavor: greek", "Aisle: dairy eggs > yogurt"])
        expect(page.get_by_role("note")).to_contain_text(
            "Showing results for greek yogurt. Search instead for greek yogrt"
        )
        expect(page.get_by_role("heading", level=1)).to_have_text("“greek yogurt”")
        expect(page.get_by_role("region", name="Search results").get_by_role("listitem")).to_have_count(4)
        expect(page.get_by_role("status")).to_contain_text("greek yogurt instead of greek yogrt")
        others = page.get_by_role("navigation", name="Other searches")
        expect(others.get_by_role("list", name="Instead").get_by_role("link")).to_have_text(["kefir"])
        page.get_by_role("link", name="greek yogrt").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("“greek yogrt”")
        expect(chips).to_have_count(3)
        expect(page.get_by_role("note")).to_have_count(0)
        page.get_by_role("link", name="dairy").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("“dairy”")
        # The stand-in answers with what was typed before.
        expect(chips).to_have_count(0)
        expect(others.get_by_role("link")).to_have_text(["greek yogrt"])
        expect(page.get_by_role("searchbox")).to_have_value("dairy")
        assert "exact" not in page.url
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("“greek yogrt”")


def test_a_search_that_is_not_understood_shows_its_results(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    with open_page(browser, f"{site.url}/?shopper=7") as page:
        held: list[Any] = []
        page.route("**/v1/intent?*", lambda route: held.append(route))
        page.get_by_role("searchbox").fill("yogurt")
        page.keyboard.press("Enter")
        expect(page.get_by_role("region", name="Search results").get_by_role("listitem")).to_have_count(4)
        expect(page.locator("#understood")).to_have_text("Reading your search …")
        eventually(page, lambda: bool(held))
        held[-1].fulfill(status=503, content_type="application/problem+json", body="{}")
        expect(page.locator("#understood")).to_be_empty()
        expect(page.get_by_role("alert")).to_have_count(0)


def understood_as_tea(query: str) -> dict[str, Any]:
    """Return an intent whose substitute is tea."""
    nothing = {"product": None, "brand": None, "attributes": [], "categories": []}
    rewrites = {"synonym": [], "broader": [], "substitute": ["mint tea"]}
    about = {"source": "student", "confidence": 0.9, "ms": 1.0}
    return {"query": query, "corrected": query, "rewrites": rewrites, **nothing, **about}


def test_products_of_other_searches_fill_a_thin_page_and_say_so(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    with open_page(browser, f"{site.url}/?shopper=7") as page:
        page.route("**/v1/intent?*", lambda route: route.fulfill(json=understood_as_tea("rye bread")))
        page.get_by_role("searchbox").fill("rye bread")
        page.keyboard.press("Enter")
        expect(page.get_by_role("note")).to_contain_text("also showing mint tea")
        results = page.get_by_role("region", name="Search results").get_by_role("listitem")
        expect(results.first).to_contain_text("Rye Bread")
        expect(results.filter(has_text="Mint Tea")).to_have_count(1)
        results.filter(has_text="Mint Tea").get_by_role("button").first.click()
        expect(page.get_by_role("dialog")).to_contain_text("Found for “mint tea”")


def test_results_stay_where_those_of_other_searches_cannot_be_had(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    with open_page(browser, f"{site.url}/?shopper=7") as page:
        page.route("**/v1/intent?*", lambda route: route.fulfill(json=understood_as_tea("rye bread")))
        page.route("**/v1/search?*also=*", lambda route: route.fulfill(status=503, json={}))
        page.get_by_role("searchbox").fill("rye bread")
        page.keyboard.press("Enter")
        expect(page.get_by_role("navigation", name="Other searches")).to_contain_text("mint tea")
        expect(page.get_by_role("region", name="Search results").get_by_role("listitem").first).to_contain_text("Rye")
        expect(page.get_by_role("note")).to_have_count(0)
        expect(page.get_by_role("alert")).to_have_count(0)


def test_markup_in_what_was_understood_is_shown_as_text(site: HubSite, browser: Browser) -> None:
    site.store(small_page())
    with open_page(browser, f"{site.url}/?shopper=7&q=markup") as page:
        expect(page.get_by_role("navigation", name="Other searches")).to_contain_text("<img src=x onerror=")
        assert page.locator("main img").count() == 0


def hostile_page() -> ShopperPage:
    markup = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    page = small_page("html", persona=markup)
    first = page.placements[0]
    products = [product.model_copy(update={"name": markup, "aisle": "<b>aisle</b>"}) for product in first.products]
    return page.model_copy(
        update={"placements": [first.model_copy(update={"title": markup, "rationale": markup, "products": products})]}
    )


def test_markup_in_names_is_shown_as_text(site: HubSite, browser: Browser) -> None:
    site.store(hostile_page())
    with open_page(browser, f"{site.url}/?shopper=html") as page:
        expect(page.get_by_role("heading", level=3).first).to_contain_text("<img src=x onerror=")
        page.locator(".name-button").first.click()
        expect(page.get_by_role("dialog")).to_contain_text("<script>")
        page.keyboard.press("Escape")
        page.locator(".why").first.click()
        page.keyboard.press("Escape")
        page.goto(f"{site.url}/operator?shopper=html")
        settled(page)
        assert page.locator("main img, main script, main b b").count() == 0
        assert "taken" not in page.title()


@pytest.mark.parametrize(
    "context",
    [PHONE, {"viewport": {"width": 320, "height": 640}}, {"viewport": {"width": 1920, "height": 1080}}],
    ids=["phone", "narrow", "wide"],
)
def test_nothing_is_wider_than_the_screen(site: HubSite, browser: Browser, context: dict[str, object]) -> None:
    long = "Supercalifragilisticexpialidocious" * 3
    page_of_long_words = small_page(persona=long)
    first = page_of_long_words.placements[0]
    wide = first.model_copy(
        update={"title": long, "products": [p.model_copy(update={"name": long, "aisle": long}) for p in first.products]}
    )
    site.store(page_of_long_words.model_copy(update={"placements": [wide]}))
    with open_page(browser, f"{site.url}/?shopper=7", **context) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator(".add").first.click()
        page.locator(".name-button").first.click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        dialog = page.get_by_role("dialog").bounding_box()
        assert dialog is not None
        assert dialog["x"] >= 0
        assert dialog["width"] <= page.evaluate("innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_fault(site: HubSite, browser: Browser, scheme: str) -> None:
    site.store(judged_page())
    site.chat.go.clear()
    with open_page(browser, f"{site.url}/?shopper=7", color_scheme=scheme) as page:
        assert accessibility_faults(page) == []
        page.get_by_role("button", name="Why am I seeing Fruit bowl?").click()
        assert accessibility_faults(page) == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Change shopper").click()
        assert accessibility_faults(page) == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Refresh shelves").click()
        expect(page.get_by_role("region", name="Your page is being made")).to_contain_text("Tea time")
        page.locator(".add").first.click()
        assert accessibility_faults(page) == []
        page.goto(f"{site.url}/?shopper=7&q=greek+yogrt")
        expect(page.get_by_role("note")).to_contain_text("Showing results for greek yogurt")
        assert accessibility_faults(page) == []


def test_a_page_from_a_copy_and_one_made_by_rules_say_so(site: HubSite, browser: Browser) -> None:
    site.store(small_page("ruled", fallback=True, fallback_reason="too few placements passed the guards"))
    with open_page(browser, f"{site.url}/?shopper=ruled") as page:
        expect(page.get_by_role("note")).to_contain_text("too few placements passed the guards")
        page.route(
            "**/v1/pages/ruled",
            lambda route: route.fulfill(json={**route.fetch().json(), "fallback": False, "state": "degraded"}),
        )
        page.reload()
        expect(page.get_by_role("note")).to_contain_text("Shown from a copy")
