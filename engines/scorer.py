"""The pair scorer: how well a product's text fits a theme's text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from state.guard import Embedder, PairScorer
from state.settings import Settings

_BY_EMBEDDING = "embedding-similarity"


class EmbeddingSimilarityScorer:
    """Scores a pair by the cosine of its two embeddings, moved from [-1, 1] to [0, 1].

    It measures closeness of topic, not relevance: no labels went into it, and unrelated pairs sit near 0.5.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def name(self) -> str:
        return f"{_BY_EMBEDDING}/{self._embedder.name}"

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Return float32 ``[len(pairs)]`` in [0, 1] for (theme text, product text) pairs."""
        if not pairs:
            return np.empty(0, dtype=np.float32)
        position: dict[str, int] = {}
        for pair in pairs:
            for text in pair:
                position.setdefault(text, len(position))
        vectors = self._embedder.embed(list(position))
        left = vectors[[position[first] for first, _ in pairs]]
        right = vectors[[position[second] for _, second in pairs]]
        cosine = np.einsum("ij,ij->i", left, right)
        return np.clip((cosine + 1) / 2, 0, 1).astype(np.float32)


def scorer_name(settings: Settings) -> str:
    """Return the name of the scorer that :func:`load_scorer` would load, without loading it."""
    return f"{_BY_EMBEDDING}/{settings.embedder.model}"


def load_scorer(settings: Settings, embedder: Embedder) -> PairScorer:
    """Return the scorer of theme-product pairs that the settings allow for: embedding similarity."""
    return EmbeddingSimilarityScorer(embedder)
