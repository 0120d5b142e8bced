"""What the shopper context says follows from the orders seen, and from nothing that is held out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from catalog.importer import import_files
from catalog.warehouse import Warehouse
from state.errors import CatalogError
from state.settings import Settings
from state.shopper import DayPart, ShopperContext
from tools.shopper import ShopperContextTool

PRODUCTS = """product_id,name,aisle,department,available
1,Organic Whole Milk,milk,dairy eggs,
2,Unsweetened Almond Milk,soy lactosefree,dairy eggs,
3,Banana,fresh fruits,produce,
4,Organic Banana,fresh fruits,produce,
5,Dog Biscuits,dog food care,pets,
6,Mystery,missing,missing,
7,Sold Out Tea,tea,beverages,no
8,Gluten Free Bread,bread,bakery,
"""
ORDER_HEADER = "order_id,shopper_id,product_id,order_number,days_since_prior_order,hour,position\n"
# (shopper, order number, days since the order before, hour, products)
Order = tuple[str, int, float | None, int, list[int]]
HISTORY: list[Order] = [
    ("ann", 1, None, 9, [1, 3]),
    ("ann", 2, 7, 10, [1, 4]),
    ("ann", 3, 9, 18, [3, 1, 6]),
    ("ann", 4, 6, 11, [1, 5]),
    ("bob", 1, None, 20, [2, 3, 8]),
    ("bob", 2, 30, 21, [2, 7]),
    ("eve", 1, None, 2, [5]),
]
Load = Callable[[list[Order]], ShopperContextTool]


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Return a function that imports orders into a shop of its own."""

    def load(orders: list[Order]) -> ShopperContextTool:
        folder: Path = tmp_path_factory.mktemp("shop")
        (folder / "products.csv").write_text(PRODUCTS)
        lines = [
            f"{shopper}-{number},{shopper},{product},{number},{'' if gap is None else gap},{hour},{place}\n"
            for shopper, number, gap, hour, products in orders
            for place, product in enumerate(products, start=1)
        ]
        (folder / "orders.csv").write_text(ORDER_HEADER + "".join(lines))
        settings = Settings(home=folder / "home", threads=1)
        import_files(settings, folder / "products.csv", folder / "orders.csv" if lines else None)
        return ShopperContextTool(Warehouse.open(settings))

    return load


def product(context: ShopperContext, product_id: str) -> dict[str, object]:
    (found,) = [item for item in context.products if item.product_id == product_id]
    return found.model_dump(exclude={"product_id", "name", "aisle", "department"})


def test_history_counts_recency_and_cadence(shop: Load) -> None:
    context = shop(HISTORY).load("ann")
    assert (context.cold, context.order_count, context.basket_size) == (False, 4, 2.25)
    assert context.days_between_orders == 7
    assert context.day_part is DayPart.MORNING
    assert context.last_order == ["Organic Whole Milk", "Dog Biscuits"]
    assert [item.product_id for item in context.products] == ["1", "3", "5", "6", "4"]
    assert product(context, "1") == {
        "order_count": 4,
        "orders_since_last": 0,
        "days_since_last": 0,
        "cadence_days": 7,
        "due": 0,
    }
    assert product(context, "3") == {
        "order_count": 2,
        "orders_since_last": 1,
        "days_since_last": 6,
        "cadence_days": None,
        "due": None,
    }


def test_due_is_days_since_the_last_purchase_over_cadence(shop: Load) -> None:
    orders: list[Order] = [("ann", n, 10, 9, [1] if n < 4 else [3]) for n in range(1, 6)]
    found = product(shop(orders).load("ann"), "1")
    assert (found["days_since_last"], found["cadence_days"], found["due"]) == (20, 10, 2)


def test_an_undated_gap_dates_nothing_across_it(shop: Load) -> None:
    gaps = {1: None, 2: 5, 3: None, 4: 5, 5: 5}
    orders: list[Order] = [("ann", n, gap, 9, [1] if n != 5 else [3]) for n, gap in gaps.items()]
    context = shop(orders).load("ann")
    assert context.days_between_orders == 5
    assert product(context, "1")["cadence_days"] == 5
    orders = [("ann", 1, None, 9, [1]), ("ann", 2, None, 9, [3])]
    found = product(shop(orders).load("ann"), "1")
    assert (found["orders_since_last"], found["days_since_last"]) == (1, None)


def test_aisle_lift_is_the_share_over_that_of_all_shoppers(shop: Load) -> None:
    context = shop(HISTORY).load("ann")
    (milk,) = [aisle for aisle in context.aisles if aisle.aisle == "milk"]
    assert milk.share == round(4 / 9, 4)
    assert milk.lift == round((4 / 9) / (4 / 15), 2)
    assert "missing" not in {aisle.aisle for aisle in context.aisles}
    assert [aisle.share for aisle in context.aisles] == sorted((a.share for a in context.aisles), reverse=True)


def test_preferences_carry_their_evidence(shop: Load) -> None:
    orders: list[Order] = [*(order for order in HISTORY if order[0] != "eve"), ("ann", 5, 7, 9, [5])]
    preferences = {preference.name: preference for preference in shop(orders).load("ann").preferences}
    assert preferences["organic"].evidence == ("Organic Whole Milk", "Organic Banana")
    assert preferences["organic"].share == 0.5
    assert preferences["dog at home"].evidence == ("Dog Biscuits",)
    assert "plant-based" not in preferences


@pytest.mark.parametrize("hold_out_last", [False, True])
@pytest.mark.parametrize(
    "shopper",
    ["nobody", "../../etc/passwd", "ann' OR '1'='1", "'; DROP TABLE orders; --", "{{ 7*7 }}", "ＡＮＮ", "x" * 128],
)
def test_an_unknown_shopper_gets_what_is_popular_marked_cold(shop: Load, shopper: str, hold_out_last: bool) -> None:
    context = shop(HISTORY).load(shopper, hold_out_last=hold_out_last)
    assert (context.cold, context.segment, context.shopper_id) == (True, "popular in the shop", shopper)
    assert context.order_count == 0
    top = context.products[0]
    assert (top.product_id, top.order_count) == ("1", 3 if hold_out_last else 4)
    assert not {"6", "7"} & context.product_ids
    assert context.aisles


@pytest.mark.parametrize("shopper", ["", "x" * 10_000, "a\x00b", "a\nb", "\ud800", "\u202eann"])
def test_what_is_no_id_at_all_is_refused_in_plain_words(shop: Load, shopper: str) -> None:
    with pytest.raises(CatalogError, match="a shopper id"):
        shop(HISTORY).load(shopper)


def test_a_shopper_whose_only_order_is_held_out_is_cold(shop: Load) -> None:
    tool = shop(HISTORY)
    assert not tool.load("eve").cold
    held_out = tool.load("eve", hold_out_last=True)
    assert (held_out.cold, held_out.held_out, held_out.last_order) == (True, True, [])


def test_a_shop_without_orders_still_has_stand_ins(shop: Load) -> None:
    context = shop([]).load("ann")
    assert context.cold
    assert context.segment is not None
    assert "no orders yet" in context.segment
    assert [item.aisle for item in context.products] == [
        "bread", "milk", "soy lactosefree", "dog food care", "fresh fruits",
    ]  # fmt: skip


def test_a_held_out_context_is_that_of_the_shop_without_any_last_order(shop: Load) -> None:
    last = {shopper: max(number for name, number, *_ in HISTORY if name == shopper) for shopper, *_ in HISTORY}
    earlier = [order for order in HISTORY if order[1] != last[order[0]]]
    held_out, without = shop(HISTORY), shop(earlier)
    for shopper in ("ann", "bob", "eve", "nobody"):
        expected = without.load(shopper).model_copy(update={"held_out": True})
        assert held_out.load(shopper, hold_out_last=True) == expected


baskets = st.lists(st.integers(1, 8), min_size=1, max_size=8, unique=True)
last_orders = st.tuples(st.one_of(st.none(), st.integers(0, 60)), st.integers(0, 23), baskets)


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=st.fixed_dictionaries({"ann": last_orders, "bob": last_orders, "eve": last_orders}))
def test_nothing_of_a_held_out_order_shows(shop: Load, changed: dict[str, tuple[float | None, int, list[int]]]) -> None:
    numbers = {"ann": 4, "bob": 2, "eve": 1}
    orders = [order for order in HISTORY if order[1] != numbers[order[0]]]
    orders += [(shopper, numbers[shopper], *order) for shopper, order in changed.items()]
    before, after = shop(HISTORY), shop(orders)
    for shopper in ("ann", "bob", "eve", "nobody"):
        seen = after.load(shopper, hold_out_last=True).model_dump_json()
        assert seen == before.load(shopper, hold_out_last=True).model_dump_json()
    for shopper, (_, _, products) in changed.items():
        assert len(after.load(shopper).last_order) == len(products)


def test_the_same_shop_gives_the_same_context(shop: Load) -> None:
    first, second = shop(HISTORY), shop(HISTORY[::-1])
    for shopper in ("ann", "bob", "nobody"):
        assert first.load(shopper).model_dump_json() == second.load(shopper).model_dump_json()


def test_contexts_do_not_share_their_lists(shop: Load) -> None:
    tool = shop(HISTORY)
    tool.load("nobody").products.clear()
    assert tool.load("somebody").products
