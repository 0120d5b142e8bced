"""Categories of queries: paths that exist, ordered by a fitted scorer, none from the query's own label."""

from __future__ import annotations

import pytest
from support.query_shop import LABELLED
from support.small_shop import SmallCatalog, WordEmbedder, WordSearch

from evaluation.intent_scores import category_scores
from state.intent import IntentDraft, LabelledQuery
from tools.category_features import FEATURES
from tools.labelled_queries import LabelledQueries, own_keys
from tools.linear_scorer import LinearScorer
from tools.query_categories import QueryCategories
from training.category_fit import AnsweredPath, calibrate_guard, fit_categories, guard_figures


def scorer(threshold: float = 0.5, **weights: float) -> LinearScorer:
    return LinearScorer(
        features=FEATURES,
        weights=tuple(weights.get(name, 0.0) for name in FEATURES),
        offset=weights.get("offset", 0.0),
        threshold=threshold,
        fitted_on="nothing",
        command="none",
    )


def finder(given: LinearScorer | None = None) -> QueryCategories:
    catalog, embedder = SmallCatalog(), WordEmbedder()
    labelled = LabelledQueries(LABELLED, embedder)
    return QueryCategories(catalog.categories(), {}, WordSearch(catalog), labelled, embedder, scorer=given)


@pytest.mark.parametrize("query", ["berry yogurt", "no such thing", "", "' OR 1=1", "чай"])
def test_only_paths_of_the_taxonomy_come_out_best_first(query: str) -> None:
    found = finder().candidates(query, 4)
    paths = {category.path for category in SmallCatalog().categories()}
    assert len(found) == 4
    assert {entry.category.path for entry in found} <= paths
    assert [entry.score for entry in found] == sorted((entry.score for entry in found), reverse=True)
    assert all(0 <= entry.score <= 1 for entry in found)


def test_the_scorer_orders_the_pool_and_does_not_change_it() -> None:
    plain, turned = finder(scorer(neighbours=1.0)), finder(scorer(neighbours=-1.0))
    first, second = (found.candidates("berry yogurt", 6) for found in (plain, turned))
    assert {entry.category.path for entry in first} == {entry.category.path for entry in second}
    assert first[0].category.aisle == "yogurt"
    assert second[-1].category.aisle == "yogurt"
    assert plain.candidates("berry yogurt", 1)[0] == first[0]


def test_the_label_of_the_query_itself_can_be_left_out() -> None:
    with_label = finder().pool("green tea").evidence
    without = finder().pool("green tea", without=own_keys(LABELLED[1])).evidence
    assert with_label.nearest["beverages > tea"] == pytest.approx(1.0)
    assert without.nearest.get("beverages > tea", 0.0) < 0.99


def test_the_best_is_answered_and_of_the_others_those_above_the_threshold() -> None:
    sure, unsure = finder(scorer(threshold=0.4)), finder(scorer(threshold=0.6))
    assert len(sure.chosen(sure.candidates("berry yogurt"))) == 4
    assert len(unsure.chosen(unsure.candidates("berry yogurt"))) == 1
    assert unsure.chosen([]) == []


def test_fitting_finds_what_the_labels_say_and_does_not_depend_on_chance() -> None:
    names = [product.name.lower() for product in SmallCatalog().all_products()]
    paths = {
        product.name.lower(): f"{product.department} > {product.aisle}" for product in SmallCatalog().all_products()
    }
    rows = [LabelledQuery(query=name, corrected=name, categories=[paths[name]]) for name in names]
    first, again = (fit_categories(finder(scorer()), rows, command="none") for _ in range(2))
    assert first == again
    assert len(first.answered) == len(rows)
    fitted = finder(first.scorer)
    pairs = [
        (
            row,
            IntentDraft(
                query=row.query,
                corrected=row.corrected,
                categories=[entry.category.path for entry in fitted.candidates(row.corrected, 3)],
            ),
        )
        for row in rows
    ]
    assert category_scores(pairs, fitted.paths).precision.estimate >= 0.9


def test_the_guard_loses_at_most_one_right_category_in_a_hundred() -> None:
    right = [AnsweredPath(0.30 + at / 1000, True) for at in range(200)]
    wrong = [AnsweredPath(at / 100, False) for at in range(40)]
    threshold = calibrate_guard([*right, *wrong])
    assert threshold == pytest.approx(0.30)
    found = guard_figures([*right, *wrong], threshold)
    assert found.right_lost == 0.0
    assert found.discarded == pytest.approx(30 / 240)
    assert found.precision_without < found.precision_with
