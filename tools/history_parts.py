"""Splits a history into parts that are designed for one by one: a small model writes of what it reads first."""

from __future__ import annotations

from collections import Counter

from state.shopper import AisleAffinity, ProductHistory, ShopperContext

LOOKED_AT = 60
LEAST = 4
"""Products that a part has at least; a history too short for two of these is one part."""


def history_parts(shopper: ShopperContext, count: int) -> list[ShopperContext]:
    """Return up to ``count`` contexts of the same shopper, each with some departments of what they buy.

    Departments go, the most bought from first, to the part that has least so far, so that parts weigh alike. Products
    keep their order within a part; shares of aisles are those within the part. The part of the most orders comes first.
    """
    products = shopper.products[:LOOKED_AT]
    weights: Counter[str] = Counter()
    for item in products:
        weights[item.department] += item.order_count
    most = max(1, min(count, len(products) // LEAST, len(weights)))
    held: list[set[str]] = [set() for _ in range(most)]
    for department, _ in weights.most_common():
        min(held, key=lambda part: sum(weights[name] for name in part)).add(department)
    parts = [[item for item in products if item.department in names] for names in held]
    parts = sorted((part for part in parts if part), key=lambda part: -sum(item.order_count for item in part))
    return [_context(shopper, part) for part in parts] if len(parts) > 1 else [shopper]


def _context(shopper: ShopperContext, products: list[ProductHistory]) -> ShopperContext:
    names = {item.name for item in products}
    bought: Counter[str] = Counter()
    for item in products:
        bought[item.aisle] += item.order_count
    known = {affinity.aisle: affinity for affinity in shopper.aisles}
    total = bought.total()
    aisles = [
        AisleAffinity(
            aisle=aisle,
            department=next(item.department for item in products if item.aisle == aisle),
            share=orders / total,
            lift=known[aisle].lift if aisle in known else 1.0,
        )
        for aisle, orders in bought.most_common()
    ]
    last_order = [name for name in shopper.last_order if name in names]
    return shopper.model_copy(update={"products": products, "aisles": aisles, "last_order": last_order})
