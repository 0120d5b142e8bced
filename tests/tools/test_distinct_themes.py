"""Of more themes than are shown, the least alike stay."""

from __future__ import annotations

from support.small_shop import WordEmbedder

from state.placement import Need, Theme
from tools.distinct_themes import most_distinct


def themes(*titles: str) -> list[Theme]:
    return [
        Theme(id=f"7-a-{place}", position=place, title=title, need=Need.EXPLORE, rationale="", concepts=[])
        for place, title in enumerate(titles)
    ]


def test_the_later_of_the_most_alike_goes_and_the_rest_is_numbered_anew() -> None:
    left = most_distinct(WordEmbedder(), themes("green tea", "rye bread", "green tea time", "paper towels"), 3)
    assert [(theme.id, theme.position, theme.title) for theme in left] == [
        ("7-a-0", 0, "green tea"),
        ("7-a-1", 1, "rye bread"),
        ("7-a-2", 2, "paper towels"),
    ]


def test_likeness_is_taken_anew_among_what_is_left() -> None:
    left = most_distinct(WordEmbedder(), themes("green tea", "green tea", "green tea", "rye bread"), 2)
    assert [theme.title for theme in left] == ["green tea", "rye bread"]


def test_no_more_themes_than_wanted_are_left_alone() -> None:
    some = themes("green tea", "green tea")
    assert most_distinct(WordEmbedder(), some, 2) == some
    assert most_distinct(WordEmbedder(), some, 6) == some
    assert most_distinct(WordEmbedder(), [], 6) == []
