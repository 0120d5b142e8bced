"""The warehouse answers from the catalogue and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from catalog.importer import ImportReport
from catalog.warehouse import Warehouse
from state.settings import Settings


@pytest.fixture
def warehouse(run_import: Callable[..., ImportReport], settings: Settings) -> Warehouse:
    run_import()
    return Warehouse.open(settings)


def test_products_come_in_the_order_asked_for_and_unknown_ids_are_left_out(warehouse: Warehouse) -> None:
    assert list(warehouse.products(["3", "none", "1", "\ud800", "'; DROP TABLE products; --"])) == ["3", "1"]
    assert warehouse.products([]) == {}


def test_only_ids_of_the_catalogue_exist(warehouse: Warehouse) -> None:
    assert warehouse.existing_ids(["1", "9", "", "\udfff", "1 OR 1=1"]) == {"1"}


def test_catch_alls_are_sellable_but_no_categories(warehouse: Warehouse) -> None:
    assert "4" in {product.id for product in warehouse.all_products()}
    assert [category.path for category in warehouse.categories()] == ["dairy eggs > milk", "produce > fresh fruits"]


def test_popular_products_are_available_and_ties_go_by_id(warehouse: Warehouse) -> None:
    assert [(product.id, count) for product, count in warehouse.popular(9)] == [("3", 2), ("1", 1), ("2", 1)]
    assert [product.id for product, _ in warehouse.popular(1, ["milk"])] == ["1"]
    assert warehouse.popular(5, []) == []
    assert warehouse.popular(0) == []


def test_popularity_can_leave_every_latest_order_uncounted(warehouse: Warehouse) -> None:
    latest = {row[0] for row in warehouse.rows("SELECT product_id FROM order_lines WHERE is_last")}
    before = dict(warehouse.rows("SELECT product_id, count(*) FROM order_lines WHERE NOT is_last GROUP BY 1"))
    assert latest
    assert {product.id: count for product, count in warehouse.popular(9, hold_out_last=True)} == before


def test_order_counts_and_shoppers(warehouse: Warehouse) -> None:
    assert warehouse.product_order_counts() == {"1": 1, "2": 1, "3": 2}
    assert warehouse.shopper_ids() == ["ann", "bob"]


def test_queries_can_neither_write_nor_leave_the_catalogue(warehouse: Warehouse) -> None:
    for sql in ("DELETE FROM products", "SELECT * FROM read_csv('/etc/passwd')", "ATTACH '/tmp/other.duckdb'"):
        with pytest.raises(duckdb.Error):
            warehouse.rows(sql)


def test_threads_share_a_warehouse(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: list(warehouse.products(["1", "2"])), range(200)))
    assert answers == [["1", "2"]] * 200
