"""A page of results: what says it all first, other queries only where that is little, nothing of the query's lost."""

from __future__ import annotations

from state.catalog import Product, ProductHit
from state.intent import Rewrites
from tools.query_results import RICH
from tools.result_page import KEPT_FIRST, filling, is_thin, result_page


def hits(*names: str) -> list[ProductHit]:
    return [
        ProductHit(product=Product(id=name, name=name, aisle="tea", department="x"), score=0.5, matched=("q",))
        for name in names
    ]


def many(prefix: str, count: int) -> list[ProductHit]:
    return hits(*(f"{prefix}{number}" for number in range(count)))


def ids(page: list[ProductHit]) -> list[str]:
    return [hit.product.id for hit in page]


def test_what_says_all_that_was_asked_comes_first_in_its_order() -> None:
    page, _ = result_page("green tea", hits("Black Tea", "Green Tea Bags", "Mug", "Tea, Green"))
    assert ids(page) == ["Green Tea Bags", "Tea, Green", "Black Tea", "Mug"]


def test_where_little_says_it_the_first_places_stay_and_the_others_are_shared_in_turn() -> None:
    page, found_by = result_page("chai latte", many("q", 40), {"a": many("a", 24), "b": many("b", 2)})
    assert len(page) == 24
    assert ids(page)[:KEPT_FIRST] == [f"q{number}" for number in range(KEPT_FIRST)]
    assert ids(page)[KEPT_FIRST : KEPT_FIRST + 6] == ["a0", "b0", "q12", "a1", "b1", "q13"]
    assert {found_by[key] for key in ("a0", "b0")} == {"a", "b"}
    assert not {"q0", "q12"} & found_by.keys()


def test_rich_results_are_left_alone() -> None:
    own = hits(*(f"Chai {number}" for number in range(RICH)), "Mug")
    page, found_by = result_page("chai", own, {"masala tea": hits("Masala Tea")})
    assert (ids(page), found_by) == (ids(own), {})


def test_a_product_found_twice_takes_one_place_and_is_the_querys() -> None:
    own = [*many("q", 14), *hits("Cup")]
    page, found_by = result_page("chai", own, {"other": hits("Cup", "Masala Tea"), "third": hits("Masala Tea")})
    assert ids(page) == [*(f"q{number}" for number in range(12)), "Cup", "Masala Tea", "q12", "q13"]
    assert found_by == {"Masala Tea": "third"}


def test_what_stands_far_behind_makes_no_page_rich() -> None:
    own = [*many("q", 24), *hits(*(f"Chai {number}" for number in range(RICH)))]
    assert is_thin("chai", own)
    page, found_by = result_page("chai", own, {"other": hits("Masala Tea")})
    assert found_by == {"Masala Tea": "other"}
    assert ids(page)[0] == "Chai 0"


def test_a_query_of_fillers_alone_says_nothing_that_a_product_could_say() -> None:
    assert ids(result_page("for the", hits("Mug", "Cup"))[0]) == ["Mug", "Cup"]


def test_no_results_and_no_others_make_an_empty_page() -> None:
    assert result_page("chai", []) == ([], {})


def test_the_best_synonym_and_substitute_fill_a_page_each_once() -> None:
    rewrites = Rewrites(synonym=["masala tea", "spiced tea"], broader=["tea"], substitute=["mint tea", "cocoa"])
    assert filling(rewrites) == ["masala tea", "mint tea"]
    assert filling(Rewrites(synonym=["tea"], substitute=["tea"])) == ["tea"]
    assert filling(Rewrites()) == []
