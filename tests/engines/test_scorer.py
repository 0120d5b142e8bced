"""The pair scorer keeps to its range and its order, and embeds no text twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from engines.scorer import EmbeddingSimilarityScorer


class Directions:
    """Embeds a text as the unit vector at its number's angle, in degrees."""

    name = "directions"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        angles = np.radians([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_scores_are_cosines_moved_to_zero_one_in_the_order_of_the_pairs() -> None:
    scorer = EmbeddingSimilarityScorer(Directions())
    scores = scorer.score([("0", "0"), ("0", "180"), ("0", "90"), ("90", "30")])
    assert scores.dtype == np.float32
    assert scores == pytest.approx([1, 0, 0.5, 0.75], abs=1e-6)
    assert scorer.name == "embedding-similarity/directions"


def test_each_text_is_embedded_once() -> None:
    embedder = Directions()
    EmbeddingSimilarityScorer(embedder).score([("0", "10"), ("0", "20"), ("10", "0")])
    assert sorted(embedder.asked) == ["0", "10", "20"]


def test_no_pairs_give_no_scores() -> None:
    assert EmbeddingSimilarityScorer(Directions()).score([]).shape == (0,)
