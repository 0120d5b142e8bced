"""One row of metrics a page, and comparing runs by them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from evaluation.metrics.table import Evidence, by_metric, compare, page_values
from state.placement import Page

PageOf = Callable[..., Page]
NEEDS_EVIDENCE = {
    "history_share",
    "repeat_share",
    "novel_share",
    "new_aisle_share",
    "predicted_engagement",
    "within_theme_cohesion",
    "between_theme_diversity",
    "n2dcg",
    "recall",
}


def test_every_metric_of_a_page_with_all_evidence_is_a_number(page_of: PageOf) -> None:
    rng = np.random.default_rng(1)
    evidence = Evidence(
        history={"a"},
        aisles={"tea"},
        basket={"a", "z"},
        vectors={key: rng.normal(size=4) for key in "abcd"},
        predict=lambda row: [0.5] * len(row.products),
    )
    values = page_values(page_of("a:tea b", "c d"), evidence)
    assert not [name for name, value in values.items() if math.isnan(value)]
    assert values["recall"] == 0.5
    assert values["dropped_share"] == pytest.approx(1 / 3)
    assert values["predicted_engagement"] == 0.5


def test_what_is_not_known_of_a_shopper_makes_exactly_the_metrics_that_need_it_undefined(page_of: PageOf) -> None:
    values = page_values(page_of("a b", "c d"), Evidence())
    assert {name for name, value in values.items() if math.isnan(value)} == NEEDS_EVIDENCE


def test_a_run_compared_with_itself_differs_in_no_metric_and_with_a_better_one_in_that(page_of: PageOf) -> None:
    rng = np.random.default_rng(2)
    run = {str(n): {"recall": rng.random(), "seconds": rng.random()} for n in range(40)}
    better = {shopper: {**row, "recall": row["recall"] + 0.05} for shopper, row in run.items()}
    assert not any(found.excludes_zero for found in compare(run, run).values())
    found = compare(run, better)
    assert {name for name, interval in found.items() if interval.excludes_zero} == {"recall"}
    assert compare(run, better, metrics=["seconds"]).keys() == {"seconds"}


def test_values_turn_from_shoppers_to_metrics() -> None:
    rows = {"1": {"recall": 0.1, "cost_usd": 1.0}, "2": {"recall": 0.3}}
    assert by_metric(rows) == {"recall": {"1": 0.1, "2": 0.3}, "cost_usd": {"1": 1.0}}
