"""Training the product ranker: LambdaMART on the baskets, and a calibration of its scores."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catalog.publishing import replace_text
from ranking.features import FEATURES
from ranking.learned import MODEL_FILE, RUN_FILE, Calibration
from state.errors import ShelfwiseError
from training.ranker_examples import HELD_OUT, Examples

PARAMETERS: dict[str, Any] = {
    "objective": "lambdarank",
    "metric": "ndcg",
    "eval_at": [10, 30],
    "lambdarank_truncation_level": 30,
    "learning_rate": 0.06,
    "num_leaves": 7,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.8,
    "lambda_l2": 1.0,
}
"""Chosen by cross-validation over train and dev shoppers; docs/ranking.md says how."""
ROUNDS = 100
LABEL_ORDERS = 4
"""Orders of each train shopper that are learned from."""


@dataclass(frozen=True)
class TrainedRanker:
    """The model file's text and its run card."""

    model: str
    run: dict[str, Any]


class TooFewExamples(ShelfwiseError):
    """The orders give nothing to learn from."""


def train_ranker(
    train: Examples,
    dev: Examples,
    *,
    catalog: str,
    seed: int = 7,
    rounds: int = ROUNDS,
    threads: int = 2,
    label_orders: int = LABEL_ORDERS,
) -> TrainedRanker:
    """Return the ranker learned from ``train``, its scores calibrated on ``dev``. The same input gives the same bytes.

    ``label_orders`` is what the examples were read with, for the run card.

    Burges, "From RankNet to LambdaRank to LambdaMART" (2010), as LightGBM does it.

    Raises:
        TooFewExamples: a split has no page with a candidate that was bought.
    """
    import lightgbm

    if not len(train) or not len(dev):
        raise TooFewExamples(
            f"{len(train)} pages to train on and {len(dev)} to choose on: import orders of more shoppers, "
            "with five orders or more each."
        )
    parameters = {
        **PARAMETERS,
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(train.features, train.labels, group=list(train.groups), feature_name=list(FEATURES))
    held = data.create_valid(dev.features, dev.labels, group=list(dev.groups))
    measured: dict[str, Any] = {}
    booster = lightgbm.train(
        parameters,
        data,
        num_boost_round=rounds,
        valid_sets=[held],
        valid_names=["dev"],
        callbacks=[lightgbm.record_evaluation(measured)],
    )
    scores = np.asarray(booster.predict(dev.features, raw_score=True, num_threads=1))
    model = booster.model_to_string()
    gains = booster.feature_importance("gain")
    run = {
        "sha256": hashlib.sha256(model.encode()).hexdigest(),
        "features": list(FEATURES),
        "calibration": calibrate(scores, dev.labels).model_dump(),
        "seed": seed,
        "rounds": rounds,
        "parameters": PARAMETERS,
        "lightgbm": lightgbm.__version__,
        "catalog": catalog,
        "orders_held_out": HELD_OUT,
        "label_orders": label_orders,
        "pages": {"train": len(train), "dev": len(dev)},
        "candidates": {"train": len(train.labels), "dev": len(dev.labels)},
        "bought": {"train": int(train.labels.sum()), "dev": int(dev.labels.sum())},
        "dev": {name: round(values[-1], 4) for name, values in measured["dev"].items()},
        "gain_share": {
            name: round(float(gain), 4)
            for gain, name in sorted(zip(gains / gains.sum(), FEATURES, strict=True), reverse=True)
        },
    }
    return TrainedRanker(model, run)


def calibrate(scores: np.ndarray, labels: np.ndarray, steps: int = 50) -> Calibration:
    """Return the logistic curve through ``scores`` that makes ``labels`` likeliest (Platt 1999), by Newton's method.

    Targets are smoothed as Platt has it, so that scores that part the labels cleanly give a finite slope.
    """
    bought, total = labels.sum(), len(labels)
    target = np.where(labels > 0, (bought + 1) / (bought + 2), 1 / (total - bought + 2))
    inputs = np.column_stack([scores, np.ones(total)])
    weights = np.array([0.0, float(np.log((bought + 1) / (total - bought + 1)))])

    def loss(at: np.ndarray) -> float:
        """Return minus the log likelihood."""
        logits = inputs @ at
        return float((np.logaddexp(0, logits) - target * logits).sum())

    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -50, 50)))
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, inputs.T @ (chance - target))
        # A whole step can overshoot where most scores lie far from the few that were bought.
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-9:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    # A ranker never turns its own order round: scores that tell nothing get a curve that is almost flat.
    return Calibration(slope=round(max(float(weights[0]), 1e-3), 6), offset=round(float(weights[1]), 6))


def write_ranker(folder: Path, trained: TrainedRanker) -> None:
    """Write model and run card into ``folder``; the card goes last, so that a half-written pair is noticed."""
    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / MODEL_FILE, trained.model)
    replace_text(folder / RUN_FILE, json.dumps(trained.run, indent=1) + "\n")
