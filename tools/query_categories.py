"""The categories that a query converts to: where the products it finds are bought, and where like queries were led."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from state.answers_intent import MAX_CATEGORIES
from state.catalog import Category, ProductHit
from state.guard import Embedder
from state.intent_guard import ProductFinder
from state.settings import PROJECT_ROOT
from tools.category_features import FEATURES, CategoryEvidence, category_features
from tools.labelled_queries import LabelledQueries, QueryNeighbour
from tools.linear_scorer import LinearScorer

OFFERED = 8
"""Categories of a query that a language model is shown, and that an answer is taken from."""
PROBED_PRODUCTS = 30
NEIGHBOURS = 8
MIN_NEIGHBOUR = 0.3
"""Cosine from which a labelled query says anything about another."""
PLACE_WEIGHTS = (1.0, 0.5, 0.3, 0.2)
"""What a labelled query gives to its best category, its second, ..."""
WEIGHTS = (1.0, 1.0, 0.5)
"""Of neighbours, products and the path's own words: the sum by which categories come into the pool."""
POOL = 8
"""Categories that the fitted scorer orders, at least."""
WEIGHTS_FILE = PROJECT_ROOT / "models" / "intents" / "categories.json"


@dataclass(frozen=True)
class CategoryCandidate:
    """A category that exists, and why it is proposed.

    ``neighbours`` and ``products`` are shares in [0, 1] of the evidence of like queries and of the products found;
    ``path_similarity`` is the cosine of the query and the category's path; ``score`` the calibrated probability that
    the category is among those that the query is shelved under.
    """

    category: Category
    neighbours: float
    products: float
    path_similarity: float
    score: float


@dataclass(frozen=True)
class CategoryPool:
    """The categories that a query may mean, those with most evidence first, and the features of each."""

    categories: list[Category]
    evidence: CategoryEvidence
    features: list[list[float]]


class QueryCategories:
    """Proposes categories for queries. Only paths of the catalogue's taxonomy can come out."""

    def __init__(
        self,
        categories: Sequence[Category],
        orders: Mapping[str, int],
        products: ProductFinder,
        labelled: LabelledQueries,
        embedder: Embedder,
        *,
        scorer: LinearScorer | None = None,
    ) -> None:
        """Take the shop's categories and finders. ``scorer`` replaces the one that ships.

        Raises:
            ModelsError: the shipped scorer cannot be used.
        """
        self.scorer = scorer or LinearScorer.open(WEIGHTS_FILE, FEATURES)
        self._categories = {category.path: category for category in categories}
        self._by_aisle = {category.aisle: category.path for category in categories}
        self._orders = orders
        self._products = products
        self._labelled = labelled
        self._embedder = embedder
        self._paths = list(self._categories)
        self._path_vectors = embedder.embed([path.replace(" > ", " ") for path in self._paths])

    def candidates(self, query: str, limit: int = OFFERED, *, without: Collection[str] = ()) -> list[CategoryCandidate]:
        """Return up to ``limit`` categories for ``query``, best first.

        ``without`` are keys of labelled queries that may not speak (see :meth:`LabelledQueries.nearest`).
        """
        pool = self.pool(query, max(limit, POOL), without=without)
        scores = self.scorer.probabilities(pool.features)
        evidence = pool.evidence
        found = [
            CategoryCandidate(
                category,
                evidence.neighbours.get(category.path, 0.0),
                evidence.products.get(category.path, 0.0),
                evidence.paths[category.path],
                float(score),
            )
            for category, score in zip(pool.categories, scores, strict=True)
        ]
        return sorted(found, key=lambda entry: (-entry.score, entry.category.path))[:limit]

    @property
    def paths(self) -> list[str]:
        """Every path that can come out."""
        return list(self._paths)

    def chosen(self, candidates: Sequence[CategoryCandidate]) -> list[CategoryCandidate]:
        """Return which of ``candidates`` (best first) to answer: the best, and the others above the threshold."""
        likely = [entry for entry in candidates[1:MAX_CATEGORIES] if entry.score >= self.scorer.threshold]
        return [*candidates[:1], *likely]

    def pool(self, query: str, size: int = POOL, *, without: Collection[str] = ()) -> CategoryPool:
        """Return the ``size`` categories with most evidence, in that order, and what the scorer is to see of them."""
        evidence = self._evidence(query, without)
        weighed = {path: self._weigh(path, evidence) for path in {**evidence.neighbours, **evidence.products}}
        if len(weighed) < size:
            others = sorted((path for path in self._paths if path not in weighed), key=lambda p: -evidence.paths[p])
            weighed.update({path: self._weigh(path, evidence) for path in others[: size - len(weighed)]})
        paths = sorted(weighed, key=lambda path: (-weighed[path], path))[:size]
        categories = [self._categories[path] for path in paths]
        features = category_features(query, categories, evidence, [weighed[path] for path in paths])
        return CategoryPool(categories, evidence, features)

    def _evidence(self, query: str, without: Collection[str]) -> CategoryEvidence:
        vector = self._embedder.embed([query])[0]
        like = self._labelled.nearest(query, NEIGHBOURS, vector=vector, without=without)
        hits = self._products.find([query], limit=PROBED_PRODUCTS)
        nearest, nearest_first, ranks = dict[str, float](), dict[str, float](), dict[str, int]()
        for found in like:
            for place, path in enumerate(found.example.categories):
                nearest.setdefault(path, found.similarity)
                if not place:
                    nearest_first.setdefault(path, found.similarity)
        for rank, hit in enumerate(hits):
            if shelf := self._by_aisle.get(hit.product.aisle):
                ranks.setdefault(shelf, rank)
        return CategoryEvidence(
            neighbours=self._from_neighbours(like),
            products=self._from_products(hits),
            paths=dict(zip(self._paths, (self._path_vectors @ vector).tolist(), strict=True)),
            nearest=nearest,
            nearest_first=nearest_first,
            ranks=ranks,
            likest=like[0].similarity if like else 0.0,
            best_product=hits[0].score if hits else 0.0,
        )

    @staticmethod
    def _weigh(path: str, evidence: CategoryEvidence) -> float:
        parts = (evidence.neighbours.get(path, 0.0), evidence.products.get(path, 0.0), evidence.paths[path])
        return float(np.dot(WEIGHTS, parts))

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
