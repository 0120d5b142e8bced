"""The pair scorer keeps to its range and its order, and embeds no text twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engines.scorer import (
    SIMILARITY_THRESHOLD,
    EmbeddingSimilarityScorer,
    similarity_threshold,
)
from state.errors import ModelsError


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


def test_the_best_of_title_and_concepts_counts_and_the_aisle_does_not() -> None:
    embedder = Directions()
    scores = EmbeddingSimilarityScorer(embedder).score([("90: 60, 20", "10, 170")])
    assert scores == pytest.approx([(1 + np.cos(np.radians(10))) / 2])
    assert sorted(embedder.asked) == ["10", "20", "60", "90"]


def test_each_text_is_embedded_once() -> None:
    embedder = Directions()
    EmbeddingSimilarityScorer(embedder).score([("0", "10"), ("0", "20"), ("10", "0")])
    assert sorted(embedder.asked) == ["0", "10", "20"]


def test_no_pairs_give_no_scores() -> None:
    assert EmbeddingSimilarityScorer(Directions()).score([]).shape == (0,)


def test_a_threshold_is_of_the_scorer_it_was_chosen_for() -> None:
    recorded = json.loads(SIMILARITY_THRESHOLD.read_text("utf-8"))
    assert similarity_threshold(recorded["model"]) == recorded["threshold"]
    assert similarity_threshold("embedding-similarity/another") is None


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"model": "m"}', '{"model": "m", "threshold": "high"}'])
def test_an_unusable_threshold_is_told(text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "similarity_threshold.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr("engines.scorer.SIMILARITY_THRESHOLD", path)
    with pytest.raises(ModelsError, match="restore it, or write it"):
        similarity_threshold("m")
