"""What the gate finds in texts: brand names in titles, concepts that the catalogue does not have."""

from __future__ import annotations

import json

import pytest

from training.brands import BrandFinder
from training.gate import GateTools


@pytest.mark.parametrize(
    ("title", "brand"),
    [
        ("Chobani for mornings", "Chobani"),
        ("Mornings with Chobani", "Chobani"),
        ("A chobani kind of day", None),
        ("Sweet Finish with berries", "Finish"),
        ("Finish with berries", None),
        ("Ben and Jerry's night", None),
        ("Ben And Jerry’s night", "Ben And Jerry’s"),
        ("", None),
    ],
)
def test_brands_are_names_not_the_words_they_are_made_of(title: str, brand: str | None) -> None:
    finder = BrandFinder(["Chobani", "finish", "ben and jerry's"], ["to finish a meal"])
    assert finder.find(title) == brand


def test_a_rare_word_of_the_catalogue_matches_although_its_vector_is_far(tools: GateTools) -> None:
    matcher = tools.matcher
    assert matcher is not None
    found = matcher.unmatched(["merlot", "gala apples", "moon rock", "merlot banana"], min_cosine=0.99)
    assert set(found) == {"moon rock", "merlot banana"}
    assert json.dumps(found)
