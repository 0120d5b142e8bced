"""The features of the learned ranker, for all candidates of a shopper at once.

All are of product and shopper: the same product has the same score in whatever placement it stands. (What a placement
says of a product means one thing on pages made by rules, which teach, and another on generated ones.)
"""

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
    "own_quick_count",
    "own_slow_count",
    "own_streak",
    "own_rank",
    "own_top_share",
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
    "aisle_products",
    "aisle_in_latest",
    "own_share_of_aisle",
    "department_share",
    # the price
    "price",
    "price_level",
    "price_level_to_usual",
    # the shopper
    "shopper_orders",
    "basket_size",
    "gap_days",
    "repeat_share",
    "products_bought",
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
        "shopper_orders": shopper.order_count,
        "basket_size": shopper.basket_size,
        "gap_days": shopper.gap_days,
        "repeat_share": shopper.repeat_share,
        "products_bought": len(shopper.past.rows),
    }
    features = np.empty((len(rows), len(FEATURES)))
    for at, name in enumerate(FEATURES):
        features[:, at] = columns[name]
    return features


def _own(rows: np.ndarray, shopper: ShopperFeatures, now: datetime | None) -> dict[str, np.ndarray]:
    past = shopper.past

    def of(values: np.ndarray) -> np.ndarray:
        return _known(rows, past.rows, values)

    days_since = of(past.days_since) + shopper.elapsed_days(now)
    cadence_days, cadence_orders = of(past.cadence_days), of(past.cadence_orders)
    return {
        "own_orders": of(past.count),
        "own_share": of(past.share),
        "own_share_since_first": of(past.share_since_first),
        "own_recent_share": of(past.recent_share),
        "own_fading_count": of(past.fading_count),
        "own_quick_count": of(past.quick_count),
        "own_slow_count": of(past.slow_count),
        "own_streak": of(past.streak),
        "own_rank": of(past.rank),
        "own_top_share": of(past.fading_count / np.maximum(1e-9, past.fading_count.max(initial=0.0))),
        "orders_since": of(past.orders_since),
        "days_since": days_since,
        "cadence_days": cadence_days,
        "due_days": days_since / np.where(cadence_days > 0, cadence_days, np.nan),
        "cadence_orders": cadence_orders,
        "due_orders": (of(past.orders_since) + 1) / cadence_orders,
    }


def _others(rows: np.ndarray, shopper: ShopperFeatures) -> dict[str, np.ndarray]:
    shop = shopper.shop
    own = np.nan_to_num(_known(rows, shopper.own_rows, shopper.own_counts))
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
    own = _known(rows, shopper.past.rows, shopper.past.count)
    others = shop.aisle_orders - shopper.own_aisle_orders
    usual = others[aisle] / max(1.0, others.sum())
    return {
        "aisle_share": share,
        "aisle_lift": np.log1p(share / np.maximum(usual, 1e-6)),
        "aisle_orders_since": shopper.aisle_orders_since[aisle],
        "aisle_products": shopper.aisle_products[aisle],
        "aisle_in_latest": shopper.aisle_in_latest[aisle],
        "own_share_of_aisle": own / np.maximum(1e-9, share * shopper.lines),
        "department_share": shopper.department_share[shop.department[rows]],
        "price": np.log1p(shop.price[rows]),
        "price_level": shop.price_level[rows],
        "price_level_to_usual": shop.price_level[rows] - shopper.price_level,
    }


def _known(rows: np.ndarray, among: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return for each of ``rows`` the value of its place in the sorted ``among``, NaN where it is not there."""
    if not len(among):
        return np.full(len(rows), np.nan)
    at = np.minimum(np.searchsorted(among, rows), len(among) - 1)
    return np.where(among[at] == rows, values[at], np.nan)
