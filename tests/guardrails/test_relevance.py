"""Products under a calibrated threshold go, and a threshold of another scorer is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from support.fakes import context, guard, placement, product

from graph.guards import run_guard
from state.placement import Placement
from state.relevance import product_name
from state.verdict import Action, Outcome, Verdict


class TableScorer:
    """Scores a product by name, whatever theme it is paired with."""

    name = "table"

    def __init__(self, table: dict[str, float], threshold: float | None = None) -> None:
        self._table, self.threshold = table, threshold
        self.asked: list[tuple[str, str]] = []

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        self.asked += pairs
        return np.array([self._table[product_name(text)] for _, text in pairs], dtype=np.float32)


def judge(given: Placement, scorer: TableScorer, **config: object) -> Verdict:
    [verdict] = guard("relevance", **config).check([given], context([given], scorer=scorer))  # type: ignore[misc]
    return verdict


def of(*names: str) -> Placement:
    return placement(products=[product(name) for name in names])


def test_products_under_the_threshold_are_pruned_and_the_score_is_the_mean_of_the_rest() -> None:
    verdict = judge(of("a", "b", "c", "d"), TableScorer({"a": 0.9, "b": 0.5, "c": 0.7, "d": 0.49}))
    assert (verdict.action, verdict.pruned, verdict.score, verdict.threshold) == (Action.PRUNE, ("d",), 0.7, 0.5)
    assert (verdict.model, "d" in verdict.reasons[0]) == ("table", True)


def test_enough_fitting_products_pass() -> None:
    verdict = judge(of("a", "b", "c"), TableScorer({"a": 0.9, "b": 0.6, "c": 0.6}))
    assert (verdict.outcome, verdict.score) == (Outcome.PASS, 0.7)


def test_a_placement_left_thin_is_repaired_with_the_misfits_named() -> None:
    verdict = judge(of("a", "b", "c"), TableScorer({"a": 0.9, "b": 0.1, "c": 0.1}))
    assert (verdict.action, verdict.pruned) == (Action.REPAIR, ("b", "c"))
    assert verdict.reasons == (
        "do not fit 'Yogurt for the week': b, c",
        "only 1 of at least 3 fitting products: choose other keywords",
    )


def test_a_placement_without_products_is_repaired_and_has_no_score() -> None:
    verdict = judge(of(), TableScorer({}))
    assert (verdict.outcome, verdict.action, verdict.score) == (Outcome.FAIL, Action.REPAIR, None)


def test_each_product_is_scored_once_with_its_aisle_against_title_and_concepts() -> None:
    scorer = TableScorer({"a": 0.9, "b": 0.8, "c": 0.7})
    judge(of("a", "b", "c"), scorer)
    theme = "Yogurt for the week: greek yogurt, berry yogurt"
    assert scorer.asked == [(theme, "a, other"), (theme, "b, other"), (theme, "c, other")]


def test_scores_of_several_placements_are_not_mixed_up() -> None:
    scorer = TableScorer({"a": 0.9, "b": 0.1})
    page = [of("a", "a", "a"), placement(id="7-1", products=[]), placement(id="7-2", products=[product("b")] * 3)]
    found = guard("relevance").check(page, context(page, scorer=scorer))
    assert [v.score for v in found] == [0.9, None, 0.1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "scores", [np.array([np.nan]), np.array([0.9, 0.9]), np.array([[0.9]]), np.array([np.inf])], ids=str
)
async def test_a_scorer_that_returns_no_numbers_or_too_many_is_an_error(scores: np.ndarray) -> None:
    class Odd:
        name, threshold = "odd", 0.5

        def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
            return scores

    given = placement(concepts=[], products=[product("a")])
    [verdict] = await run_guard(guard("relevance"), [given], context([given], scorer=Odd()))
    assert (verdict.outcome, verdict.action) == (Outcome.ERROR, Action.DROP)


async def test_the_threshold_is_the_scorers_own_unless_one_is_set() -> None:
    given, scorer = of("a", "b", "c"), TableScorer({"a": 0.9, "b": 0.9, "c": 0.9}, threshold=0.91)
    [own] = await run_guard(guard("relevance", threshold=None), [given], context([given], scorer=scorer))
    assert (own.outcome, own.threshold) == (Outcome.FAIL, 0.91)
    [set_] = await run_guard(guard("relevance", threshold=0.89), [given], context([given], scorer=scorer))
    assert (set_.outcome, set_.threshold) == (Outcome.PASS, 0.89)


async def test_a_scorer_without_a_calibrated_threshold_is_an_error() -> None:
    given, scorer = of("a", "b", "c"), TableScorer({"a": 0.9, "b": 0.9, "c": 0.9})
    [verdict] = await run_guard(guard("relevance", threshold=None), [given], context([given], scorer=scorer))
    assert (verdict.outcome, verdict.action) == (Outcome.ERROR, Action.DROP)
    assert "no threshold was calibrated for the scorer 'table'" in verdict.reasons[0]
