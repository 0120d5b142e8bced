"""Feedback of shoppers: stored event by event beside the pages, its counts kept at hand for ranking."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from langgraph.store.base import BaseStore, GetOp, Item, PutOp

from serving.local_copies import Latest
from state.errors import StoreUnavailable
from tools.engagement import FEEDBACK, KEPT_DAYS, Event, ShopperEngagement, read_engagement
from tools.page_entries import label
from tools.store_access import StoreAccess

_REMEMBERED_S = 30.0
_REMEMBERED = 5000


class FeedbackStore:
    """Feedback in the store that holds the pages. Each batch is an item of its own: writers never overwrite."""

    def __init__(
        self,
        store: BaseStore,
        access: StoreAccess,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._access = access
        self._now = clock
        self._ticks = ticks
        self._known: Latest[tuple[float, ShopperEngagement]] = Latest(_REMEMBERED)

    async def add(self, shopper_id: str, events: Sequence[Event], batch_id: str | None = None) -> int:
        """Store a batch of events. Returns how many were stored: none of a batch that is there already.

        Raises:
            StoreUnavailable: the store is down; nothing was stored.
        """
        namespace, key = (FEEDBACK, label(shopper_id)), batch_id or uuid.uuid4().hex
        if batch_id:
            stored_before = await self._access.ask(lambda: self._there(namespace, key))
            if stored_before:
                return 0
        value = {"at": self._now().isoformat(), "events": [[*event[:-1], event.at.isoformat()] for event in events]}
        put = PutOp(namespace, key, value, index=False)
        if self._store.supports_ttl:
            put = put._replace(ttl=KEPT_DAYS * 24 * 60.0)
        await self._access.ask(lambda: self._store.abatch([put]))
        self._known.drop(shopper_id)
        return len(events)

    async def of_shopper(self, shopper_id: str) -> ShopperEngagement:
        """Return a shopper's counts, at most half a minute old where another process writes too.

        A store that is down costs the signal, not the page: the last known counts are returned then, or none.
        """
        asked = self._ticks()
        known = self._known.get(shopper_id)
        if known is not None and asked - known[0] < _REMEMBERED_S:
            return known[1]
        try:
            counted = await self._access.ask(lambda: read_engagement(self._store, shopper_id, self._now()))
        except StoreUnavailable:
            return known[1] if known else ShopperEngagement()
        self._known.put(shopper_id, (asked, counted))
        return counted

    async def _there(self, namespace: tuple[str, str], key: str) -> bool:
        [item] = await self._store.abatch([GetOp(namespace, key, refresh_ttl=False)])
        return isinstance(item, Item)
