"""Intervals by resampling shoppers: percentile bootstrap of a mean, a ratio, any statistic, and paired differences.

The shopper is the unit that is drawn, with all that belongs to them: placements of one page are not independent.
Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13. Below about 10 shoppers percentile
intervals are too narrow; ``n`` is always told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
_CELLS = 4_000_000  # indices drawn at a time: 32 MB


@dataclass(frozen=True)
class Interval:
    """An estimate with the bounds of its confidence interval, from ``n`` units. NaN where it is undefined."""

    estimate: float
    low: float
    high: float
    n: int
    confidence: float = 0.95

    @property
    def excludes_zero(self) -> bool:
        """True when the interval lies on one side of 0: for a difference, it is detected."""
        return self.low > 0 or self.high < 0


def mean_interval(
    values: Sequence[float] | np.ndarray, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Return the mean of one value per shopper. NaN values (the metric is undefined there) are left out."""
    found = np.asarray(values, dtype=np.float64)
    found = found[~np.isnan(found)]
    return ratio_interval(found, np.ones(len(found)), confidence=confidence, resamples=resamples, seed=seed)


def ratio_interval(
    parts: Sequence[float] | np.ndarray,
    wholes: Sequence[float] | np.ndarray,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return sum(parts) / sum(wholes), one pair per shopper: a rate whose units are not the shoppers themselves.

    For example placements dropped over placements designed.
    """
    numerator, denominator = np.asarray(parts, dtype=np.float64), np.asarray(wholes, dtype=np.float64)
    if numerator.shape != denominator.shape or numerator.ndim != 1:
        raise ValueError(f"one part and one whole per shopper, not {numerator.shape} and {denominator.shape}")
    n, total = len(numerator), float(denominator.sum()) if len(denominator) else 0.0
    if n == 0 or total == 0:
        return Interval(math.nan, math.nan, math.nan, n, confidence)
    drawn = [
        (numerator[rows].sum(axis=1), denominator[rows].sum(axis=1)) for rows in _draws(n, _checked(resamples), seed)
    ]
    tops, bottoms = (np.concatenate(part) for part in zip(*drawn, strict=True))
    ratios = np.divide(tops, bottoms, out=np.full_like(tops, np.nan), where=bottoms != 0)
    return _interval(float(numerator.sum()) / total, ratios, n, confidence)


def statistic_interval(
    statistic: Callable[[np.ndarray], float],
    n: int,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the interval of a statistic of ``n`` units that is no mean (kappa, coverage, a Gini index).

    ``statistic`` is given int64 row numbers ``[n]``, some of them repeated, and returns a number, NaN where undefined:
    such resamples are left out of the bounds.
    """
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, confidence)
    drawn = [statistic(rows) for block in _draws(n, _checked(resamples), seed) for rows in block]
    return _interval(float(statistic(np.arange(n))), np.asarray(drawn, dtype=np.float64), n, confidence)


def paired_difference(
    a: Mapping[str, float],
    b: Mapping[str, float],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the mean of b - a over the shoppers that have a value in both (by shopper id), with its interval.

    Equal values give an interval of exactly 0. ``n`` tells how many shoppers were compared.
    """
    shared = sorted(a.keys() & b.keys())
    return mean_interval([b[key] - a[key] for key in shared], confidence=confidence, resamples=resamples, seed=seed)


def _draws(n: int, resamples: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    at_once = max(1, _CELLS // n)
    sizes = [min(at_once, resamples - start) for start in range(0, resamples, at_once)]
    return [rng.integers(n, size=(size, n)) for size in sizes]


def _interval(estimate: float, drawn: np.ndarray, n: int, confidence: float) -> Interval:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is between 0 and 1, not {confidence}")
    drawn = drawn[~np.isnan(drawn)]
    if n < 2 or not len(drawn):
        return Interval(estimate, math.nan, math.nan, n, confidence)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate, float(low), float(high), n, confidence)


def _checked(resamples: int) -> int:
    if resamples < 1:
        raise ValueError(f"resamples is at least 1, not {resamples}")
    return resamples
