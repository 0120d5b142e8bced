"""Rankers without learning: what the learned one is measured against."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from ranking.features import FEATURES, build_features
from ranking.protocol import Candidates, ProductScores
from ranking.shopper import ShopperFeatures

_AT = {name: at for at, name in enumerate(FEATURES)}
_POPULAR = 12.0
"""Above the logarithm of any number of orders: keeps popularity, as a tie-break, below 1."""
_TIE = 1e-3


class PopularityRanker:
    """Most ordered by other shoppers first."""

    def score(self, candidates: Candidates, shopper: ShopperFeatures, now: datetime | None = None) -> ProductScores:
        """Return the logarithm of the orders of others, scaled into [0, 1]."""
        features = build_features(candidates, shopper, now)
        return ProductScores(_popularity(features), "popularity", "1")


class BuyAgainRanker:
    """What this shopper buys most often first, of equals what is due; then by popularity."""

    def score(self, candidates: Candidates, shopper: ShopperFeatures, now: datetime | None = None) -> ProductScores:
        """Return the share of the shopper's orders with the product; what is due and popularity break ties."""
        features = build_features(candidates, shopper, now)
        share = np.nan_to_num(features[:, _AT["own_share"]])
        due = np.nan_to_num(features[:, _AT["due_days"]]) >= 1.0
        values = 0.99 * share + 5 * _TIE * due + _TIE * _popularity(features)
        return ProductScores(np.clip(values, 0, 1), "buy-again", "1")


class AisleRanker:
    """The shopper's largest aisles first, within an aisle by popularity."""

    def score(self, candidates: Candidates, shopper: ShopperFeatures, now: datetime | None = None) -> ProductScores:
        """Return the aisle's share of the shopper's lines; popularity breaks ties."""
        features = build_features(candidates, shopper, now)
        values = 0.99 * features[:, _AT["aisle_share"]] + _TIE * _popularity(features)
        return ProductScores(np.clip(values, 0, 1), "aisles", "1")


def _popularity(features: np.ndarray) -> np.ndarray:
    return np.clip(features[:, _AT["popularity"]] / _POPULAR, 0, 1)
