"""Whether the catalogue sells anything that a concept could mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.surface import stems
from state.catalog import Product
from state.guard import Embedder

_BATCH = 256


class ConceptMatcher:
    """Compares concepts with every product by meaning, and by words where meaning fails.

    The embedder knows few rare words: "freekeh" is nearer to "Free & Clear" than to "Cracked Freekeh". So a concept
    also matches a product whose name holds all of its words.
    """

    def __init__(self, products: Sequence[Product], vectors: np.ndarray, embedder: Embedder) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._rows_of: dict[str, set[int]] = {}
        for row, product in enumerate(products):
            for word in stems(product.name):
                self._rows_of.setdefault(word, set()).add(row)

    def unmatched(self, concepts: Sequence[str], min_cosine: float) -> dict[str, float]:
        """Return the concepts that match no product, with the cosine to the nearest one."""
        distinct = list(dict.fromkeys(concepts))
        nearest: dict[str, float] = {}
        for start in range(0, len(distinct), _BATCH):
            batch = distinct[start : start + _BATCH]
            cosines = np.asarray(self._embedder.embed(batch), dtype=np.float32) @ self._vectors.T
            best = cosines.max(axis=1) if cosines.shape[1] else np.full(len(batch), -1.0)
            nearest.update(zip(batch, map(float, best), strict=True))
        return {
            concept: round(cosine, 3)
            for concept, cosine in nearest.items()
            if cosine < min_cosine and not self._named(concept)
        }

    def _named(self, concept: str) -> bool:
        rows = [self._rows_of.get(word, set()) for word in stems(concept)]
        return bool(rows) and bool(set.intersection(*rows))
