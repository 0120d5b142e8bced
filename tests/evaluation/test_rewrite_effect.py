"""Rewrites are measured by what they add to a page of results and by what they push off it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from support.intent_drafts import Found

from evaluation.rewrite_effect import KEPT_FIRST, SHOWN, EffectMeter, GroupEffect, merged
from state.catalog import Product
from state.intent import IntentDraft, IntentVerdict, LabelledQuery, Rewrites


class TeaScorer:
    """Products with "Tea" in their name fit."""

    name, threshold = "tea", None

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([float("Tea" in product) for _, product in pairs], dtype=np.float32)


def products(prefix: str, count: int) -> list[Product]:
    return [Product(id=f"{prefix}{n}", name=f"{prefix}{n}", aisle="tea", department="x") for n in range(count)]


def keep(draft: IntentDraft) -> tuple[IntentDraft, list[IntentVerdict]]:
    return draft, []


def row() -> LabelledQuery:
    return LabelledQuery(query="chai", corrected="chai", categories=["beverages > tea"])


def test_the_best_of_the_query_stays_and_the_other_places_are_shared_in_turn() -> None:
    page = [product.id for product in merged(products("q", 24), [products("a", 24), products("b", 2)])]
    assert len(page) == SHOWN
    assert page[:KEPT_FIRST] == [f"q{n}" for n in range(KEPT_FIRST)]
    assert page[KEPT_FIRST : KEPT_FIRST + 6] == ["a0", "b0", "q12", "a1", "b1", "q13"]


def test_without_rewrites_the_page_is_the_querys_own() -> None:
    own = products("q", 30)
    assert merged(own, []) == own[:SHOWN]


def test_a_product_found_twice_takes_one_place() -> None:
    own = products("q", 5)
    assert merged(own, [own, products("a", 1)]) == [*own, *products("a", 1)]


def test_recall_rises_with_what_a_rewrite_adds_and_each_kind_is_judged_by_its_first_products() -> None:
    found = Found(
        {"chai": ["Chai Tea", "Mug"], "masala tea": ["Masala Tea", "Spice Tea"], "mugs": ["Mug", "Cup"]}, "tea"
    )
    group = GroupEffect()
    meter = EffectMeter(found, TeaScorer(), keep)
    meter.add(group, row(), {"one": lambda _: Rewrites(synonym=["masala tea"], broader=["mugs"])})
    effect = group.systems["one"]
    assert (group.recall_before, group.precision_before) == ([pytest.approx(1 / 3)], [0.5])
    assert (effect.recall_after, effect.precision_after) == ([1.0], [pytest.approx(3 / 5)])
    assert (effect.right["synonym"], effect.right["broader"], effect.rewrites["broader"]) == (1, 0, 1)
    assert (effect.given["synonym"], effect.given["substitute"]) == (1, 0)


def test_products_outside_the_labelled_categories_are_not_relevant_whatever_the_model_says() -> None:
    group = GroupEffect()
    EffectMeter(Found({"chai": ["Chai Tea"]}, "kitchen"), TeaScorer(), keep).add(group, row(), {})
    assert (group.recall_before, group.precision_before) == ([], [0.0])


def test_what_the_guards_take_out_counts_as_not_given() -> None:
    def strict(draft: IntentDraft) -> tuple[IntentDraft, list[IntentVerdict]]:
        verdict = IntentVerdict(guard="g", version="1", part="synonym", text="masala tea", reason="no")
        return draft.model_copy(update={"rewrites": Rewrites()}), [verdict]

    group = GroupEffect()
    meter = EffectMeter(Found({"chai": ["Chai Tea"]}, "tea"), TeaScorer(), strict)
    meter.add(group, row(), {"one": lambda _: Rewrites(synonym=["masala tea"])})
    effect = group.systems["one"]
    assert (effect.given["synonym"], effect.removed["g"], effect.proposed) == (0, 1, 1)
    assert effect.recall_after == group.recall_before


def test_how_well_a_product_has_to_fit_can_be_said() -> None:
    group = GroupEffect()
    EffectMeter(Found({"chai": ["Chai Tea"]}, "tea"), TeaScorer(), keep, 1.1).add(group, row(), {})
    assert group.precision_before == [0.0]
