"""Floors of the rewrite guards with the real embedder and the limits that ship, over a few real product names."""

from __future__ import annotations

import json

import pytest
from support.fakes import GUARDS_DIR
from support.intent_drafts import intent_context, intent_guard, rewritten

from engines.embedder import load_embedder
from state.catalog import Category, Product
from state.intent import REWRITE_KINDS
from state.settings import Settings
from tools.products import ProductSearch

pytestmark = pytest.mark.model

GOODS = {
    ("beverages", "tea"): ["Green Tea Sencha", "Oolong Tea", "Chamomile Herbal Tea"],
    ("household", "dish detergents"): ["Lemon Dish Soap", "Dishwasher Pods"],
    ("dairy eggs", "milk"): ["Whole Milk", "2% Reduced Fat Milk"],
    ("dairy eggs", "soy lactosefree"): [
        "Unsweetened Almond Milk",
        "Vanilla Almond Milk",
        "Almond Milk",
        "Vanilla Oat Milk",
        "Oat Milk",
        "Soy Milk Plain",
    ],
}


class Shop:
    version = "guards-1"

    def all_products(self) -> list[Product]:
        named = [(name, *path) for path, shelf in GOODS.items() for name in shelf]
        return [
            Product(id=str(at), name=name, aisle=aisle, department=dept) for at, (name, dept, aisle) in enumerate(named)
        ]


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> tuple[ProductSearch, object]:
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(Settings().models_dir)
    settings = Settings(home=home)
    embedder = load_embedder(settings)
    return ProductSearch.open(settings, Shop(), embedder), embedder


def taken_out(name: str, search: tuple[ProductSearch, object], query: str, *rewrites: str, category: str) -> list[str]:
    paths = {c.path: c for c in (Category(aisle=aisle, department=dept) for dept, aisle in GOODS)}
    context = intent_context(products=search[0], embedder=search[1], categories=paths)
    draft = rewritten(query, *rewrites, categories=[category])
    return [verdict.text for verdict in intent_guard(name).check(draft, context)]


def test_the_shipped_limits_keep_what_is_near_and_refuse_what_is_about_something_else(
    search: tuple[ProductSearch, object],
) -> None:
    found = taken_out(
        "rewrite_relevance",
        search,
        "green tea",
        "black tea",
        "oolong",
        "dish soap",
        "dog food",
        category="beverages > tea",
    )
    assert found == ["dish soap", "dog food"]


def test_plant_milks_are_free_of_dairy_by_the_products_they_find(search: tuple[ProductSearch, object]) -> None:
    found = taken_out(
        "rewrite_diet", search, "dairy free milk", "almond milk", "oat milk", "whole milk", category="dairy eggs > milk"
    )
    assert found == ["whole milk"]


def test_the_limits_that_ship_refuse_most_far_rewrites_and_keep_most_fitting_ones() -> None:
    recorded = json.loads((GUARDS_DIR / "intent" / "rewrite_relevance.json").read_text("utf-8"))["limits"]
    for kind in REWRITE_KINDS:
        assert recorded[kind]["dev"]["fitting_kept"] >= 0.94
        assert recorded[kind]["dev"]["far_refused"] >= 0.9
