"""The page store: finished pages, the calls that made them, and runs, on any LangGraph ``BaseStore``.

A shopper's newest page lies at a fixed place: one read finds it. It carries the versions that made it. When a page of
other versions takes its place, the older one moves to a place named by the digest of its versions.
Entries expire after the configured time. The time is kept in the entry and checked at every read: stores only sweep now
and then, and the SQLite store compares times of two text formats, so that it keeps an expired entry until the next day.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from langgraph.store.base import BaseStore, GetOp, Item, PutOp, SearchItem
from pydantic import ValidationError

from state.cached import Failure, RunSummary
from state.errors import PageUnreadable
from state.llm import CallRecord
from state.placement import Page, Versions
from tools.page_entries import PageEntry, calls_of, calls_value, label, page_key, summary_of, unreadable

# No name may be the start of another: stores search namespaces by prefix.
PAGE, OLDER, CALLS, FAILURES, RUNS = "page", "older", "calls", "failed", "runs"
NEWEST, STANDIN = "newest", "standin"
_TRIM = 100

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class PageStore:
    """Reads and writes pages."""

    def __init__(
        self, store: BaseStore, ttl_hours: float | None = None, *, runs_kept: int = 500, clock: Clock = utc_now
    ) -> None:
        self._store = store
        self._ttl_hours = ttl_hours
        self._runs_kept = runs_kept
        self._now = clock

    async def put(self, page: Page, calls: Sequence[CallRecord]) -> str:
        """Store a page, the calls that made it and a line on the run. Returns the key of its versions.

        A page older than the newest one does not take its place. Nor does one that rules made while a generated one
        can be served: it waits beside it (see :meth:`standin`).
        """
        key, shopper = page_key(page.versions), label(page.shopper_id)
        entry = PageEntry.of_page(page, self._ttl_hours)
        # Calls first: a page that can be read has its trace.
        await self._write(self._put((CALLS, shopper), key, calls_value(calls)))
        standing = await self._standing(page.shopper_id)
        if standing is not None and standing.made_at > entry.made_at:
            await self._write(self._put((OLDER, shopper), key, entry.value()))
        elif standing is not None and page.fallback and not standing.fallback and not standing.expired(self._now()):
            await self._write(self._put((PAGE, shopper), STANDIN, entry.value()))
        else:
            if standing is not None and standing.versions != page.versions:
                await self._write(self._put((OLDER, shopper), page_key(standing.versions), standing.value()))
            await self._write(self._put((PAGE, shopper), NEWEST, entry.value()))
            await self._write(PutOp((PAGE, shopper), STANDIN, None))
        await self._write(PutOp((FAILURES, shopper), NEWEST, None))
        await self._log(summary_of(page))
        return key

    async def newest(self, shopper_id: str) -> PageEntry | None:
        """Return the shopper's newest page, not decoded, whether expired or not: one read.

        Raises:
            PageUnreadable: something else lies in its place.
        """
        return await self._entry((PAGE, label(shopper_id)), NEWEST, shopper_id)

    async def standin(self, shopper_id: str) -> PageEntry | None:
        """Return the page that rules made after the newest one, for when nothing of that one may be shown.

        Raises:
            PageUnreadable: something else lies in its place.
        """
        return await self._entry((PAGE, label(shopper_id)), STANDIN, shopper_id)

    async def get(self, shopper_id: str, versions: Versions | None = None) -> Page | None:
        """Return the page made with ``versions``, or the one made last when none are given; None if there is none
        that has not expired.

        Raises:
            PageUnreadable: the stored entry cannot be read as a page.
        """
        entry = await self.newest(shopper_id)
        if versions is None:
            entry = await self.standin(shopper_id) or entry
        elif entry is None or entry.versions != versions:
            entry = await self._entry((OLDER, label(shopper_id)), page_key(versions), shopper_id)
        return entry.page() if entry is not None and not entry.expired(self._now()) else None

    async def calls(self, page: Page) -> list[CallRecord]:
        """Return the recorded chat calls of ``page``, in order; empty where none were kept.

        Raises:
            PageUnreadable: what is recorded cannot be read.
        """
        item = await self._get((CALLS, label(page.shopper_id)), page_key(page.versions), page.shopper_id)
        return calls_of(item.value) if item else []

    async def drop(self, shopper_id: str) -> None:
        """Delete the shopper's newest page and its stand-in."""
        for key in (NEWEST, STANDIN):
            await self._write(PutOp((PAGE, label(shopper_id)), key, None))

    async def failure(self, shopper_id: str) -> Failure | None:
        """Return why the shopper's page could not be made lately; None when it could, or it may be tried again
        since long."""
        try:
            item = await self._get((FAILURES, label(shopper_id)), NEWEST, shopper_id)
            return Failure.model_validate_json(item.value["failure"]) if item else None
        except (PageUnreadable, KeyError, ValidationError):
            return None

    async def put_failure(self, failure: Failure) -> None:
        """Record that a shopper's page could not be made. A page stored later deletes the record."""
        minutes = (failure.retry_at - failure.failed_at).total_seconds() / 60
        op = PutOp((FAILURES, label(failure.shopper_id)), NEWEST, {"failure": failure.model_dump_json()}, index=False)
        # Kept for twice the pause, so that the next failure knows of this one.
        await self._write(op._replace(ttl=2 * minutes + 1) if self._store.supports_ttl else op)
        await self._log(RunSummary(shopper_id=failure.shopper_id, made_at=failure.failed_at, error=failure.reason))

    async def recent(self, limit: int) -> list[RunSummary]:
        """Return the latest runs, newest first; entries that cannot be read are left out."""
        runs = []
        for item in (await self._runs())[: max(limit, 0)]:
            try:
                runs.append(RunSummary.model_validate_json(item.value["run"]))
            except (KeyError, ValidationError):
                continue
        return runs

    async def _log(self, run: RunSummary) -> None:
        key = f"{int(run.made_at.timestamp() * 1000):015d}-{uuid.uuid4().hex[:8]}"
        await self._write(self._put((RUNS,), key, {"run": run.model_dump_json()}))
        surplus = (await self._runs())[self._runs_kept :]
        if surplus:
            await self._store.abatch([PutOp((RUNS,), item.key, None) for item in surplus])

    async def _runs(self) -> list[SearchItem]:
        """Return the stored runs, newest first: keys begin with the time, and stores order each in their own way."""
        found = await self._store.asearch((RUNS,), limit=self._runs_kept + _TRIM, refresh_ttl=False)
        return sorted(found, key=lambda item: item.key, reverse=True)

    async def _standing(self, shopper_id: str) -> PageEntry | None:
        try:
            return await self.newest(shopper_id)
        except PageUnreadable:
            return None

    async def _entry(self, namespace: tuple[str, ...], key: str, shopper_id: str) -> PageEntry | None:
        item = await self._get(namespace, key, shopper_id)
        return PageEntry.of_value(shopper_id, item.value) if item else None

    async def _get(self, namespace: tuple[str, ...], key: str, shopper_id: str) -> Item | None:
        try:
            # A batch of its own: in the store's shared batches, one damaged entry fails the reads beside it.
            [item] = await self._store.abatch([GetOp(namespace, key, refresh_ttl=False)])
        except ValueError as error:
            raise unreadable(shopper_id, "it is no JSON") from error
        return item if isinstance(item, Item) else None

    def _put(self, namespace: tuple[str, ...], key: str, value: dict[str, Any]) -> PutOp:
        minutes = self._ttl_hours * 60 if self._ttl_hours and self._store.supports_ttl else None
        return PutOp(namespace, key, value, index=False, ttl=minutes)

    async def _write(self, op: PutOp) -> None:
        await self._store.abatch([op])


def next_failure(
    shopper_id: str, reason: str, before: Failure | None, now: datetime, first: timedelta, most: timedelta
) -> Failure:
    """Return the failure that follows ``before``: the pause doubles with every failure in a row, up to ``most``.

    A failure that is longer ago than twice its pause is forgotten.
    """
    in_a_row = before is not None and now <= before.retry_at + (before.retry_at - before.failed_at)
    failures = before.failures + 1 if before is not None and in_a_row else 1
    pause = min(first * 2 ** min(failures - 1, 30), most)
    return Failure(shopper_id=shopper_id, reason=reason, failures=failures, failed_at=now, retry_at=now + pause)
