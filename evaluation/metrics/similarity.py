"""How alike the products within a theme are, and how unlike the themes of a page: from embeddings of the products.

Similarity is the cosine. Intra-list similarity is that of Ziegler et al., "Improving Recommendation Lists Through Topic
Diversification" (WWW 2005), divided by the number of pairs so that lists of different lengths compare; diversity is
1 - similarity, as in Smyth and McClave, "Similarity vs. Diversity" (ICCBR 2001).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from state.placement import Page, Placement

Vectors = Mapping[str, np.ndarray]
"""Product id to its embedding, ``[dimension]``; not necessarily of length 1."""


def intra_list_similarity(vectors: np.ndarray) -> float:
    """Return the mean cosine of all pairs of the rows of ``vectors`` ``[n, dimension]``; NaN with fewer than two.

    ILS = 2 / (n (n - 1)) * sum over i < j of cos(v_i, v_j), in [-1, 1].

    Raises:
        ValueError: ``vectors`` is no matrix, or a row is zero or not finite.
    """
    unit = _unit(vectors)
    n = len(unit)
    if n < 2:
        return math.nan
    # The sum of all pairs from the sum of all rows: |sum v|^2 = n + 2 * sum over pairs.
    total = unit.sum(axis=0)
    return float((total @ total - n) / (n * (n - 1)))


def within_theme_cohesion(page: Page, vectors: Vectors) -> float:
    """Return the intra-list similarity of each placement's products, averaged over the placements.

    Products without a vector and placements with fewer than two others are left out; NaN if none is left.
    """
    found = [intra_list_similarity(own) for row in page.placements if len(own := _of(row, vectors)) > 1]
    return sum(found) / len(found) if found else math.nan


def between_theme_diversity(page: Page, vectors: Vectors) -> float:
    """Return 1 - the mean cosine of all pairs of themes, in [0, 2]: 0 when all themes are the same.

    A theme stands for its products: the mean of their unit vectors, which titles cannot flatter. NaN with fewer than
    two placements that have products with vectors.
    """
    centres = [_unit(own).mean(axis=0) for row in page.placements if len(own := _of(row, vectors))]
    return 1 - intra_list_similarity(np.stack(centres)) if len(centres) > 1 else math.nan


def _of(row: Placement, vectors: Vectors) -> np.ndarray:
    found = [vectors[product.id] for product in row.products if product.id in vectors]
    return np.stack(found) if found else np.empty((0, 0))


def _unit(vectors: np.ndarray) -> np.ndarray:
    rows = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2:
        raise ValueError(f"embeddings come as a matrix [n, dimension], not with shape {rows.shape}")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise ValueError("an embedding is zero or not finite: it has no direction to compare")
    return rows / lengths
