"""How well a ranked page foretells a basket: N2DCG, NDCG, recall, and how much of it is repeats."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

Grid = Sequence[Sequence[str]]
"""Product ids as shown: rows from the top, products from the left."""


def n2dcg(grid: Grid, relevant: Collection[str], *, rows: int, columns: int) -> float:
    """Return the normalised two-dimensional DCG of a page cut to ``rows`` x ``columns``, in [0, 1].

    ``2DCG = sum over rows i and columns j (from 1) of rel(i, j) / log2(i + j)``: attention falls from the top left
    corner to the right and downwards. It is divided by that of the best page: relevant products on the cells of least
    ``i + j``. A product counts once, at its best cell. Felicioni, Ferrari Dacrema, Perez Maurera, Cremonesi: "Measuring
    the Ranking Quality of Recommendations in a Two-Dimensional Carousel Setting" (IIR 2021, CEUR 2947), with weights 1.
    No relevant product at all gives 0.
    """
    best: dict[str, int] = {}
    for i, row in enumerate(grid[:rows], start=1):
        for j, product in enumerate(row[:columns], start=1):
            if product in relevant:
                best[product] = min(best.get(product, i + j), i + j)
    cells = sorted(i + j for i in range(1, rows + 1) for j in range(1, columns + 1))
    ideal = sum(1 / math.log2(cell) for cell in cells[: len(set(relevant))])
    return sum(1 / math.log2(cell) for cell in best.values()) / ideal if ideal else 0.0


def reading_order(grid: Grid, *, visible: int) -> list[str]:
    """Return the products in the order they are read: row by row, the first ``visible`` of each, each product once."""
    return list(dict.fromkeys(product for row in grid for product in row[:visible]))


def ndcg(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return NDCG@k with binary relevance (Jarvelin and Kekalainen 2002); 0 without relevant products."""
    gain = sum(1 / math.log2(place + 2) for place, product in enumerate(ranking[:k]) if product in relevant)
    ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(set(relevant)))))
    return gain / ideal if ideal else 0.0


def recall(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return the share of ``relevant`` among the first ``k``; 0 without relevant products."""
    wanted = set(relevant)
    return len(wanted & set(ranking[:k])) / len(wanted) if wanted else 0.0


def repeat_share(ranking: Sequence[str], bought_before: Collection[str], k: int) -> float:
    """Return the share of the first ``k`` that the shopper bought before; the rest is novel. 0 for an empty page."""
    shown = ranking[:k]
    return sum(product in bought_before for product in shown) / len(shown) if shown else 0.0
