"""Agreement on categories: accuracy and Cohen's kappa of two raters, Krippendorff's alpha of any number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.bootstrap import RESAMPLES, Interval, mean_interval, statistic_interval


@dataclass(frozen=True)
class PairAgreement:
    """How two raters agree on ``n`` items: share of equal answers, and Cohen's kappa, each with its interval.

    Kappa is NaN where chance alone explains everything: both raters always gave the same one answer.
    """

    n: int
    accuracy: Interval
    kappa: Interval


def accuracy(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """Return the share of items on which both say the same; NaN without items."""
    _same_length(a, b)
    return sum(x == y for x, y in zip(a, b, strict=True)) / len(a) if a else math.nan


def cohen_kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """Return Cohen's kappa (1960): (p_o - p_e) / (1 - p_e), 1 for full agreement, 0 for chance.

    p_o is the observed agreement; p_e the agreement expected of two independent raters with these shares of answers.
    NaN when p_e is 1 (both gave one and the same answer to everything) or without items.
    """
    _same_length(a, b)
    _, first, second, width = _codes(a, b)
    return _kappa(first, second, width)


def pair_agreement(
    a: Sequence[Hashable],
    b: Sequence[Hashable],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairAgreement:
    """Return accuracy and kappa of two raters on the same items, intervals by resampling the items."""
    _same_length(a, b)
    _, first, second, width = _codes(a, b)
    more = {"confidence": confidence, "resamples": resamples, "seed": seed}
    return PairAgreement(
        n=len(a),
        accuracy=mean_interval((first == second).astype(np.float64), **more),  # type: ignore[arg-type]
        kappa=statistic_interval(lambda rows: _kappa(first[rows], second[rows], width), len(a), **more),  # type: ignore[arg-type]
    )


def krippendorff_alpha(ratings: Sequence[Mapping[str, Hashable]]) -> float:
    """Return Krippendorff's alpha for nominal answers: 1 - D_o / D_e; 1 full agreement, 0 chance, below 0 worse.

    One mapping per item, annotator to answer; annotators may miss items, and items with fewer than two answers say
    nothing. With o(c, k) the coincidences within items (each pair of answers weighed by 1 / (m_u - 1), m_u answers on
    the item), n(c) = sum over k of o(c, k), n = sum of n(c): alpha = 1 - (n - 1) * sum over c != k of o(c, k) /
    sum over c != k of n(c) n(k). Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
    NaN when nothing can be compared or only one answer was ever given.
    """
    within: Counter[tuple[Hashable, Hashable]] = Counter()
    for item in ratings:
        given = Counter(item.values())
        m = sum(given.values())
        if m < 2:
            continue
        for c, count in given.items():
            for k, other in given.items():
                within[c, k] += count * (other - (c == k)) / (m - 1)  # type: ignore[assignment]
    totals: Counter[Hashable] = Counter()
    for (c, _), weight in within.items():
        totals[c] += weight
    n = sum(totals.values())
    expected = n * n - sum(count * count for count in totals.values())
    if n < 2 or expected <= 0:
        return math.nan
    observed = sum(weight for (c, k), weight in within.items() if c != k)
    return float(1 - (n - 1) * observed / expected)


def alpha_interval(
    ratings: Sequence[Mapping[str, Hashable]],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return alpha with an interval by resampling the items that at least two annotators answered."""
    compared = [item for item in ratings if len(item) > 1]
    return statistic_interval(
        lambda rows: krippendorff_alpha([compared[row] for row in rows]),
        len(compared),
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )


def _codes(a: Sequence[Hashable], b: Sequence[Hashable]) -> tuple[dict[Hashable, int], np.ndarray, np.ndarray, int]:
    code: dict[Hashable, int] = {}
    first, second = (np.array([code.setdefault(x, len(code)) for x in given], dtype=np.int64) for given in (a, b))
    return code, first, second, len(code)


def _kappa(first: np.ndarray, second: np.ndarray, width: int) -> float:
    n = len(first)
    if not n:
        return math.nan
    observed = float((first == second).mean())
    chance = float(np.bincount(first, minlength=width) @ np.bincount(second, minlength=width)) / (n * n)
    return (observed - chance) / (1 - chance) if chance < 1 else math.nan


def _same_length(a: Sequence[Hashable], b: Sequence[Hashable]) -> None:
    if len(a) != len(b):
        raise ValueError(f"two raters are compared on the same items, not on {len(a)} and {len(b)}")
