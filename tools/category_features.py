"""What speaks for a category being among those that a query is shelved under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

from catalog.surface import stems
from state.catalog import Category

FEATURES = (
    "neighbours",
    "products",
    "products_root",
    "path_similarity",
    "nearest",
    "nearest_as_first",
    "product_first",
    "product_in_three",
    "shares_a_word",
    "aisle_words_shared",
    "neighbours_by_similarity",
    "products_by_score",
    "evidence_behind",
    "path_behind",
)


@dataclass(frozen=True)
class CategoryEvidence:
    """What was found for a query, by path of the category.

    ``neighbours`` and ``products`` are shares of the evidence of like queries and of the products found, ``paths``
    cosines of the query and each path, ``nearest`` the cosine of the nearest query with the category in its label
    (``nearest_first``: as the first in it), ``ranks`` the rank of the first product of the category. ``likest`` is the
    cosine of the nearest query of all, ``best_product`` the score of the best product.
    """

    neighbours: Mapping[str, float] = field(default_factory=dict)
    products: Mapping[str, float] = field(default_factory=dict)
    paths: Mapping[str, float] = field(default_factory=dict)
    nearest: Mapping[str, float] = field(default_factory=dict)
    nearest_first: Mapping[str, float] = field(default_factory=dict)
    ranks: Mapping[str, int] = field(default_factory=dict)
    likest: float = 0.0
    best_product: float = 0.0


def category_features(
    query: str, pool: Sequence[Category], evidence: CategoryEvidence, weighed: Sequence[float]
) -> list[list[float]]:
    """Return the values of :data:`FEATURES` for each of ``pool``, whose summed evidence is ``weighed``."""
    asked, most = {*stems(query)}, max(weighed, default=0.0)
    closest = max(evidence.paths.values(), default=0.0)
    rows = []
    for category, weight in zip(pool, weighed, strict=True):
        path, aisle = category.path, {*stems(category.aisle)}
        neighbours, products = evidence.neighbours.get(path, 0.0), evidence.products.get(path, 0.0)
        similarity = evidence.paths.get(path, 0.0)
        rank = evidence.ranks.get(path)
        rows.append(
            [
                neighbours,
                products,
                sqrt(products),
                similarity,
                evidence.nearest.get(path, 0.0),
                evidence.nearest_first.get(path, 0.0),
                float(rank == 0),
                float(rank is not None and rank < 3),
                float(bool(asked & aisle)),
                len(asked & aisle) / max(len(aisle), 1),
                evidence.likest * neighbours,
                evidence.best_product * products,
                weight - most,
                closest - similarity,
            ]
        )
    return rows
