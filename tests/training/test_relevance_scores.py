"""Figures of relevance scores, worked out by hand; the threshold keeps to its precision; calibration mends logits."""

from __future__ import annotations

import numpy as np
import pytest

from training.relevance_calibration import Logistic, compared, fit_logistic
from training.relevance_scores import auc, calibration_error, judge_scores, threshold_for_precision

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.4, 0.2, 0.1])
LABELS = np.array([2, 2, 1, 0, 2, 1, 0])


def test_strict_counts_marginal_pairs_as_misfits() -> None:
    found = judge_scores(SCORES, LABELS, 0.5, "strict")
    assert (found["precision"], found["recall"]) == (0.5, pytest.approx(2 / 3))
    assert found["f1"] == pytest.approx(4 / 7)
    assert found["macro_f1"] == pytest.approx((4 / 7 + 4 / 7) / 2)
    assert (found["fitting_lost"], found["marginal_kept"]) == (pytest.approx(1 / 3), 0.5)


def test_lenient_leaves_marginal_pairs_out() -> None:
    found = judge_scores(SCORES, LABELS, 0.5, "lenient")
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["auc"] == pytest.approx(5 / 6)


def test_auc_counts_ties_half_and_is_one_half_without_two_classes() -> None:
    assert auc(np.array([0.5, 0.5]), np.array([2, 0]), "strict") == 0.5
    assert auc(np.array([0.9]), np.array([2]), "strict") == 0.5


def test_calibration_error_is_the_gap_between_score_and_share() -> None:
    scores, labels = np.array([0.75] * 4 + [0.05] * 4), np.array([2, 2, 2, 0] + [0] * 4)
    assert calibration_error(scores, labels, "strict") == pytest.approx(0.025)


def test_a_threshold_without_anything_kept_has_figures_of_zero() -> None:
    found = judge_scores(SCORES, LABELS, 0.99, "strict")
    assert (found["precision"], found["recall"], found["f1"]) == (0, 0, 0)


def test_the_threshold_is_the_lowest_from_which_on_precision_holds() -> None:
    chance = np.random.default_rng(0)
    scores = chance.random(4000)
    labels = np.where(chance.random(4000) < scores, 2, 0)
    threshold = threshold_for_precision(scores, labels, 0.9, "strict")
    assert 0.75 < threshold < 0.85
    assert judge_scores(scores, labels, threshold, "strict")["precision"] >= 0.9
    assert judge_scores(scores, labels, threshold - 0.005, "strict")["precision"] < 0.9


def test_a_lucky_dip_below_a_bad_stretch_is_not_chosen() -> None:
    scores = np.repeat([0.9, 0.7, 0.5], [100, 100, 800])
    labels = np.concatenate([[2] * 100, [0] * 100, [2] * 800])
    assert threshold_for_precision(scores, labels, 0.85, "strict") > 0.7


def test_a_precision_out_of_reach_is_told() -> None:
    with pytest.raises(ValueError, match=r"precision of 0\.9"):
        threshold_for_precision(SCORES, np.zeros(7, dtype=int), 0.9, "strict")


def sharpened(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return logits three times too sure and one too high, and labels."""
    chance = np.random.default_rng(1)
    honest = chance.normal(0, 2, count)
    labels = np.where(chance.random(count) < 1 / (1 + np.exp(-honest)), 2, 0)
    return honest * 3 + 1, labels


def test_logistic_calibration_undoes_overconfidence_and_keeps_the_order() -> None:
    logits, labels = sharpened()
    found = fit_logistic(logits, labels)
    assert found.scale == pytest.approx(1 / 3, rel=0.1)
    assert found.shift == pytest.approx(-1 / 3, abs=0.1)
    raw = 1 / (1 + np.exp(-logits))
    assert calibration_error(found(logits), labels, "strict") < calibration_error(raw, labels, "strict") / 4
    assert auc(found(logits), labels, "strict") == auc(logits, labels, "strict")


def test_a_temperature_has_no_shift() -> None:
    assert fit_logistic(*sharpened(), shifted=False).shift == 0.0
    assert Logistic(1.0, 0.0)(np.array([0.0]))[0] == 0.5


def test_ways_to_calibrate_are_compared_on_themes_they_were_not_fitted_on() -> None:
    logits, labels = sharpened(1000)
    losses = compared(logits, labels, [str(row // 10) for row in range(1000)])
    assert set(losses) == {"temperature", "platt", "isotonic"}
    assert losses["platt"] < losses["temperature"]
