"""Agreement: hand-worked examples, scikit-learn's kappa, and the published example of alpha."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

from evaluation.agreement import accuracy, alpha_interval, cohen_kappa, krippendorff_alpha, pair_agreement

# 50 proposals: both yes 20, first alone 5, second alone 10, both no 15. p_o 0.7, p_e 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
FIRST = ["yes"] * 25 + ["no"] * 25
SECOND = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15


def test_kappa_of_a_table_worked_out_by_hand() -> None:
    assert accuracy(FIRST, SECOND) == 0.7
    assert cohen_kappa(FIRST, SECOND) == pytest.approx(0.4)


def test_kappa_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(3, size=80).tolist(), rng.integers(3, size=80).tolist()
    assert cohen_kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))
    assert accuracy(a, b) == pytest.approx(accuracy_score(a, b))


def test_kappa_is_one_for_full_agreement_and_undefined_without_variety() -> None:
    assert cohen_kappa(["yes", "no"], ["yes", "no"]) == 1
    assert cohen_kappa(["yes", "no"], ["no", "yes"]) == -1
    assert math.isnan(cohen_kappa(["yes", "yes"], ["yes", "yes"]))
    assert math.isnan(cohen_kappa([], []))


def test_answers_to_different_items_are_not_compared() -> None:
    with pytest.raises(ValueError, match="2 and 1"):
        cohen_kappa(["yes", "no"], ["yes"])


def test_the_interval_of_kappa_holds_the_estimate_and_narrows_with_items() -> None:
    few, many = pair_agreement(FIRST, SECOND), pair_agreement(FIRST * 8, SECOND * 8)
    assert few.kappa.low < 0.4 < few.kappa.high
    assert many.kappa.high - many.kappa.low < (few.kappa.high - few.kappa.low) / 2
    assert (few.n, few.accuracy.estimate) == (50, 0.7)
    # The large-sample standard error of kappa (Fleiss, Cohen and Everitt 1969) is 0.128 here.
    assert few.kappa.high - few.kappa.low == pytest.approx(2 * 1.96 * 0.128, rel=0.15)


# Krippendorff (2011), example C: four observers, twelve units, missing answers; nominal alpha is 0.743.
PUBLISHED = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}
UNITS = [
    {who: row.split()[at] for who, row in PUBLISHED.items() if row.split()[at] != "."} for at in range(12)
]  # fmt: skip


def test_alpha_of_the_published_example() -> None:
    assert krippendorff_alpha(UNITS) == pytest.approx(0.743, abs=0.0005)


def test_alpha_of_two_annotators_worked_out_by_hand() -> None:
    # Krippendorff (2011), example A: two observers, ten units, binary: 1 - 19 * 8 / (2 * 14 * 6) = 0.095
    a, b = ["0", "1", "0", "0", "0", "0", "0", "0", "1", "0"], ["1", "1", "1", "0", "0", "1", "0", "0", "0", "0"]
    assert krippendorff_alpha([{"a": x, "b": y} for x, y in zip(a, b, strict=True)]) == pytest.approx(0.095, abs=0.0005)


def test_alpha_needs_two_answers_on_an_item_and_two_kinds_of_answer() -> None:
    assert krippendorff_alpha([{"a": "yes", "b": "yes"}, {"a": "no", "b": "no"}, {"a": "no"}]) == 1
    assert math.isnan(krippendorff_alpha([{"a": "yes"}, {"b": "no"}]))
    assert math.isnan(krippendorff_alpha([{"a": "yes", "b": "yes"}]))


def test_the_interval_of_alpha_holds_the_estimate_and_counts_compared_items() -> None:
    found = alpha_interval(UNITS, resamples=300)
    assert found.low < 0.743 < found.high
    assert found.n == 11
