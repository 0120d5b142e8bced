"""The head cache: answers of frequent queries, in the store that holds the pages, found in well under 5 ms.

An answer lies under the version of the entries' format and of the taxonomy, and under its query's key: one read finds
it. After an import that changes the categories none is found until it was validated again (``IntentCache.refresh``).
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from langgraph.store.base import GetOp, Item, PutOp, SearchItem

from state.errors import StoreUnavailable
from state.intent import LabelledQuery
from state.settings import Settings
from tools.intent_counts import CacheChange, CacheContent, CacheCounts
from tools.intent_entries import EntryUnreadable, IntentEntry, Taxonomy, fault_of, revalidated
from tools.labelled_queries import query_key
from tools.page_backends import Backend, open_backend
from tools.page_entries import label
from tools.page_store import Clock, utc_now
from tools.store_access import StoreAccess

INTENTS = "intents"
_BATCH = 200
_MOST = 10_000_000
_PATIENCE = 60.0

log = logging.getLogger(__name__)


class IntentCache:
    """Reads and writes answers of head queries. A process's own copies are at most ``intent.local_s`` old, except
    while the store is down: then the last known answer is given until it expires."""

    def __init__(
        self,
        settings: Settings,
        backend: Backend,
        taxonomy: Taxonomy,
        *,
        access: StoreAccess | None = None,
        clock: Clock = utc_now,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings.intent
        self._store = backend.store
        self._access = access or StoreAccess(backend, settings.store)
        self._taxonomy = taxonomy
        self._now = clock
        self._ticks = ticks
        self._local: OrderedDict[str, tuple[float, IntentEntry]] = OrderedDict()
        self._counts = CacheCounts()
        self._counting = threading.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[IntentCache]:
        """Open the store of ``settings`` for the taxonomy of the catalogue in use.

        Raises:
            StoreError: the store cannot be opened.
            CatalogMissing, CatalogError: there is no catalogue.
        """
        taxonomy = Taxonomy.open(settings)
        async with open_backend(settings) as backend:
            yield cls(settings, backend, taxonomy)

    async def get(self, query: str) -> LabelledQuery | None:
        """Return the answer of ``query``, None if there is none that can be given. Never raises for the store's sake:
        one that is down, or an entry that is damaged, is a miss."""
        if answer := self.at_hand(query):
            return answer
        key = query_key(query)
        entry = await self._entry(key) if key else None
        answer = await self._given(key, entry) if entry else None
        self._count(hits=1) if answer else self._count(misses=1)
        return answer

    def at_hand(self, query: str) -> LabelledQuery | None:
        """Return the answer of ``query`` if this process has a copy that is young enough; no store is asked. May be
        called from any thread."""
        key = query_key(query)
        read_at, copy = self._local.get(key) or (float("-inf"), None)
        if copy is None or self._ticks() - read_at >= self._settings.local_s or copy.expired(self._now()):
            return None
        try:
            answer = copy.answer()
        except EntryUnreadable:
            return None
        if fault_of(answer, self._taxonomy):
            return None
        self._count(hits=1, local=1)
        return answer

    async def put(self, rows: Iterable[LabelledQuery], *, source: str) -> CacheChange:
        """Keep answers, those that :func:`fault_of` finds no fault in; the last of a query counts.

        Raises:
            StoreUnavailable: the store is down; part of the rows may be there.
        """
        change, now, entries = CacheChange(), self._now(), dict[str, IntentEntry]()
        for row in rows:
            if fault := fault_of(row, self._taxonomy):
                change.dropped[fault] += 1
            else:
                entry = IntentEntry.of_answer(row, source, now, self._settings.cache_ttl_hours)
                entries[entry.key] = entry
        await self._write([self._put_op(entry) for entry in entries.values()])
        for key in entries:
            self._local.pop(key, None)
        change.kept = len(entries)
        return change

    async def delete(self, query: str) -> None:
        """Forget the answer of ``query``. Other processes give theirs for ``intent.local_s`` at most.

        Raises:
            StoreUnavailable: the store is down.
        """
        key = query_key(query)
        self._local.pop(key, None)
        await self._write([PutOp(self._place, label(key), None)])

    async def refresh(self) -> CacheChange:
        """Validate every stored answer against the taxonomy in force: answers of other versions move here, categories
        that are no more go; damaged, expired and faulty ones are dropped. What lies here already is never replaced.

        Raises:
            StoreUnavailable: the store is down; running it again goes on.
        """
        change, writes = CacheChange(), list[PutOp]()
        items = await self._items()
        here = {item.key for item in items if item.namespace == self._place}
        for item in items:
            entry, fault = revalidated(item.value, self._taxonomy, self._now())
            moved = item.namespace != self._place
            if entry is None or (moved and item.key in here):
                change.dropped[fault or "answered anew since"] += 1
                writes.append(PutOp(item.namespace, item.key, None))
                continue
            change.kept += 1
            if moved or entry.value() != item.value:
                writes.append(self._put_op(entry))
            if moved:
                writes.append(PutOp(item.namespace, item.key, None))
        await self._write(writes)
        self._local.clear()
        return change

    def stats(self) -> CacheCounts:
        """Return the counts of this process."""
        return self._counts

    async def content(self) -> CacheContent:
        """Return what lies in the store.

        Raises:
            StoreUnavailable: the store is down.
        """
        content, now = CacheContent(), self._now()
        for item in await self._items():
            try:
                entry = IntentEntry.of_value(item.value)
                kind = entry.answer().kind
            except EntryUnreadable:
                content.damaged += 1
                continue
            if item.namespace != self._place:
                content.other_version += 1
            elif entry.expired(now):
                content.expired += 1
            else:
                content.by_source[entry.source] += 1
                content.by_kind[kind] += 1
        return content

    @property
    def _place(self) -> tuple[str, str]:
        return (INTENTS, self._taxonomy.entries_version)

    async def _entry(self, key: str) -> IntentEntry | None:
        _, copy = self._local.get(key) or (float("-inf"), None)
        asked = self._ticks()
        try:
            item = await self._access.ask(lambda: self._item(key))
        except StoreUnavailable:
            self._count(down=1)
            return copy
        except ValueError:
            await self._drop(key, "it is no JSON")
            return None
        if item is None:
            self._local.pop(key, None)
            return None
        try:
            entry = IntentEntry.of_value(item.value, key)
        except EntryUnreadable as error:
            await self._drop(key, str(error))
            return None
        self._keep(key, asked, entry)
        return entry

    async def _given(self, key: str, entry: IntentEntry) -> LabelledQuery | None:
        if entry.expired(self._now()):
            self._local.pop(key, None)
            self._count(expired=1)
            return None
        try:
            answer = entry.answer()
        except EntryUnreadable as error:
            await self._drop(key, str(error))
            return None
        if fault := fault_of(answer, self._taxonomy):
            await self._drop(key, fault)
            return None
        return answer

    async def _drop(self, key: str, why: str) -> None:
        # The words of a query may be personal: the log names a digest of them.
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        log.warning("the cached answer %s is damaged (%s) and was dropped", digest, why)
        self._count(damaged=1)
        self._local.pop(key, None)
        try:
            await self._write([PutOp(self._place, label(key), None)])
        except StoreUnavailable:
            log.warning("the damaged answer is still in the store, which is down")

    async def _item(self, key: str) -> Item | None:
        # A batch of its own: in the store's shared batches, one damaged entry fails the reads beside it.
        [item] = await self._store.abatch([GetOp(self._place, label(key), refresh_ttl=False)])
        return item if isinstance(item, Item) else None

    async def _items(self) -> list[SearchItem]:
        async def search() -> list[SearchItem]:
            return await self._store.asearch((INTENTS,), limit=_MOST, refresh_ttl=False)

        return await self._access.ask(search, patience=_PATIENCE)

    def _put_op(self, entry: IntentEntry) -> PutOp:
        minutes = max((entry.expires_at - self._now()).total_seconds() / 60, 0.01)
        ttl = minutes if self._store.supports_ttl else None
        return PutOp(self._place, label(entry.key), entry.value(), index=False, ttl=ttl)

    async def _write(self, ops: Sequence[PutOp]) -> None:
        for start in range(0, len(ops), _BATCH):
            await self._access.ask(partial(self._store.abatch, ops[start : start + _BATCH]), patience=_PATIENCE)

    def _keep(self, key: str, asked: float, entry: IntentEntry) -> None:
        self._local[key] = (asked, entry)
        self._local.move_to_end(key)
        while len(self._local) > self._settings.local_entries:
            self._local.popitem(last=False)

    def _count(self, **more: int) -> None:
        with self._counting:
            self._counts = replace(self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()})
