"""How much of the catalogue is shown, and how unevenly: over the pages of many shoppers."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from evaluation.metrics.composition import shown_ids
from state.placement import Page


def exposure(pages: Sequence[Page], catalog_ids: Collection[str]) -> np.ndarray:
    """Return on how many of ``pages`` each product of ``catalog_ids`` is shown, int64 ``[products]`` in their order."""
    counts = Counter(product_id for page in pages for product_id in shown_ids(page))
    return np.array([counts[product_id] for product_id in catalog_ids], dtype=np.int64)


def catalog_coverage(pages: Sequence[Page], catalog_ids: Collection[str]) -> float:
    """Return the share of the catalogue that at least one page shows (aggregate diversity); NaN without products."""
    counts = exposure(pages, catalog_ids)
    return float((counts > 0).mean()) if len(counts) else math.nan


def gini(values: np.ndarray) -> float:
    """Return the Gini index of non-negative ``values`` ``[n]``: 0 when all are equal, (n - 1) / n when one has all.

    G = sum over i of (2 i - n - 1) x_i / (n * sum of x), x sorted ascending, i from 1 (Gini 1912; for exposure:
    Fleder and Hosanagar, "Blockbuster Culture's Next Rise or Fall", 2009). NaN when the values sum to nothing.

    Raises:
        ValueError: a value is negative or not finite.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if not np.isfinite(ordered).all() or (ordered < 0).any():
        raise ValueError("the Gini index needs finite values of 0 or more")
    n, total = len(ordered), ordered.sum()
    if total == 0:
        return math.nan
    ranks = np.arange(1, n + 1)
    return float(((2 * ranks - n - 1) * ordered).sum() / (n * total))


def exposure_gini(pages: Sequence[Page], catalog_ids: Collection[str]) -> float:
    """Return the Gini index of the exposure of the whole catalogue, products that are never shown included.

    Depends on the number of pages: compare only runs over the same shoppers.
    """
    return gini(exposure(pages, catalog_ids))


def shown_popularity(page: Page, orders: Mapping[str, int]) -> float:
    """Return the mean popularity rank of the page's distinct products: 1 all bestsellers, 0.5 like the catalogue.

    ``orders`` maps every product of the catalogue to its number of orders (before the page was made). The rank of a
    product is the share of the catalogue ordered less often, ties by half (the mid-rank percentile), so that a random
    choice gives 0.5. Products outside ``orders`` are left out; NaN if none is left.
    """
    return _mean_rank(shown_ids(page), orders, sorted(orders.values()))


def popularity_ranks(pages: Sequence[Page], orders: Mapping[str, int]) -> list[float]:
    """Return :func:`shown_popularity` of each of ``pages``, the catalogue sorted once."""
    ordered = sorted(orders.values())
    return [_mean_rank(shown_ids(page), orders, ordered) for page in pages]


def _mean_rank(shown: Collection[str], orders: Mapping[str, int], ordered: Sequence[int]) -> float:
    counts = [orders[product_id] for product_id in shown if product_id in orders]
    ranks = [(bisect_left(ordered, count) + bisect_right(ordered, count)) / 2 / len(ordered) for count in counts]
    return sum(ranks) / len(ranks) if ranks else math.nan
