"""The annotation page in a browser, with the keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.annotation_study import annotation_site, small_study, titled
from support.browser import PATIENCE_MS, accessibility_faults, open_page, settled

pytestmark = pytest.mark.service
expect.set_options(timeout=PATIENCE_MS)
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


def current(page: Page) -> str:
    return page.locator("[data-current=true] legend").inner_text()


def answered(page: Page, count: str) -> None:
    expect(page.locator("#meter-text")).to_have_text(count)


def test_an_annotator_answers_undoes_comments_and_resumes_by_keys_alone(tmp_path: Path, browser: Browser) -> None:
    study = small_study(tmp_path / "study")
    with annotation_site(study) as url, open_page(browser, f"{url}/?annotator=ann") as page:
        press = page.keyboard.press
        expect(page.get_by_role("heading", level=1)).to_have_text("Item 1 of 2")
        assert current(page).startswith("Is the title well written")
        press("y")
        answered(page, "1 of 8 answered")
        press("n")
        answered(page, "2 of 8 answered")
        assert current(page).startswith("Are there enough products")
        press("z")
        answered(page, "1 of 8 answered")
        expect(page.locator("#said")).to_have_text("Taken back: does it fit what this shopper buys or prefers?")
        press("u")
        press("y")
        press("2")
        expect(page.get_by_role("checkbox").nth(1)).to_be_checked()
        press("c")
        page.keyboard.type("one no fruit")
        press("Escape")
        press("n")
        expect(page.get_by_role("heading", level=1)).to_have_text("Item 2 of 2")
        page.reload()
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Item 2 of 2")
        answered(page, "4 of 8 answered")
        press("ArrowLeft")
        expect(page.get_by_role("heading", level=1)).to_have_text("Item 1 of 2")
        expect(page.get_by_role("button", name="Unsure", pressed=True)).to_have_count(1)
        expect(page.get_by_role("checkbox").nth(1)).to_be_checked()
        expect(page.get_by_text("one no fruit")).to_be_visible()
        press("ArrowRight")
        for _ in range(4):
            press("y")
        expect(page.get_by_text("All questions are answered. Thank you.")).to_be_visible()
    given = study.standing("ann")
    first = study.items[0].id
    assert [given[first, question].answer for question in study.items[0].questions] == ["yes", "unsure", "yes", "no"]
    last = given[first, "products_match"]
    assert (last.misfits, last.comment) == ((1,), "one no fruit")
    assert len(given) == 8


def test_the_second_annotator_sees_nothing_of_what_the_first_one_answered(tmp_path: Path, browser: Browser) -> None:
    study = small_study(tmp_path / "study")
    study.answer("ann", study.items[0].id, "title_on_brand", "no", comment="dull title")
    study.answer("ann", study.items[0].id, "products_match", "yes", misfits=[0])
    with annotation_site(study) as url, open_page(browser, url) as page:
        page.get_by_role("link", name="bob").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Item 1 of 2")
        answered(page, "0 of 8 answered")
        expect(page.get_by_role("button", pressed=True)).to_have_count(0)
        expect(page.locator("input:checked")).to_have_count(0)
        assert "dull title" not in page.content()


def test_nothing_on_the_page_tells_what_made_the_item_or_what_guards_said(tmp_path: Path, browser: Browser) -> None:
    study = small_study(tmp_path / "study")
    heard: list[str] = []
    with annotation_site(study) as url, open_page(browser, url) as page:
        page.on("response", lambda answer: heard.append(answer.text()) if "/v1/" in answer.url else None)
        page.goto(f"{url}/?annotator=bob")
        settled(page)
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("heading", level=1)).to_have_text("Item 2 of 2")
        text = page.locator("main").inner_html() + "".join(heard)
    for word in ("base", "stratum", "clear", "shopper_id", "7-0", "verdict", "score", "weight"):
        assert word not in text


def test_markup_in_titles_and_products_is_shown_as_text(tmp_path: Path, browser: Browser) -> None:
    hostile = "<img src=x onerror=alert(1)><b>Fruit</b>"
    page_ = titled(hostile)
    row = page_.placements[0]
    products = [row.products[0].model_copy(update={"name": "<script>alert(2)</script>"})]
    page_ = page_.model_copy(update={"placements": [row.model_copy(update={"products": products})]})
    with (
        annotation_site(small_study(tmp_path / "study", pages=[page_])) as url,
        open_page(browser, f"{url}/?annotator=ann") as page,
    ):
        expect(page.get_by_role("heading", name=hostile)).to_be_visible()
        expect(page.get_by_label("<script>alert(2)</script>")).to_be_visible()
        expect(page.locator("main img, main script")).to_have_count(0)


def test_an_answer_that_was_not_stored_is_not_shown_as_given(tmp_path: Path, browser: Browser) -> None:
    with (
        annotation_site(small_study(tmp_path / "study")) as url,
        open_page(browser, f"{url}/?annotator=ann") as page,
    ):
        page.route("**/answers", lambda route: route.fulfill(status=503, json={"title": "No", "detail": "Full."}))
        page.keyboard.press("y")
        expect(page.get_by_role("alert")).to_contain_text("Your last answer was not stored")
        expect(page.get_by_role("button", pressed=True)).to_have_count(0)
        page.unroute("**/answers")
        page.keyboard.press("y")
        answered(page, "1 of 8 answered")


def test_single_letters_can_be_switched_off(tmp_path: Path, browser: Browser) -> None:
    with (
        annotation_site(small_study(tmp_path / "study")) as url,
        open_page(browser, f"{url}/?annotator=ann") as page,
    ):
        page.keyboard.press("?")
        page.get_by_role("dialog").get_by_role("checkbox").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("y")
        page.keyboard.press("ArrowDown")
        expect(page.locator("[data-current=true] legend")).to_contain_text("Does it fit")
        answered(page, "0 of 8 answered")


@pytest.mark.parametrize("level", ["placement", "page"])
def test_the_page_has_no_accessibility_faults_and_fits_a_phone(tmp_path: Path, browser: Browser, level: str) -> None:
    study = small_study(tmp_path / "study", level=level)  # type: ignore[arg-type]
    with annotation_site(study) as url:
        for scheme, size in (("light", {}), ("dark", PHONE)):
            with open_page(browser, f"{url}/?annotator=ann", color_scheme=scheme, **size) as page:
                expect(page.get_by_role("group")).not_to_have_count(0)
                assert accessibility_faults(page) == []
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                page.keyboard.press("?")
                expect(page.get_by_role("dialog", name="Help")).to_be_visible()
                assert accessibility_faults(page) == []
        with open_page(browser, url) as page:
            assert accessibility_faults(page) == []
