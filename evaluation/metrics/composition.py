"""What a page is made of: how much of it the shopper knows, how many products, how much stands twice."""

from __future__ import annotations

import math
from collections.abc import Collection
from itertools import combinations

from state.placement import Page


def history_share(page: Page, history: Collection[str]) -> float:
    """Return the share of a placement's products that the shopper has bought, averaged over the placements.

    ``history`` holds the ids of all products bought before the page was made. NaN for a page without products, and
    for a shopper without history: nothing could be known to them.
    """
    bought = set(history)
    shares = [sum(p.id in bought for p in row.products) / len(row.products) for row in page.placements if row.products]
    return sum(shares) / len(shares) if shares and bought else math.nan


def repeat_share(page: Page, history: Collection[str]) -> float:
    """Return the share of the page's distinct products that the shopper has bought; NaN as in :func:`history_share`.

    A product in two placements counts once here and twice in :func:`history_share`.
    """
    shown, bought = shown_ids(page), set(history)
    return len(shown & bought) / len(shown) if shown and bought else math.nan


def novel_share(page: Page, history: Collection[str]) -> float:
    """Return the share of the page's distinct products that the shopper never bought: 1 - :func:`repeat_share`."""
    return 1 - repeat_share(page, history)


def new_aisle_share(page: Page, aisles: Collection[str]) -> float:
    """Return the share of the page's distinct products from aisles outside ``aisles``, those the shopper bought from.

    A stricter novelty than :func:`novel_share`: another flavour of a known good does not count. NaN without products
    or without aisles.
    """
    shelf = {product.id: product.aisle for row in page.placements for product in row.products}
    known = set(aisles)
    return sum(aisle not in known for aisle in shelf.values()) / len(shelf) if shelf and known else math.nan


def products_per_placement(page: Page) -> float:
    """Return the mean number of products of a placement; NaN for a page without placements."""
    sizes = [len(row.products) for row in page.placements]
    return sum(sizes) / len(sizes) if sizes else math.nan


def placement_overlap(page: Page) -> float:
    """Return the mean Jaccard index of the product sets of all pairs of placements, in [0, 1]; 0 is no overlap.

    J(A, B) = |A & B| / |A | B|. Placements without products are left out; NaN with fewer than two.
    """
    sets = [{product.id for product in row.products} for row in page.placements if row.products]
    pairs = [len(a & b) / len(a | b) for a, b in combinations(sets, 2)]
    return sum(pairs) / len(pairs) if pairs else math.nan


def shown_ids(page: Page) -> set[str]:
    """Return the ids of all products on the page."""
    return {product.id for row in page.placements for product in row.products}
