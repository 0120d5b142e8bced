"""Splits never move: what was measured with yesterday is not trained on tomorrow."""

from __future__ import annotations

from collections import Counter

import pytest

from training.splits import query_split, shopper_of, shopper_split, theme_split

PINNED_SHOPPERS = {
    "1": "train",
    "2": "train",
    "3": "test",
    "7": "train",
    "17": "test",
    "42": "train",
    "100": "train",
    "1202": "train",
    "2847": "train",
    "999": "dev",
    "31": "train",
    "64": "train",
    "4": "test",
    "14": "dev",
    "16": "dev",
}
PINNED_QUERIES = {
    "rosemary mint shampoo": "train",
    "milk": "train",
    "oat milk": "test",
    "gluten free bread": "train",
    "banana": "train",
    "eggs": "train",
    "chicken": "train",
    "dog food": "dev",
    "ice cream": "train",
    "soda": "train",
    "salsa": "train",
    "tofu": "train",
    "rice": "train",
    "beer": "train",
}


@pytest.mark.parametrize(("shopper", "split"), PINNED_SHOPPERS.items())
def test_a_shopper_stays_in_its_split(shopper: str, split: str) -> None:
    assert shopper_split(shopper) == split


@pytest.mark.parametrize(("query", "split"), PINNED_QUERIES.items())
def test_a_query_stays_in_its_split_however_it_is_typed(query: str, split: str) -> None:
    assert query_split(query) == split
    assert query_split(f"  {query.upper()} ") == split


@pytest.mark.parametrize("shopper", ["17", "a-b", "99999", "Ümlaut"])
def test_a_theme_goes_where_its_shopper_goes(shopper: str) -> None:
    assert {theme_split(f"{shopper}-{position}") for position in range(6)} == {shopper_split(shopper)}


@pytest.mark.parametrize("wrong", ["17", "-3", "17-", "17-x", ""])
def test_a_theme_id_that_names_no_shopper_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not <shopper>-<position>"):
        shopper_of(wrong)


def test_shares_are_eighty_ten_ten() -> None:
    counts = Counter(shopper_split(str(number)) for number in range(20_000))
    assert counts["train"] == pytest.approx(16_000, rel=0.02)
    assert counts["dev"] == pytest.approx(2_000, rel=0.1)
    assert counts["test"] == pytest.approx(2_000, rel=0.1)
