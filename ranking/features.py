"""The features of the learned ranker, for all candidates of a shopper at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from ranking.protocol import Candidates
from ranking.shopper import ShopperFeatures

FEATURES = (
    # what this shopper did with the product (NaN: never bought)
    "own_orders",
    "own_share",
    "own_share_since_first",
    "own_recent_share",
    "own_fading_count",
    "orders_since",
    "days_since",
    "cadence_days",
    "due_days",
    "cadence_orders",
    "due_orders",
    # what the others did with it
    "popularity",
    "popularity_in_aisle",
    "buyers",
    "repeat_rate",
    # the shopper and its shelf
    "aisle_share",
    "aisle_lift",
    "aisle_orders_since",
    "department_share",
    # the price
    "price",
    "price_level",
    "price_level_to_usual",
    # the placement's word on the product
    "relevance",
    "relative_place",
    # the shopper
    "shopper_orders",
    "basket_size",
    "gap_days",
    "repeat_share",
)
"""Names of the columns, in order; the model file carries them too."""

_PRIOR = 5.0
"""Buyers that the mean repeat rate counts for, against chance in products with few buyers."""


def build_features(candidates: Candidates, shopper: ShopperFeatures, now: datetime | None = None) -> np.ndarray:
    """Return float64 ``[candidates, len(FEATURES)]``; NaN stands for not known."""
    rows = candidates.rows
    columns: dict[str, Any] = {
        **_own(rows, shopper, now),
        **_others(rows, shopper),
        **_shelf(rows, shopper),
        "relevance": candidates.relevance,
        "relative_place": candidates.places / np.maximum(1, candidates.sizes - 1),
        "shopper_orders": shopper.order_count,
        "basket_size": shopper.basket_size,
        "gap_days": shopper.gap_days,
        "repeat_share": shopper.repeat_share,
    }
    features = np.empty((len(rows), len(FEATURES)))
    for at, name in enumerate(FEATURES):
        features[:, at] = columns[name]
    return features


def _own(rows: np.ndarray, shopper: ShopperFeatures, now: datetime | None) -> dict[str, np.ndarray]:
    past = shopper.past
    at, bought = _find(rows, past.rows)

    def of(values: np.ndarray) -> np.ndarray:
        return np.where(bought, values[at], np.nan) if len(values) else np.full(len(rows), np.nan)

    days_since = of(past.days_since) + shopper.elapsed_days(now)
    cadence_days, cadence_orders = of(past.cadence_days), of(past.cadence_orders)
    return {
        "own_orders": of(past.count),
        "own_share": of(past.share),
        "own_share_since_first": of(past.share_since_first),
        "own_recent_share": of(past.recent_share),
        "own_fading_count": of(past.fading_count),
        "orders_since": of(past.orders_since),
        "days_since": days_since,
        "cadence_days": cadence_days,
        "due_days": days_since / np.where(cadence_days > 0, cadence_days, np.nan),
        "cadence_orders": cadence_orders,
        "due_orders": (of(past.orders_since) + 1) / cadence_orders,
    }


def _others(rows: np.ndarray, shopper: ShopperFeatures) -> dict[str, np.ndarray]:
    shop = shopper.shop
    at, bought = _find(rows, shopper.own_rows)
    own = np.where(bought, shopper.own_counts[at], 0.0) if len(shopper.own_rows) else np.zeros(len(rows))
    orders = shop.orders[rows] - own
    buyers = shop.buyers[rows] - (own > 0)
    repeaters = shop.repeaters[rows] - (own > 1)
    aisle_orders = (shop.aisle_orders - shopper.own_aisle_orders)[shop.aisle[rows]]
    mean_rate = shop.repeaters.sum() / max(1.0, shop.buyers.sum())
    return {
        "popularity": np.log1p(orders),
        "popularity_in_aisle": orders / np.maximum(1.0, aisle_orders),
        "buyers": np.log1p(buyers),
        "repeat_rate": (repeaters + _PRIOR * mean_rate) / (buyers + _PRIOR),
    }


def _shelf(rows: np.ndarray, shopper: ShopperFeatures) -> dict[str, np.ndarray]:
    shop = shopper.shop
    aisle = shop.aisle[rows]
    share = shopper.aisle_share[aisle]
    others = shop.aisle_orders - shopper.own_aisle_orders
    usual = others[aisle] / max(1.0, others.sum())
    return {
        "aisle_share": share,
        "aisle_lift": np.log1p(share / np.maximum(usual, 1e-6)),
        "aisle_orders_since": shopper.aisle_orders_since[aisle],
        "department_share": shopper.department_share[shop.department[rows]],
        "price": np.log1p(shop.price[rows]),
        "price_level": shop.price_level[rows],
        "price_level_to_usual": shop.price_level[rows] - shopper.price_level,
    }


def _find(rows: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each of ``rows`` stands in the sorted ``among``, and whether it is there."""
    if not len(among):
        return np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    at = np.minimum(np.searchsorted(among, rows), len(among) - 1)
    return at, among[at] == rows
