"""The page store: keyed by versions, safe for any shopper id, kept over restarts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from langgraph.store.memory import InMemoryStore
from support.sample_pages import VERSIONS, sample_page

from state.errors import StoreError
from state.settings import Settings
from tools.page_store import PageStore, open_store


@pytest.mark.parametrize("shopper", ["7", "a.b", "../../etc/passwd", "x' OR 1=1 --", "pages", "日本", "50%"])
async def test_any_shopper_id_gets_its_own_page_back(tmp_path: Path, shopper: str) -> None:
    async with open_store(Settings(home=tmp_path)) as store:
        pages = PageStore(store, ttl_hours=1)
        await pages.put(sample_page(shopper), [])
        await pages.put(sample_page("other"), [])
        stored = await pages.get(shopper)
    assert stored is not None
    assert stored.shopper_id == shopper


async def test_a_page_survives_closing_the_store(tmp_path: Path) -> None:
    settings, page = Settings(home=tmp_path), sample_page("7")
    async with open_store(settings) as store:
        await PageStore(store).put(page, [])
    async with open_store(settings) as store:
        assert await PageStore(store).get("7") == page


async def test_other_versions_are_another_page_and_the_newest_is_the_default() -> None:
    pages = PageStore(InMemoryStore())
    old = sample_page("7")
    new = old.model_copy(
        update={
            "versions": VERSIONS.model_copy(update={"guards": "g2"}),
            "created_at": old.created_at + timedelta(seconds=1),
        }
    )
    await pages.put(new, [])
    await pages.put(old, [])
    assert await pages.get("7") == new
    assert await pages.get("7", VERSIONS) == old
    assert await pages.get("8") is None


async def test_an_expired_page_is_gone(tmp_path: Path) -> None:
    async with open_store(Settings(home=tmp_path)) as store:
        pages = PageStore(store, ttl_hours=0.5 / 3600)
        await pages.put(sample_page("7"), [])
        assert await pages.get("7") is not None
        await asyncio.sleep(0.6)
        assert await pages.get("7") is None
        assert await pages.get("7", VERSIONS) is None


async def test_an_entry_that_is_no_page_is_a_clear_error() -> None:
    store = InMemoryStore()
    await store.aput(("pages", "7"), "k", {"shopper_id": "7"})
    with pytest.raises(StoreError, match="shelfwise page 7"):
        await PageStore(store).get("7")


async def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "pages.sqlite").write_text("not a database " * 100)
    with pytest.raises(StoreError, match="page store"):
        async with open_store(Settings(home=tmp_path)):
            pass
