"""Asks the store with a time limit, and leaves it alone for a while when it is down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from state.errors import StoreUnavailable
from state.settings import StoreSettings
from tools.leases import Leases
from tools.page_backends import Backend

log = logging.getLogger(__name__)
T = TypeVar("T")


class StoreAccess:
    """Every call to the store of a process goes through here: one that is down is asked again after ``pause_s``."""

    def __init__(
        self, backend: Backend, settings: StoreSettings, *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._backend = backend
        self._down: tuple[type[Exception], ...] = (*backend.errors, OSError, TimeoutError)
        self._settings = settings
        self._ticks = ticks
        self._down_until = float("-inf")
        self.errors = 0

    async def ask(self, call: Callable[[], Coroutine[Any, Any, T]], *, patience: float = 1.0) -> T:
        """Return what ``call`` returns.

        ``patience`` multiplies the time limit, for calls of many steps.

        Raises:
            StoreUnavailable: the store failed, took too long, or is being left alone. Other errors pass through.
        """
        wait = self._down_until - self._ticks()
        if wait > 0:
            raise self._unavailable("it did not answer a moment ago", wait)
        # Never cancelled half way: SQLite's store would be left inside a transaction.
        task = asyncio.ensure_future(call())
        task.add_done_callback(_seen)
        try:
            async with asyncio.timeout(self._settings.timeout_s * patience):
                return await asyncio.shield(task)
        except self._down as error:
            self.errors += 1
            self._down_until = self._ticks() + self._settings.pause_s
            log.warning("the page store (%s) is down: %s", self._backend.name, type(error).__name__)
            raise self._unavailable(type(error).__name__, self._settings.pause_s) from error

    def _unavailable(self, why: str, wait: float) -> StoreUnavailable:
        return StoreUnavailable(
            f"the page store ({self._backend.name}) is not available: {why}. Start it, or check store.url.",
            retry_after_s=max(wait, 1.0),
        )


def _seen(task: asyncio.Future[Any]) -> None:
    """Take note of a late failure: its caller has gone, and asyncio would complain of nobody looking."""
    if not task.cancelled():
        task.exception()


class AskedLeases:
    """Leases behind a :class:`StoreAccess`: a store that is down raises StoreUnavailable."""

    def __init__(self, leases: Leases, access: StoreAccess) -> None:
        self._leases = leases
        self._access = access

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        return await self._access.ask(lambda: self._leases.take(name, holder, seconds))

    async def renew(self, name: str, holder: str, seconds: float) -> bool:
        return await self._access.ask(lambda: self._leases.renew(name, holder, seconds))

    async def release(self, name: str, holder: str) -> None:
        await self._access.ask(lambda: self._leases.release(name, holder))
