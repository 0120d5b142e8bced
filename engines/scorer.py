"""Embedding similarity: the pair scorer that needs no training, and the baseline of those that do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from state.errors import ModelsError
from state.guard import Embedder
from state.relevance import product_name, theme_parts

BY_EMBEDDING = "embedding-similarity"
SIMILARITY_THRESHOLD = Path(__file__).parent / "similarity_threshold.json"
"""Written by ``benchmarks/relevance_threshold.py``."""


class EmbeddingSimilarityScorer:
    """Scores a pair by the best cosine of the product's name to the theme's title or one of its concepts.

    A theme is a list of things, and a product has to be one of them. Cosines are moved from [-1, 1] to [0, 1]. It
    measures closeness of topic, not relevance: no labels went into it, and unrelated pairs sit near 0.5.
    """

    def __init__(self, embedder: Embedder, threshold: float | None = None) -> None:
        self._embedder = embedder
        self._threshold = threshold

    @property
    def name(self) -> str:
        return f"{BY_EMBEDDING}/{self._embedder.name}"

    @property
    def threshold(self) -> float | None:
        return self._threshold

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Return float32 ``[len(pairs)]`` in [0, 1] for (theme text, product text) pairs."""
        if not pairs:
            return np.empty(0, dtype=np.float32)
        parts = {theme: theme_parts(theme) for theme, _ in pairs}
        names = {product: product_name(product) for _, product in pairs}
        texts = list(dict.fromkeys([*(part for found in parts.values() for part in found), *names.values()]))
        row = {text: at for at, text in enumerate(texts)}
        vectors = self._embedder.embed(texts)
        best = [
            (vectors[[row[part] for part in parts[theme]]] @ vectors[row[names[product]]]).max()
            for theme, product in pairs
        ]
        return np.clip((np.asarray(best) + 1) / 2, 0, 1).astype(np.float32)


def similarity_threshold(scorer: str) -> float | None:
    """Return the threshold that was chosen for the scores of ``scorer``, None when none was.

    Raises:
        ModelsError: the file that holds it cannot be used.
    """
    try:
        recorded = json.loads(SIMILARITY_THRESHOLD.read_text("utf-8"))
        return float(recorded["threshold"]) if recorded["model"] == scorer else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelsError(
            f"{SIMILARITY_THRESHOLD} cannot be used ({type(error).__name__}): restore it, or write it with "
            "benchmarks/relevance_threshold.py --write"
        ) from error
