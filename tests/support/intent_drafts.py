"""Drafts of queries and what intent guards judge them with: the small shop, and finders that say what they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from support.fakes import GUARDS_DIR
from support.small_shop import SmallCatalog, WordEmbedder, WordScorer, WordSearch

from graph.intent_guards import build_intent_guards, discover_intent_guards
from state.catalog import Product, ProductHit
from state.intent import Attribute, IntentDraft, LabelledQuery, RewriteKind, Rewrites
from state.intent_guard import IntentGuard, IntentGuardContext
from tools.query_words import CatalogueWords

BRANDED = [LabelledQuery(query="chobani yogurt", corrected="chobani yogurt", brand="chobani", product="yogurt")]


class Found:
    """A product search that finds the given products, in the aisle ``aisle``, for each query; none for others."""

    def __init__(self, names: Mapping[str, Sequence[str]], aisle: str = "other") -> None:
        self._names, self._aisle = names, aisle
        self.asked: list[str] = []

    def find(
        self, keywords: Sequence[str], *, categories: Sequence[str] = (), filters: Sequence[str] = (), limit: int = 24
    ) -> list[ProductHit]:
        self.asked += keywords
        return [
            ProductHit(
                product=Product(id=name, name=name, aisle=self._aisle, department="x"), score=0.5, matched=(text,)
            )
            for text in keywords
            for name in self._names.get(text, ())
        ][:limit]


def intent_guard(name: str, **config: Any) -> IntentGuard:
    """Return the project's intent guard of this name, configured."""
    classes = [cls for cls in discover_intent_guards(GUARDS_DIR) if cls.name == name]
    return build_intent_guards(classes, {name: config})[0]


def intent_context(**more: Any) -> IntentGuardContext:
    """Return a context of the small shop in which everything works."""
    catalog = SmallCatalog()
    names = [product.name for product in catalog.all_products()]
    given: dict[str, Any] = {
        "embedder": WordEmbedder(),
        "scorer": WordScorer(),
        "categories": {category.path: category for category in catalog.categories()},
        "products": WordSearch(catalog),
        "words": CatalogueWords(names, [name.lower() for name in names], BRANDED),
    }
    return IntentGuardContext(**{**given, **more})


def rewritten(query: str, *rewrites: str, kind: RewriteKind = "substitute", **more: Any) -> IntentDraft:
    """Return a draft with these rewrites of one kind."""
    return IntentDraft(query=query, corrected=query, rewrites=Rewrites(**{kind: list(rewrites)}), **more)


def parsed(query: str, *attributes: tuple[str, str], **roles: Any) -> IntentDraft:
    """Return a draft with these roles."""
    named = [Attribute(type=type, value=value) for type, value in attributes]
    return IntentDraft(query=query, corrected=query, attributes=named, **roles)
