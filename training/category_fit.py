"""Fits the scorer of query categories and calibrates its guard, on labelled queries, each without its own label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from state.answers_intent import MAX_CATEGORIES
from state.intent import LabelledQuery
from tools.category_features import FEATURES
from tools.labelled_queries import own_keys
from tools.linear_scorer import LinearScorer
from tools.query_categories import CategoryPool, QueryCategories
from training.logistic import fit_logistic, folds

THRESHOLDS = np.round(np.arange(0.1, 0.61, 0.05), 2)
NEAR_BEST = 0.015
"""F1 that is given up for more recall."""
STRENGTH = 1.0
GUARD_GRID = np.round(np.arange(0.0, 0.61, 0.01), 2)
MOST_LOST = 0.01
"""Share of right categories that the guard may discard."""


@dataclass(frozen=True)
class AnsweredPath:
    """A category answered to a query: the cosine of the two, and whether the label holds it."""

    similarity: float
    right: bool


@dataclass(frozen=True)
class CategoryFit:
    """The scorer, and what it answers to the rows it was fitted on when they are in the held-out fold."""

    scorer: LinearScorer
    answered: list[list[AnsweredPath]]


@dataclass(frozen=True)
class GuardFigures:
    """What a threshold on the cosine does: share discarded, share of right ones lost, precision before and after."""

    threshold: float
    answered: int
    discarded: float
    right_lost: float
    precision_without: float
    precision_with: float


def fit_categories(
    finder: QueryCategories,
    rows: Sequence[LabelledQuery],
    *,
    command: str,
    on_row: Callable[[], object] = lambda: None,
) -> CategoryFit:
    """Return the scorer fitted on ``rows`` with the threshold that recalls most within 0.015 of the best F1.

    The threshold is chosen, and the guard calibrated, on five-fold cross-validation.
    """
    pools = []
    for row in rows:
        pools.append(finder.pool(row.corrected, without=own_keys(row)))
        on_row()
    wanted = [
        [category.path in row.categories for category in p.categories] for row, p in zip(rows, pools, strict=True)
    ]
    blank = LinearScorer(
        features=FEATURES, weights=(0.0,) * len(FEATURES), offset=0.0, threshold=0.5, fitted_on="", command=command
    )
    held_out: list[np.ndarray] = [np.zeros(0)] * len(rows)
    for inside, outside in folds([row.query for row in rows]):
        scorer = _fit(blank, [pools[at] for at in inside], [wanted[at] for at in inside])
        for at in outside:
            held_out[at] = scorer.probabilities(pools[at].features)
    figures = {float(t): _f1_and_recall(rows, held_out, wanted, float(t)) for t in THRESHOLDS}
    best = max(f1 for f1, _ in figures.values())
    threshold = min(t for t, (f1, _) in figures.items() if f1 >= best - NEAR_BEST)
    f1, recall = figures[threshold]
    measured = {"cross_validation": {"f1": round(f1, 4), "recall": round(recall, 4), **_first(held_out, wanted)}}
    scorer = _fit(blank, pools, wanted).model_copy(
        update={
            "threshold": threshold,
            "fitted_on": f"intents, train split, {len(rows)} queries",
            "measured": measured,
        }
    )
    answered = [
        [AnsweredPath(pool.evidence.paths[pool.categories[at].path], yes[at]) for at in _answered(chances, threshold)]
        for pool, chances, yes in zip(pools, held_out, wanted, strict=True)
    ]
    return CategoryFit(scorer, answered)


def calibrate_guard(answered: Sequence[AnsweredPath]) -> float:
    """Return the highest cosine below which at most 1 % of the right categories lie."""
    right = np.array([path.similarity for path in answered if path.right])
    return float(max((t for t in GUARD_GRID if (right < t).mean() <= MOST_LOST), default=0.0))


def guard_figures(answered: Sequence[AnsweredPath], threshold: float) -> GuardFigures:
    """Return what discarding below ``threshold`` does to the categories ``answered``."""
    right = np.array([path.right for path in answered])
    kept = np.array([path.similarity >= threshold for path in answered])
    return GuardFigures(
        threshold=threshold,
        answered=len(answered),
        discarded=round(float(1 - kept.mean()), 4),
        right_lost=round(float((right & ~kept).sum() / max(right.sum(), 1)), 4),
        precision_without=round(float(right.mean()), 4),
        precision_with=round(float(right[kept].mean()), 4) if kept.any() else 0.0,
    )


def _fit(blank: LinearScorer, pools: Sequence[CategoryPool], wanted: Sequence[Sequence[bool]]) -> LinearScorer:
    features = np.array([row for pool in pools for row in pool.features])
    weights, offset = fit_logistic(features, np.array([yes for row in wanted for yes in row]), strength=STRENGTH)
    return blank.model_copy(update={"weights": weights, "offset": offset})


def _answered(chances: np.ndarray, threshold: float) -> list[int]:
    order = [int(at) for at in np.argsort(-chances, kind="stable")][:MAX_CATEGORIES]
    return [*order[:1], *(at for at in order[1:] if chances[at] >= threshold)]


def _f1_and_recall(
    rows: Sequence[LabelledQuery], chances: Sequence[np.ndarray], wanted: Sequence[Sequence[bool]], threshold: float
) -> tuple[float, float]:
    answers = [[yes[at] for at in _answered(found, threshold)] for found, yes in zip(chances, wanted, strict=True)]
    right, given = sum(map(sum, answers)), sum(map(len, answers))
    asked = sum(len(row.categories) for row in rows)
    return 2 * right / max(given + asked, 1), right / max(asked, 1)


def _first(chances: Sequence[np.ndarray], wanted: Sequence[Sequence[bool]]) -> dict[str, float]:
    right = [yes[int(np.argmax(found))] for found, yes in zip(chances, wanted, strict=True)]
    return {"precision_at_1": round(sum(right) / max(len(right), 1), 4)}
