"""What the ranker knows of one shopper: numbers per product, aisle and department, made from the order history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np

from ranking.history import OrderHistory
from ranking.statistics import ShopStatistics

RECENT = 5
"""Orders that count as recent, and half-life in orders of the fading count."""
QUICK, SLOW = 2, 15
"""Half-lives in orders of the counts that fade quicker and slower."""


@dataclass(frozen=True)
class ProductPast:
    """What the shopper did with the products they bought: arrays ``[m]`` along ``rows`` (sorted).

    ``orders_since`` is 0 for a product of the latest order; ``days_since`` and ``cadence_days`` (mean gap between
    purchases) are NaN where the data does not date them, ``cadence_orders`` is NaN for a product bought once.
    ``streak`` counts the latest orders that all have the product; ``rank`` is 0 for the largest fading count.
    """

    rows: np.ndarray
    count: np.ndarray
    share: np.ndarray
    share_since_first: np.ndarray
    recent_share: np.ndarray
    fading_count: np.ndarray
    quick_count: np.ndarray
    slow_count: np.ndarray
    streak: np.ndarray
    rank: np.ndarray
    orders_since: np.ndarray
    days_since: np.ndarray
    cadence_days: np.ndarray
    cadence_orders: np.ndarray


@dataclass(frozen=True)
class ShopperFeatures:
    """One shopper, as of the end of the history given.

    ``own_rows``, ``own_counts`` and ``own_aisle_orders`` are this shopper's part of the shop's statistics, taken out
    when those are used, so that what others buy is told from what this shopper buys. ``gap_days`` is the usual gap
    between orders (median), NaN if unknown; ``last_ordered_at`` dates the latest order, where the caller knows.
    By aisle: the share of the shopper's lines, the orders since, how many products of it they bought, ever and in
    their latest order.
    """

    shopper_id: str
    shop: ShopStatistics
    order_count: int
    basket_size: float
    gap_days: float
    repeat_share: float
    price_level: float
    past: ProductPast
    own_rows: np.ndarray
    own_counts: np.ndarray
    own_aisle_orders: np.ndarray
    aisle_share: np.ndarray
    aisle_orders_since: np.ndarray
    aisle_products: np.ndarray
    aisle_in_latest: np.ndarray
    department_share: np.ndarray
    last_ordered_at: datetime | None = None

    @classmethod
    def of(
        cls,
        history: OrderHistory,
        shop: ShopStatistics,
        *,
        orders: int | None = None,
        last_ordered_at: datetime | None = None,
    ) -> Self:
        """Make the features of ``history`` as it was after its first ``orders`` orders.

        Without ``orders``: all but those that the statistics hold out. An empty history gives a cold shopper.
        """
        counted = history.first(len(history) - shop.held_out)
        seen = counted if orders is None else history.first(orders)
        own_rows, own_counts = np.unique(counted.row, return_counts=True)
        aisles = shop.aisle[seen.row]
        lines = max(1, len(seen.row))
        return cls(
            shopper_id=history.shopper_id,
            shop=shop,
            order_count=len(seen),
            basket_size=len(seen.row) / len(seen) if len(seen) else np.nan,
            gap_days=_usual_gap(seen),
            repeat_share=1 - len(np.unique(seen.row)) / lines,
            price_level=_mean(shop.price_level[seen.row]),
            past=_past(seen),
            own_rows=own_rows,
            own_counts=own_counts.astype(np.float64),
            own_aisle_orders=np.bincount(shop.aisle[counted.row], minlength=len(shop.aisle_names)).astype(np.float64),
            aisle_share=np.bincount(aisles, minlength=len(shop.aisle_names)) / lines,
            aisle_orders_since=_orders_since(aisles, seen, len(shop.aisle_names)),
            aisle_products=np.bincount(shop.aisle[np.unique(seen.row)], minlength=len(shop.aisle_names)),
            aisle_in_latest=np.bincount(aisles[seen.order == len(seen) - 1], minlength=len(shop.aisle_names)),
            department_share=np.bincount(shop.department[seen.row], minlength=len(shop.department_names)) / lines,
            last_ordered_at=last_ordered_at,
        )

    @property
    def lines(self) -> float:
        """Products bought, counted once an order."""
        return float(self.past.count.sum())

    @property
    def cold(self) -> bool:
        return self.order_count == 0

    def elapsed_days(self, now: datetime | None) -> float:
        """Return the days from the latest order until ``now``; the usual gap where either is not known."""
        if now is None or self.last_ordered_at is None:
            return self.gap_days
        return max(0.0, (now - self.last_ordered_at).total_seconds() / 86400)


def _past(seen: OrderHistory) -> ProductPast:
    """Reduce the lines to one entry a product. Days count only where first and last purchase share a stretch."""
    by_product = np.lexsort((seen.order, seen.row))
    row, order = seen.row[by_product], seen.order[by_product]
    rows, first, count = np.unique(row, return_index=True, return_counts=True)
    last = first + count - 1
    first_order, last_order = order[first], order[last]
    latest = len(seen) - 1
    gaps = np.where(count > 1, count - 1, np.nan)
    dated = seen.stretch[first_order] == seen.stretch[last_order]
    now_dated = seen.stretch[last_order] == seen.stretch[latest] if len(seen) else dated
    ages = latest - order
    group = np.repeat(np.arange(len(rows)), count)

    def fading(half_life: int) -> np.ndarray:
        return np.bincount(group, weights=0.5 ** (ages / half_life), minlength=len(rows))

    fading_count = fading(RECENT)
    # Lines run from the oldest order to the latest: counted from the end, the age of a streak is its place.
    from_end = np.repeat(last, count) - np.arange(len(group))
    return ProductPast(
        rows=rows,
        count=count.astype(np.float64),
        share=count / max(1, len(seen)),
        share_since_first=count / (latest - first_order + 1),
        recent_share=np.bincount(group, weights=ages < RECENT, minlength=len(rows)) / max(1, min(RECENT, len(seen))),
        fading_count=fading_count,
        quick_count=fading(QUICK),
        slow_count=fading(SLOW),
        streak=np.bincount(group, weights=ages == from_end, minlength=len(rows)),
        rank=np.argsort(np.argsort(-fading_count, kind="stable"), kind="stable").astype(np.float64),
        orders_since=(latest - last_order).astype(np.float64),
        days_since=np.where(now_dated, (seen.day[latest] if len(seen) else 0.0) - seen.day[last_order], np.nan),
        cadence_days=np.where(dated, seen.day[last_order] - seen.day[first_order], np.nan) / gaps,
        cadence_orders=(last_order - first_order) / gaps,
    )


def _usual_gap(seen: OrderHistory) -> float:
    gaps = np.diff(seen.day)[np.diff(seen.stretch) == 0]
    return float(np.median(gaps)) if len(gaps) else np.nan


def _orders_since(aisles: np.ndarray, seen: OrderHistory, count: int) -> np.ndarray:
    latest = np.full(count, -1, dtype=np.int64)
    np.maximum.at(latest, aisles, seen.order)
    return np.where(latest >= 0, len(seen) - 1 - latest, np.nan)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
