"""What keywords find in the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.small_shop import WordEmbedder

from state.catalog import Product
from state.settings import Settings
from tools.product_index import build_product_vectors, vectors_path
from tools.products import ProductSearch

SHELVES = {
    "tea": ["Green Tea", "Organic Green Tea", "Black Tea", "Mint Tea", "Tea Biscuit Tin", "Iced Green Tea Bottle"],
    "bread": ["Rye Bread", "Gluten Free Rye Bread", "White Bread", "Raisin Bread"],
    "cookies cakes": ["Green Tea Cookies", "Rye Cookies"],
}


class Shop:
    """A catalogue version with some products sold out."""

    def __init__(self, version: str = "v1", sold_out: tuple[str, ...] = ()) -> None:
        self.version = version
        names = [(name, aisle) for aisle, shelf in SHELVES.items() for name in shelf]
        self._products = [
            Product(id=str(number), name=name, aisle=aisle, department="food", available=name not in sold_out)
            for number, (name, aisle) in enumerate(names, start=1)
        ]

    def all_products(self) -> list[Product]:
        return self._products


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def search(home: Path) -> ProductSearch:
    return ProductSearch.open(Settings(home=home), Shop(), WordEmbedder())


def names(search: ProductSearch, keywords: list[str], **more: object) -> list[str]:
    return [hit.product.name for hit in search.find(keywords, **more)]


def test_the_product_that_says_it_comes_first(search: ProductSearch) -> None:
    assert names(search, ["green tea"])[0] == "Green Tea"


def test_plural_keywords_find_singular_names(search: ProductSearch) -> None:
    assert "Rye Bread" in names(search, ["rye breads"])


def test_every_keyword_is_represented_however_small_the_limit(search: ProductSearch) -> None:
    hits = search.find(["green tea", "rye bread", "raisin bread"], limit=3)
    assert {keyword for hit in hits for keyword in hit.matched[:1]} >= {"green tea", "rye bread", "raisin bread"}


def test_matched_names_all_keywords_that_found_the_product(search: ProductSearch) -> None:
    hits = {hit.product.name: hit.matched for hit in search.find(["green tea", "tea"])}
    assert set(hits["Green Tea"]) == {"green tea", "tea"}


def test_products_come_once_and_best_first(search: ProductSearch) -> None:
    hits = search.find(["green tea", "tea", "mint tea"])
    assert len({hit.product.id for hit in hits}) == len(hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_sold_out_products_are_never_found(home: Path) -> None:
    search = ProductSearch.open(Settings(home=home), Shop("v-sold", sold_out=("Green Tea",)), WordEmbedder())
    found = names(search, ["green tea", "tea"])
    assert found
    assert "Green Tea" not in found


def test_a_category_prefers_its_aisle_and_excludes_no_other(search: ProductSearch) -> None:
    found = names(search, ["green tea"], categories=["cookies cakes"])
    assert found[0] == "Green Tea Cookies"
    assert "Green Tea" in found


def test_a_filter_prefers_names_that_claim_it(search: ProductSearch) -> None:
    assert names(search, ["rye bread"], filters=["gluten free"])[0] == "Gluten Free Rye Bread"
    assert names(search, ["rye bread"])[0] == "Rye Bread"


def test_what_the_shop_does_not_sell_finds_nothing(search: ProductSearch) -> None:
    assert search.find(["motor oil filter"]) == []


@pytest.mark.parametrize("keywords", [[], [""], ["\x00", "  "]])
def test_keywords_without_words_find_nothing(search: ProductSearch, keywords: list[str]) -> None:
    assert search.find(keywords) == []


def test_the_limit_holds(search: ProductSearch) -> None:
    assert len(search.find(["tea", "bread"], limit=2)) == 2
    assert search.find(["tea"], limit=0) == []


@given(st.lists(st.text(max_size=40), max_size=4), st.lists(st.text(max_size=20), max_size=2))
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_answered_with_scores_in_range(
    search: ProductSearch, keywords: list[str], facets: list[str]
) -> None:
    for hit in search.find(keywords, categories=facets, filters=facets):
        assert 0 <= hit.score <= 1
        assert hit.matched


def test_the_same_keywords_find_the_same_products(search: ProductSearch) -> None:
    assert search.find(["tea", "bread"]) == search.find(["tea", "bread"])


def test_another_catalogue_version_has_vectors_of_its_own(home: Path) -> None:
    settings = Settings(home=home)
    paths = {build_product_vectors(settings, Shop(version), WordEmbedder()) for version in ("v1", "v2")}
    assert paths == {vectors_path(settings, version, WordEmbedder()) for version in ("v1", "v2")}


def test_vectors_that_are_there_are_not_made_again(home: Path) -> None:
    class Silent(WordEmbedder):
        def embed(self, texts: object) -> object:
            raise AssertionError("embedded again")

    settings = Settings(home=home)
    first = build_product_vectors(settings, Shop("v1"), WordEmbedder())
    assert build_product_vectors(settings, Shop("v1"), Silent()) == first


def test_preferred_products_come_forward_where_a_keyword_finds_them(search: ProductSearch) -> None:
    ids = {hit.product.name: hit.product.id for hit in search.find(["green tea", "rye bread"])}
    plain = names(search, ["green tea"])
    assert plain[0] == "Green Tea"
    bottle, rye = ids["Iced Green Tea Bottle"], ids["Rye Bread"]
    found = names(search, ["green tea"], preferred=[bottle, rye, "no such product"])
    assert found[0] == "Iced Green Tea Bottle"
    assert sorted(found) == sorted(plain)
