"""Scores of designs against examples counted by hand."""

from __future__ import annotations

import pytest
from support.small_shop import SmallCatalog, WordScorer, WordSearch

from state.placement import Need, Theme
from training.design_scores import grounded_concepts, name_words, score_titles, shelf_names


class NothingFits(WordScorer):
    threshold = 1.5


def test_titles_that_only_name_something_on_the_shelf_are_plain() -> None:
    names = shelf_names(["Fresh Fruits", "Eggs"], ["Greek Yogurt"])
    scores = score_titles(["Egg", "fruits, fresh", "A Greek yogurt", "Eggs for Sunday brunch", "eggs", "!!"], names)
    assert scores.plain == ["Egg", "fruits, fresh", "A Greek yogurt", "eggs", "!!"]
    assert scores.plain_share == 5 / 6
    assert scores.distinct == 6


def test_titles_that_differ_in_case_and_punctuation_are_the_same() -> None:
    scores = score_titles(["Taco night!", "taco night", "Taco Tuesday"], frozenset())
    assert (scores.titles, scores.distinct) == (3, 2)
    assert score_titles([], frozenset()).distinct_share == 0.0


def test_order_and_number_do_not_tell_names_apart() -> None:
    assert name_words("the Leaves of tea") == name_words("tea leaf")


def test_a_concept_is_grounded_when_a_product_it_finds_fits_it() -> None:
    catalog = SmallCatalog()
    theme = Theme(
        id="7-0", position=0, title="Yogurt", need=Need.EXPLORE, rationale="", concepts=["greek yogurt", "moon dust"]
    )
    found = grounded_concepts([theme, theme], WordSearch(catalog), WordScorer())
    assert found == (2, 4)


def test_a_concept_whose_products_do_not_fit_is_not_grounded() -> None:
    theme = Theme(id="7-0", position=0, title="x", need=Need.EXPLORE, rationale="", concepts=["greek yogurt"])
    assert grounded_concepts([theme], WordSearch(SmallCatalog()), NothingFits()) == (0, 1)


def test_a_scorer_without_a_threshold_cannot_ground() -> None:
    class Uncalibrated(WordScorer):
        threshold = None

    with pytest.raises(ValueError, match="no calibrated threshold"):
        grounded_concepts([], WordSearch(SmallCatalog()), Uncalibrated())
