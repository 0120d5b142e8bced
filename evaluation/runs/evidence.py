"""What is known of the shoppers of a run beside their pages: history, the held-out order, the ranker's chances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ranking.history import read_history
from ranking.learned import LearnedRanker
from ranking.opening import SHIPPED_MODEL
from ranking.page import candidates_of
from ranking.protocol import ProductRanker
from ranking.shopper import ShopperFeatures
from ranking.statistics import RowSource, ShopStatistics, read_statistics
from state.placement import Page, Placement
from state.settings import Settings


@dataclass(frozen=True)
class ShopperPast:
    """What a shopper bought before the held-out order (ids, aisles), and the ids of that order."""

    history: frozenset[str]
    aisles: frozenset[str]
    basket: frozenset[str]


class ShopPast(Protocol):
    """What a run looks up of orders. ``orders``: every product of the catalogue and how often it was ordered before."""

    @property
    def orders(self) -> Mapping[str, int]: ...

    def of(self, shopper_id: str) -> ShopperPast: ...

    def chances(self, page: Page) -> Mapping[str, Sequence[float]]:
        """Return by placement id the ranker's chance in [0, 1] of each of its products, in the placement's order."""
        ...


class HeldOutPast:
    """Reads the warehouse as it was before every shopper's latest order."""

    def __init__(self, source: RowSource, ranker: ProductRanker) -> None:
        self._source, self._ranker = source, ranker
        self._shop: ShopStatistics = read_statistics(source, held_out=1)
        self.orders: dict[str, int] = {key: int(self._shop.orders[row]) for key, row in self._shop.row.items()}

    @classmethod
    def open(cls, settings: Settings) -> HeldOutPast:
        """Open the catalogue and the learned ranker of ``settings``.

        Raises:
            CatalogMissing, ModelsError: one of them is not there or damaged.
        """
        from catalog.warehouse import Warehouse

        folder = Path(settings.ranker.model_dir) if settings.ranker.model_dir else SHIPPED_MODEL
        return cls(Warehouse.open(settings), LearnedRanker.load(folder))

    def of(self, shopper_id: str) -> ShopperPast:
        """Return the shopper's past; of an unknown one nothing is known."""
        history = read_history(self._source, self._shop, shopper_id)
        before = history.first(len(history) - 1)
        shop = self._shop
        return ShopperPast(
            history=frozenset(shop.ids[row] for row in before.row),
            aisles=frozenset(shop.aisle_names[shop.aisle[row]] for row in before.row),
            basket=frozenset(shop.ids[row] for row in history.basket(len(history) - 1))
            if len(history)
            else frozenset(),
        )

    def chances(self, page: Page) -> dict[str, list[float]]:
        """Return the ranker's chances, all products of the page scored at once as when it is served."""
        shopper = ShopperFeatures.of(read_history(self._source, self._shop, page.shopper_id), self._shop)
        candidates = candidates_of(page.placements, self._shop)
        scored = self._ranker.score(candidates, shopper).values.tolist() if len(candidates) else []
        keys = zip(candidates.placement_ids, candidates.product_ids, strict=True)
        chance = dict(zip(keys, scored, strict=True))
        return {row.id: [chance.get((row.id, product.id), 0.0) for product in row.products] for row in page.placements}


def predictor(past: ShopPast, page: Page) -> _Predict:
    """Return the chances of ``page`` as :func:`evaluation.metrics.engagement.predicted_engagement` takes them."""
    return _Predict(past.chances(page))


@dataclass(frozen=True)
class _Predict:
    chances: Mapping[str, Sequence[float]]

    def __call__(self, placement: Placement) -> Sequence[float]:
        return self.chances[placement.id]
