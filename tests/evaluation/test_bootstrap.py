"""Intervals: against scipy's bootstrap, and the rules a comparison rests on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from evaluation.bootstrap import mean_interval, paired_difference, ratio_interval, statistic_interval

VALUES = np.random.default_rng(1).gamma(2.0, size=60)


def test_the_interval_of_a_mean_agrees_with_scipy() -> None:
    found = mean_interval(VALUES, resamples=8000, seed=3)
    expected = stats.bootstrap((VALUES,), np.mean, n_resamples=8000, method="percentile", rng=4).confidence_interval
    assert found.estimate == pytest.approx(VALUES.mean())
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=0.02), pytest.approx(expected.high, abs=0.02))


def test_the_interval_of_any_statistic_agrees_with_scipy() -> None:
    found = statistic_interval(lambda rows: float(np.median(VALUES[rows])), len(VALUES), resamples=4000)
    expected = stats.bootstrap((VALUES,), np.median, n_resamples=4000, method="percentile", rng=4).confidence_interval
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=0.06), pytest.approx(expected.high, abs=0.06))


def test_the_same_seed_gives_the_same_interval() -> None:
    assert mean_interval(VALUES, seed=5) == mean_interval(VALUES, seed=5)
    assert mean_interval(VALUES, seed=5) != mean_interval(VALUES, seed=6)


def test_about_95_of_100_intervals_hold_the_true_mean() -> None:
    rng = np.random.default_rng(8)
    found = [mean_interval(rng.normal(1.0, 2.0, size=50), resamples=400, seed=n) for n in range(200)]
    assert 0.89 <= np.mean([interval.low <= 1.0 <= interval.high for interval in found]) <= 0.99


def test_undefined_values_are_left_out_and_the_count_says_so() -> None:
    found = mean_interval([1.0, math.nan, 3.0])
    assert (found.estimate, found.n) == (2.0, 2)
    assert math.isnan(mean_interval([math.nan]).estimate)


def test_one_shopper_has_an_estimate_and_no_bounds() -> None:
    found = mean_interval([0.5])
    assert found.estimate == 0.5
    assert math.isnan(found.low)
    assert not found.excludes_zero


def test_a_rate_over_all_shoppers_is_weighed_by_what_each_brings() -> None:
    found = ratio_interval([1, 0, 3], [2, 2, 4])
    assert (found.estimate, found.n) == (0.5, 3)
    assert 0 <= found.low <= 0.5 <= found.high <= 1
    assert math.isnan(ratio_interval([0, 0], [0, 0]).estimate)
    with pytest.raises(ValueError, match="one part and one whole"):
        ratio_interval([1], [1, 2])


def test_a_configuration_compared_with_itself_shows_no_difference() -> None:
    same = {str(n): float(value) for n, value in enumerate(VALUES)}
    found = paired_difference(same, same)
    assert (found.estimate, found.low, found.high, found.excludes_zero) == (0.0, 0.0, 0.0, False)


def test_pairing_detects_a_small_shift_that_unpaired_intervals_would_hide() -> None:
    a = {str(n): float(value) for n, value in enumerate(VALUES)}
    b = {key: value + 0.1 for key, value in a.items()}
    found = paired_difference(a, b)
    assert found.excludes_zero
    assert found.estimate == pytest.approx(0.1)
    assert mean_interval(list(b.values())).low < mean_interval(list(a.values())).high


def test_only_shoppers_with_a_value_on_both_sides_are_compared() -> None:
    found = paired_difference({"1": 1.0, "2": 2.0, "3": math.nan}, {"2": 5.0, "3": 4.0, "4": 9.0})
    assert (found.estimate, found.n) == (3.0, 1)


@pytest.mark.parametrize("wrong", [{"confidence": 1.0}, {"confidence": 0.0}, {"resamples": 0}])
def test_wrong_settings_of_the_bootstrap_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        mean_interval(VALUES, **wrong)  # type: ignore[arg-type]
