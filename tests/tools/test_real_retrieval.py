"""Quality floors of keyword and product search with the real embedder, on a few real product names."""

from __future__ import annotations

import pytest

from catalog.corpus import Term
from catalog.surface import normalise
from engines.embedder import load_embedder
from state.catalog import Product
from state.settings import Settings
from tools.keyword_index import build_keyword_index
from tools.keywords import KeywordSearch
from tools.products import ProductSearch

pytestmark = pytest.mark.model

GOODS = {
    "yogurt": ["Greek Yogurt Plain", "Organic Strawberry Yogurt", "Coconut Milk Yogurt", "Skyr Vanilla"],
    "fresh dips tapenades": ["Baba Ghanouj", "Roasted Red Pepper Hummus", "Spinach Dip"],
    "dog food care": ["Chicken Dry Dog Food", "Peanut Butter Dog Biscuits"],
    "paper goods": ["Double Roll Bath Tissue", "Select-A-Size Paper Towels"],
    "packaged seafood": ["Nova Smoked Salmon", "Cocktail Shrimp Ring"],
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    # Weights from the home in use; everything that is built goes elsewhere.
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(Settings().models_dir)
    return Settings(home=home)


class Shop:
    version = "goods-1"

    def all_products(self) -> list[Product]:
        names = [(name, aisle) for aisle, shelf in GOODS.items() for name in shelf]
        return [Product(id=str(n), name=name, aisle=aisle, department="food") for n, (name, aisle) in enumerate(names)]


@pytest.mark.parametrize(
    ("concept", "term"),
    [
        ("yoghurt from Greece", "greek yogurt plain"),
        ("hummus with peppers", "roasted red pepper hummus"),
        ("smoked fish", "nova smoked salmon"),
        ("kitchen paper towel", "select a size paper towels"),
    ],
)
def test_a_concept_in_other_words_finds_its_term_first(settings: Settings, concept: str, term: str) -> None:
    embedder = load_embedder(settings)
    terms = [Term(normalise(name), "query", 1) for shelf in GOODS.values() for name in shelf]
    build_keyword_index(settings.corpus_dir, terms, embedder, settings.index, catalog="goods-1")
    assert KeywordSearch.open(settings, embedder).candidates([concept], 5)[0].text == term


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("baba ganoush", "Baba Ghanouj"),
        ("smoked fish", "Nova Smoked Salmon"),
        ("snacks for puppies", "Peanut Butter Dog Biscuits"),
    ],
)
def test_a_keyword_in_other_words_finds_its_product_first(settings: Settings, keyword: str, name: str) -> None:
    hits = ProductSearch.open(settings, Shop(), load_embedder(settings)).find([keyword], limit=3)
    assert hits[0].product.name == name


def test_what_is_not_sold_finds_no_product(settings: Settings) -> None:
    assert ProductSearch.open(settings, Shop(), load_embedder(settings)).find(["car tires"]) == []
