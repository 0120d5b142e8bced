"""Surface forms: what counts as the same words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.surface import closed_key, merge_key, normalise, singular


def key(text: str) -> str:
    return merge_key(normalise(text).split())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Greek Yogurt", "greek yogurts"),
        ("Crème Brûlée", "creme brulee"),
        ("Low-Fat Milk", "low fat milk"),
        ("Mac & Cheese", "mac and cheese"),
        ("organic gluten free bread", "gluten-free organic bread"),
        ("Cherry Tomatoes", "cherry tomato"),
        ("Berries", "berry"),
        ("Bay Leaves", "bay leaf"),
        ("Men's Razor", "mens razors"),
        ("yoghurt", "Yogurt"),
    ],
)
def test_near_identical_forms_share_a_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("milk chocolate", "chocolate milk"),
        ("organic milk", "milk"),
        ("salt", "salted"),
        ("2% milk", "1% milk"),
    ],
)
def test_different_goods_keep_different_keys(one: str, other: str) -> None:
    assert key(one) != key(other)


def test_spaces_do_not_tell_phrases_apart() -> None:
    assert closed_key(["soy", "milk"]) == closed_key(["soymilk"])


@pytest.mark.parametrize("word", ["hummus", "molasses", "asparagus", "swiss", "couscous"])
def test_singular_forms_ending_in_s_are_stable(word: str) -> None:
    assert singular(singular(word)) == singular(word)


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text())
def test_normal_text_is_printable_lower_case_ascii(text: str) -> None:
    clean = normalise(text)
    assert clean.isascii()
    assert clean == clean.lower()
    assert clean == "" or clean.isprintable()
