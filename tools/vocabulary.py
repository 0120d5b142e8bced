"""Retrieves what a placement's keyword writer may choose from: corpus terms, aisles, filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Protocol

import numpy as np

from state.catalog import Category, KeywordCandidate, ProductHit
from state.guard import Embedder
from state.placement import Theme
from state.vocabulary import Vocabulary
from tools.keywords import readable_concepts

MAX_AISLES = 8
_PROBED_PRODUCTS = 40
_FAIR_PART = 0.08


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
    """Return the ``limit`` corpus terms nearest to the theme's concepts, and the aisles and filters that fit.

    The title takes no part in finding terms: a figurative one ("three plies thick") finds clam chowder.
    Aisles are those where the products that the concepts find stand, most of them first, each with a fair part of them.
    Filters are those that the theme's own words name: a filter nobody asked for hides products.
    """
    found = keywords.candidates(theme.concepts, limit)
    shelves = {category.aisle for category in taxonomy.categories()}
    probed = [hit.product.aisle for hit in products.find(theme.concepts, limit=_PROBED_PRODUCTS)]
    near = Counter(aisle for aisle in probed if aisle in shelves)
    ranked = sorted(near, key=lambda aisle: (-near[aisle], aisle))
    said = f" {' '.join([theme.title, *theme.concepts])} ".casefold()
    return Vocabulary(
        keywords=[term.text for term in found if term.kind == "query"],
        categories=[aisle for aisle in ranked if near[aisle] >= _FAIR_PART * len(probed)][:MAX_AISLES],
        filters=[term.text for term in found if term.kind == "filter" and f" {term.text.casefold()} " in said],
    )


def nearest_first(embedder: Embedder, concepts: Sequence[str], candidates: Sequence[str]) -> list[str]:
    """Return ``candidates`` in the order in which the keyword search gives them: of each concept in turn the nearest.

    For candidates that come from elsewhere (labels, files). Each is listed once, under the concept it is nearest to.
    """
    texts, asked = list(dict.fromkeys(candidates)), readable_concepts(concepts)
    if not texts or not asked:
        return texts
    vectors = embedder.embed([*asked, *texts])
    similarity = vectors[: len(asked)] @ vectors[len(asked) :].T
    nearest = similarity.argmax(axis=0)
    queues = [
        sorted(np.flatnonzero(nearest == concept), key=lambda row: (-similarity[concept, row], row))
        for concept in range(len(asked))
    ]
    turns = zip_longest(*queues)
    return [texts[row] for turn in turns for row in turn if row is not None]
