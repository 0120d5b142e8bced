"""The page cache on real stores: two processes, a server that goes away and comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.cached_pages import Shop, shown
from support.servers import Server, postgres_server, redis_server
from support.stores import ON_SERVERS, store_settings

from serving.page_cache import open_page_cache
from serving.regeneration import Regenerator
from state.cached import Freshness
from state.errors import StoreUnavailable
from state.options import PageOptions
from state.placement import Page
from state.settings import Settings, StoreSettings
from tools.page_backends import open_backend


@pytest.fixture(params=ON_SERVERS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop(store_settings(request.param, request, tmp_path, recheck_s=600))


async def test_two_processes_share_pages_availability_failures_and_leases(shop: Shop) -> None:
    async with open_backend(shop.settings) as one, open_backend(shop.settings) as two:
        here, there = shop.cache(one), shop.cache(two)
        page = shop.page()
        await here.write(page)
        assert (await there.read("7")).page == page
        shop.time.pass_(seconds=2)
        await here.invalidate_products([page.placements[1].products[0].id], "delisted")
        shop.time.pass_(seconds=2)
        seen = await there.read("7")
        assert (seen.state, "Banana" in shown(seen.page)) == (Freshness.STALE, False)
        await here.fail("8", "no history")
        assert (await there.read("8")).state is Freshness.NEGATIVE
        taken = await asyncio.gather(*(cache.begin_regeneration("7") for cache in (here, there, here, there)))
        assert len([lease for lease in taken if lease]) == 1
        stats = await there.stats()
        assert (stats.backend, stats.pages) == (one.name, 1)
        assert stats.bytes


async def test_while_one_process_makes_a_page_no_other_does(shop: Shop) -> None:
    made: list[str] = []
    started, go = asyncio.Event(), asyncio.Event()

    class Maker:
        async def make(self, shopper_id: str, options: PageOptions, on_event: object = None) -> Page:
            made.append(shopper_id)
            started.set()
            await go.wait()
            return shop.page(shopper_id)

    async with open_backend(shop.settings) as one, open_backend(shop.settings) as two:
        makers = [Regenerator(shop.cache(backend), Maker(), PageOptions()) for backend in (one, two)]
        running = [asyncio.create_task(maker.regenerate("7")) for maker in makers]
        await started.wait()
        assert await makers[0].regenerate("7") is None
        assert await makers[1].regenerate("7") is None
        go.set()
        pages = await asyncio.gather(*running)
    assert made == ["7"]
    assert len([page for page in pages if page]) == 1


@pytest.mark.service
@pytest.mark.parametrize("kind", ["postgres", "redis"])
async def test_a_server_that_dies_leaves_local_copies_and_is_used_again_when_it_is_back(
    tmp_path: Path, kind: str
) -> None:
    with postgres_server() if kind == "postgres" else redis_server(tmp_path) as server:
        await _dies_and_comes_back(server, tmp_path, keeps=kind == "postgres")


async def _dies_and_comes_back(server: Server, home: Path, *, keeps: bool) -> None:
    shop = Shop(Settings(home=home, store=StoreSettings(url=server.url, timeout_s=20, pause_s=1)))
    async with open_backend(shop.settings) as backend:
        cache, page = shop.cache(backend), shop.page()
        await cache.write(page)
        assert (await cache.read("7")).state is Freshness.FRESH
        server.stop()
        shop.time.pass_(seconds=5)
        cached = await cache.read("7")
        assert (cached.state, cached.page) == (Freshness.DEGRADED, page)
        with pytest.raises(StoreUnavailable):
            await cache.read("8")
        with pytest.raises(StoreUnavailable):
            await cache.write(page)
        server.start()
        back = Freshness.FRESH if keeps else Freshness.MISSING
        state = None
        while state is not back:  # the test's own time limit ends this
            shop.time.pass_(seconds=5)
            await asyncio.sleep(0.1)
            state = (await cache.read("7")).state
        await cache.write(page)
        assert (await cache.read("7")).state is Freshness.FRESH


async def test_the_cache_opens_without_catalogue_models_or_pages(tmp_path: Path) -> None:
    async with open_page_cache(Settings(home=tmp_path)) as cache:
        await cache.ready()
        assert (await cache.read("nobody")).state is Freshness.MISSING
        assert (await cache.stats()).pages == 0
        assert await cache.recent() == []
