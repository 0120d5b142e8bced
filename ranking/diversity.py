"""The order of placements: predicted engagement first, unlike what stands above, each product once.

Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) over placements, with the value of a placement taken
anew at each step from the products that are not shown above it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from catalog.readings import readings
from state.placement import Placement
from state.ranking import LeftOut, LeftOutReason, RankedProduct, RankOptions

Likeness = Callable[["Row", "Row"], float]
SAME_NEED = 0.2
"""How alike two placements are that have nothing but the need in common."""
_EMPTY_WORDS = frozenset(["a", "an", "and", "for", "in", "of", "on", "or", "the", "to", "with", "your", "you"])


@dataclass(frozen=True)
class Row:
    """A placement with its products, best first, and the factor of its feedback."""

    placement: Placement
    products: list[RankedProduct]
    feedback: float = 1.0

    @cached_property
    def aisles(self) -> Counter[str]:
        return Counter(product.aisle for product in self.products)

    @cached_property
    def product_ids(self) -> frozenset[str]:
        return frozenset(product.id for product in self.products)

    @cached_property
    def title_words(self) -> frozenset[str]:
        return frozenset(readings(self.placement.title)[0].split()) - _EMPTY_WORDS


@dataclass(frozen=True)
class Placed:
    """A row as shown: its value and the products that no row above shows."""

    row: Row
    value: float
    products: list[RankedProduct]


@dataclass
class Layout:
    """The rows in page order, and what was left out on the way."""

    placed: list[Placed] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def row_value(products: Sequence[RankedProduct], options: RankOptions) -> float:
    """Return the predicted engagement of the first products: the sum of ``predicted`` over log2(1 + place)."""
    return sum(p.predicted / math.log2(place + 2) for place, p in enumerate(products[: options.valued_products]))


def likeness(a: Row, b: Row) -> float:
    """Return how alike two rows are, in [0, 1]: the largest of shared products, shared aisles and shared title words.

    Shared products: over the smaller row; aisles: cosine of product counts; title words: Jaccard.
    """
    smaller = min(len(a.product_ids), len(b.product_ids))
    shared = len(a.product_ids & b.product_ids) / smaller if smaller else 0.0
    words = a.title_words | b.title_words
    titles = len(a.title_words & b.title_words) / len(words) if words else 0.0
    return max(shared, _cosine(a.aisles, b.aisles), titles)


def lay_out(rows: Sequence[Row], options: RankOptions) -> Layout:
    """Choose the order of ``rows`` and which products each shows; every product stands once.

    Near-identical rows are neighbours only where nothing else is left. Ties go to the row made first.
    """
    layout = Layout()
    shown: set[str] = set()
    left = list(rows)
    alike: dict[tuple[str, str], float] = {}

    def like(a: Row, b: Row) -> float:
        key = (a.placement.id, b.placement.id)
        if key not in alike:
            alike[key] = alike[key[::-1]] = likeness(a, b)
        return alike[key]

    while left and len(layout.placed) < options.max_placements:
        fresh = {row.placement.id: [p for p in row.products if p.id not in shown] for row in left}
        thin = [row for row in left if len(fresh[row.placement.id]) < options.min_products]
        for row in thin:
            layout.left_out += _left_out(row, shown)
            left.remove(row)
        if not left:
            break
        values = {row.placement.id: row_value(fresh[row.placement.id], options) * row.feedback for row in left}
        above = [placed.row for placed in layout.placed]
        chosen = left[0] if options.keep_order else _choose(left, values, above, like, options)
        products = fresh[chosen.placement.id][: options.max_products]
        layout.left_out += _shown_above(chosen, shown)
        shown.update(product.id for product in products)
        layout.placed.append(Placed(chosen, values[chosen.placement.id], products))
        left.remove(chosen)
    return layout


def _choose(
    left: Sequence[Row], values: dict[str, float], above: Sequence[Row], like: Likeness, options: RankOptions
) -> Row:
    far = [row for row in left if not above or like(row, above[-1]) < options.near_identical] or list(left)
    best = max(values.values()) or 1.0

    def marginal(row: Row) -> float:
        nearest = max((_with_need(row, other, like(row, other)) for other in above), default=0.0)
        return (1 - options.diversity) * values[row.placement.id] / best - options.diversity * nearest

    return max(far, key=lambda row: (marginal(row), -row.placement.position))


def _with_need(a: Row, b: Row, alike: float) -> float:
    return max(alike, SAME_NEED) if a.placement.need is b.placement.need else alike


def _shown_above(row: Row, shown: Iterable[str]) -> list[LeftOut]:
    return [
        LeftOut(placement_id=row.placement.id, product_id=product_id, reason=LeftOutReason.SHOWN_ABOVE)
        for product_id in sorted(row.product_ids.intersection(shown))
    ]


def _left_out(row: Row, shown: Iterable[str]) -> list[LeftOut]:
    thin = LeftOut(placement_id=row.placement.id, reason=LeftOutReason.THIN)
    return [*_shown_above(row, shown), thin]


def _cosine(a: Counter[str], b: Counter[str]) -> float:
    dot = sum(count * b[aisle] for aisle, count in a.items())
    norms = math.sqrt(sum(n * n for n in a.values()) * sum(n * n for n in b.values()))
    return dot / norms if norms else 0.0
