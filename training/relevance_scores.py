"""What scores of theme-product pairs are worth: precision, recall, F1, AUC, calibration error."""

from __future__ import annotations

from typing import Literal

import numpy as np

from training.relevance_pairs import FITS, MARGINAL

Reading = Literal["strict", "lenient"]
READINGS: tuple[Reading, ...] = ("strict", "lenient")
"""Strict: a marginal product does not fit. Lenient: marginal pairs are left out."""
_BINS = 10


def judge_scores(scores: np.ndarray, labels: np.ndarray, threshold: float, reading: Reading) -> dict[str, float]:
    """Return the figures of keeping the pairs that score at least ``threshold``.

    ``scores`` and ``labels`` (2 fits, 1 marginal, 0 not) are ``[pairs]``. ``fitting_lost`` is the share of fitting
    products that are pruned, ``marginal_kept`` that of marginal ones that stay. A ratio without cases is 0.
    """
    return {
        **_at_threshold(scores, labels, threshold, reading),
        "auc": auc(scores, labels, reading),
        "ece": calibration_error(scores, labels, reading),
    }


def _at_threshold(scores: np.ndarray, labels: np.ndarray, threshold: float, reading: Reading) -> dict[str, float]:
    counted = _counted(labels, reading)
    kept, fits = scores[counted] >= threshold, labels[counted] == FITS
    right, missed, wrong, left = (
        int((kept & fits).sum()),
        int((~kept & fits).sum()),
        int((kept & ~fits).sum()),
        int((~kept & ~fits).sum()),
    )
    f1_fits, f1_rest = _ratio(2 * right, 2 * right + missed + wrong), _ratio(2 * left, 2 * left + missed + wrong)
    marginal = labels == MARGINAL
    return {
        "precision": _ratio(right, right + wrong),
        "recall": _ratio(right, right + missed),
        "f1": f1_fits,
        "macro_f1": (f1_fits + f1_rest) / 2,
        "fitting_lost": _ratio(missed, right + missed),
        "marginal_kept": _ratio(int((scores[marginal] >= threshold).sum()), int(marginal.sum())),
    }


def auc(scores: np.ndarray, labels: np.ndarray, reading: Reading) -> float:
    """Return the chance that a pair that fits scores above one that does not (ties count half)."""
    counted = _counted(labels, reading)
    fits, others = scores[counted & (labels == FITS)], np.sort(scores[counted & (labels != FITS)])
    if not len(fits) or not len(others):
        return 0.5
    below = np.searchsorted(others, fits, "left") + np.searchsorted(others, fits, "right")
    return float(below.mean() / 2 / len(others))


def calibration_error(scores: np.ndarray, labels: np.ndarray, reading: Reading) -> float:
    """Return the expected calibration error: the mean gap between score and share that fits, over 10 equal bins."""
    counted = _counted(labels, reading)
    held, fits = scores[counted], labels[counted] == FITS
    bins = np.minimum((held * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(held[bins == number].mean() - fits[bins == number].mean()) * (bins == number).mean()
        for number in np.unique(bins)
    ]
    return float(sum(gaps))


def threshold_for_precision(scores: np.ndarray, labels: np.ndarray, precision: float, reading: Reading) -> float:
    """Return the lowest threshold (a step of 0.005) from which on keeping is right at least ``precision`` of the time.

    Every higher threshold that keeps one pair in twenty must reach it too, so that no lucky dip is chosen.

    Raises:
        ValueError: no threshold reaches it.
    """
    counted = _counted(labels, reading)
    chosen = None
    for threshold in np.round(np.arange(0.995, 0.0, -0.005), 3):
        if (scores[counted] >= threshold).mean() < 1 / 20:
            continue
        if _at_threshold(scores, labels, threshold, reading)["precision"] < precision:
            break
        chosen = float(threshold)
    if chosen is None:
        raise ValueError(f"no threshold keeps with a precision of {precision}")
    return chosen


def _counted(labels: np.ndarray, reading: Reading) -> np.ndarray:
    return np.ones(len(labels), dtype=bool) if reading == "strict" else labels != MARGINAL


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
