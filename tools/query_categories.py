"""The categories that a query converts to: where the products it finds are bought, and where like queries were led."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from state.catalog import Category, ProductHit
from state.guard import Embedder
from tools.labelled_queries import LabelledQueries, QueryNeighbour

PROBED_PRODUCTS = 30
NEIGHBOURS = 8
MIN_NEIGHBOUR = 0.3
"""Cosine from which a labelled query says anything about another."""
PLACE_WEIGHTS = (1.0, 0.5, 0.3, 0.2)
"""What a labelled query gives to its best category, its second, ..."""
WEIGHTS = (1.0, 1.0, 0.5)
"""Of neighbours, products and the path's own words; chosen on the dev split (docs/intents.md)."""


class ProductFinder(Protocol):
    """Finds products for keywords, best first."""

    def find(
        self, keywords: Sequence[str], *, categories: Sequence[str] = (), filters: Sequence[str] = (), limit: int = 24
    ) -> list[ProductHit]: ...


@dataclass(frozen=True)
class CategoryCandidate:
    """A category that exists, and why it is proposed.

    ``neighbours`` and ``products`` are shares in [0, 1] of the evidence of like queries and of the products found;
    ``path_similarity`` is the cosine of the query and the category's path; ``score`` their weighted sum.
    """

    category: Category
    neighbours: float
    products: float
    path_similarity: float
    score: float


class QueryCategories:
    """Proposes categories for queries. Only paths of the catalogue's taxonomy can come out."""

    def __init__(
        self,
        categories: Sequence[Category],
        orders: Mapping[str, int],
        products: ProductFinder,
        labelled: LabelledQueries,
        embedder: Embedder,
    ) -> None:
        self._categories = {category.path: category for category in categories}
        self._by_aisle = {category.aisle: category.path for category in categories}
        self._orders = orders
        self._products = products
        self._labelled = labelled
        self._embedder = embedder
        self._paths = list(self._categories)
        self._path_vectors = embedder.embed([path.replace(" > ", " ") for path in self._paths])

    def candidates(self, query: str, limit: int = 8, *, without: Collection[str] = ()) -> list[CategoryCandidate]:
        """Return up to ``limit`` categories for ``query``, best first.

        ``without`` are keys of labelled queries that may not speak (see :meth:`LabelledQueries.nearest`).
        """
        vector = self._embedder.embed([query])[0]
        neighbours = self._from_neighbours(self._labelled.nearest(query, NEIGHBOURS, vector=vector, without=without))
        products = self._from_products(self._products.find([query], limit=PROBED_PRODUCTS))
        similar = dict(zip(self._paths, (self._path_vectors @ vector).tolist(), strict=True))
        found = [
            self._candidate(path, neighbours.get(path, 0.0), products.get(path, 0.0), similar[path])
            for path in {**neighbours, **products}
        ]
        if len(found) < limit:
            known = {entry.category.path for entry in found}
            nearest = sorted((path for path in self._paths if path not in known), key=lambda path: -similar[path])
            found += [self._candidate(path, 0.0, 0.0, similar[path]) for path in nearest[: limit - len(found)]]
        return sorted(found, key=lambda entry: (-entry.score, entry.category.path))[:limit]

    def _candidate(self, path: str, neighbours: float, products: float, similarity: float) -> CategoryCandidate:
        score = float(np.dot(WEIGHTS, (neighbours, products, similarity)))
        return CategoryCandidate(self._categories[path], neighbours, products, similarity, score)

    def _from_neighbours(self, found: Sequence[QueryNeighbour]) -> dict[str, float]:
        """Return the share of each category in what like queries were labelled with."""
        weights: Counter[str] = Counter()
        for neighbour in found:
            said = max(0.0, neighbour.similarity - MIN_NEIGHBOUR) ** 2
            for place, path in enumerate(neighbour.example.categories):
                if path in self._categories:
                    weights[path] += said * PLACE_WEIGHTS[min(place, len(PLACE_WEIGHTS) - 1)]  # type: ignore[assignment]
        return _shares(weights)

    def _from_products(self, hits: Sequence[ProductHit]) -> dict[str, float]:
        """Return the share of each category in the products found, those often bought and ranked high counting more."""
        weights: Counter[str] = Counter()
        for rank, hit in enumerate(hits):
            if path := self._by_aisle.get(hit.product.aisle):
                bought = 1 + 0.2 * math.log1p(self._orders.get(hit.product.id, 0))
                weights[path] += hit.score * bought / (1 + 0.1 * rank)  # type: ignore[assignment]
        return _shares(weights)


def _shares(weights: Counter[str]) -> dict[str, float]:
    total = sum(weights.values())
    return {path: weight / total for path, weight in weights.items()} if total else {}
