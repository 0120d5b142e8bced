"""Products under a calibrated threshold go, and a threshold of another scorer is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.fakes import GUARDS_DIR, context, guard, placement, product

from graph.guards import run_guard
from state.placement import Placement
from state.verdict import Action, Outcome, Verdict


class TableScorer:
    """Scores a product by name, whatever it is compared with; ``first`` gives scores by the first text of the pair."""

    def __init__(self, table: dict[str, float], first: dict[str, float] | None = None, name: str = "table") -> None:
        self._table, self._first, self.name = table, first or {}, name
        self.asked: list[tuple[str, str]] = []

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        self.asked += pairs
        return np.array([self._first.get(theme, self._table[name]) for theme, name in pairs], dtype=np.float32)


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


def test_a_product_is_compared_with_the_title_and_each_concept_and_its_best_score_counts() -> None:
    scorer = TableScorer({"a": 0.1}, first={"berry yogurt": 0.8})
    verdict = judge(of("a"), scorer)
    assert [theme for theme, _ in scorer.asked] == ["Yogurt for the week", "greek yogurt", "berry yogurt"]
    assert verdict.score == 0.8


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
        name = "odd"

        def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
            return scores

    given = placement(concepts=[], products=[product("a")])
    [verdict] = await run_guard(guard("relevance"), [given], context([given], scorer=Odd()))
    assert (verdict.outcome, verdict.action) == (Outcome.ERROR, Action.DROP)


async def test_the_calibrated_threshold_holds_for_its_scorer_and_for_no_other() -> None:
    recorded = json.loads((GUARDS_DIR / "relevance_threshold.json").read_text("utf-8"))
    given = of("a", "b", "c")
    scores = {"a": 0.99, "b": 0.99, "c": 0.99}
    calibrated = guard("relevance", threshold=None)
    [same] = await run_guard(calibrated, [given], context([given], scorer=TableScorer(scores, name=recorded["model"])))
    assert (same.outcome, same.threshold) == (Outcome.PASS, recorded["threshold"])
    [other] = await run_guard(calibrated, [given], context([given], scorer=TableScorer(scores, name="another")))
    assert (other.outcome, other.action) == (Outcome.ERROR, Action.DROP)
    assert "calibrated for" in other.reasons[0]


@pytest.mark.parametrize(
    "text", [None, "", "{", '{"model": "table", "threshold": 7, "chosen_on": "x", "command": "y"}']
)
async def test_an_unusable_calibration_is_an_error(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "relevance_threshold.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    calibrated = guard("relevance", threshold=None)
    monkeypatch.setattr(sys.modules[type(calibrated).__module__], "CALIBRATION_FILE", path)
    [verdict] = await run_guard(calibrated, [of("a")], context([of("a")]))
    assert verdict.outcome is Outcome.ERROR
    assert "relevance_threshold.json cannot be used" in verdict.reasons[0]


def test_the_recorded_calibration_names_its_run_and_beats_keeping_everything() -> None:
    recorded = json.loads((GUARDS_DIR / "relevance_threshold.json").read_text("utf-8"))
    assert recorded["chosen_on"]
    assert recorded["command"].startswith("python benchmarks/relevance_threshold.py")
    assert recorded["f1"] > 0.85
    assert recorded["auc"] > recorded["auc_theme_as_one_text"] + 0.1
