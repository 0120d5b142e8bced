"""The shoppers of a catalogue as a list to pick from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

TOP_AISLES = 3
_COUNTS = """
    SELECT shopper_id, count(*) FROM orders WHERE shopper_id = ANY($ids) GROUP BY shopper_id"""
_AISLES = """
    SELECT l.shopper_id, p.aisle FROM order_lines l JOIN products p USING (product_id)
    WHERE l.shopper_id = ANY($ids) GROUP BY l.shopper_id, p.aisle
    QUALIFY row_number() OVER (PARTITION BY l.shopper_id ORDER BY count(*) DESC, p.aisle) <= $top
    ORDER BY l.shopper_id, count(*) DESC, p.aisle"""


class Shoppers(Protocol):
    """What is read from the warehouse."""

    def rows(self, sql: str, params: dict[str, Any] = ...) -> list[tuple[Any, ...]]: ...

    def shopper_ids(self) -> list[str]: ...


@dataclass(frozen=True)
class ListedShopper:
    """A shopper with the number of their orders and the aisles that most of their lines are of."""

    id: str
    order_count: int
    top_aisles: tuple[str, ...]


def list_shoppers(warehouse: Shoppers, limit: int, first: Sequence[str] = ()) -> list[ListedShopper]:
    """Return ``limit`` shoppers: those of ``first`` who are known, then others, evenly over the sorted ids."""
    known = warehouse.shopper_ids()
    there = set(known)
    chosen = [shopper_id for shopper_id in dict.fromkeys(first) if shopper_id in there][:limit]
    spread = min(limit, len(known))
    chosen += [known[at * len(known) // spread] for at in range(spread)]
    ids = list(dict.fromkeys(chosen))[:limit]
    counts = dict(warehouse.rows(_COUNTS, {"ids": ids}))
    aisles: dict[str, list[str]] = {}
    for shopper_id, aisle in warehouse.rows(_AISLES, {"ids": ids, "top": TOP_AISLES}):
        aisles.setdefault(shopper_id, []).append(aisle)
    return [ListedShopper(key, int(counts.get(key, 0)), tuple(aisles.get(key, ()))) for key in ids]
