"""Products of one keyword do not fill the front of a placement."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ranking.spread import spread

Item = tuple[str, float, str | None]


def ordered(items: list[Item], fading: float = 0.8) -> list[str]:
    return [name for name, _, _ in spread(items, lambda item: item[1], lambda item: item[2], fading)]


def test_a_keyword_gives_way_to_another_that_is_nearly_as_good() -> None:
    towels: list[Item] = [(f"towel {number}", 1.0, "paper towels") for number in range(4)]
    soap: list[Item] = [("soap", 0.7, "dish soap")]
    assert ordered([*towels, *soap]) == ["towel 0", "towel 1", "soap", "towel 2", "towel 3"]


def test_a_much_better_product_still_comes_first() -> None:
    assert ordered([("a", 1.0, "x"), ("b", 0.9, "x"), ("c", 0.1, "y")]) == ["a", "b", "c"]


def test_products_without_a_keyword_and_without_fading_are_ordered_by_value() -> None:
    assert ordered([("a", 0.5, None), ("b", 1.0, None), ("c", 0.7, None)]) == ["b", "c", "a"]
    assert ordered([("a", 0.5, "x"), ("b", 1.0, "x"), ("c", 0.6, "y")], fading=1.0) == ["b", "c", "a"]


def test_ties_stay_in_the_order_given() -> None:
    assert ordered([("a", 0.0, "x"), ("b", 0.0, "y"), ("c", 0.0, "x")]) == ["a", "b", "c"]


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["x", "y", None]))))
def test_nothing_is_lost_and_each_keyword_keeps_its_own_order(values: list[tuple[float, str | None]]) -> None:
    items: list[Item] = [(str(place), value, keyword) for place, (value, keyword) in enumerate(values)]
    found = ordered(items)
    assert sorted(found) == sorted(name for name, _, _ in items)
    worth = {name: value for name, value, _ in items}
    for keyword in ("x", "y"):
        own = [worth[name] for name in found if (name, worth[name], keyword) in items]
        assert own == sorted(own, reverse=True)
