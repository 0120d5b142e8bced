"""Fits the mix of cross-encoder, similarity and shared words on dev labels; held-out folds choose its threshold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.cross_encoder import load_cross_encoder
from state.errors import ModelsError
from state.guard import Embedder
from tools.mixed_scorer import FEATURES, MIX_RECORD, MixRecord, pair_features
from training.datasets import write_whole
from training.relevance_pairs import FITS, MARGINAL, LabelledPair
from training.relevance_scores import READINGS, judge_scores, threshold_for_precision

_REGULARISATION = 10.0
_FOLDS, _REPEATS = 5, 10
MARGIN = 0.005
"""More precision than is asked for: a threshold chosen on four parts of the themes has so much less on the fifth."""


def fit_mix(
    pairs: Sequence[LabelledPair],
    features: np.ndarray,
    *,
    cross_encoder: str,
    embedder: str,
    precision: float,
    chosen_on: str,
    command: str,
) -> tuple[MixRecord, dict[str, Any]]:
    """Return the mix that fits the labelled ``pairs`` best, and its figures for the run card.

    ``features`` are their :func:`tools.mixed_scorer.pair_features`. A marginal product counts as not fitting. Threshold
    and figures are of scores by mixes fitted without the pair's theme, the mean of ten ways to part the themes.

    Raises:
        ModelsError: no threshold reaches ``precision``.
    """
    labels = np.array([pair.label for pair in pairs])
    themes = [pair.theme.id for pair in pairs]
    model = _regression(features, labels)
    held_out = [_held_out(features, labels, themes, seed) for seed in range(_REPEATS)]
    scores = _probabilities(np.mean([logits for logits, _ in held_out], axis=0))
    threshold = _threshold(scores, labels, precision)
    record = MixRecord(
        cross_encoder=cross_encoder,
        embedder=embedder,
        weights={name: float(weight) for name, weight in zip(FEATURES, model.coef_[0], strict=True)},
        intercept=float(model.intercept_[0]),
        threshold=threshold,
        chosen_on=chosen_on,
        command=command,
    )
    figures = {
        "model": record.name,
        "command": command,
        "embedder": embedder,
        "weights": record.weights,
        "intercept": record.intercept,
        "threshold": threshold,
        "threshold_for": f"precision of at least {precision} + {MARGIN} on scores held out by theme, marginal left out",
        "dev_held_out": {
            reading: {name: round(value, 4) for name, value in judge_scores(scores, labels, threshold, reading).items()}
            for reading in READINGS
        },
        "dev_threshold_held_out_too": _nested(held_out, labels, precision),
    }
    return record, figures


def refit_mix(folder: Path, dev: Sequence[LabelledPair], embedder: Embedder, **told: Any) -> dict[str, Any]:
    """Fit the mix for the cross-encoder of ``folder`` and write it there; return the run card, which names it now.

    ``told`` is what :func:`fit_mix` wants to know: precision, chosen_on, command.

    Raises:
        ModelsMissing, ModelsError: the cross-encoder or its run card cannot be used, or no threshold reaches the
            precision; nothing is written.
    """
    scorer, path = load_cross_encoder(folder), folder / "run_card.json"
    try:
        card: dict[str, Any] = json.loads(path.read_text("utf-8"))
        card.pop("mix", None)
    except (OSError, ValueError, AttributeError) as error:
        raise ModelsError(f"{path} cannot be used ({type(error).__name__}). Restore it or train again.") from error
    texts = [pair.texts for pair in dev]
    features = pair_features(texts, scorer.logits(texts), embedder)
    record, card["mix"] = fit_mix(dev, features, cross_encoder=scorer.name, embedder=embedder.name, **told)
    write_mix(folder, record)
    write_whole(path, (json.dumps(card, indent=2) + "\n").encode())
    return card


def write_mix(folder: Path, record: MixRecord) -> None:
    """Write what the scorer needs to know into ``folder``."""
    write_whole(folder / MIX_RECORD, (record.model_dump_json(indent=2) + "\n").encode())


def _regression(features: np.ndarray, labels: np.ndarray) -> Any:
    from sklearn.linear_model import LogisticRegression

    fits = labels == FITS
    if fits.all() or not fits.any():
        raise ModelsError("the mix cannot be fitted: the dev pairs all have one label.")
    return LogisticRegression(C=_REGULARISATION, max_iter=1000).fit(features, fits)


def _held_out(
    features: np.ndarray, labels: np.ndarray, themes: Sequence[str], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return float64 ``[pairs]`` logits, each of a mix fitted without the pair's part of the themes, and the parts."""
    names = list(dict.fromkeys(themes))
    place = dict(zip(names, np.random.default_rng(seed).permutation(len(names)), strict=True))
    parts = np.array([place[theme] % _FOLDS for theme in themes])
    logits = np.empty(len(labels))
    for part in np.unique(parts):
        rest = parts == part
        logits[rest] = _regression(features[~rest], labels[~rest]).decision_function(features[rest])
    return logits, parts


def _nested(
    held_out: Sequence[tuple[np.ndarray, np.ndarray]], labels: np.ndarray, precision: float
) -> dict[str, float]:
    """Return precision and recall, marginal left out, where the threshold is chosen without the theme, too."""
    right, kept_clear, kept_fits = 0, 0, 0
    for logits, parts in held_out:
        scores, kept = _probabilities(logits), np.zeros(len(labels), dtype=bool)
        for part in np.unique(parts):
            rest = parts == part
            kept[rest] = scores[rest] >= _threshold(scores[~rest], labels[~rest], precision)
        right += int((kept & (labels == FITS)).sum())
        kept_clear += int((kept & (labels != MARGINAL)).sum())
        kept_fits += int((labels == FITS).sum())
    return {"precision": round(right / max(kept_clear, 1), 4), "recall": round(right / max(kept_fits, 1), 4)}


def _threshold(scores: np.ndarray, labels: np.ndarray, precision: float) -> float:
    try:
        return threshold_for_precision(scores, labels, min(precision + MARGIN, 1.0), "lenient")
    except ValueError as error:
        raise ModelsError(f"{error} on dev: train for more epochs, or ask for a lower --precision.") from error


def _probabilities(logits: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    found: np.ndarray = expit(logits)
    return found
