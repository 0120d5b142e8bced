"""Every product is dealt once, to the row where it is seen first."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from ranking.dealing import deal


@dataclass(frozen=True)
class Card:
    id: str


def dealt(*rows: str, most: int = 24, **kept: int) -> list[str]:
    found = deal([[Card(name) for name in row] for row in rows], most, kept)
    return ["".join(card.id for card in row) for row in found]


def test_places_are_filled_by_the_sum_of_row_and_column() -> None:
    assert dealt("abcd", "dcba") == ["abc", "d"]
    assert dealt("abcd", "cbxy", "dx") == ["abd", "cxy", ""]


def test_of_equal_places_the_upper_row_has_the_product() -> None:
    assert dealt("ab", "ba") == ["ab", ""]


def test_what_is_kept_for_a_row_shows_there() -> None:
    assert dealt("abcd", "bad", b=1, a=1) == ["cd", "ba"]


def test_a_row_shows_no_more_than_it_may() -> None:
    assert dealt("abcd", "ef", most=2) == ["ab", "ef"]
    assert dealt(most=3) == []


@given(st.lists(st.text("abcdefghij", max_size=8).map(lambda row: "".join(dict.fromkeys(row))), max_size=5))
def test_each_product_of_a_row_with_room_shows_once_and_in_order(rows: list[str]) -> None:
    found = dealt(*rows)
    shown = "".join(found)
    assert sorted(shown) == sorted({*"".join(rows)})
    assert all([c for c in row if c in kept] == list(kept) for row, kept in zip(rows, found, strict=True))
