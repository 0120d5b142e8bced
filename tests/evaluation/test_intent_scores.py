"""Scores of answers on queries, against examples counted by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from sklearn.metrics import precision_recall_fscore_support
from support.small_shop import WordEmbedder

from evaluation.bootstrap import Interval
from evaluation.intent_scores import (
    category_scores,
    role_scores,
    role_scores_by_kind,
    role_scores_by_label,
    shown,
    spelling_scores,
)
from evaluation.rewrite_scores import rewrite_scores
from state.intent import Attribute, IntentDraft, LabelledQuery, Rewrites


def label(query: str, **fields: Any) -> LabelledQuery:
    return LabelledQuery(**{"query": query, "corrected": query, **fields})


def answer(gold: LabelledQuery, **fields: Any) -> IntentDraft:
    return IntentDraft(**{"query": gold.query, "corrected": gold.corrected, **fields})


def flavor(value: str) -> Attribute:
    return Attribute(type="flavor", value=value)


MILK = label("acme vanilla milk", kind="head", brand="acme", product="milk", attributes=[flavor("vanilla")])
TEA = label("mint green tea", kind="tail", product="green tea", attributes=[flavor("mint")])
PAIRS = [
    # Right: brand. Wrong label on the right words: vanilla. Left out: milk.
    (MILK, answer(MILK, brand="Acme", attributes=[Attribute(type="form", value="vanilla")])),
    # Right: mint. Wrong boundary: tea. Too many: green.
    (TEA, answer(TEA, product="tea", attributes=[flavor("mint"), flavor("green")])),
]


def test_a_span_is_right_if_label_and_words_are() -> None:
    found = role_scores(PAIRS)
    assert (found.precision.estimate, found.recall.estimate, found.f1.estimate) == (2 / 5, 2 / 5, 2 / 5)
    assert (found.spans, found.f1.n) == (5, 2)


def test_boundaries_count_whatever_the_spans_are_called() -> None:
    found = role_scores(PAIRS, boundaries=True)
    assert (found.precision.estimate, found.recall.estimate) == (3 / 5, 3 / 5)


def test_scores_come_by_kind_and_by_label() -> None:
    kinds = role_scores_by_kind(PAIRS)
    assert {kind: (found.precision.estimate, found.recall.estimate) for kind, found in kinds.items()} == {
        "head": (1 / 2, 1 / 3),
        "tail": (1 / 3, 1 / 2),
    }
    labels = role_scores_by_label(PAIRS)
    assert list(labels) == ["brand", "product", "flavor", "form"]
    assert (labels["flavor"].precision.estimate, labels["flavor"].recall.estimate) == (1 / 2, 1 / 2)
    assert math.isnan(labels["form"].recall.estimate)


def test_a_span_answered_twice_is_right_once() -> None:
    twice = answer(TEA, product="green tea", attributes=[flavor("mint"), flavor("mint")])
    found = role_scores([(TEA, twice)])
    assert (found.precision.estimate, found.recall.estimate) == (2 / 3, 1.0)


def test_role_scores_are_those_of_scikit_learn_on_words_that_are_spans() -> None:
    gold, given = ["brand", "flavor", "product"], ["brand", "form", "product"]
    words = ["acme", "vanilla", "milk"]
    pair = (MILK, answer(MILK, brand="acme", product="milk", attributes=[Attribute(type="form", value="vanilla")]))
    expected = precision_recall_fscore_support(gold, given, average="micro", zero_division=0.0)
    found = role_scores([pair])
    assert len(words) == found.spans
    assert [found.precision.estimate, found.recall.estimate, found.f1.estimate] == pytest.approx(expected[:3])


def test_categories_are_scored_over_queries_with_a_category() -> None:
    gold = [label(f"query {n}", categories=["a > b", "a > c", "a > d", "a > e"]) for n in range(4)]
    given = [["a > b"], ["a > c", "a > b", "x > y", "a > d"], ["x > y", "a > b"], []]
    pairs = [(row, answer(row, categories=paths)) for row, paths in zip(gold, given, strict=True)]
    pairs.append((label("no label"), answer(label("no label"), categories=["a > b"])))
    found = category_scores(pairs, ["a > b", "a > c", "a > d", "a > e"])
    assert found.precision.estimate == pytest.approx(2 / 3)
    assert found.first.estimate == pytest.approx(1 / 3)
    assert found.recall.estimate == pytest.approx((1 / 4 + 2 / 4 + 1 / 4 + 0) / 4)
    assert found.answered.estimate == 3 / 4
    assert found.invalid.estimate == pytest.approx(2 / 7)
    assert found.per_query.estimate == 7 / 4


def test_spelling_counts_repairs_to_the_letter_and_harm_apart() -> None:
    wrong = [LabelledQuery(query="mlik", corrected="milk"), LabelledQuery(query="choc ceam", corrected="choc cream")]
    right = [label("tea"), label("rye bread")]
    said = ["Milk", "chocolate cream", "tea", "rice bread"]
    pairs = [(row, answer(row, corrected=text)) for row, text in zip([*wrong, *right], said, strict=True)]
    found = spelling_scores(pairs)
    assert (found.fixed.estimate, found.harmed.estimate) == (1 / 2, 1 / 2)


def test_rewrites_are_scored_where_one_is_wanted() -> None:
    wanted = label("soda", rewrites=Rewrites(synonym=["soft drink", "pop"]))
    missed = label("tea", rewrites=Rewrites(synonym=["tea bags"]))
    none = label("lard")
    pairs = [
        (wanted, answer(wanted, rewrites=Rewrites(synonym=["Pop", "drink soft", "lemonade"]))),
        (missed, answer(missed)),
        (none, answer(none, rewrites=Rewrites(synonym=["butter"]))),
    ]
    found = rewrite_scores(pairs, WordEmbedder())["synonym"]
    assert (found.coverage.estimate, found.unwanted.estimate) == (1 / 2, 1.0)
    assert found.exact.estimate == pytest.approx(1 / 3)
    assert found.alike.estimate == pytest.approx(2 / 3)


def test_nothing_measured_is_shown_as_nothing() -> None:
    assert shown(role_scores([]).f1) == "-"
    assert shown(Interval(0.5, math.nan, math.nan, 1)) == "0.500"
    assert shown(Interval(0.5, 0.25, 0.75, 9), 2) == "0.50 [0.25, 0.75]"
