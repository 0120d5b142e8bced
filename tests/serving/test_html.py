"""The HTML of pages: everything is shown, nothing in it can act."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.sample_pages import sample_page

from serving.html import render_html, write_html
from serving.tile_art import symbols, tile_art


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(*pages: object) -> Elements:
    elements = Elements()
    elements.feed(render_html(pages))  # type: ignore[arg-type]
    return elements


def test_title_products_reasons_and_drops_are_shown() -> None:
    text = parsed(sample_page()).text
    for shown in (
        "Fruit bowl favorites",
        "Fruit 2",
        "Why am I seeing this?",
        "relevance",
        "More fruit",
        "the same idea",
    ):
        assert shown in text


def test_markup_in_model_output_stays_text() -> None:
    hostile = '<script>alert(1)</script><img src=x onerror="alert(2)">'
    elements = parsed(sample_page(title=hostile, persona=hostile))
    assert "script" not in elements.tags
    assert "img" not in elements.tags
    assert not [name for name in elements.attributes if name.startswith("on")]
    assert hostile in elements.text


def test_the_file_needs_nothing_from_outside() -> None:
    html = render_html([sample_page()])
    assert "http://" not in html
    assert "https://" not in html
    assert "default-src 'none'" in html


def test_cold_and_fall_back_pages_say_so() -> None:
    text = parsed(sample_page(cold=True, fallback=True, fallback_reason="the designer did not answer")).text
    assert "new shopper" in text
    assert "made by rules" in text
    assert "the designer did not answer" in text


def test_an_empty_page_and_no_pages_are_still_documents() -> None:
    assert "Nothing to show" in render_html([sample_page(placements=[])])
    assert "No pages" in render_html([])


def test_a_product_has_the_same_drawing_every_time_and_its_aisle_gives_the_symbol() -> None:
    assert tile_art("1", "Berry Yogurt", "yogurt", "dairy eggs") == tile_art(
        "1", "Berry Yogurt", "yogurt", "dairy eggs"
    )
    assert (
        tile_art("1", "Plain", "yogurt", "dairy eggs").symbol == tile_art("2", "Thick", "yogurt", "dairy eggs").symbol
    )
    assert tile_art("1", "Organic Bananas", "fresh fruits", "produce").symbol == "banana"
    assert tile_art("1", "Anything", "an aisle of one's own", "a new department").symbol in symbols()


def test_the_file_carries_the_drawings_that_it_uses_and_no_others() -> None:
    html = render_html([sample_page()])
    assert '<symbol id="apple"' in html
    assert html.count("<symbol") == 1


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pages.html"
    path.write_text("old")
    monkeypatch.setattr("serving.html.render_html", lambda pages: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_html([sample_page()], path)
    assert path.read_text() == "old"
