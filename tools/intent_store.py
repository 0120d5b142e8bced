"""Head cache and teacher's queue for callers of any thread: the store lives on an event loop of its own.

Stores belong to the event loop that opened them, and nodes of a graph run on whichever loop asks. Here one thread keeps
the store open; whoever asks waits for it, or (the queue) does not.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from state.intent import LabelledQuery
from state.settings import Settings
from tools.intent_cache import IntentCache
from tools.intent_counts import CacheCounts
from tools.intent_entries import Taxonomy
from tools.page_backends import open_backend
from tools.store_access import StoreAccess
from tools.teacher_queue import TeacherQueue

log = logging.getLogger(__name__)
T = TypeVar("T")


class IntentStore:
    """``get`` answers from the head cache, ``add`` queues a query; both may be called from any thread."""

    def __init__(self, settings: Settings, taxonomy: Taxonomy) -> None:
        """Open the store of ``settings``.

        Raises:
            StoreError: it cannot be opened.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="intent-store", daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self._closed = threading.Lock()
        try:
            self._cache, self._queue = self._run(self._open(settings, taxonomy)).result()
        except BaseException:
            self.close()
            raise
        # A store may keep threads that the interpreter waits for at its end: they must end when the main thread does.
        threading.Thread(target=self._close_with_main_thread, name="intent-store-end", daemon=True).start()

    @classmethod
    def open(cls, settings: Settings) -> IntentStore:
        """Open the store for the categories of the catalogue in use.

        Raises:
            StoreError: the store cannot be opened.
            CatalogMissing, CatalogError: there is no catalogue.
        """
        return cls(settings, Taxonomy.open(settings))

    def get(self, query: str) -> LabelledQuery | None:
        """Return the answer of ``query``, None if there is none now; never raises for the store's sake."""
        # Without a change of threads where it can be: on a busy machine that takes longer than the store.
        return self._cache.at_hand(query) or self._run(self._cache.get(query)).result()

    def add(self, query: str, confidence: float) -> None:
        """Queue ``query`` for the teacher, in the background."""
        self._run(self._queue.add(query, confidence)).add_done_callback(_log_failure)

    def stats(self) -> CacheCounts:
        """Return what was read of the cache since it was opened."""
        return self._cache.stats()

    def close(self) -> None:
        """Close the store; a second call does nothing."""
        if not self._closed.acquire(blocking=False):
            return
        try:
            self._run(self._end()).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _open(self, settings: Settings, taxonomy: Taxonomy) -> tuple[IntentCache, TeacherQueue]:
        backend = await self._stack.enter_async_context(open_backend(settings))
        access = StoreAccess(backend, settings.store)
        cache = IntentCache(settings, backend, taxonomy, access=access)
        return cache, TeacherQueue(settings, backend, access=access)

    async def _end(self) -> None:
        await self._stack.aclose()
        # Stores leave a task of their own behind, which would be destroyed while it waits.
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _run(self, call: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(call, self._loop)

    def _close_with_main_thread(self) -> None:
        threading.main_thread().join()
        self.close()


def _log_failure(done: Future[bool]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.warning("a query was not queued for the teacher: %s", type(error).__name__)
