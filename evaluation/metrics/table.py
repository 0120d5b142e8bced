"""All page metrics of one page in one row, so that runs can be averaged, compared shopper by shopper and reported."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from evaluation.bootstrap import Interval, paired_difference
from evaluation.metrics.composition import (
    history_share,
    new_aisle_share,
    novel_share,
    placement_overlap,
    products_per_placement,
    repeat_share,
)
from evaluation.metrics.cost import page_usage
from evaluation.metrics.engagement import Predict, predicted_engagement
from evaluation.metrics.next_basket import n2dcg, reading_order, recall
from evaluation.metrics.similarity import Vectors, between_theme_diversity, within_theme_cohesion
from evaluation.metrics.survival import designed
from state.placement import Page

ROWS, COLUMNS = 10, 12
VISIBLE, RECALL_AT = 6, 50


@dataclass(frozen=True)
class Evidence:
    """What is known of a page's shopper beside the page. What is left out makes the metrics that need it NaN.

    ``history`` and ``aisles``: ids and aisles of what they bought before the page was made. ``basket``: the ids of the
    order that was held out, which nothing that made the page may have seen. ``vectors``: product embeddings.
    ``predict``: the ranker's chances.
    """

    history: Collection[str] = ()
    aisles: Collection[str] = ()
    basket: Collection[str] = ()
    vectors: Vectors = field(default_factory=dict)
    predict: Predict | None = None


def page_values(page: Page, evidence: Evidence) -> dict[str, float]:
    """Return every metric of one page by name; NaN where it is undefined. Means over pages are means over shoppers.

    A metric of the whole run (coverage, Gini, fall-back and drop rates) is no property of a page: see
    :mod:`evaluation.metrics.popularity` and :mod:`evaluation.metrics.survival`.
    """
    basket = evidence.basket
    grid = [[product.id for product in row.products] for row in page.placements]
    predict = evidence.predict
    made = designed(page)
    usage = page_usage(page)
    return {
        "history_share": history_share(page, evidence.history),
        "repeat_share": repeat_share(page, evidence.history),
        "novel_share": novel_share(page, evidence.history),
        "new_aisle_share": new_aisle_share(page, evidence.aisles),
        "predicted_engagement": predicted_engagement(page, predict, first=VISIBLE) if predict else math.nan,
        "placements": float(len(page.placements)),
        "products_per_placement": products_per_placement(page),
        "placement_overlap": placement_overlap(page),
        "within_theme_cohesion": within_theme_cohesion(page, evidence.vectors),
        "between_theme_diversity": between_theme_diversity(page, evidence.vectors),
        "n2dcg": n2dcg(grid, basket, rows=ROWS, columns=COLUMNS) if basket else math.nan,
        "recall": recall(reading_order(grid, visible=COLUMNS), basket, RECALL_AT) if basket else math.nan,
        "fell_back": float(page.fallback),
        "dropped_share": len(page.dropped) / made if made else math.nan,
        "seconds": page.seconds,
        "cost_usd": usage.cost_usd,
        "tokens": float(usage.tokens_in + usage.tokens_out),
    }


def by_metric(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Turn values by shopper and metric into values by metric and shopper."""
    names = dict.fromkeys(name for row in rows.values() for name in row)
    return {name: {shopper: row[name] for shopper, row in rows.items() if name in row} for name in names}


def compare(
    a: Mapping[str, Mapping[str, float]],
    b: Mapping[str, Mapping[str, float]],
    *,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return b - a of each metric with its interval, paired by shopper; both are values by shopper and metric.

    With many metrics some interval leaves 0 out by chance (one in twenty): name the metrics that decide beforehand.
    """
    first, second = by_metric(a), by_metric(b)
    names = [name for name in first if name in second and (metrics is None or name in metrics)]
    return {name: paired_difference(first[name], second[name], seed=seed) for name in names}
