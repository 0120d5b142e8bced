"""Taking product names apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.lexicon import load_lexicon
from catalog.phrases import split_head, take_apart


def first(name: str) -> str:
    segments = take_apart(name).segments
    return " ".join(segments[0]) if segments else ""


@pytest.mark.parametrize(
    ("name", "phrase"),
    [
        ("Whole Milk 1 gal", "whole milk"),
        ("Sparkling Water, 12 fl oz", "sparkling water"),
        ("Chicken Noodle Soup with Garlic", "chicken noodle soup"),
        ("Half & Half", "half and half"),
        ("Non-GMO Tortilla Chips", "tortilla chips"),
        ("Fat Free Cream Cheese", "cream cheese"),
        ("Wet Cloth w/ Gain", "wet cloth"),
    ],
)
def test_sizes_claims_and_complements_leave_the_phrase(name: str, phrase: str) -> None:
    assert first(name) == phrase


def test_claims_wherever_they_stand_are_kept_apart() -> None:
    parts = take_apart("Greek Yogurt, Organic, Fat-Free, Non GMO")
    assert parts.claims == ("organic", "fat free")
    assert parts.attributes == {"organic", "fat free", "non gmo"}


def test_describing_words_do_not_close_a_phrase() -> None:
    assert split_head(("peanut", "butter", "creamy")) == (("peanut", "butter"), ("creamy",))
    assert split_head(("creamy", "smooth")) == ((), ("creamy", "smooth"))
    assert split_head(("half", "and", "half")) == (("half", "and", "half"), ())


def test_what_is_packed_in_something_keeps_both() -> None:
    assert take_apart("Tuna in Water").joined == ("tuna", "in", "water")


def test_every_attribute_recognises_its_own_name() -> None:
    lexicon = load_lexicon()
    for attribute in lexicon.file.attributes:
        assert attribute.name in lexicon.attributes_of(attribute.name)


def test_attribute_names_are_unique() -> None:
    names = [attribute.name for attribute in load_lexicon().file.attributes]
    assert len(names) == len(set(names))


@given(st.text(max_size=300))
def test_any_text_can_be_taken_apart(text: str) -> None:
    for segment in take_apart(text).segments:
        assert segment
        split_head(segment)
