"""What serving reads of the shop: catalogue, shoppers, ranker, product search; swapped when a catalogue is imported."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from catalog.goods import RestrictedGoods
from catalog.publishing import read_current
from catalog.warehouse import Warehouse
from graph.services import Catalog, ProductTool, ShopperLoader
from ranking.admission import Restricted
from ranking.opening import Ranking, open_ranking
from ranking.statistics import RowSource
from serving.page_recheck import Lookup, open_lookup
from serving.present import PresentVersions
from state.errors import CatalogMissing, ShelfwiseError
from state.settings import Settings
from tools.shopper_directory import Shoppers

log = logging.getLogger(__name__)


class ShopSource(Catalog, RowSource, Shoppers, Protocol):
    """The warehouse, or a stand-in."""


@dataclass
class Shop:
    """One catalogue version, open. Safe to share between threads."""

    warehouse: ShopSource
    shoppers: ShopperLoader
    ranking: Ranking
    restricted: Restricted
    open_search: Callable[[], ProductTool]
    _search: ProductTool | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)

    @property
    def version(self) -> str:
        return self.warehouse.version

    def bought(self, shopper_id: str) -> frozenset[str]:
        """Return the products that a shopper bought before."""
        features = self.ranking.shopper(shopper_id)
        return frozenset(features.shop.ids[row] for row in features.own_rows)

    def search(self) -> ProductTool:
        """Return the product search, opened at the first use: some seconds.

        Raises:
            ModelsMissing: the embedder was not fetched.
        """
        with self._opening:
            if self._search is None:
                self._search = self.open_search()
            return self._search


OpenShop = Callable[[Settings], Shop]


def open_shop(settings: Settings) -> Shop:
    """Open the catalogue in use, and the ranker.

    Raises:
        CatalogMissing, ModelsMissing, SettingsError: something was not made yet; the message names the command.
    """
    from tools.shopper import ShopperContextTool

    warehouse = Warehouse.open(settings)

    def open_search() -> ProductTool:
        from engines.embedder import load_embedder
        from tools.products import ProductSearch

        return ProductSearch.open(settings, warehouse, load_embedder(settings))

    return Shop(
        warehouse=warehouse,
        shoppers=ShopperContextTool(warehouse),
        ranking=open_ranking(settings, warehouse),
        restricted=RestrictedGoods.of_rules(settings.guards_dir).holds,
        open_search=open_search,
    )


class ShopWindow:
    """The shop that is served from: opened in the background, replaced when another catalogue was imported."""

    def __init__(self, settings: Settings, present: PresentVersions, open_it: OpenShop = open_shop) -> None:
        self._settings = settings
        self._present = present
        self._open = open_it
        self._shop: Shop | None = None
        self._opening: asyncio.Task[None] | None = None
        self.fault: str | None = "not opened yet"

    async def look(self) -> Shop | None:
        """Return the shop, None before it is open. One of another catalogue is opened meanwhile."""
        present = await self._present.now()
        version = present.versions.get("catalog")
        current = self._shop is not None and version in (None, self._shop.version)
        if not current and (self._opening is None or self._opening.done()):
            self._opening = asyncio.create_task(self._swap())
        return self._shop

    async def wait(self) -> Shop | None:
        """Return the shop, after waiting for one that is being opened."""
        shop = await self.look()
        if shop is None and self._opening is not None:
            await asyncio.shield(self._opening)
        return self._shop

    def lookup(self, settings: Settings) -> Lookup:
        """Return catalogue and shoppers for judging stored pages: the shop's own if it is of the catalogue in use.

        Raises:
            CatalogError: there is no catalogue, or it cannot be read.
        """
        shop = self._shop
        if shop is not None:
            with contextlib.suppress(CatalogMissing):
                if read_current(settings.catalog_dir).version != shop.version:
                    return open_lookup(settings)
            return shop.warehouse, shop.shoppers
        return open_lookup(settings)

    async def aclose(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)

    async def _swap(self) -> None:
        try:
            self._shop = await asyncio.to_thread(self._open, self._settings)
            self.fault = None
        except ShelfwiseError as error:
            self.fault = type(error).__name__
            log.error("the shop cannot be opened: %s", error)
            await asyncio.sleep(1.0)
