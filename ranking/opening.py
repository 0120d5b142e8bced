"""Ranking, opened from the settings: everything that serving a page needs, loaded once."""

from __future__ import annotations

import threading
from collections import ChainMap, OrderedDict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from catalog.goods import RestrictedGoods
from ranking.admission import Restricted
from ranking.breaker import CircuitBreaker
from ranking.history import OrderHistory, kept_histories, no_history, read_history
from ranking.learned import LearnedRanker
from ranking.page import rank_page
from ranking.protocol import ProductRanker
from ranking.remote import RemoteRanker
from ranking.shopper import ShopperFeatures
from ranking.statistics import RowSource, ShopStatistics, read_statistics
from state.placement import Page
from state.ranking import Engagement, RankedPage, RankOptions
from state.settings import PROJECT_ROOT, Settings

SHIPPED_MODEL = PROJECT_ROOT / "models" / "ranker"
REMEMBERED_SHOPPERS = 10_000


class Ranking:
    """Ranks pages of one catalogue version. Safe to share between threads."""

    def __init__(
        self,
        source: RowSource,
        shop: ShopStatistics,
        ranker: ProductRanker,
        restricted: Restricted,
        options: RankOptions | None = None,
        histories: Mapping[str, OrderHistory] | None = None,
    ) -> None:
        """``histories`` are those of all shoppers; without them one is read when its shopper comes."""
        self._source = source
        self._histories = histories
        self._shop = shop
        self._ranker = ranker
        self._restricted = restricted
        self._options = options or RankOptions()
        self._catalog_availability = shop.availability()
        self._shoppers: OrderedDict[str, ShopperFeatures] = OrderedDict()
        self._lock = threading.Lock()

    def rank(
        self,
        page: Page,
        *,
        availability: Mapping[str, bool] | None = None,
        age_verified: bool = False,
        engagement: Mapping[str, Engagement] | None = None,
        now: datetime | None = None,
    ) -> RankedPage:
        """Return ``page`` as its shopper is to see it now (see :func:`ranking.page.rank_page`).

        ``availability`` is laid over what the catalogue says; a product that the catalogue lacks is out in any case.
        """
        laid_over: Mapping[str, bool] = self._catalog_availability
        if availability:
            laid_over = ChainMap(dict(availability), self._catalog_availability)
        return rank_page(
            page,
            self.shopper(page.shopper_id),
            self._ranker,
            availability=laid_over,
            restricted=self._restricted,
            age_verified=age_verified,
            engagement=engagement,
            now=now,
            options=self._options,
        )

    def shopper(self, shopper_id: str) -> ShopperFeatures:
        """Return the features of a shopper, read once; an unknown shopper's are those of a cold one."""
        with self._lock:
            if shopper_id in self._shoppers:
                self._shoppers.move_to_end(shopper_id)
                return self._shoppers[shopper_id]
        features = ShopperFeatures.of(self._history(shopper_id), self._shop)
        with self._lock:
            self._shoppers[shopper_id] = features
            while len(self._shoppers) > REMEMBERED_SHOPPERS:
                self._shoppers.popitem(last=False)
        return features

    def _history(self, shopper_id: str) -> OrderHistory:
        if self._histories is None:
            return read_history(self._source, self._shop, shopper_id)
        return self._histories.get(shopper_id) or no_history(shopper_id)

    def close(self) -> None:
        """Let go of the external service, if there is one."""
        if isinstance(self._ranker, RemoteRanker):
            self._ranker.close()


def open_ranking(settings: Settings, source: RowSource) -> Ranking:
    """Open ranking over ``source`` (the warehouse) as ``settings.ranker`` says. Takes a few seconds.

    Raises:
        ModelsMissing, ModelsError: the learned ranker is not there or damaged.
        SettingsError: the rules that say what is age restricted cannot be read.
    """
    config = settings.ranker
    ranker: ProductRanker = LearnedRanker.load(Path(config.model_dir) if config.model_dir else SHIPPED_MODEL)
    restricted = RestrictedGoods.of_rules(settings.guards_dir)
    shop = read_statistics(source)
    if config.url:
        breaker = CircuitBreaker(max_faults=config.max_faults, pause_s=config.pause_s)
        key = config.api_key.get_secret_value() if config.api_key else None
        ranker = RemoteRanker(config.url, ranker, timeout_s=config.timeout_s, breaker=breaker, api_key=key)
    return Ranking(source, shop, ranker, restricted.holds, config.options, kept_histories(source, shop))
