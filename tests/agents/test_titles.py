"""Titles as they are shown: nothing invented, nothing twice, no end left hanging."""

from __future__ import annotations

import pytest

from agents.titles import tidy_title

LIMIT = 60


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Almond milk, egg whites and a little bit of", "Almond milk and egg whites"),
        ("Baby bath time, a glass of water and a", "Baby bath time, a glass of water"),
        ("Lighter bread, soups and other", "Lighter bread and soups"),
        ("Creamy brown butter, almond milk and a cup of", "Creamy brown butter and almond milk"),
        ("Dinner on a plate", "Dinner on a plate"),
        ("A light salad and a bowl of soup", "A light salad and a bowl of soup"),
        ("Made for the", "Made"),
        ("For your", ""),
        ("Goat cheese, goat cheese and a bagel", "Goat cheese and a bagel"),
        ("Greek yogurt, Greek yogurt, Greek yogurts", "Greek yogurt"),
        ("Turkey, turkey and a side dish", "Turkey and a side dish"),
        ("Bananas, apples, and banana", "Bananas and apples"),
        ("Whole milk, bananas, tomatoes", "Whole milk, bananas and tomatoes"),
        ("Mango, pear and lime, iced", "Mango, pear and lime, iced"),
        ("Laundry day, made a little bit shorter", "Laundry day, made a little bit shorter"),
        ("Mac and cheese and macaroni", "Mac and cheese and macaroni"),
        ("tea &", "Tea"),
        ("", ""),
    ],
)
def test_a_title_says_each_thing_once_and_comes_to_an_end(written: str, shown: str) -> None:
    assert tidy_title(written, LIMIT, known=[]) == shown


def test_a_word_that_the_limit_cut_goes() -> None:
    assert tidy_title("Roasted pumpkin se", 18, known=[]) == "Roasted pumpkin"


def test_numbers_stay_where_the_shopper_knows_them() -> None:
    assert tidy_title("Tea 101 with 2% milk", LIMIT, known=["2% Milk"]) == "Tea with 2% milk"
