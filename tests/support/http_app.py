"""The HTTP app over the small shop, in memory: real cache, routes and ranking; pages made by a scripted maker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from support.queries import small_understand
from support.small_shop import SmallCatalog, SmallShoppers, WordSearch

from ranking.opening import Ranking
from ranking.protocol import ProductRanker
from ranking.rules import PopularityRanker
from ranking.statistics import read_statistics
from serving.http.app import create_app
from serving.http.shop import Shop
from serving.http.site import Parts, Site
from serving.http.understanding import Understand
from serving.present import Present
from serving.regeneration import OnEvent
from state.options import PageOptions
from state.placement import Need, Page, PlacedProduct, Placement, Status, Versions
from state.settings import Settings
from tools.page_backends import Backend, memory_backend

VERSIONS = Versions(catalog="small-1", taxonomy="t", corpus="k", prompts="p", models="m", guards="g", settings="s")


class SmallWarehouse(SmallCatalog):
    """The small shop's shelves with the rows that ranking reads. Shopper 7 has one order of each of their products."""

    history: Mapping[str, tuple[str, ...]] = {"7": ("1", "2", "6", "7", "14")}

    def rows(self, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
        if "FROM products ORDER BY product_id" in sql:
            found = sorted(self.all_products(), key=lambda product: product.id)
            return [(p.id, p.name, p.aisle, p.department, p.price, p.available) for p in found]
        if "WITH seen" in sql:
            return [(product.id, 5, 3, 2) for product in sorted(self.all_products(), key=lambda product: product.id)]
        wanted = [key for key in self.history if key in (params.get("shopper"), *(params.get("ids") or ()))]
        if "count(*) FROM orders" in sql:
            return [(key, 1) for key in wanted]
        if "p.aisle FROM order_lines" in sql:
            return [(key, "fresh fruits") for key in wanted]
        if "FROM order_lines" in sql:
            return [(key, 1, product_id) for key in wanted for product_id in self.history[key]]
        return [(key, 1, 0.0, 0) for key in wanted]

    def shopper_ids(self) -> list[str]:
        return list(self.history)


def small_page(shopper_id: str = "7", **changes: Any) -> Page:
    """Return a generated page of two placements of the small shop."""
    catalog = SmallCatalog()

    def placement(position: int, title: str, need: Need, ids: str) -> Placement:
        products = catalog.products(ids.split())
        return Placement(
            id=f"{shopper_id}-{position}",
            position=position,
            title=title,
            need=need,
            rationale="In most orders.",
            concepts=["breakfast", "fruit", "toast"],
            keywords=["banana"],
            products=[
                PlacedProduct(
                    id=p.id,
                    name=p.name,
                    aisle=p.aisle,
                    department=p.department,
                    price=p.price,
                    score=0.9,
                    matched=["banana"],
                )
                for p in products.values()
            ],
            status=Status.KEPT,
            attempts=1,
            candidate_count=40,
        )

    page = Page(
        shopper_id=shopper_id,
        persona="Fruit lover",
        placements=[
            placement(0, "Fruit bowl", Need.REPLENISH, "1 2 3 4"),
            placement(1, "Yogurt and toast", Need.EXPLORE, "6 7 8 14"),
        ],
        versions=VERSIONS,
    )
    return page.model_copy(update=changes)


class ScriptedMaker:
    """Makes a small page when ``go`` is set; raises what ``failure`` holds. ``made`` lists whom it was asked for."""

    def __init__(self, backend: Backend) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.failure: Exception | None = None
        self.made: list[str] = []
        self.page: Page | None = None
        self._backend = backend

    async def make(self, shopper_id: str, options: PageOptions, on_event: OnEvent = lambda _, event: None) -> Page:
        from tools.page_store import PageStore

        self.made.append(shopper_id)
        on_event(shopper_id, {"event": "shopper_loaded", "shopper_id": shopper_id, "cold": False})
        await self.go.wait()
        if self.failure is not None:
            raise self.failure
        page = self.page or small_page(shopper_id)
        on_event(shopper_id, {"event": "published", "placements": len(page.placements), "fallback": page.fallback})
        await PageStore(self._backend.store).put(page, [])
        return page


class SmallSite:
    """A running app with the handles that tests turn."""

    def __init__(self, app: FastAPI, backend: Backend, maker: ScriptedMaker) -> None:
        self.app, self.backend, self.maker = app, backend, maker

    @property
    def site(self) -> Site:
        site: Site = self.app.state.site
        return site

    def client(self, address: str = "127.0.0.1", base_url: str = "http://localhost", **more: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 5000))
        return httpx.AsyncClient(transport=transport, base_url=base_url, **more)

    async def store(self, page: Page) -> None:
        await self.site.cache.write(page)

    async def settle(self) -> None:
        """Wait until no page is being made."""
        async with asyncio.timeout(10):
            await self.site.runs.wait()


def small_http_settings(home: Path, **http: Any) -> Settings:
    """Return settings of the small shop: pages are looked up at every read."""
    return Settings(home=home, http=http, store={"check_interval_s": 0.0, "pause_s": 0.2, "retry_minutes": 1})


@asynccontextmanager
async def small_site(
    home: Path,
    *,
    backend: Backend | None = None,
    ranker: ProductRanker | None = None,
    present: Present | None = None,
    understand: Understand | None = None,
    **http: Any,
) -> AsyncIterator[SmallSite]:
    """Run the app over the small shop; ``http`` are HTTP settings."""
    backend = backend or memory_backend()
    maker = ScriptedMaker(backend)
    warehouse = SmallWarehouse()

    def restricted(product: Any) -> bool:
        return bool(product.department == "alcohol")

    def open_shop(settings: Settings) -> Shop:
        return Shop(
            warehouse=warehouse,
            shoppers=SmallShoppers(warehouse),
            ranking=Ranking(warehouse, read_statistics(warehouse), ranker or PopularityRanker(), restricted),
            restricted=restricted,
            open_search=lambda: WordSearch(warehouse),
        )

    parts = Parts(
        open_shop=open_shop,
        look=lambda settings: present or Present(VERSIONS.model_dump()),
        backend=backend,
        maker=lambda settings: maker,
        understand=lambda: understand or small_understand,
    )
    app = create_app(small_http_settings(home, **http), parts)
    async with app.router.lifespan_context(app):
        await app.state.site.pages.warm_up()
        yield SmallSite(app, backend, maker)
