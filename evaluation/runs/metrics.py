"""The metrics of a run by name: what each means, how it is shown, and which decide a comparison."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from evaluation.metrics.survival import designed
from state.placement import Page

Shown = Literal["share", "number", "seconds", "usd"]
POLICY: Final = "policy_violations"


@dataclass(frozen=True)
class Metric:
    """How a metric is shown; ``better`` is the direction that is good.

    Empty where neither is: the most cohesive theme is one product in ten flavours.
    """

    label: str
    shown: Shown = "share"
    better: Literal["up", "down", ""] = ""


METRICS: Final[dict[str, Metric]] = {
    "survived": Metric("designed placements that reach the page", better="up"),
    "fell_back": Metric("pages made by rules", better="down"),
    "distinct_titles": Metric("titles that no other page has", better="up"),
    POLICY: Metric("policy violations published", "number", "down"),
    "relevance": Metric("mean probability that a product fits its theme", better="up"),
    "fitting": Metric("products at or above the threshold", better="up"),
    "severe": Metric("products with nothing to do with their theme", better="down"),
    "pruned": Metric("products that the relevance guard took out", better="down"),
    "predicted_engagement": Metric("predicted engagement of the first products", better="up"),
    "n2dcg": Metric("N2DCG on the held-out basket", better="up"),
    "recall": Metric("recall of the held-out basket, first 50 products", better="up"),
    "history_share": Metric("products of a placement bought before"),
    "repeat_share": Metric("products of the page bought before"),
    "novel_share": Metric("products of the page never bought"),
    "new_aisle_share": Metric("products from aisles never bought from"),
    "within_theme_cohesion": Metric("cohesion within themes", "number"),
    "between_theme_diversity": Metric("diversity between themes", "number", "up"),
    "placement_overlap": Metric("overlap between placements", better="down"),
    "placements": Metric("placements of a page", "number"),
    "products_per_placement": Metric("products of a placement", "number"),
    "catalog_coverage": Metric("catalogue on at least one page"),
    "exposure_gini": Metric("Gini index of exposure", "number"),
    "shown_popularity": Metric("popularity rank of what is shown"),
    "seconds": Metric("seconds a page", "seconds"),
    "seconds_p95": Metric("seconds a page, 95th percentile", "seconds"),
    "tokens": Metric("tokens a page", "number"),
    "cost_usd": Metric("US dollars a page", "usd", "down"),
}
"""All but those of the run as a whole, which have no interval, are means over shoppers."""

OF_THE_RUN: Final = frozenset({"catalog_coverage", "exposure_gini", "seconds_p95"})
DECIDING: Final = ("survived", "distinct_titles", "relevance", "between_theme_diversity", "n2dcg")
"""Named before anything is measured: what a comparison is read by (docs/evaluation.md)."""


def survived(page: Page) -> float:
    """Return the share of the designed placements that the shopper sees; 0 for a page that fell back."""
    made = designed(page)
    return len(page.placements) / made if made and not page.fallback else 0.0


def pruned(page: Page) -> float:
    """Return the products that the relevance guard took out over those and the ones shown; NaN without products."""
    verdicts = [verdict for row in page.dropped for verdict in row.verdicts]
    if not page.fallback:
        verdicts += [verdict for row in page.placements for verdict in row.verdicts]
    out = sum(len(verdict.pruned) for verdict in verdicts if verdict.guard == "relevance")
    shown = 0 if page.fallback else sum(len(row.products) for row in page.placements)
    return out / (out + shown) if out + shown else math.nan


def distinct_titles(pages: Sequence[Page]) -> dict[str, float]:
    """Return by shopper the share of the page's titles that stand on no other page and once on this one, ignoring case.

    NaN for a page without placements. Rule-made pages have the same titles for everybody and count as such. Depends on
    the number of pages: compare runs over the same shoppers only.
    """
    titles = {page.shopper_id: [_plain(row.title) for row in page.placements] for page in pages}
    count = Counter(title for own in titles.values() for title in own)
    return {key: sum(count[title] == 1 for title in own) / len(own) if own else math.nan for key, own in titles.items()}


def _plain(title: str) -> str:
    return " ".join(title.casefold().split())


def known_values(values: Mapping[str, float]) -> dict[str, float | None]:
    """Return ``values`` with None in place of NaN, as JSON has it."""
    return {key: None if math.isnan(value) else value for key, value in values.items()}
