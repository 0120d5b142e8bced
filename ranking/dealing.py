"""Which placement shows a product that several hold: the one where it is seen first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar


class Named(Protocol):
    @property
    def id(self) -> str: ...


Product = TypeVar("Product", bound=Named)


def deal(rows: Sequence[Sequence[Product]], most: int, kept: Mapping[str, int]) -> list[list[Product]]:
    """Return what each of ``rows`` (from the top, best products first) shows, at most ``most``; each product once.

    Attention falls from the top left corner to the right and downwards alike (``evaluation/metrics/next_basket.py``):
    places are filled by the sum of row and column, each with the best product of its row that is not shown yet. A
    product far back in a row above is thus shown at the front of one below. ``kept`` names the row (from 0) of products
    that no other row may show.
    """
    waiting = [iter(row) for row in rows]
    grid: list[list[Product]] = [[] for _ in rows]
    shown: set[str] = set()
    for distance in range(len(rows) + most - 1):
        for at in range(max(0, distance - most + 1), min(distance + 1, len(rows))):
            for product in waiting[at]:
                if product.id not in shown and kept.get(product.id, at) == at:
                    shown.add(product.id)
                    grid[at].append(product)
                    break
    return grid
