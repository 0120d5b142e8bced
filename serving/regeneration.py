"""Makes pages again in the background: one regeneration per shopper at a time, whatever process asks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from serving.local_copies import Latest
from serving.page_cache import PageCache
from state.errors import StoreUnavailable
from state.options import PageOptions
from state.placement import Page
from tools.leases import Lease

log = logging.getLogger(__name__)
OnEvent = Callable[[str, dict[str, Any]], None]
_REASON_LIMIT = 300


class PageMaker(Protocol):
    """Makes and stores the page of one shopper: ``serving.pages.PageRunner``."""

    async def make(self, shopper_id: str, options: PageOptions, on_event: OnEvent = ...) -> Page: ...


def _no_event(shopper_id: str, event: dict[str, Any]) -> None:
    return None


class Regenerator:
    """Regenerates pages under the cache's leases, at most ``side_by_side`` at once and ``waiting`` in line."""

    def __init__(
        self,
        cache: PageCache,
        maker: PageMaker,
        options: PageOptions,
        *,
        side_by_side: int = 2,
        waiting: int = 100,
        ask_again_s: float = 5.0,
    ) -> None:
        self._cache = cache
        self._maker = maker
        self._options = options
        self._room = asyncio.Semaphore(side_by_side)
        self._waiting = waiting
        self._ask_again_s = ask_again_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._refused: Latest[float] = Latest(10_000)

    async def regenerate(self, shopper_id: str, *, force: bool = False, on_event: OnEvent = _no_event) -> Page | None:
        """Make the shopper's page now. Returns None when another one makes it, or when making it failed lately.

        ``force`` does not wait out the pause after a failure. A failure is recorded, then raised.

        Raises:
            StoreUnavailable: the store is down.
            ShelfwiseError, ValueError: what ``PageRunner.make`` raises.
        """
        lease = await self._cache.begin_regeneration(shopper_id, force=force)
        if lease is None:
            return None
        try:
            async with _kept(lease):
                page = await self._maker.make(shopper_id, self._options, on_event)
                if page.fallback:
                    await self._cache.fail(shopper_id, f"made by rules: {page.fallback_reason}"[:_REASON_LIMIT])
                return page
        except Exception as error:
            if not isinstance(error, StoreUnavailable):
                with suppress(StoreUnavailable):
                    await self._cache.fail(shopper_id, f"{type(error).__name__}: {error}"[:_REASON_LIMIT])
            raise
        finally:
            self._cache.forget(shopper_id)

    def schedule(self, shopper_id: str) -> bool:
        """Start a regeneration in the background. Returns False when it waits already, was refused a moment ago, or
        too many wait."""
        refused = self._refused.get(shopper_id)
        if refused is not None and time.monotonic() - refused < self._ask_again_s:
            return False
        if shopper_id in self._tasks or len(self._tasks) >= self._waiting:
            return False
        task = asyncio.create_task(self._in_background(shopper_id), name=f"regenerate {shopper_id}")
        self._tasks[shopper_id] = task
        task.add_done_callback(lambda done: self._tasks.pop(shopper_id, None))
        return True

    @property
    def pending(self) -> int:
        """Regenerations that run or wait in this process."""
        return len(self._tasks)

    def runs(self, shopper_id: str) -> bool:
        """Tell whether the shopper's page is being made in the background of this process, or waits for it."""
        return shopper_id in self._tasks

    async def idle(self) -> None:
        """Return when nothing runs or waits in this process."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def aclose(self) -> None:
        """Cancel what runs, and wait until it has given its leases back."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_background(self, shopper_id: str) -> None:
        async with self._room:
            try:
                if await self.regenerate(shopper_id) is None:
                    self._refused.put(shopper_id, time.monotonic())
            except Exception as error:
                self._refused.put(shopper_id, time.monotonic())
                log.warning("the page of shopper %r could not be made: %s", shopper_id, type(error).__name__)
                log.debug("regeneration", exc_info=error)


@asynccontextmanager
async def _kept(lease: Lease) -> AsyncIterator[None]:
    """Hold a lease, renewed long before it would expire, and give it back at the end."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(lease.seconds / 3)
            with suppress(StoreUnavailable):
                if not await lease.renew():
                    log.warning("%s: the lease was lost while the page was made", lease.name)
                    return

    beat = asyncio.create_task(renew())
    try:
        yield
    finally:
        beat.cancel()
        with suppress(StoreUnavailable):
            await lease.release()
