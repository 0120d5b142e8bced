"""Retrieves what a placement's keyword writer may choose from: corpus terms, aisles, filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from state.catalog import Category, KeywordCandidate, ProductHit
from state.placement import Theme
from state.vocabulary import Vocabulary

MAX_AISLES = 12
_PROBED_PRODUCTS = 40


class _Keywords(Protocol):
    def candidates(self, concepts: Sequence[str], limit: int = 100) -> list[KeywordCandidate]: ...


class _Products(Protocol):
    def find(
        self, keywords: Sequence[str], *, categories: Sequence[str] = (), filters: Sequence[str] = (), limit: int = 24
    ) -> list[ProductHit]: ...


class _Taxonomy(Protocol):
    def categories(self) -> Sequence[Category]: ...


def retrieve_vocabulary(
    keywords: _Keywords, products: _Products, taxonomy: _Taxonomy, theme: Theme, limit: int
) -> Vocabulary:
    """Return the ``limit`` corpus terms nearest to the theme's concepts and title, and the aisles around them.

    Aisles are those retrieved as terms and those of the products that the concepts find, most frequent first.
    """
    found = keywords.candidates([*theme.concepts, theme.title], limit)
    aisles = {category.aisle for category in taxonomy.categories()}
    retrieved = [term.text for term in found if term.kind == "category" and term.text in aisles]
    near = Counter(
        hit.product.aisle
        for hit in products.find(theme.concepts, limit=_PROBED_PRODUCTS)
        if hit.product.aisle in aisles
    )
    ranked = sorted(near, key=lambda aisle: (-near[aisle], aisle))
    return Vocabulary(
        keywords=[term.text for term in found if term.kind == "query"],
        categories=list(dict.fromkeys([*retrieved, *ranked]))[:MAX_AISLES],
        filters=[term.text for term in found if term.kind == "filter"],
    )
