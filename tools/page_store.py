"""The page store: finished pages and the calls that made them, on any LangGraph ``BaseStore``.

A page's key is the digest of the versions that made it, so a page made under other versions is another entry.
Entries expire after the configured time; a page and its calls expire together. The time is kept in the entry and
checked at every read: stores only sweep now and then, and the SQLite store compares times of two text formats, so that
it keeps an expired entry until the next day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from langgraph.store.base import BaseStore
from pydantic import ValidationError

from state.errors import StoreError
from state.llm import CallRecord
from state.placement import Page, Versions
from state.settings import Settings

PAGES = "pages"
CALLS = "calls"
_NEWEST = 20


def page_key(versions: Versions) -> str:
    """Return the store key of a page made with ``versions``."""
    return hashlib.sha256(json.dumps(versions.model_dump(), sort_keys=True).encode()).hexdigest()[:16]


def _namespace(kind: str, shopper_id: str) -> tuple[str, str]:
    # A namespace label may not be empty or hold a dot; percent-encoding keeps foreign ids apart and harmless.
    return kind, quote(shopper_id, safe="").replace(".", "%2E")


class PageStore:
    """Reads and writes pages."""

    def __init__(self, store: BaseStore, ttl_hours: float | None = None) -> None:
        self._store = store
        self._ttl_hours = ttl_hours
        self._ttl = {"ttl": ttl_hours * 60} if ttl_hours and store.supports_ttl else {}

    async def put(self, page: Page, calls: Sequence[CallRecord]) -> str:
        """Store a page and the calls that made it. Returns its key."""
        key = page_key(page.versions)
        expires = datetime.now(UTC) + timedelta(hours=self._ttl_hours) if self._ttl_hours else None
        stamp = {"expires_at": expires.isoformat() if expires else None}
        recorded = {"calls": [call.model_dump(mode="json") for call in calls], **stamp}
        shown = {"page": page.model_dump(mode="json"), **stamp}
        # Calls first: a page that can be read has its trace.
        await self._store.aput(_namespace(CALLS, page.shopper_id), key, recorded, index=False, **self._ttl)
        await self._store.aput(_namespace(PAGES, page.shopper_id), key, shown, index=False, **self._ttl)
        return key

    async def get(self, shopper_id: str, versions: Versions | None = None) -> Page | None:
        """Return the page made with ``versions``, or the newest one when none are given; None if there is none
        that has not expired.

        Raises:
            StoreError: the stored entry cannot be read as a page.
        """
        namespace = _namespace(PAGES, shopper_id)
        if versions is not None:
            item = await self._store.aget(namespace, page_key(versions), refresh_ttl=False)
            items = [item] if item else []
        else:
            items = list(await self._store.asearch(namespace, limit=_NEWEST, refresh_ttl=False))
        pages = [_page(shopper_id, item.value) for item in items if not _expired(item.value)]
        return max(pages, key=lambda page: page.created_at, default=None)

    async def calls(self, page: Page) -> list[CallRecord]:
        """Return the recorded chat calls of ``page``, in order; empty where none were kept."""
        item = await self._store.aget(_namespace(CALLS, page.shopper_id), page_key(page.versions), refresh_ttl=False)
        return [CallRecord.model_validate(record) for record in item.value["calls"]] if item else []


def _expired(value: dict[str, Any]) -> bool:
    expires = value.get("expires_at")
    return expires is not None and datetime.fromisoformat(expires) <= datetime.now(UTC)


def _page(shopper_id: str, value: dict[str, Any]) -> Page:
    try:
        return Page.model_validate(value.get("page"))
    except ValidationError as error:
        raise StoreError(
            f"the stored page of shopper {shopper_id!r} cannot be read ({error.error_count()} problems). Make it anew: "
            f"shelfwise page {shopper_id}"
        ) from error


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[BaseStore]:
    """Open the embedded SQLite store of ``settings``, making it when it is not there.

    Raises:
        StoreError: the file cannot be opened or is not a store.
    """
    import sqlite3

    from langgraph.store.sqlite.aio import AsyncSqliteStore

    path = settings.store_path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        async with AsyncSqliteStore.from_conn_string(str(path)) as store:
            await store.setup()
            await store.sweep_ttl()
            yield store
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"cannot open the page store {path}: {error}. Check the path, or move the file away."
        ) from error
