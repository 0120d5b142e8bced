"""The teacher's queue: queries that were answered with low confidence, each once, with how often it was asked.

Queries are typed by people: nothing is kept of who typed one or when each time, what looks like personal data is not
queued, and what waits too long is forgotten.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from langgraph.store.base import GetOp, Item, PutOp, SearchItem

from state.errors import StoreUnavailable
from state.settings import Settings
from tools.intent_entries import MAX_QUERY_CHARS
from tools.labelled_queries import query_key
from tools.page_backends import Backend, open_backend
from tools.page_entries import label
from tools.page_store import Clock, utc_now
from tools.store_access import StoreAccess

UNSURE = "unsure"
_MOST = 1_000_000
_TRIMMED_EVERY = 50
_PATIENCE = 60.0
_PERSONAL = re.compile(r"\S@\S|(?:\d[\s().+-]*){7,}|\bwww\.|https?:", re.IGNORECASE)


@dataclass(frozen=True)
class QueuedQuery:
    """A query that waits: ``count`` times asked, ``confidence`` the lowest that it was answered with."""

    query: str
    count: int
    confidence: float
    first_at: datetime
    last_at: datetime


def looks_personal(query: str) -> bool:
    """Tell whether a query may hold an address or a number of a person: then it is not kept."""
    return bool(_PERSONAL.search(query))


class TeacherQueue:
    """Keeps at most ``intent.queue_limit`` queries for ``intent.queue_days``; those asked least, and before, go first.

    Two processes that count the same query at the same moment may count it once.
    """

    def __init__(
        self,
        settings: Settings,
        backend: Backend,
        *,
        access: StoreAccess | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._settings = settings.intent
        self._store = backend.store
        self._access = access or StoreAccess(backend, settings.store)
        self._now = clock
        self._added = 0
        self.lost = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[TeacherQueue]:
        """Open the queue in the store of ``settings``.

        Raises:
            StoreError: the store cannot be opened.
        """
        async with open_backend(settings) as backend:
            yield cls(settings, backend)

    async def add(self, query: str, confidence: float) -> bool:
        """Count a query. Returns False if it was not kept: empty, too long, personal, or the store is down."""
        key = query_key(query)
        if not key or len(query) > MAX_QUERY_CHARS or looks_personal(query):
            return False
        try:
            standing = await self._access.ask(lambda: self._standing(key))
            now = self._now()
            entry = QueuedQuery(
                query=query,
                count=standing.count + 1 if standing else 1,
                confidence=min(confidence, standing.confidence) if standing else confidence,
                first_at=standing.first_at if standing else now,
                last_at=now,
            )
            await self._write([self._put_op(key, entry)])
            self._added += 1
            if self._added % _TRIMMED_EVERY == 1:
                await self.trim()
        except StoreUnavailable:
            self.lost += 1
            return False
        return True

    async def entries(self, limit: int | None = None) -> list[QueuedQuery]:
        """Return what waits, most often asked first.

        Raises:
            StoreUnavailable: the store is down.
        """
        return [entry for _, entry in await self._waiting()][:limit]

    async def remove(self, queries: Iterable[str]) -> None:
        """Take queries off the queue, answered or not to be asked.

        Raises:
            StoreUnavailable: the store is down.
        """
        await self._write([PutOp((UNSURE,), label(query_key(query)), None) for query in queries])

    async def trim(self) -> int:
        """Drop what waited too long, cannot be read, or is over the limit; return how many went.

        Raises:
            StoreUnavailable: the store is down.
        """
        items = await self._items()
        kept = {key for key, _ in (await self._waiting(items))[: self._settings.queue_limit]}
        surplus = [item.key for item in items if item.key not in kept]
        await self._write([PutOp((UNSURE,), key, None) for key in surplus])
        return len(surplus)

    async def _waiting(self, items: list[SearchItem] | None = None) -> list[tuple[str, QueuedQuery]]:
        """Return key and entry of what waits, most often asked first, then latest first."""
        oldest = self._now() - timedelta(days=self._settings.queue_days)
        found = [(item.key, _entry(item.value)) for item in (await self._items() if items is None else items)]
        waiting = [(key, entry) for key, entry in found if entry is not None and entry.last_at > oldest]
        return sorted(waiting, key=lambda pair: (-pair[1].count, -pair[1].last_at.timestamp(), pair[0]))

    async def _items(self) -> list[SearchItem]:
        return await self._ask(lambda: self._store.asearch((UNSURE,), limit=_MOST, refresh_ttl=False))

    async def _standing(self, key: str) -> QueuedQuery | None:
        [item] = await self._store.abatch([GetOp((UNSURE,), label(key), refresh_ttl=False)])
        return _entry(item.value) if isinstance(item, Item) else None

    def _put_op(self, key: str, entry: QueuedQuery) -> PutOp:
        value = {
            # As JSON: Postgres takes a NUL in a text only that way.
            "query": json.dumps(entry.query),
            "count": entry.count,
            "confidence": entry.confidence,
            "first_at": entry.first_at.isoformat(),
            "last_at": entry.last_at.isoformat(),
        }
        ttl = self._settings.queue_days * 24 * 60 if self._store.supports_ttl else None
        return PutOp((UNSURE,), label(key), value, index=False, ttl=ttl)

    async def _write(self, ops: list[PutOp]) -> None:
        if ops:
            await self._ask(lambda: self._store.abatch(ops))

    async def _ask(self, call: Callable[[], Any]) -> Any:
        return await self._access.ask(call, patience=_PATIENCE)


def _entry(value: dict[str, Any]) -> QueuedQuery | None:
    try:
        return QueuedQuery(
            query=str(json.loads(value["query"])),
            count=int(value["count"]),
            confidence=float(value["confidence"]),
            first_at=datetime.fromisoformat(value["first_at"]),
            last_at=datetime.fromisoformat(value["last_at"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
