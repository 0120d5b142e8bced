"""Order histories as arrays, read for one shopper when a page is asked for, or for all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from ranking.statistics import RowSource, ShopStatistics

_ORDERS = """
    SELECT shopper_id, order_number, day, stretch FROM orders
    WHERE $shopper IS NULL OR shopper_id = $shopper ORDER BY shopper_id, order_number"""
_LINES = """
    SELECT shopper_id, order_number, product_id FROM order_lines
    WHERE $shopper IS NULL OR shopper_id = $shopper ORDER BY shopper_id, order_number, position"""

_SIZE = "SELECT count(*) FROM order_lines"
KEPT_LINES = 500_000
"""Order lines up to which all histories are kept in memory (20 bytes each), so that no request reads one."""


@dataclass(frozen=True)
class OrderHistory:
    """One shopper's orders, oldest first.

    ``day`` float64 and ``stretch`` int64 ``[orders]``: days since the first order, comparable within one stretch;
    ``order`` and ``row`` int64 ``[lines]``: place of the order and row of the product, each product once an order.
    """

    shopper_id: str
    day: np.ndarray
    stretch: np.ndarray
    order: np.ndarray
    row: np.ndarray

    def __len__(self) -> int:
        return len(self.day)

    def basket(self, at: int) -> frozenset[int]:
        """Return the product rows of the order at place ``at``."""
        return frozenset(self.row[self.order == at].tolist())

    def first(self, count: int) -> OrderHistory:
        """Return the history of the first ``count`` orders: as it was before the others were made."""
        count = max(0, min(count, len(self)))
        kept = self.order < count
        return OrderHistory(self.shopper_id, self.day[:count], self.stretch[:count], self.order[kept], self.row[kept])


def read_history(source: RowSource, shop: ShopStatistics, shopper_id: str) -> OrderHistory:
    """Return one shopper's history; an unknown shopper's is empty."""
    params = {"shopper": shopper_id}
    return _history(shopper_id, source.rows(_ORDERS, params), source.rows(_LINES, params), shop)


def read_histories(source: RowSource, shop: ShopStatistics) -> Iterator[OrderHistory]:
    """Yield the histories of all shoppers, by id."""
    lines = {key: list(rows) for key, rows in groupby(source.rows(_LINES, {"shopper": None}), key=lambda row: row[0])}
    for shopper_id, orders in groupby(source.rows(_ORDERS, {"shopper": None}), key=lambda row: row[0]):
        yield _history(shopper_id, list(orders), lines.get(shopper_id, []), shop)


def no_history(shopper_id: str) -> OrderHistory:
    """Return the history of somebody who never ordered."""
    none, places = np.zeros(0), np.zeros(0, dtype=np.int64)
    return OrderHistory(shopper_id, day=none, stretch=places, order=places, row=places)


def kept_histories(source: RowSource, shop: ShopStatistics) -> dict[str, OrderHistory] | None:
    """Return the histories of all shoppers by id; None where they are too many to keep (seconds for a large shop)."""
    if source.rows(_SIZE)[0][0] > KEPT_LINES:
        return None
    return {history.shopper_id: history for history in read_histories(source, shop)}


def _history(
    shopper_id: str, orders: list[tuple[Any, ...]], lines: list[tuple[Any, ...]], shop: ShopStatistics
) -> OrderHistory:
    place = {number: at for at, (_, number, _, _) in enumerate(orders)}
    bought = dict.fromkeys((place[number], shop.row[product]) for _, number, product in lines if product in shop.row)
    pairs = np.array(list(bought), dtype=np.int64).reshape(-1, 2)
    return OrderHistory(
        shopper_id,
        day=np.array([day for *_, day, _ in orders], dtype=np.float64),
        stretch=np.array([stretch for *_, stretch in orders], dtype=np.int64),
        order=pairs[:, 0],
        row=pairs[:, 1],
    )
