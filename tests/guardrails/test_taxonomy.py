"""Nothing in a placement is made up: vocabulary, aisles and products exist."""

from __future__ import annotations

from typing import Any

import pytest
from support.fakes import context, guard, placement, product, shelf_products

from state.placement import Placement
from state.verdict import Action, Outcome, Verdict


def judge(given: Placement, *, allowed: list[str] | None = None, **more: Any) -> Verdict:
    ctx = context([given], candidates={given.id: frozenset(allowed or ["yogurt", "organic"])}, **more)
    [verdict] = guard("taxonomy").check([given], ctx)  # type: ignore[misc]
    return verdict


def test_words_from_the_candidates_and_products_of_the_catalogue_pass() -> None:
    given = placement(categories=["yogurt"], filters=["organic"])
    assert judge(given).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"keywords": ["unicorn milk"]}, "keyword 'unicorn milk' is not among the candidates"),
        ({"keywords": ["Yogurt"]}, "keyword 'Yogurt' is not among the candidates"),
        ({"filters": ["fairtrade"]}, "filter 'fairtrade' is not among the candidates"),
        ({"categories": ["moon food"]}, "category 'moon food' is not in the taxonomy"),
        ({"categories": ["tea"]}, "category 'tea' is not among the candidates"),
        ({"keywords": []}, "none of the candidates fits: no keyword and no category chosen"),
    ],
)
def test_off_list_vocabulary_is_repaired_and_named(change: dict[str, Any], says: str) -> None:
    verdict = judge(placement(**change))
    assert (verdict.outcome, verdict.action, verdict.reasons) == (Outcome.FAIL, Action.REPAIR, (says,))


def test_a_category_without_keywords_is_a_choice() -> None:
    assert judge(placement(keywords=[], categories=["yogurt"])).outcome is Outcome.PASS


def test_unknown_candidates_are_an_error_and_no_pass() -> None:
    given = placement()
    [verdict] = guard("taxonomy").check([given], context([given], candidates={}))  # type: ignore[misc]
    assert (verdict.outcome, verdict.action) == (Outcome.ERROR, Action.DROP)


def test_products_that_the_catalogue_does_not_sell_as_shown_are_pruned() -> None:
    real = shelf_products("greek yogurt", "vanilla yogurt", "berry yogurt", "banana", "lemon", "green tea")
    shown = [
        *real[:3],
        product("Ghost", id="999"),
        real[3].model_copy(update={"name": "Golden Banana"}),
        real[4].model_copy(update={"aisle": "tea"}),
        real[5].model_copy(update={"department": "produce"}),
    ]
    verdict = judge(placement(products=shown))
    assert (verdict.action, verdict.pruned) == (Action.PRUNE, tuple(p.id for p in shown[3:]))
    assert verdict.reasons[0] == "product 999: the catalogue does not sell it"
    assert "sells it as 'Banana'" in verdict.reasons[1]


def test_invented_products_that_leave_a_placement_thin_mean_repair() -> None:
    verdict = judge(placement(products=[*shelf_products("greek yogurt"), product("Ghost", id="999")]))
    assert (verdict.action, verdict.pruned) == (Action.REPAIR, ("999",))
