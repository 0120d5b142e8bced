"""The page cache: what a request reads a page from, in one store get, with nothing in it that may not be shown now."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from serving.judged_pages import JudgedPages
from serving.newest_entries import NewestEntries
from serving.page_answers import PageAnswers
from serving.page_recheck import StoredPageCheck
from serving.present import PresentVersions
from state.cached import CachedPage, Failure, Freshness, ProductState, RunSummary, StoreStats
from state.errors import PageUnreadable, StoreUnavailable
from state.llm import CallRecord
from state.placement import Page
from state.settings import Settings
from tools.availability import StoredAvailability
from tools.leases import Lease
from tools.page_backends import Backend, StoreSize, open_backend
from tools.page_entries import label
from tools.page_store import Clock, PageStore, next_failure, utc_now
from tools.store_access import AskedLeases, StoreAccess

log = logging.getLogger(__name__)

_WRITE_PATIENCE = 10.0
_COUNTED = {
    Freshness.FRESH: "hits",
    Freshness.STALE: "stale",
    Freshness.DEGRADED: "degraded",
    Freshness.MISSING: "misses",
    Freshness.NEGATIVE: "negative",
}


class PageCache:
    """Reads, writes and invalidates cached pages. Open it with :func:`open_page_cache`; one per process."""

    def __init__(
        self,
        settings: Settings,
        backend: Backend,
        *,
        present: PresentVersions | None = None,
        check: StoredPageCheck | None = None,
        clock: Clock = utc_now,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        kept = settings.store
        self.backend = backend
        self.pages = PageStore(backend.store, kept.ttl_hours, runs_kept=kept.runs_kept, clock=clock)
        self.availability = StoredAvailability(backend.store, kept.check_interval_s, clock=clock, ticks=ticks)
        self._settings = kept
        self._access = StoreAccess(backend, kept, ticks=ticks)
        self._leases = AskedLeases(backend.leases, self._access)
        self._judged = JudgedPages(check or StoredPageCheck(settings), kept.hot_pages, ticks=ticks)
        self._entries = NewestEntries(self.pages, self._access, kept, ticks=ticks)
        present = present or PresentVersions(settings, ticks=ticks)
        self._answers = PageAnswers(settings, self._access, present, self._judged, self.availability, clock)
        self._now = clock
        self._counts: Counter[str] = Counter()

    async def read(self, shopper_id: str, *, counted: bool = True) -> CachedPage:
        """Return the shopper's page, or why there is none. Never waits for a page to be made.

        ``counted`` is False where nobody asked for it: the statistics are of requests.

        Raises:
            StoreUnavailable: the store is down, and this process has no copy of the page that may be shown.
        """
        down: StoreUnavailable | None = None
        try:
            try:
                entry = await self._entries.get(shopper_id)
            except StoreUnavailable as error:
                down, entry = error, self._entries.copy(shopper_id)
            cached = await self._answers.of_entry(shopper_id, entry, degraded=down is not None)
        except PageUnreadable as error:
            await self._drop_damaged(shopper_id, str(error))
            cached = CachedPage(shopper_id, Freshness.MISSING, reason=str(error), regenerate=True)
        if cached.page is None:
            if down is not None:
                raise down
            cached = await self._without_page(cached)
        if counted:
            self._counts[_COUNTED[cached.state]] += 1
        return cached

    async def write(self, page: Page, calls: Sequence[CallRecord] = ()) -> None:
        """Store a page. (The page graph's last node stores the pages it makes itself.)

        Raises:
            StoreUnavailable: the store is down.
        """
        await self._access.ask(lambda: self.pages.put(page, calls), patience=_WRITE_PATIENCE)
        self.forget(page.shopper_id)

    def forget(self, shopper_id: str) -> None:
        """Forget that the shopper's page was read lately: the next read asks the store."""
        self._entries.forget(shopper_id)

    async def begin_regeneration(self, shopper_id: str, *, force: bool = False) -> Lease | None:
        """Return the lease to make the shopper's page, None while another process makes it or after a failure.

        ``force`` does not wait out the pause after a failure.

        Raises:
            StoreUnavailable: the store is down.
        """
        failure = None if force else await self.failure(shopper_id)
        lease = None
        if failure is None or failure.retry_at <= self._now():
            lease = await Lease.take(self._leases, f"page:{label(shopper_id)}", self._settings.lease_s)
        self._counts["regenerations" if lease else "regenerations_refused"] += 1
        return lease

    async def fail(self, shopper_id: str, reason: str) -> Failure:
        """Record that the page could not be made: reads say so, and regeneration pauses, twice as long each time.

        Raises:
            StoreUnavailable: the store is down.
        """
        first, most = timedelta(minutes=self._settings.retry_minutes), timedelta(hours=self._settings.retry_max_hours)
        failure = next_failure(shopper_id, reason, await self.failure(shopper_id), self._now(), first, most)
        await self._access.ask(lambda: self.pages.put_failure(failure), patience=_WRITE_PATIENCE)
        self._counts["failures"] += 1
        return failure

    async def failure(self, shopper_id: str) -> Failure | None:
        """Return the latest failure to make the shopper's page, None after a success."""
        return await self._access.ask(lambda: self.pages.failure(shopper_id))

    async def invalidate_products(self, product_ids: Sequence[str], state: ProductState) -> str:
        """Take products off every page, in this process at once, elsewhere within ``store.check_interval_s``.

        State ``available`` brings them back. Returns the new revision.

        Raises:
            StoreUnavailable: the store is down.
            ValueError: the state is unknown, or an id is empty.
        """
        return await self._access.ask(lambda: self.availability.set(product_ids, state), patience=_WRITE_PATIENCE)

    async def calls(self, page: Page) -> list[CallRecord]:
        """Return the chat calls that made ``page``, for its trace.

        Raises:
            StoreUnavailable: the store is down.
            PageUnreadable: they are damaged.
        """
        return await self._access.ask(lambda: self.pages.calls(page))

    async def recent(self, limit: int = 50) -> list[RunSummary]:
        """Return the latest runs, newest first: at most ``store.runs_kept`` are kept.

        Raises:
            StoreUnavailable: the store is down.
        """
        return await self._access.ask(lambda: self.pages.recent(limit), patience=_WRITE_PATIENCE)

    async def ready(self) -> None:
        """Return when the store answers.

        Raises:
            StoreUnavailable: it does not.
        """
        await self._access.ask(lambda: self.pages.newest("ready?"))

    async def stats(self) -> StoreStats:
        """Return what is stored and what this process did since it started. Works while the store is down."""
        size: StoreSize | None = None
        with suppress(StoreUnavailable):
            size = await self._access.ask(self.backend.size, patience=_WRITE_PATIENCE)
        return StoreStats(
            backend=self.backend.name,
            pages=size.pages if size else None,
            bytes=size.bytes if size else None,
            rechecks=self._judged.rechecks,
            store_errors=self._access.errors,
            **self._counts,
        )

    async def _without_page(self, missing: CachedPage) -> CachedPage:
        """Return the page that rules made meanwhile, else ``missing``, NEGATIVE if making the page failed lately."""
        shopper_id = missing.shopper_id
        try:
            entry = await self._access.ask(lambda: self.pages.standin(shopper_id))
            standin = await self._answers.of_entry(shopper_id, entry)
        except PageUnreadable:
            standin = missing
        if standin.page is not None:
            return replace(standin, state=Freshness.STALE, reason=missing.reason, regenerate=True)
        failure = await self.failure(shopper_id)
        if failure is None or failure.retry_at <= self._now():
            return missing
        wait = (failure.retry_at - self._now()).total_seconds()
        return replace(missing, state=Freshness.NEGATIVE, reason=failure.reason, regenerate=False, retry_after_s=wait)

    async def _drop_damaged(self, shopper_id: str, why: str) -> None:
        self._counts["corrupt"] += 1
        log.error("%s Dropped.", why)
        self._entries.drop(shopper_id)
        try:
            await self._access.ask(lambda: self.pages.drop(shopper_id))
        except StoreUnavailable:
            log.warning("the damaged page of shopper %r could not be deleted", shopper_id)


@asynccontextmanager
async def open_page_cache(settings: Settings) -> AsyncIterator[PageCache]:
    """Open the store of ``settings`` and yield the cache on it. Loads no model.

    Raises:
        StoreError: the store cannot be opened.
    """
    async with open_backend(settings) as backend:
        yield PageCache(settings, backend)
