"""Opens the page store that the settings name: SQLite in a file, Postgres or Redis behind an address."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from state.errors import StoreError
from state.settings import Settings
from tools.leases import Leases, LocalLeases

SWEEP_S = 3600.0
"""How often a process that keeps a store open deletes what has expired in it."""

log = logging.getLogger(__name__)


class StoreSize(NamedTuple):
    """How many shoppers have a page, and how many bytes the store takes."""

    pages: int
    bytes: int


@dataclass(frozen=True)
class Backend:
    """A store, its leases, and what can go wrong with it: ``errors`` are those that mean that it is down."""

    name: str
    store: BaseStore
    leases: Leases
    size: Callable[[], Coroutine[Any, Any, StoreSize]]
    errors: tuple[type[Exception], ...] = ()


def memory_backend() -> Backend:
    """Return a store that lives in this process and ends with it."""
    from tools.page_store import PAGE

    store = InMemoryStore()

    async def size() -> StoreSize:
        found = await store.asearch((PAGE,), limit=1_000_000)
        return StoreSize(len(found), sum(len(str(item.value)) for item in found))

    return Backend("memory", store, LocalLeases(), size)


def open_backend(settings: Settings) -> AbstractAsyncContextManager[Backend]:
    """Open the store of ``settings``, making its tables when they are not there.

    Raises:
        StoreError: it cannot be opened; the message names the address without its password, and the fix.
    """
    url = settings.store.url.get_secret_value() if settings.store.url else ""
    if url.startswith("postgres"):
        return _postgres(settings, url)
    if url.startswith("redis"):
        return _redis(settings, url)
    return _sqlite(settings)


@asynccontextmanager
async def _sqlite(settings: Settings) -> AsyncIterator[Backend]:
    from tools.sqlite_backend import open_sqlite

    async with open_sqlite(settings.store_path) as backend:
        yield backend


@asynccontextmanager
async def _postgres(settings: Settings, url: str) -> AsyncIterator[Backend]:
    try:
        from tools.postgres_backend import open_postgres
    except ImportError as error:
        raise StoreError(f"store.url asks for Postgres: pip install 'shelfwise[postgres]' ({error})") from error
    async with open_postgres(url, settings.store.timeout_s) as backend:
        yield backend


@asynccontextmanager
async def _redis(settings: Settings, url: str) -> AsyncIterator[Backend]:
    try:
        from tools.redis_backend import open_redis
    except ImportError as error:
        raise StoreError(f"store.url asks for Redis: pip install 'shelfwise[redis]' ({error})") from error
    async with open_redis(url, settings.store.timeout_s) as backend:
        yield backend


@asynccontextmanager
async def swept(sweep: Callable[[], Awaitable[object]], errors: tuple[type[Exception], ...]) -> AsyncIterator[None]:
    """Run ``sweep`` now and then while the context lasts; one that fails with ``errors`` is tried again later."""

    async def now_and_then() -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await sweep()
            except errors as error:
                log.warning("what expired in the page store was not deleted: %s", type(error).__name__)

    task = asyncio.create_task(now_and_then())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def address(url: str) -> str:
    """Return a store's address without user and password, for messages."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def without_secrets(text: str, url: str) -> str:
    """Return the first line of ``text`` with the password of ``url`` taken out, as it is written and as it is meant."""
    line = (text.splitlines() or [""])[0].replace(url, address(url))
    password = urlsplit(url).netloc.rpartition("@")[0].partition(":")[2]
    for secret in {password, unquote(password)} - {""}:
        line = line.replace(secret, "***")
    return line
