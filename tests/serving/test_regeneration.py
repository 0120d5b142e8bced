"""Making pages again: one at a time per shopper, kept alive while it runs, failures recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.cached_pages import Shop, open_shop

from serving.page_cache import PageCache
from serving.regeneration import Regenerator
from state.cached import Freshness
from state.errors import EngineUnavailable, StoreUnavailable
from state.options import PageOptions
from state.placement import Page

OPTIONS = PageOptions()


class Maker:
    """Makes pages of the small shop when it is let."""

    def __init__(self, shop: Shop, cache: PageCache, *, error: Exception | None = None, **page: Any) -> None:
        self._shop, self._cache, self._error, self._page = shop, cache, error, page
        self.made: list[str] = []
        self.started, self.go = asyncio.Event(), asyncio.Event()
        self.go.set()
        self.most_at_once = self._at_once = 0

    async def make(self, shopper_id: str, options: PageOptions, on_event: Any = None) -> Page:
        self.made.append(shopper_id)
        self.started.set()
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self.go.wait()
            if self._error:
                raise self._error
            page = self._shop.page(shopper_id, **self._page)
            await self._cache.pages.put(page, [])
            return page
        finally:
            self._at_once -= 1


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


async def test_a_stale_page_is_made_again_in_the_background_and_then_fresh(shop: Shop) -> None:
    cache = shop.cache()
    await cache.write(shop.page())
    shop.time.pass_(hours=25)
    maker = Maker(shop, cache)
    regenerator = Regenerator(cache, maker, OPTIONS)
    cached = await cache.read("7")
    assert cached.regenerate
    assert regenerator.schedule("7")
    assert (await cache.read("7")).state is Freshness.STALE, "nobody waits for it"
    await regenerator.idle()
    assert (await cache.read("7")).state is Freshness.FRESH
    assert maker.made == ["7"]


async def test_of_two_processes_one_makes_the_page(shop: Shop) -> None:
    here, there = shop.cache(), shop.cache()
    maker = Maker(shop, here)
    maker.go.clear()
    one, two = (Regenerator(cache, maker, OPTIONS) for cache in (here, there))
    first = asyncio.create_task(one.regenerate("7"))
    await maker.started.wait()
    assert await two.regenerate("7") is None
    maker.go.set()
    assert await first is not None
    assert maker.made == ["7"]
    assert await two.regenerate("7") is not None, "the lease was given back"


async def test_a_shopper_waits_in_line_once(shop: Shop) -> None:
    cache = shop.cache()
    maker = Maker(shop, cache)
    maker.go.clear()
    regenerator = Regenerator(cache, maker, OPTIONS, side_by_side=1, waiting=2)
    assert [regenerator.schedule(shopper) for shopper in ("7", "7", "8", "9")] == [True, False, True, False]
    assert regenerator.runs("8")
    maker.go.set()
    await regenerator.idle()
    assert maker.made == ["7", "8"]
    assert maker.most_at_once == 1


async def test_a_failure_is_recorded_raised_and_not_tried_again_at_once(shop: Shop) -> None:
    cache = shop.cache()
    regenerator = Regenerator(cache, Maker(shop, cache, error=EngineUnavailable("overloaded")), OPTIONS)
    with pytest.raises(EngineUnavailable):
        await regenerator.regenerate("7")
    cached = await cache.read("7")
    assert (cached.state, cached.reason) == (Freshness.NEGATIVE, "EngineUnavailable: overloaded")
    assert await regenerator.regenerate("7") is None
    with pytest.raises(EngineUnavailable):
        await regenerator.regenerate("7", force=True)


async def test_a_background_failure_ends_nothing_else(shop: Shop) -> None:
    cache = shop.cache()
    regenerator = Regenerator(cache, Maker(shop, cache, error=RuntimeError("no")), OPTIONS)
    assert regenerator.schedule("7")
    await regenerator.idle()
    assert (await cache.read("7")).state is Freshness.NEGATIVE
    assert not regenerator.schedule("7"), "refused a moment ago"


async def test_with_the_model_down_a_new_shopper_gets_the_page_by_rules_and_an_old_one_keeps_theirs(shop: Shop) -> None:
    cache = shop.cache()
    good = shop.page()
    await cache.write(good)
    shop.time.pass_(hours=25)
    regenerator = Regenerator(cache, Maker(shop, cache, fallback=True, fallback_reason="engine down"), OPTIONS)
    for shopper in ("7", "8"):
        await regenerator.regenerate(shopper)
    old, new = await cache.read("7"), await cache.read("8")
    assert old.page == good
    assert new.page is not None
    assert new.page.fallback
    assert await regenerator.regenerate("7") is None, "the pause after a page by rules"


async def test_closing_cancels_what_runs_and_gives_the_leases_back(shop: Shop) -> None:
    cache = shop.cache()
    maker = Maker(shop, cache)
    maker.go.clear()
    regenerator = Regenerator(cache, maker, OPTIONS)
    regenerator.schedule("7")
    await maker.started.wait()
    await regenerator.aclose()
    assert not regenerator.pending
    assert await cache.begin_regeneration("7") is not None


async def test_the_lease_is_renewed_while_the_page_is_made(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, lease_s=4)
    cache, other = shop.cache(), shop.cache()
    renewed = asyncio.Event()
    renew = shop.backend.leases.renew

    async def watched(name: str, holder: str, seconds: float) -> bool:
        kept = await renew(name, holder, seconds)
        renewed.set()
        return kept

    shop.backend.leases.renew = watched  # type: ignore[method-assign]
    maker = Maker(shop, cache)
    maker.go.clear()
    running = asyncio.create_task(Regenerator(cache, maker, OPTIONS).regenerate("7"))
    await renewed.wait()
    assert await other.begin_regeneration("7") is None
    maker.go.set()
    assert await running is not None


async def test_a_store_that_is_down_is_no_failure_of_the_shopper(shop: Shop) -> None:
    cache = shop.cache()
    down = StoreUnavailable("down", 2)
    with pytest.raises(StoreUnavailable):
        await Regenerator(cache, Maker(shop, cache, error=down), OPTIONS).regenerate("7")
    assert await cache.failure("7") is None
