"""What all shoppers buy: the shares that a shopper's own are compared with, and what stands in for an unknown one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from catalog.warehouse import Warehouse
from state.shopper import AisleAffinity, ProductHistory
from tools.preferences import PreferenceReader

POPULAR_PRODUCTS = 40
POPULAR_PER_AISLE = 4
POPULAR_AISLES = 12

# An order that is held out is left out of every shopper's history, not only of the one asked for: else the shares
# would tell it.
_SOLD = """
    SELECT p.product_id, p.name, p.department, p.aisle, c.shelf, p.available, count(*) AS lines
    FROM order_lines l JOIN products p USING (product_id) JOIN categories c USING (aisle)
    WHERE NOT ($hold_out AND l.is_last)
    GROUP BY ALL ORDER BY lines DESC, p.product_id"""
_UNSOLD = """
    SELECT p.product_id, p.name, p.department, p.aisle FROM products p JOIN categories c USING (aisle)
    WHERE p.available AND c.shelf QUALIFY row_number() OVER (PARTITION BY p.aisle ORDER BY p.product_id) = 1
    ORDER BY p.department, p.aisle LIMIT $limit"""


@dataclass(frozen=True)
class Baseline:
    """Shares of all order lines by aisle and by preference, and the stand-ins of a shopper without history."""

    aisle_share: dict[str, float]
    preference_share: dict[str, float]
    segment: str
    popular: list[ProductHistory]
    popular_aisles: list[AisleAffinity]


def compute_baseline(warehouse: Warehouse, reader: PreferenceReader, *, hold_out_last: bool) -> Baseline:
    """Read every shopper's lines (but for the last order, if held out) and reduce them to shares."""
    sold = warehouse.rows(_SOLD, {"hold_out": hold_out_last})
    total = sum(row[-1] for row in sold) or 1
    aisles: Counter[tuple[str, str]] = Counter()
    shelves: Counter[tuple[str, str]] = Counter()
    preferences: Counter[str] = Counter()
    for _, name, department, aisle, shelf, _, lines in sold:
        aisles[department, aisle] += lines
        if shelf:
            shelves[department, aisle] += lines
        for preference in reader.shown_by(name, department, aisle):
            preferences[preference] += lines
    popular = _most_popular(sold)
    segment = "popular in the shop"
    if not popular:
        segment = "one product of each aisle: the shop has no orders yet"
        rows = warehouse.rows(_UNSOLD, {"limit": POPULAR_PRODUCTS})
        popular = [_stand_in(*row, lines=1) for row in rows]
    top = sorted(shelves.items(), key=lambda item: (-item[1], item[0]))[:POPULAR_AISLES]
    return Baseline(
        aisle_share={aisle: lines / total for (_, aisle), lines in aisles.items()},
        preference_share={name: lines / total for name, lines in preferences.items()},
        segment=segment,
        popular=popular,
        popular_aisles=[
            AisleAffinity(aisle=aisle, department=department, share=round(lines / total, 4), lift=1.0)
            for (department, aisle), lines in top
        ],
    )


def _most_popular(sold: list[tuple]) -> list[ProductHistory]:
    """Return the most ordered products that can be sold, a few of an aisle so that one aisle does not fill the list."""
    taken: Counter[str] = Counter()
    popular: list[ProductHistory] = []
    for product_id, name, department, aisle, shelf, available, lines in sold:
        if shelf and available and taken[aisle] < POPULAR_PER_AISLE:
            taken[aisle] += 1
            popular.append(_stand_in(product_id, name, department, aisle, lines=lines))
        if len(popular) == POPULAR_PRODUCTS:
            break
    return popular


def _stand_in(product_id: str, name: str, department: str, aisle: str, *, lines: int) -> ProductHistory:
    return ProductHistory(
        product_id=product_id, name=name, aisle=aisle, department=department, order_count=lines, orders_since_last=0
    )
