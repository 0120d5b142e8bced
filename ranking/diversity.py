"""The order of placements: predicted engagement first, unlike what stands above, each product once.

Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) over placements, with the value of a placement taken
anew at each step from the products that no placement above shows at its front.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from catalog.readings import readings
from ranking.dealing import deal
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
    """A row as shown: its value and the products that it shows, and no other row."""

    row: Row
    value: float
    products: list[RankedProduct]


@dataclass(frozen=True)
class Layout:
    """The rows in page order, and what was left out on the way."""

    placed: list[Placed]
    left_out: list[LeftOut]


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
    """Choose the order of ``rows`` and which products each shows; every product stands once, where it is seen first.

    Near-identical rows are neighbours only where nothing else is left. Ties go to the row made first. A row of which
    too few products are left is not shown.
    """
    chosen, kept = _choose_all(rows, options)
    grid = deal([row.products for row in chosen], options.max_products, kept)
    placed = [
        Placed(row, row_value(products, options) * row.feedback, products)
        for row, products in zip(chosen, grid, strict=True)
    ]
    above = {row.placement.id for row in chosen}
    thin = [row for row in rows if row.placement.id not in above] if len(chosen) < options.max_placements else []
    left_out = [LeftOut(placement_id=row.placement.id, reason=LeftOutReason.THIN) for row in thin]
    return Layout(placed, [*_shown_elsewhere(rows, placed), *left_out])


@dataclass
class Alike:
    """How alike rows are, each pair worked out once."""

    known: dict[tuple[str, str], float] = field(default_factory=dict)

    def __call__(self, a: Row, b: Row) -> float:
        key = (a.placement.id, b.placement.id)
        if key not in self.known:
            self.known[key] = self.known[key[::-1]] = likeness(a, b)
        return self.known[key]


def _choose_all(rows: Sequence[Row], options: RankOptions) -> tuple[list[Row], dict[str, int]]:
    """Return rows from the top down, and for the products that make each of them whole the place of their row.

    The first ``valued_products`` of a row are spoken for; the rest of it still counts for the rows below.
    """
    left, chosen, like = list(rows), list[Row](), Alike()
    spoken_for: set[str] = set()
    kept: dict[str, int] = {}
    while len(chosen) < options.max_placements:
        fresh = {row.placement.id: [p for p in row.products if p.id not in spoken_for] for row in left}
        left = [row for row in left if len(fresh[row.placement.id]) >= options.min_products]
        if not left:
            break
        values = {row.placement.id: row_value(fresh[row.placement.id], options) * row.feedback for row in left}
        best = left[0] if options.keep_order else _choose(left, values, chosen, like, options)
        products = [product.id for product in fresh[best.placement.id]]
        spoken_for.update(products[: max(options.valued_products, options.min_products)])
        kept.update(dict.fromkeys(products[: options.min_products], len(chosen)))
        chosen.append(best)
        left.remove(best)
    return chosen, kept


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


def _shown_elsewhere(rows: Sequence[Row], placed: Sequence[Placed]) -> list[LeftOut]:
    """Return the products of ``rows`` that another row shows."""
    where = {product.id: item.row.placement.id for item in placed for product in item.products}
    return [
        LeftOut(placement_id=row.placement.id, product_id=product_id, reason=LeftOutReason.SHOWN_ELSEWHERE)
        for row in rows
        for product_id in sorted(row.product_ids)
        if where.get(product_id, row.placement.id) != row.placement.id
    ]


def _cosine(a: Counter[str], b: Counter[str]) -> float:
    dot = sum(count * b[aisle] for aisle, count in a.items())
    norms = math.sqrt(sum(n * n for n in a.values()) * sum(n * n for n in b.values()))
    return dot / norms if norms else 0.0
