"""Rewrites are measured by what they add to a page of results and by what they push off it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from support.intent_drafts import Found

from evaluation.rewrite_effect import EffectMeter, GroupEffect, graded
from state.catalog import Product
from state.intent import IntentDraft, IntentVerdict, LabelledQuery, Rewrites


class TeaScorer:
    """Products with "Tea" in their name fit."""

    name, threshold = "tea", None

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([float("Tea" in product) for _, product in pairs], dtype=np.float32)


BY_MODEL = graded({}, TeaScorer())


def keep(draft: IntentDraft) -> tuple[IntentDraft, list[IntentVerdict]]:
    return draft, []


def row() -> LabelledQuery:
    return LabelledQuery(query="chai", corrected="chai", categories=["beverages > tea"])


def product(name: str, aisle: str = "tea") -> Product:
    return Product(id=name, name=name, aisle=aisle, department="x")


def test_recall_rises_with_what_a_rewrite_adds_and_each_kind_is_judged_by_its_first_products() -> None:
    found = Found(
        {"chai": ["Chai Tea", "Mug"], "masala tea": ["Masala Tea", "Spice Tea"], "mugs": ["Mug", "Cup"]}, "tea"
    )
    group = GroupEffect()
    meter = EffectMeter(found, BY_MODEL, keep)
    meter.add(group, row(), {"one": lambda _: Rewrites(synonym=["masala tea"], broader=["mugs"], substitute=["mugs"])})
    effect = group.systems["one"]
    assert (group.without.recall, group.without.precision) == ([pytest.approx(1 / 3)], [0.5])
    assert (effect.page.recall, effect.page.precision) == ([1.0], [pytest.approx(3 / 5)])
    assert (effect.right["synonym"], effect.right["broader"], effect.rewrites["broader"]) == (1, 0, 1)
    assert (effect.given["synonym"], effect.given["substitute"]) == (1, 1)


def test_only_the_best_rewrite_of_a_kind_gets_places() -> None:
    found = Found({"chai": ["Mug"], "masala tea": ["Masala Tea"], "spice tea": ["Spice Tea"]}, "tea")
    group = GroupEffect()
    EffectMeter(found, BY_MODEL, keep).add(
        group, row(), {"one": lambda _: Rewrites(synonym=["masala tea", "spice tea"])}
    )
    assert group.systems["one"].page.recall == [0.5]


def test_what_was_asked_for_first_is_worth_more_than_what_is_close_to_it() -> None:
    group = GroupEffect()
    grades = graded({"chai": {"Mug Chai": 2, "Cup": 1, "Spoon": 0}}, TeaScorer())
    EffectMeter(Found({"chai": ["Cup", "Spoon", "Mug Chai"]}, "tea"), grades, keep).add(group, row(), {})
    # The shop's page puts first what says the query; the search had it last.
    assert group.plain.ndcg[0] < group.without.ndcg[0] == pytest.approx(1.0, abs=0.05)
    assert (group.without.recall, group.without.asked_for) == ([1.0], [1.0])


def test_a_judgement_counts_for_more_than_the_model_which_stands_in_where_there_is_none() -> None:
    grades = graded({"chai": {"Black Tea": 0, "Mug": 2}}, TeaScorer())
    found = grades(row(), [product("Black Tea"), product("Mug"), product("Green Tea"), product("Tea Towel", "kitchen")])
    assert {key: grade for key, grade in found.items() if grade} == {"Mug": 2, "Green Tea": 1}


def test_products_outside_the_labelled_categories_are_not_relevant_whatever_the_model_says() -> None:
    group = GroupEffect()
    EffectMeter(Found({"chai": ["Chai Tea"]}, "kitchen"), BY_MODEL, keep).add(group, row(), {})
    assert (group.without.recall, group.without.precision) == ([], [0.0])


def test_what_the_guards_take_out_counts_as_not_given() -> None:
    def strict(draft: IntentDraft) -> tuple[IntentDraft, list[IntentVerdict]]:
        verdict = IntentVerdict(guard="g", version="1", part="synonym", text="masala tea", reason="no")
        return draft.model_copy(update={"rewrites": Rewrites()}), [verdict]

    group = GroupEffect()
    meter = EffectMeter(Found({"chai": ["Chai Tea"]}, "tea"), BY_MODEL, strict)
    meter.add(group, row(), {"one": lambda _: Rewrites(synonym=["masala tea"])})
    effect = group.systems["one"]
    assert (effect.given["synonym"], effect.removed["g"], effect.proposed) == (0, 1, 1)
    assert effect.page.recall == group.without.recall


def test_how_well_a_product_has_to_fit_can_be_said() -> None:
    group = GroupEffect()
    EffectMeter(Found({"chai": ["Chai Tea"]}, "tea"), graded({}, TeaScorer(), 1.1), keep).add(group, row(), {})
    assert group.without.precision == [0.0]
