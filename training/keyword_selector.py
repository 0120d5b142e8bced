"""Trains the keyword selector: which of a theme's candidates a large model chose, as far as nearness and words tell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from state.errors import ModelsError
from state.guard import Embedder
from tools.keyword_features import FEATURES, keyword_features
from tools.keyword_selector import CARD_FILE, MODEL_FILE
from tools.keywords import readable_concepts
from tools.known_vectors import KnownVectors
from tools.vocabulary import nearest_first
from training.datasets import FILES, checksums, write_whole
from training.examples import KeywordExample, Task

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.06,
    "num_leaves": 7,
    "min_data_in_leaf": 60,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.8,
    "lambda_l2": 5.0,
}
ROUNDS = 150
FLOOR = 0.25
"""Chance under which a term is not shown. Chosen on the dev split: docs/student.md has the table."""

_AT_ONCE = 1024


@dataclass(frozen=True)
class SelectorExamples:
    """Candidates of many themes: ``features`` ``[rows, len(FEATURES)]``, ``chosen`` ``[rows]``, rows by theme."""

    features: np.ndarray
    chosen: np.ndarray
    groups: list[int]


def texts_of(rows: Sequence[KeywordExample]) -> list[str]:
    """Return every text that the features of ``rows`` are made of, each once."""
    return list(
        dict.fromkeys(
            text
            for row in rows
            for text in (row.title, row.rationale or row.title, *readable_concepts(row.concepts), *row.candidates)
        )
    )


def embedded(embedder: Embedder, texts: Sequence[str], advance: Callable[[int], object]) -> Embedder:
    """Return an embedder that knows ``texts``, embedded here; ``advance`` is told how many more are done."""
    parts = []
    for start in range(0, len(texts), _AT_ONCE):
        parts.append(embedder.embed(texts[start : start + _AT_ONCE]))
        advance(len(parts[-1]))
    return KnownVectors(embedder, texts, np.concatenate(parts))


def selector_examples(embedder: Embedder, rows: Sequence[KeywordExample]) -> SelectorExamples:
    """Return the candidates of ``rows``, nearest first as the app shows them, and which of them were chosen."""
    features, chosen, groups = [], [], []
    for row in rows:
        texts = nearest_first(embedder, row.concepts, row.candidates)
        features.append(keyword_features(embedder, row.title, row.rationale, row.concepts, texts))
        chosen.append(np.isin(texts, row.chosen_keywords))
        groups.append(len(texts))
    return SelectorExamples(np.concatenate(features), np.concatenate(chosen).astype(np.int64), groups)


def train_selector(
    train: SelectorExamples, dev: SelectorExamples, *, embedder: str, command: str, seed: int = 7, threads: int = 1
) -> tuple[str, dict[str, Any]]:
    """Return the model file's text and its run card. The same input gives the same bytes.

    Raises:
        ModelsError: a split has no theme with a choice.
    """
    import lightgbm

    if not train.chosen.any() or not dev.chosen.any():
        raise ModelsError("no theme of the labels has a chosen keyword: there is nothing to learn from.")
    fixed = {"seed": seed, "num_threads": threads, "deterministic": True, "force_col_wise": True, "verbosity": -1}
    data = lightgbm.Dataset(train.features, train.chosen, feature_name=list(FEATURES))
    booster = lightgbm.train({**PARAMETERS, **fixed}, data, num_boost_round=ROUNDS)
    model = booster.model_to_string()
    gains = booster.feature_importance("gain")
    card = {
        "sha256": hashlib.sha256(model.encode()).hexdigest(),
        "command": command,
        "features": list(FEATURES),
        "embedder": embedder,
        "floor": FLOOR,
        "seed": seed,
        "rounds": ROUNDS,
        "parameters": PARAMETERS,
        "lightgbm": lightgbm.__version__,
        "data": {FILES[Task.KEYWORDS]: checksums()[FILES[Task.KEYWORDS]]},
        "themes": {"train": len(train.groups), "dev": len(dev.groups)},
        "candidates": {"train": len(train.chosen), "dev": len(dev.chosen)},
        "chosen": {"train": int(train.chosen.sum()), "dev": int(dev.chosen.sum())},
        "dev": _figures(np.asarray(booster.predict(dev.features, num_threads=1)), dev),
        "gain_share": {
            name: round(float(gain), 4)
            for gain, name in sorted(zip(gains / gains.sum(), FEATURES, strict=True), reverse=True)
        },
    }
    return model, card


def write_selector(folder: Path, model: str, card: dict[str, Any]) -> None:
    """Write model and run card into ``folder``; the card goes last, so that a half-written pair is noticed."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / MODEL_FILE, model.encode())
    write_whole(folder / CARD_FILE, (json.dumps(card, indent=2) + "\n").encode())


def _figures(chances: np.ndarray, dev: SelectorExamples) -> dict[str, float]:
    """Return AUC, log loss, and precision and recall of the 6 likeliest of each theme."""
    from sklearn.metrics import log_loss, roc_auc_score

    starts = np.cumsum([0, *dev.groups[:-1]])
    taken = np.concatenate(
        [
            start + np.argsort(-chances[start : start + size], kind="stable")[:6]
            for start, size in zip(starts, dev.groups, strict=True)
        ]
    )
    right = int(dev.chosen[taken].sum())
    return {
        "auc": round(float(roc_auc_score(dev.chosen, chances)), 4),
        "log_loss": round(float(log_loss(dev.chosen, chances)), 4),
        "precision_of_6": round(right / len(taken), 4),
        "recall_of_6": round(right / int(dev.chosen.sum()), 4),
    }
