"""The relevance threshold held to people's labels: what it keeps and loses, and where it would have to be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.bootstrap import Interval, ratio_interval
from state.errors import AnnotationError

Choose = Callable[[np.ndarray, np.ndarray], float]
"""Returns the threshold for scores and whether each product fits (both ``[products]``); ValueError where none does."""
MIN_LABELS, MIN_PLACEMENTS, MIN_MISFITS = 100, 20, 15
_FOLDS, _STEP = 5, 0.005


@dataclass(frozen=True)
class AtThreshold:
    """What keeping products from ``threshold`` on comes to: intervals by resampling placements."""

    threshold: float
    precision: Interval
    recall: Interval


@dataclass(frozen=True)
class Recalibration:
    """``before`` is the threshold in force, ``after`` the one chosen on all labels; ``held_out`` is what choosing comes
    to on placements that were not chosen on (threshold: the mean of the folds). ``note`` says what held it back."""

    labels: int
    misfits: int
    placements: int
    before: AtThreshold
    after: AtThreshold
    held_out: AtThreshold
    note: str = ""

    @property
    def moved(self) -> bool:
        return not math.isclose(self.before.threshold, self.after.threshold)


def recalibrate(
    scores: np.ndarray, fits: np.ndarray, placements: Sequence[str], before: float, choose: Choose
) -> Recalibration:
    """Return where the threshold is, where people's labels put it, and what either is worth.

    ``scores`` (float ``[products]``), ``fits`` (bool ``[products]``) and ``placements`` (what each is of) go together.
    Products below the lowest score that was annotated are unknown: the threshold does not go down into them.

    Raises:
        AnnotationError: there are too few labels, or no threshold keeps to the precision that ``choose`` asks for.
    """
    groups = np.unique(np.asarray(placements), return_inverse=True)[1]
    misfits, count = int((~fits).sum()), int(groups.max()) + 1 if len(groups) else 0
    if len(scores) < MIN_LABELS or count < MIN_PLACEMENTS or misfits < MIN_MISFITS:
        raise AnnotationError(
            f"{len(scores)} labelled products of {count} placements, {misfits} of them not fitting, are too few. "
            f"Needed are {MIN_LABELS} of {MIN_PLACEMENTS}, {MIN_MISFITS} not fitting: annotate more placements."
        )
    try:
        wanted = choose(scores, fits)
        folds = [_chosen_without(fold, scores, fits, groups, choose) for fold in range(_FOLDS)]
    except ValueError as error:
        raise AnnotationError(f"the threshold cannot be chosen: {error}. Train the model on these labels.") from error
    after, note = _within_reach(wanted, before, float(scores.min()))
    held = np.array(folds)[groups % _FOLDS]
    return Recalibration(
        labels=len(scores),
        misfits=misfits,
        placements=count,
        before=_at(before, scores >= before, fits, groups),
        after=_at(after, scores >= after, fits, groups),
        held_out=_at(float(np.mean(folds)), scores >= held, fits, groups),
        note=note,
    )


def _chosen_without(fold: int, scores: np.ndarray, fits: np.ndarray, groups: np.ndarray, choose: Choose) -> float:
    rest = groups % _FOLDS != fold
    return choose(scores[rest], fits[rest])


def _within_reach(wanted: float, before: float, lowest: float) -> tuple[float, str]:
    """Return the threshold that labels speak for, and why it is not the one wanted."""
    known = math.ceil(round(lowest / _STEP, 6)) * _STEP
    if wanted >= min(before, known):
        return wanted, ""
    after = round(min(before, known), 3)
    return after, (
        f"{wanted:g} would do for what was annotated, but no product under {lowest:.3f} was: pages had passed the "
        "guard. To go lower annotate pages made with guards.relevance.threshold = 0."
    )


def _at(threshold: float, kept: np.ndarray, fits: np.ndarray, groups: np.ndarray) -> AtThreshold:
    def per_placement(flags: np.ndarray) -> np.ndarray:
        return np.bincount(groups, weights=flags.astype(np.float64))

    right = per_placement(kept & fits)
    return AtThreshold(
        threshold=round(threshold, 4),
        precision=ratio_interval(right, per_placement(kept)),
        recall=ratio_interval(right, per_placement(fits)),
    )
