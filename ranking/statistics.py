"""What all shoppers buy, as arrays over the products of one catalogue version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from state.catalog import Product
from state.placement import PlacedProduct

# The latest ``held_out`` orders of every shopper are treated as if they were not there.
_SEEN = """
    SELECT shopper_id, order_id, order_number FROM orders
    QUALIFY row_number() OVER (PARTITION BY shopper_id ORDER BY order_number DESC) > $held_out"""
_PRODUCTS = "SELECT product_id, name, aisle, department, price, available FROM products ORDER BY product_id"
_BOUGHT = f"""
    WITH seen AS ({_SEEN}),
    bought AS (
        SELECT product_id, shopper_id, count(*) AS times
        FROM order_lines JOIN seen USING (shopper_id, order_id, order_number) GROUP BY ALL)
    SELECT product_id, sum(times)::BIGINT, count(*), count(*) FILTER (times > 1) FROM bought
    GROUP BY product_id ORDER BY product_id"""  # noqa: S608 - both parts are constants


class RowSource(Protocol):
    """What is read from the warehouse."""

    def rows(self, sql: str, params: dict[str, Any] = ...) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True)
class ShopStatistics:
    """Arrays over products, sorted by product id; ``row`` finds a product's.

    ``orders``, ``buyers``, ``repeaters`` float64 ``[n]``: orders with the product, shoppers who bought it, shoppers who
    bought it more than once. ``aisle``, ``department`` int64 ``[n]``: codes. ``price`` float64 ``[n]``: NaN where the
    catalogue has none; ``price_level`` float64 ``[n]``: share of the aisle's priced products that cost less.
    """

    row: Mapping[str, int]
    ids: tuple[str, ...]
    names: tuple[str, ...]
    aisle: np.ndarray
    department: np.ndarray
    aisle_names: tuple[str, ...]
    department_names: tuple[str, ...]
    price: np.ndarray
    price_level: np.ndarray
    available: np.ndarray
    orders: np.ndarray
    buyers: np.ndarray
    repeaters: np.ndarray
    aisle_orders: np.ndarray
    held_out: int = 0
    by_aisle: Mapping[int, np.ndarray] = field(default_factory=dict)

    def product(self, row: int) -> Product:
        """Return the product at ``row`` as the catalogue has it."""
        return Product.model_construct(
            id=self.ids[row],
            name=self.names[row],
            aisle=self.aisle_names[self.aisle[row]],
            department=self.department_names[self.department[row]],
            price=None if np.isnan(self.price[row]) else float(self.price[row]),
            available=bool(self.available[row]),
        )

    def is_as_described(self, row: int, product: PlacedProduct) -> bool:
        """Tell whether ``product`` has the name and the shelf that the catalogue gives the product at ``row``."""
        return (
            product.name == self.names[row]
            and product.aisle == self.aisle_names[self.aisle[row]]
            and product.department == self.department_names[self.department[row]]
        )

    def availability(self) -> dict[str, bool]:
        """Return what the catalogue says of each product's availability."""
        return dict(zip(self.ids, self.available.tolist(), strict=True))


def read_statistics(source: RowSource, *, held_out: int = 0) -> ShopStatistics:
    """Read the statistics of a catalogue, without the latest ``held_out`` orders of each shopper (about a second)."""
    products = source.rows(_PRODUCTS)
    ids = tuple(row[0] for row in products)
    row = {product_id: at for at, product_id in enumerate(ids)}
    aisle_names, aisle = _codes([product[2] for product in products])
    department_names, department = _codes([product[3] for product in products])
    price = np.array([np.nan if p[4] is None else p[4] for p in products], dtype=np.float64)
    counts = np.zeros((3, len(ids)))
    for product_id, orders, buyers, repeaters in source.rows(_BOUGHT, {"held_out": held_out}):
        if product_id in row:
            counts[:, row[product_id]] = orders, buyers, repeaters
    order = np.argsort(aisle, kind="stable")
    starts = np.searchsorted(aisle[order], np.arange(len(aisle_names) + 1))
    by_aisle = {code: order[starts[code] : starts[code + 1]] for code in range(len(aisle_names))}
    return ShopStatistics(
        row=row,
        ids=ids,
        names=tuple(product[1] for product in products),
        aisle=aisle,
        department=department,
        aisle_names=aisle_names,
        department_names=department_names,
        price=price,
        price_level=_levels(price, by_aisle),
        available=np.array([bool(product[5]) for product in products]),
        orders=counts[0],
        buyers=counts[1],
        repeaters=counts[2],
        aisle_orders=np.bincount(aisle, weights=counts[0], minlength=len(aisle_names)),
        held_out=held_out,
        by_aisle=by_aisle,
    )


def _codes(texts: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    names = tuple(sorted(set(texts)))
    code = {name: at for at, name in enumerate(names)}
    return names, np.array([code[text] for text in texts], dtype=np.int64)


def _levels(price: np.ndarray, by_aisle: Mapping[int, np.ndarray]) -> np.ndarray:
    levels = np.full(len(price), np.nan)
    for members in by_aisle.values():
        priced = members[~np.isnan(price[members])]
        ordered = np.sort(price[priced])
        levels[priced] = np.searchsorted(ordered, price[priced], side="left") / max(1, len(priced) - 1)
    return levels
