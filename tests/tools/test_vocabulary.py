"""What a keyword writer may choose from: near terms, aisles where such products stand, filters that were named."""

from __future__ import annotations

from collections.abc import Sequence

from support.small_shop import WordEmbedder

from state.catalog import Category, KeywordCandidate, Product, ProductHit
from state.placement import Need, Theme
from state.vocabulary import Vocabulary
from tools.vocabulary import nearest_first, retrieve_vocabulary


class Tools:
    """Finds fixed terms, and 40 products: 30 milks, 8 creams, 2 candies."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def candidates(self, concepts: Sequence[str], limit: int = 100) -> list[KeywordCandidate]:
        self.asked = list(concepts)
        terms = [("oat milk", "query"), ("milk", "category"), ("organic", "filter"), ("nut free", "filter")]
        return [
            KeywordCandidate(text=text, kind=kind, frequency=1, similarity=0.8, concept=concepts[0])
            for text, kind in terms
        ]

    def find(
        self, keywords: Sequence[str], *, categories: Sequence[str] = (), filters: Sequence[str] = (), limit: int = 24
    ) -> list[ProductHit]:
        aisles = ["milk"] * 30 + ["cream"] * 8 + ["candy"] * 2
        return [
            ProductHit(product=Product(id=str(n), name="x", aisle=aisle, department="d"), score=0.5)
            for n, aisle in enumerate(aisles[:limit])
        ]

    def categories(self) -> list[Category]:
        return [Category(aisle=aisle, department="d") for aisle in ("milk", "candy", "cream", "yogurt")]


def theme(title: str, *concepts: str) -> Theme:
    return Theme(id="1", position=0, title=title, need=Need.EXPLORE, rationale="", concepts=list(concepts))


def vocabulary(title: str, *concepts: str) -> tuple[Vocabulary, Tools]:
    tools = Tools()
    return retrieve_vocabulary(tools, tools, tools, theme(title, *concepts), 100), tools


def test_terms_are_retrieved_for_the_concepts_not_for_the_title() -> None:
    found, tools = vocabulary("Milk run", "oat milk", "cream")
    assert tools.asked == ["oat milk", "cream"]
    assert found.keywords == ["oat milk"]


def test_aisles_are_where_such_products_stand_without_the_odd_one_out() -> None:
    assert vocabulary("Milk run", "oat milk")[0].categories == ["milk", "cream"]


def test_only_filters_that_the_theme_names_are_offered() -> None:
    assert vocabulary("Milk run", "oat milk")[0].filters == []
    assert vocabulary("Organic milk run", "oat milk")[0].filters == ["organic"]
    assert vocabulary("Donut freezer", "oat milk")[0].filters == []


def test_texts_hold_everything_that_may_be_chosen() -> None:
    assert vocabulary("Organic milk run", "oat milk")[0].texts == ["oat milk", "milk", "cream", "organic"]


def test_candidates_from_elsewhere_are_ordered_as_the_keyword_search_would() -> None:
    given = ["sour cream", "oat milk", "green tea", "whole milk", "sour cream"]
    assert nearest_first(WordEmbedder(), ["whole milk", "cream"], given) == [
        "whole milk",
        "sour cream",
        "oat milk",
        "green tea",
    ]
    assert sorted(nearest_first(WordEmbedder(), ["whole milk"], given)) == sorted(set(given))


def test_without_readable_concepts_candidates_keep_their_order() -> None:
    assert nearest_first(WordEmbedder(), ["\x00"], ["b", "a", "b"]) == ["b", "a"]
    assert nearest_first(WordEmbedder(), ["milk"], []) == []
