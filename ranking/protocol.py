"""The product ranker protocol: what a ranker is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from ranking.shopper import ShopperFeatures


@dataclass(frozen=True)
class Candidates:
    """Products of placements to be scored, one entry per product and placement.

    ``rows`` int64 ``[n]`` are rows of the shop's statistics; ``relevance`` float64 ``[n]`` is the placement's own score
    of the product in [0, 1]; ``product_ids`` and ``placement_ids`` name them.
    """

    product_ids: tuple[str, ...]
    placement_ids: tuple[str, ...]
    rows: np.ndarray
    relevance: np.ndarray

    def __len__(self) -> int:
        return len(self.product_ids)


@dataclass(frozen=True)
class ProductScores:
    """``values`` float64 ``[n]`` in [0, 1], higher is shown first, comparable within a page; who made them.

    ``fault`` says why ``ranker`` is not the ranker that was asked.
    """

    values: np.ndarray
    ranker: str
    version: str
    fault: str | None = None


class ProductRanker(Protocol):
    """Scores the products of a page's placements for one shopper at one time. Safe to share between threads."""

    def score(self, candidates: Candidates, shopper: ShopperFeatures, now: datetime | None = None) -> ProductScores:
        """Return a score for each candidate; raises nothing that the caller could cure."""
        ...
