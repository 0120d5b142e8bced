"""A server that says it is ready has ranked the pages made last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.http_app import SmallSite, small_page, small_site

from serving.http import serving_pages


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        yield site


@pytest.fixture
def ranked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the shoppers whose pages are ranked from now on."""
    seen: list[str] = []
    rank = serving_pages._rank

    def seeing(page: Any, *more: Any) -> Any:
        seen.append(page.shopper_id)
        return rank(page, *more)

    monkeypatch.setattr(serving_pages, "_rank", seeing)
    return seen


async def start_again(site: SmallSite) -> None:
    """Warm up as a server does that starts on the store as it is."""
    pages = site.site.pages
    await pages.warm_up()
    pages.warm = False
    await pages.warm_up()


async def test_pages_made_last_are_ranked_before_anybody_asks(
    site: SmallSite, client: httpx.AsyncClient, ranked: list[str]
) -> None:
    for shopper_id in ("7", "8", "9"):
        await site.store(small_page(shopper_id))
    await start_again(site)
    assert {"7", "8", "9"} <= {*ranked}
    assert (await site.site.cache.stats()).hits == 0, "nobody asked for a page"
    ranked.clear()
    assert (await client.get("/v1/pages/8")).headers["x-shelfwise-state"] == "fresh"
    assert ranked == []
    assert site.maker.made == []


async def test_warming_up_ends_in_time_and_leaves_the_rest_to_the_requests(
    site: SmallSite, client: httpx.AsyncClient, ranked: list[str]
) -> None:
    await site.store(small_page("7"))
    site.site.settings.http.warm_s = 0
    await start_again(site)
    assert site.site.pages.warm
    assert "7" not in ranked
    assert (await client.get("/v1/pages/7")).status_code == 200
    assert "7" in ranked


async def test_it_is_done_once_whoever_asks(site: SmallSite, client: httpx.AsyncClient, ranked: list[str]) -> None:
    assert (await client.get("/health/ready")).status_code == 200
    done = len(ranked)
    assert (await client.get("/health/ready")).status_code == 200
    assert len(ranked) == done
