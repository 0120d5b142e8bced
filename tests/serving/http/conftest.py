"""The API of the small shop over loopback, with a page of shopper 7; a module may have a site of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from support.http_app import SmallSite, small_page, small_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        await site.store(small_page("7"))
        yield site


@pytest.fixture
async def client(site: SmallSite) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client() as client:
        yield client
