"""The next-basket metrics on examples computed by hand."""

from __future__ import annotations

from math import log2

import pytest

from evaluation.metrics.next_basket import n2dcg, ndcg, reading_order, recall, repeat_share

GRID = [["a", "b", "c"], ["d", "e", "f"]]


def test_n2dcg_discounts_by_row_and_column() -> None:
    # "a" at (1, 1): 1/log2(2); "e" at (2, 2): 1/log2(4). Best cells of two: (1, 1) and one of (1, 2), (2, 1).
    found = n2dcg(GRID, {"a", "e"}, rows=2, columns=3)
    assert found == pytest.approx((1 / log2(2) + 1 / log2(4)) / (1 / log2(2) + 1 / log2(3)))


@pytest.mark.parametrize("relevant", [{"a"}, {"a", "b"}, {"a", "d"}, {"a", "b", "d"}])
def test_n2dcg_of_the_top_left_corner_is_one(relevant: set[str]) -> None:
    assert n2dcg(GRID, relevant, rows=2, columns=3) == pytest.approx(1)


def test_n2dcg_falls_as_much_to_the_right_as_downwards() -> None:
    assert n2dcg(GRID, {"b"}, rows=2, columns=3) == n2dcg(GRID, {"d"}, rows=2, columns=3) == pytest.approx(1 / log2(3))


def test_n2dcg_counts_a_product_once_at_its_best_cell() -> None:
    assert n2dcg([["x", "a"], ["a", "a"]], {"a"}, rows=2, columns=2) == pytest.approx(1 / log2(3))


def test_n2dcg_sees_the_cut_page_alone() -> None:
    assert n2dcg(GRID, {"c", "d"}, rows=1, columns=2) == 0
    assert n2dcg(GRID, set(), rows=2, columns=3) == 0
    assert n2dcg([], {"a"}, rows=2, columns=3) == 0
    # Three relevant products, two cells: the ideal has no more than the page can show.
    assert n2dcg(GRID, {"a", "b", "x"}, rows=1, columns=2) == pytest.approx(1)


def test_reading_goes_row_by_row_over_what_is_visible() -> None:
    assert reading_order([["a", "b", "c"], ["b", "d", "e"]], visible=2) == ["a", "b", "d"]


def test_ndcg_recall_and_repeat_share_by_hand() -> None:
    ranking = ["a", "b", "c", "d"]
    assert ndcg(ranking, {"b", "d"}, 3) == pytest.approx((1 / log2(3)) / (1 + 1 / log2(3)))
    assert ndcg(ranking, {"b", "d", "z"}, 4) == pytest.approx((1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / 2))
    assert recall(ranking, {"b", "d", "z"}, 3) == pytest.approx(1 / 3)
    assert repeat_share(ranking, {"a", "c", "z"}, 4) == 0.5
    assert ndcg(ranking, set(), 3) == recall(ranking, set(), 3) == repeat_share([], {"a"}, 3) == 0
