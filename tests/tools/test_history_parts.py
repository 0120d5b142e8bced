"""A history in parts: whole departments, weighing alike, nothing lost of what is looked at."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.shopper import AisleAffinity, ProductHistory, ShopperContext
from tools.history_parts import LEAST, LOOKED_AT, history_parts


def item(number: int, department: str, orders: int = 1) -> ProductHistory:
    name = f"{department} {number}"
    return ProductHistory(
        product_id=name,
        name=name,
        aisle=f"{department} aisle",
        department=department,
        order_count=orders,
        orders_since_last=0,
    )


def shopper(*products: ProductHistory) -> ShopperContext:
    aisles = [AisleAffinity(aisle="dairy aisle", department="dairy", share=0.2, lift=2.5)]
    return ShopperContext(
        shopper_id="7", order_count=9, products=products, aisles=aisles, last_order=["dairy 0", "gone"]
    )


FOUR = [
    item(n, d, orders) for d, orders in (("produce", 9), ("dairy", 6), ("snacks", 4), ("pets", 1)) for n in range(4)
]


def test_departments_stay_whole_and_the_heaviest_part_comes_first() -> None:
    parts = history_parts(shopper(*FOUR), 3)
    assert [sorted({item.department for item in part.products}) for part in parts] == [
        ["produce"],
        ["dairy"],
        ["pets", "snacks"],
    ]


def test_a_part_tells_of_itself_alone() -> None:
    produce, dairy, rest = history_parts(shopper(*FOUR), 3)
    assert [(a.aisle, a.share, a.lift) for a in dairy.aisles] == [("dairy aisle", 1.0, 2.5)]
    assert [a.share for a in rest.aisles] == [0.8, 0.2]
    assert (produce.last_order, dairy.last_order) == ([], ["dairy 0"])
    assert produce.order_count == 9


@pytest.mark.parametrize("count", [1, 3])
def test_a_short_history_or_a_single_department_is_one_part(count: int) -> None:
    for products in (FOUR[:LEAST], [item(n, "dairy") for n in range(30)], []):
        known = shopper(*products)
        assert history_parts(known, count) == [known]
    assert history_parts(shopper(*FOUR), 1) == [shopper(*FOUR)]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 50)), max_size=80), st.integers(1, 8))
def test_every_product_looked_at_is_in_one_part(products: list[tuple[str, int]], count: int) -> None:
    known = shopper(*(item(n, department, orders) for n, (department, orders) in enumerate(products)))
    parts = history_parts(known, count)
    assert 1 <= len(parts) <= count
    told = Counter(item.product_id for part in parts for item in part.products)
    looked_at = known.products if len(parts) == 1 else known.products[:LOOKED_AT]
    assert told == Counter(item.product_id for item in looked_at)
