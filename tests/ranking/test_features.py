"""Features say what the history given says, and the shop's figures say what the others do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from support.ranked_shop import ORDERS, Order, open_shop, page, row

from catalog.warehouse import Warehouse
from ranking.features import FEATURES, build_features
from ranking.history import read_histories, read_history
from ranking.page import candidates_of
from ranking.shopper import ShopperFeatures
from ranking.statistics import ShopStatistics, read_statistics


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return open_shop(tmp_path_factory.mktemp("shop"))


def shopper(warehouse: Warehouse, shop: ShopStatistics, name: str = "ann", **more: object) -> ShopperFeatures:
    return ShopperFeatures.of(read_history(warehouse, shop, name), shop, **more)  # type: ignore[arg-type]


def table(who: ShopperFeatures, *products: int, now: datetime | None = None) -> dict[str, list[float]]:
    candidates = candidates_of([row(0, products)], who.shop)
    matrix = build_features(candidates, who, now)
    return {name: matrix[:, at].tolist() for at, name in enumerate(FEATURES)}


def test_own_history_of_a_product_is_counted_by_hand(warehouse: Warehouse) -> None:
    shop = read_statistics(warehouse)
    found = table(shopper(warehouse, shop), 1, 3, 5, 2)
    # Ann's orders on days 0, 7, 16, 21 (usual gap: the median of 7, 9, 5 is 7). Milk in all four, banana in 1 and 3.
    assert found["own_orders"][:3] == [4, 2, 1]
    assert found["own_share"][:3] == [1, 0.5, 0.25]
    assert found["own_share_since_first"][:3] == [1, 0.5, 1]
    assert found["orders_since"][:3] == [0, 1, 0]
    assert found["days_since"][:3] == [0 + 7, 5 + 7, 0 + 7]
    assert found["cadence_days"][:2] == [21 / 3, 16 / 1]
    assert found["due_days"][:2] == [1, 12 / 16]
    assert found["cadence_orders"][:2] == [1, 2]
    assert found["due_orders"][:2] == [1, 1]
    # Counts that fade: milk is 0, 1, 2, 3 orders old, banana 1 and 3, the third product is of the latest order alone.
    assert found["own_quick_count"][:2] == pytest.approx(
        [sum(0.5 ** (age / 2) for age in ages) for ages in (range(4), (1, 3))]
    )
    assert found["own_slow_count"][1] == pytest.approx(0.5 ** (1 / 15) + 0.5 ** (3 / 15))
    assert found["own_streak"][:3] == [4, 0, 1]
    assert found["own_rank"][:3] == [0, 1, 2]
    assert found["own_top_share"][0] == 1
    assert np.isnan(found["cadence_days"][2])
    assert np.isnan([found[name][3] for name in ("own_orders", "own_share", "orders_since", "due_days")]).all()


def test_popularity_is_that_among_the_others(warehouse: Warehouse) -> None:
    shop = read_statistics(warehouse)
    found = table(shopper(warehouse, shop), 1, 3, 2, 11)
    # Banana: 4 orders, 2 of them Ann's; milk is bought by Ann alone; oat milk by Bob alone.
    assert found["popularity"] == pytest.approx(np.log1p([0, 2, 3, 0]))
    assert found["buyers"] == pytest.approx(np.log1p([0, 2, 1, 0]))
    mean_rate = 3 / 8  # product and shopper pairs bought more than once: milk and banana by Ann, oat milk by Bob
    assert found["repeat_rate"] == pytest.approx([mean_rate, 5 * mean_rate / 7, (1 + 5 * mean_rate) / 6, mean_rate])
    assert found["popularity_in_aisle"][2] == 1


def test_aisle_affinity_and_price_are_counted_by_hand(warehouse: Warehouse) -> None:
    shop = read_statistics(warehouse)
    who = shopper(warehouse, shop)
    found = table(who, 2, 4, 5, 10)
    assert found["aisle_share"] == [4 / 8, 3 / 8, 1 / 8, 0]
    assert found["aisle_orders_since"][:3] == [0, 1, 0]
    assert np.isnan(found["aisle_orders_since"][3])
    assert found["department_share"][:3] == [4 / 8, 3 / 8, 1 / 8]
    assert found["price"][:3] == pytest.approx(np.log1p([3, 0.75, 4]))
    assert np.isnan(found["price"][3])
    assert found["price_level"][:2] == [1, 1]
    # Milk four times, banana twice, bread and another once: of eight lines, by aisle 4, 3 and 1.
    assert found["own_share_of_aisle"][2] == 1
    assert np.isnan(found["own_share_of_aisle"][0])
    assert found["products_bought"] == [4] * 4
    assert found["basket_size"] == [2] * 4


def test_days_run_until_now_where_the_latest_order_is_dated(warehouse: Warehouse) -> None:
    shop = read_statistics(warehouse)
    ordered = datetime(2026, 3, 1, tzinfo=UTC)
    who = shopper(warehouse, shop, last_ordered_at=ordered)
    assert table(who, 3, now=ordered + timedelta(days=11))["days_since"] == [5 + 11]
    assert table(who, 3, now=ordered - timedelta(days=3))["days_since"] == [5]
    assert table(who, 3)["days_since"] == [5 + 7]


def test_an_undated_gap_dates_nothing_across_it(tmp_path: Path) -> None:
    orders: list[Order] = [("ann", 1, None, [1]), ("ann", 2, 5, [1, 3]), ("ann", 3, None, [4]), ("ann", 4, 5, [3])]
    warehouse = open_shop(tmp_path, orders)
    found = table(shopper(warehouse, read_statistics(warehouse)), 1, 3)
    assert np.isnan(found["days_since"][0])
    assert np.isnan(found["cadence_days"][1])
    assert found["cadence_orders"] == [1, 2]


def test_a_shopper_nobody_knows_is_cold_and_still_gets_features(warehouse: Warehouse) -> None:
    shop = read_statistics(warehouse)
    who = shopper(warehouse, shop, "nobody")
    assert who.cold
    found = table(who, 1, 3)
    assert np.isnan(found["own_orders"]).all()
    assert found["popularity"] == pytest.approx(np.log1p([4, 4]))
    assert found["aisle_share"] == [0, 0]


def test_one_shopper_read_alone_is_as_read_with_all(warehouse: Warehouse) -> None:
    shop = read_statistics(warehouse)
    for history in read_histories(warehouse, shop):
        alone = read_history(warehouse, shop, history.shopper_id)
        for name in ("day", "stretch", "order", "row"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(history, name))


@pytest.mark.parametrize("held_out", [0, 1, 2])
def test_held_out_orders_show_in_no_feature(tmp_path: Path, held_out: int) -> None:
    """The shop with its latest orders held out is the shop in which they were never made."""
    most = {"ann": 4, "bob": 3, "eve": 1}
    kept = [order for order in ORDERS if order[1] <= most[order[0]] - held_out]
    whole, cut = open_shop(tmp_path / "whole"), open_shop(tmp_path / "cut", kept)
    shops = read_statistics(whole, held_out=held_out), read_statistics(cut)
    for name in most:
        features = [
            build_features(
                candidates_of(page(row(0, range(1, 13))).placements, shop),
                ShopperFeatures.of(read_history(source, shop, name), shop),
            )
            for source, shop in zip((whole, cut), shops, strict=True)
        ]
        np.testing.assert_array_equal(*features)


def test_an_order_after_the_past_asked_for_does_not_show(warehouse: Warehouse) -> None:
    shop = read_statistics(warehouse)
    history = read_history(warehouse, shop, "ann")
    before = ShopperFeatures.of(history, shop, orders=3)
    assert before.order_count == 3
    found = table(before, 5, 1)
    assert np.isnan(found["own_orders"][0])
    assert found["own_orders"][1] == 3
    assert found["popularity"] == pytest.approx([0, 0])
