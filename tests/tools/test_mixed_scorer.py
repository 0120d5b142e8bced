"""The mixed scorer adds similarity and shared words to the cross-encoder, and refuses what it was not fitted with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.small_shop import WordEmbedder
from support.tiny_relevance import tiny_cross_encoder

from engines.cross_encoder import load_cross_encoder, read_cross_encoder_record
from engines.scorer import EmbeddingSimilarityScorer
from state.errors import ModelsError, ModelsMissing
from state.settings import ScorerSettings, Settings
from tools.known_vectors import KnownVectors
from tools.mixed_scorer import FEATURES, MIX_RECORD, MixRecord, load_mixed_scorer, pair_features, read_mix_record
from tools.pair_scorer import load_scorer, scorer_name

PAIRS = [
    ("yogurt week: greek yogurts, vanilla yogurt", "Berry Yogurt, dairy"),
    ("yogurt week: greek yogurts, vanilla yogurt", "Greek Yogurt, dairy"),
    ("bread", "Rye Bread, bakery"),
    ("bread", "Soap, household"),
]
WEIGHTS = {"logit": 0.5, "similarity": 2.0, "words": 1.0, "last_word": -0.25}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tiny_cross_encoder(tmp_path / "tiny")
    write(found)
    return found


def write(folder: Path, **changed: Any) -> MixRecord:
    given = {
        "cross_encoder": read_cross_encoder_record(folder).name,
        "embedder": WordEmbedder.name,
        "weights": WEIGHTS,
        "intercept": -1.0,
        "threshold": 0.4,
        "chosen_on": "a test",
        "command": "a test",
    }
    record = MixRecord(**{**given, **changed})
    (folder / MIX_RECORD).write_text(record.model_dump_json(), encoding="utf-8")
    return record


def test_features_are_logit_similarity_to_title_or_a_concept_and_words_shared_with_a_concept() -> None:
    logits = np.array([1.0, 2.0, 3.0, 4.0], dtype=np.float32)
    found = pair_features(PAIRS, logits, WordEmbedder())
    assert found[:, 0].tolist() == logits.tolist()
    parts = WordEmbedder().embed(["yogurt week", "greek yogurts", "vanilla yogurt"])
    assert found[0, 1] == pytest.approx((parts @ WordEmbedder().embed([PAIRS[0][1]])[0]).max())
    assert found[:, 2].tolist() == [0.5, 1.0, 1.0, 0.0]
    assert found[:, 3].tolist() == [1.0, 1.0, 1.0, 0.0]


def test_the_score_is_the_logistic_of_the_weighted_features(folder: Path) -> None:
    scorer = load_mixed_scorer(folder, WordEmbedder())
    features = pair_features(PAIRS, load_cross_encoder(folder).logits(PAIRS), WordEmbedder())
    values = features @ [WEIGHTS[name] for name in FEATURES] - 1.0
    scores = scorer.score(PAIRS)
    assert scores == pytest.approx(1 / (1 + np.exp(-values)), abs=1e-6)
    assert scores.dtype == np.float32
    assert scorer.score(PAIRS[::-1]) == pytest.approx(scores[::-1], abs=1e-5)
    assert scorer.score([]).shape == (0,)


def test_texts_without_words_score_as_sharing_none() -> None:
    found = pair_features([("?!: ..., -", "---, x"), ("", "")], np.zeros(2, dtype=np.float32), WordEmbedder())
    assert np.isfinite(found).all()
    assert found[:, 2:].sum() == 0


def test_the_name_changes_with_weights_threshold_and_the_models_behind(folder: Path) -> None:
    record = read_mix_record(folder)
    scorer = load_mixed_scorer(folder, WordEmbedder())
    assert (scorer.name, scorer.threshold) == (record.name, 0.4)
    for changed in (
        {"threshold": 0.5},
        {"intercept": 0.0},
        {"weights": {**WEIGHTS, "words": 1.5}},
        {"embedder": "another"},
        {"cross_encoder": "another"},
    ):
        assert record.model_copy(update=changed).name != record.name
    assert record.model_copy(update={"command": "another"}).name == record.name


def test_a_mix_of_other_weights_or_another_embedder_is_refused(folder: Path) -> None:
    class Another(WordEmbedder):
        name = "another"

    with pytest.raises(ModelsError, match="fitted with embedder 'words-64', the settings name 'another'"):
        load_mixed_scorer(folder, Another())
    write(folder, cross_encoder="cross-encoder/of-before")
    with pytest.raises(ModelsError, match=r"fitted with 'cross-encoder/of-before'.*--mix-only"):
        load_mixed_scorer(folder, WordEmbedder())


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"weights": {"logit": 1}})])
def test_a_broken_record_is_told(folder: Path, text: str) -> None:
    (folder / MIX_RECORD).write_text(text, encoding="utf-8")
    with pytest.raises(ModelsError, match="cannot be used"):
        read_mix_record(folder)


def test_a_missing_mix_names_the_command(folder: Path) -> None:
    (folder / MIX_RECORD).unlink()
    with pytest.raises(ModelsMissing, match="--mix-only"):
        read_mix_record(folder)


def test_settings_choose_the_kind_and_the_name_is_known_without_loading(folder: Path) -> None:
    names = set()
    for kind in ("mix", "cross-encoder", "embedding"):
        settings = Settings(scorer=ScorerSettings(kind=kind, path=folder))
        settings.embedder.model = WordEmbedder.name
        scorer = load_scorer(settings, WordEmbedder())
        assert scorer.name == scorer_name(settings)
        names.add(scorer.name.split("/")[0])
    assert names == {"mix", "cross-encoder", "embedding-similarity"}
    assert isinstance(scorer, EmbeddingSimilarityScorer)
    assert scorer.threshold is None


def test_the_name_is_not_told_for_an_embedder_that_the_mix_was_not_fitted_with(folder: Path) -> None:
    with pytest.raises(ModelsError, match="fitted with embedder"):
        scorer_name(Settings(scorer=ScorerSettings(path=folder)))


class Counting(WordEmbedder):
    """Notes what it is asked to embed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return super().embed(texts)


def test_texts_with_known_vectors_are_not_embedded_again(folder: Path) -> None:
    products = list(dict.fromkeys(product for _, product in PAIRS))
    embedder = Counting()
    known = KnownVectors(embedder, products, WordEmbedder().embed(products).astype(np.float16))
    assert known.name == embedder.name
    scores = load_mixed_scorer(folder, known).score(PAIRS)
    assert scores == pytest.approx(load_mixed_scorer(folder, WordEmbedder()).score(PAIRS), abs=1e-3)
    assert embedder.asked == ["yogurt week", "greek yogurts", "vanilla yogurt", "bread"]
    assert known.embed(products[:2]).dtype == np.float32
    assert known.embed([]).shape[0] == 0
