"""Everything that the routes of one app work with, opened when the app starts and closed when it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from serving.feedback import FeedbackStore
from serving.http.generation import GenerationProcess
from serving.http.metrics import Metrics
from serving.http.runs import Event, Runs
from serving.http.serving_pages import PageServer
from serving.http.shop import OpenShop, ShopWindow, open_shop
from serving.http.understanding import OpenUnderstand, QueryReader, open_understand
from serving.page_cache import PageCache
from serving.page_recheck import StoredPageCheck
from serving.present import Present, PresentVersions, present_versions
from serving.regeneration import PageMaker, Regenerator
from state.errors import ShelfwiseError
from state.options import PageOptions
from state.placement import Page
from state.settings import Settings
from tools.page_backends import Backend, open_backend
from tools.store_access import StoreAccess

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What a site is put together from; tests put in their own."""

    open_shop: OpenShop = open_shop
    look: Callable[[Settings], Present] = present_versions
    backend: Backend | None = None
    maker: Callable[[Settings], PageMaker] = GenerationProcess
    understand: OpenUnderstand = open_understand
    understand_early: bool = False
    """Open the intent graph in the background at the start, and not at the first query."""


@dataclass(frozen=True)
class Site:
    """The parts of a running app."""

    settings: Settings
    cache: PageCache
    pages: PageServer
    runs: Runs
    metrics: Metrics
    queries: QueryReader
    opened_at: float = field(default_factory=time.monotonic)


def site_of(request: Request) -> Site:
    """Return the site that answers ``request``."""
    site: Site = request.app.state.site
    return site


@asynccontextmanager
async def open_site(settings: Settings, metrics: Metrics, parts: Parts) -> AsyncIterator[Site]:
    """Open store and shop. The shop opens in the background: pages wait for it, the app does not.

    Raises:
        StoreError: the store cannot be opened.
    """
    async with AsyncExitStack() as stack:
        backend = parts.backend
        if backend is None:
            backend = await stack.enter_async_context(open_backend(settings))
        present = PresentVersions(settings, look=parts.look)
        shops = ShopWindow(settings, present, parts.open_shop)
        check = StoredPageCheck(settings, shops.lookup)
        cache = PageCache(settings, backend, present=present, check=check)
        access = StoreAccess(backend, settings.store)
        maker = parts.maker(settings)
        stack.push_async_callback(_close, maker)
        runs = _runs(settings, Regenerator(cache, maker, PageOptions()), metrics)
        stack.push_async_callback(runs.aclose)
        stack.push_async_callback(shops.aclose)
        pages = PageServer(settings, cache, shops, present, check, access, FeedbackStore(backend.store, access), runs)
        queries = QueryReader(settings.http, parts.understand)
        warming = asyncio.create_task(_warm_up(pages, queries if parts.understand_early else None))
        try:
            yield Site(settings, cache, pages, runs, metrics, queries)
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)


async def _warm_up(pages: PageServer, queries: QueryReader | None) -> None:
    try:
        await pages.warm_up()
    except ShelfwiseError as error:
        log.error("not warmed up: %s", error)
    if queries is not None:
        await queries.open()


def _runs(settings: Settings, regenerator: Regenerator, metrics: Metrics) -> Runs:
    async def make(shopper_id: str, force: bool, tell: Callable[[Event], None]) -> Page | None:
        return await regenerator.regenerate(shopper_id, force=force, on_event=lambda _, event: tell(event))

    return Runs(
        make,
        at_once=settings.http.generations_at_once,
        queue=settings.http.generation_queue,
        on_end=metrics.run_ended,
    )


async def _close(maker: Any) -> None:
    if isinstance(maker, GenerationProcess):
        await maker.aclose()
