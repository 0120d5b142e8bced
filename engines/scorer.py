"""The pair scorers: the cross-encoder by default, embedding similarity as the baseline that needs no training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engines.cross_encoder import load_cross_encoder, read_cross_encoder_record
from state.errors import ModelsError
from state.guard import Embedder, PairScorer
from state.relevance import product_name, theme_parts
from state.settings import Settings

_BY_EMBEDDING = "embedding-similarity"
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
        return f"{_BY_EMBEDDING}/{self._embedder.name}"

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


def scorer_name(settings: Settings) -> str:
    """Return the name of the scorer that :func:`load_scorer` would load, without loading it.

    Raises:
        ModelsError: the cross-encoder is not there or its record cannot be understood.
    """
    if settings.scorer.kind == "embedding":
        return f"{_BY_EMBEDDING}/{settings.embedder.model}"
    return read_cross_encoder_record(settings.scorer.path).name


def load_scorer(settings: Settings, embedder: Embedder | None = None) -> PairScorer:
    """Return the scorer of theme-product pairs that the settings ask for.

    Embedding similarity uses ``embedder``; without it, the one that the settings name is loaded.

    Raises:
        ModelsError: the cross-encoder is missing, damaged or not the one that was calibrated.
    """
    if settings.scorer.kind == "cross-encoder":
        return load_cross_encoder(settings.scorer.path, settings.threads)
    if embedder is None:
        from engines.embedder import load_embedder

        embedder = load_embedder(settings)
    return EmbeddingSimilarityScorer(embedder, similarity_threshold(f"{_BY_EMBEDDING}/{embedder.name}"))
