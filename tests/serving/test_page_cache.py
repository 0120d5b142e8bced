"""What a read is answered with: fresh, stale, degraded, missing or negative pages."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.cached_pages import Shop, flaky, open_shop, shown

from state.cached import Freshness
from state.errors import StoreUnavailable
from tools.page_backends import open_backend
from tools.page_store import NEWEST, PAGE, PageStore


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


async def test_a_page_just_made_is_fresh_and_tells_its_age(shop: Shop) -> None:
    cache, page = shop.cache(), shop.page()
    await cache.write(page)
    shop.time.pass_(minutes=5)
    cached = await cache.read("7")
    assert (cached.state, cached.page, cached.age_s, cached.reason) == (Freshness.FRESH, page, 300, None)
    assert not cached.regenerate


async def test_an_old_page_is_served_stale_then_no_more(shop: Shop) -> None:
    cache = shop.cache()
    await cache.write(shop.page())
    shop.time.pass_(hours=24)
    cached = await cache.read("7")
    assert (cached.state, cached.regenerate, cached.page is None) == (Freshness.STALE, True, False)
    assert cached.reason is not None
    assert "24 hours" in cached.reason
    shop.time.pass_(days=6, seconds=1)
    gone = await cache.read("7")
    assert (gone.state, gone.page, gone.regenerate) == (Freshness.MISSING, None, True)


@pytest.mark.parametrize("name", ["corpus", "prompts", "models", "settings"])
async def test_a_page_of_older_versions_is_served_while_it_is_to_be_made_again(shop: Shop, name: str) -> None:
    cache = shop.cache()
    await cache.write(shop.page())
    shop.change(**{name: "newer"})
    shop.time.pass_(seconds=2)
    cached = await cache.read("7")
    assert (cached.state, cached.regenerate, cached.withheld) == (Freshness.STALE, True, 0)
    assert cached.reason == f"made with other {name}"
    assert shop.opened == 0, "nothing that guards judge by has changed"


async def test_a_version_that_cannot_be_told_makes_no_page_stale(shop: Shop) -> None:
    shop.present = replace(shop.present, versions={"guards": "g"})
    cache = shop.cache()
    await cache.write(shop.page())
    assert (await cache.read("7")).state is Freshness.FRESH


async def test_a_page_made_by_rules_is_to_be_made_again_soon(shop: Shop) -> None:
    cache = shop.cache()
    await cache.write(shop.page(fallback=True, fallback_reason="engine down"))
    assert (await cache.read("7")).state is Freshness.FRESH
    shop.time.pass_(minutes=10)
    assert (await cache.read("7")).state is Freshness.STALE


async def test_an_unknown_shopper_has_no_page_and_may_have_one_made(shop: Shop) -> None:
    cached = await shop.cache().read("../../etc/passwd")
    assert (cached.state, cached.page, cached.regenerate) == (Freshness.MISSING, None, True)


async def test_a_shopper_whose_page_cannot_be_made_is_left_alone_longer_each_time(shop: Shop) -> None:
    cache = shop.cache()
    for pause in (60, 120, 240):
        await cache.fail("7", "no history and no catalogue")
        cached = await cache.read("7")
        assert (cached.state, cached.reason) == (Freshness.NEGATIVE, "no history and no catalogue")
        assert (cached.retry_after_s, cached.regenerate) == (pause, False)
        assert await cache.begin_regeneration("7") is None
        shop.time.pass_(seconds=pause)
        assert (await cache.read("7")).state is Freshness.MISSING
    lease = await cache.begin_regeneration("7")
    assert lease is not None
    await cache.fail("7", "again")
    await lease.release()
    assert await cache.begin_regeneration("7", force=True) is not None, "a person who asks does not wait"
    await cache.write(shop.page())
    assert (await cache.read("7")).state is Freshness.FRESH


async def test_a_failed_regeneration_leaves_the_page_served(shop: Shop) -> None:
    cache = shop.cache()
    await cache.write(shop.page())
    shop.time.pass_(hours=25)
    await cache.fail("7", "engine down")
    assert (await cache.read("7")).state is Freshness.STALE
    assert await cache.begin_regeneration("7") is None


async def test_of_two_regenerations_at_once_one_runs(shop: Shop) -> None:
    here, there = shop.cache(), shop.cache()
    first, second = await asyncio.gather(here.begin_regeneration("7"), there.begin_regeneration("7"))
    assert (first is None) != (second is None)
    assert await there.begin_regeneration("8") is not None
    held = first or second
    assert held is not None
    async with held:
        pass
    assert await there.begin_regeneration("7") is not None


async def test_another_process_sees_a_new_page_within_the_interval(shop: Shop) -> None:
    here, there = shop.cache(), shop.cache()
    await here.write(shop.page())
    assert (await there.read("7")).page == shop.page()
    newer = shop.page(persona="Yogurt lover")
    await here.write(newer)
    assert (await here.read("7")).page == newer
    shop.time.pass_(seconds=1)
    cached = await there.read("7")
    assert cached.page is not None
    assert cached.page.persona == "Yogurt lover"


async def test_a_hot_read_is_one_store_get_and_none_within_the_interval(shop: Shop) -> None:
    store = flaky(shop)
    cache = shop.cache()
    await cache.write(shop.page())
    await cache.read("7")
    asked = store.asked
    await cache.read("7")
    assert store.asked == asked
    cache.forget("7")
    await cache.read("7")
    assert store.asked == asked + 1


async def test_the_page_itself_is_decoded_once_per_revision(shop: Shop) -> None:
    cache = shop.cache()
    await cache.write(shop.page())
    first = (await cache.read("7")).page
    shop.time.pass_(seconds=2)
    assert (await cache.read("7")).page is first


@pytest.mark.parametrize("mood", ["down", "hangs"])
async def test_a_store_that_goes_down_leaves_the_last_known_page_marked(tmp_path: Path, mood: str) -> None:
    shop = open_shop(tmp_path, timeout_s=3)
    store = flaky(shop)
    cache, page = shop.cache(), shop.page()
    await cache.write(page)
    await cache.read("7")
    store.mood = mood
    shop.time.pass_(seconds=5)
    cached = await cache.read("7")
    assert (cached.state, cached.page, cached.regenerate) == (Freshness.DEGRADED, page, False)
    with pytest.raises(StoreUnavailable) as caught:
        await cache.read("8")
    assert caught.value.retry_after_s >= 1
    assert caught.value.retryable
    assert (await cache.stats()).pages is None
    store.mood = "up"
    shop.time.pass_(seconds=5)
    assert (await cache.read("7")).state is Freshness.FRESH
    assert (await cache.read("8")).state is Freshness.MISSING


async def test_a_store_that_is_down_is_left_alone_for_a_moment(shop: Shop) -> None:
    store = flaky(shop)
    cache = shop.cache()
    await cache.write(shop.page())
    await cache.read("7")
    store.mood = "down"
    shop.time.pass_(seconds=5)
    await cache.read("7")
    asked = store.asked
    for _ in range(20):
        assert (await cache.read("7")).state is Freshness.DEGRADED
    assert store.asked == asked
    assert (await cache.stats()).store_errors == 1


async def test_nothing_off_sale_is_shown_while_the_store_is_down(shop: Shop) -> None:
    store = flaky(shop)
    cache = shop.cache()
    await cache.write(shop.page())
    await cache.invalidate_products([shop.page().placements[1].products[0].id], "delisted")
    await cache.read("7")
    store.mood = "down"
    shop.time.pass_(seconds=5)
    cached = await cache.read("7")
    assert cached.state is Freshness.DEGRADED
    assert "Banana" not in shown(cached.page)


async def test_an_expired_copy_is_not_served_while_the_store_is_down(shop: Shop) -> None:
    store = flaky(shop)
    cache = shop.cache()
    await cache.write(shop.page())
    await cache.read("7")
    store.mood = "down"
    shop.time.pass_(days=8)
    with pytest.raises(StoreUnavailable):
        await cache.read("7")


@pytest.mark.parametrize("damage", [{"page": '{"a": 1}'}, {"made_at": 3}, {"shopper": "8"}], ids=str)
async def test_a_damaged_entry_is_dropped_logged_counted_and_to_be_made_again(
    shop: Shop, caplog: pytest.LogCaptureFixture, damage: dict[str, Any]
) -> None:
    cache = shop.cache()
    await cache.write(shop.page())
    store = shop.backend.store
    item = await store.aget((PAGE, "7"), NEWEST)
    assert item is not None
    await store.aput((PAGE, "7"), NEWEST, {**item.value, **damage})
    with caplog.at_level(logging.ERROR):
        cached = await cache.read("7")
    assert (cached.state, cached.regenerate) == (Freshness.MISSING, True)
    assert "cannot be read" in caplog.text
    assert await store.aget((PAGE, "7"), NEWEST) is None
    assert (await cache.stats()).corrupt == 1
    await cache.write(shop.page())
    assert (await cache.read("7")).state is Freshness.FRESH


async def test_bytes_that_are_no_json_harm_only_their_own_page(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    async with open_backend(shop.settings) as backend:
        cache = shop.cache(backend)
        for shopper in "789":
            await cache.write(shop.page(shopper))
        with sqlite3.connect(shop.settings.store_path) as file:
            file.execute("UPDATE store SET value = x'00ff' WHERE prefix = 'page.7'")
        states = [cached.state for cached in await asyncio.gather(*(cache.read(shopper) for shopper in "789"))]
        assert states == [Freshness.MISSING, Freshness.FRESH, Freshness.FRESH]
        assert (await cache.stats()).corrupt == 1


async def test_a_reader_that_leaves_or_runs_out_of_time_does_not_break_the_sqlite_store(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, check_interval_s=0)
    async with open_backend(shop.settings) as backend:
        cache = shop.cache(backend)
        await cache.write(shop.page())
        for wait in (0, 0.0001, 0.0005, 0.001, 0.002):
            reads = [asyncio.create_task(cache.read("7")) for _ in range(5)]
            await asyncio.sleep(wait)
            for read in reads:
                read.cancel()
            await asyncio.gather(*reads, return_exceptions=True)
        assert (await cache.read("7")).state is Freshness.FRESH


async def test_a_generated_page_wins_over_the_stand_in_until_nothing_of_it_may_be_shown(shop: Shop) -> None:
    cache = shop.cache()
    good = shop.page()
    await cache.write(good)
    shop.time.pass_(hours=25)
    by_rules = shop.page(fallback=True, persona="By rules", placements=good.placements[:1])
    await cache.write(by_rules)
    cached = await cache.read("7")
    assert (cached.state, cached.page) == (Freshness.STALE, good)
    shop.time.pass_(days=6)
    cached = await cache.read("7")
    assert (cached.state, cached.regenerate) == (Freshness.STALE, True)
    assert cached.page is not None
    assert cached.page.persona == "By rules"


async def test_counts_add_up(shop: Shop) -> None:
    cache = shop.cache()
    assert (await cache.stats()).hit_rate is None
    await cache.write(shop.page())
    for shopper in ("7", "7", "8"):
        await cache.read(shopper)
    shop.time.pass_(minutes=1)
    await cache.fail("8", "no")
    await cache.read("8")
    stats = await cache.stats()
    assert (stats.pages, stats.hits, stats.misses, stats.negative, stats.failures) == (1, 2, 1, 1, 1)
    assert stats.hit_rate == 0.5
    assert [run.error for run in await cache.recent()] == ["no", None]


async def test_fewer_pages_stay_in_memory_than_were_read(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, hot_pages=2, local_copies=3)
    store = flaky(shop)
    cache = shop.cache()
    for number in range(6):
        await cache.write(shop.page(str(number)))
        await cache.read(str(number))
    store.mood = "down"
    shop.time.pass_(seconds=5)
    assert (await cache.read("5")).state is Freshness.DEGRADED
    with pytest.raises(StoreUnavailable):
        await cache.read("1")


async def test_pages_that_the_graph_stored_are_read(shop: Shop) -> None:
    await PageStore(shop.backend.store, ttl_hours=24).put(shop.page(), [])
    assert (await shop.cache().read("7")).state is Freshness.FRESH
