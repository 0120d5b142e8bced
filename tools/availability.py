"""Which products may not be shown now: a live view that a shop updates and every read of a page looks at."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, get_args

from langgraph.store.base import BaseStore, GetOp, Item, PutOp

from state.cached import ProductState, Unavailable
from tools.page_entries import label
from tools.page_store import Clock, utc_now

STATES, HEAD = "availability", "head"
_BATCH = 500
_MOST = 10_000_000


class Availability(Protocol):
    """The live view. ``snapshot`` is cheap: it is asked at every read."""

    async def snapshot(self) -> Unavailable: ...

    async def set(self, product_ids: Sequence[str], state: ProductState) -> str: ...


class StoredAvailability:
    """Keeps one item per product that is not available, and a revision that changes with every update.

    A process looks at the revision every ``interval_s`` seconds and reads the products when it changed.
    """

    def __init__(
        self,
        store: BaseStore,
        interval_s: float = 1.0,
        *,
        clock: Clock = utc_now,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._interval_s = interval_s
        self._now = clock
        self._ticks = ticks
        self._known: Unavailable | None = None
        self._checked = float("-inf")
        self._turn = asyncio.Lock()

    async def snapshot(self) -> Unavailable:
        """Return the products that may not be shown, as they were at most ``interval_s`` seconds ago.

        Errors of the store pass through; ``known`` then still has the latest view.
        """
        if self._known is not None and self.current:
            return self._known
        async with self._turn:
            if self._known is None or not self.current:
                asked = self._ticks()
                self._known = await self._refreshed(self._known)
                self._checked = asked
            return self._known

    @property
    def current(self) -> bool:
        """Whether the latest view is not older than the interval."""
        return self._ticks() - self._checked < self._interval_s

    @property
    def known(self) -> Unavailable | None:
        """The latest view read, whatever its age; None before the first."""
        return self._known

    async def set(self, product_ids: Sequence[str], state: ProductState) -> str:
        """Record the state of products. Returns the new revision; other processes see it within ``interval_s``.

        Raises:
            ValueError: the state is unknown, or an id is empty.
        """
        if state not in get_args(ProductState):
            raise ValueError(f"a product is {', '.join(get_args(ProductState))}, not {state!r}")
        if not all(product_ids):
            raise ValueError("a product id is empty")
        ids = list(dict.fromkeys(product_ids))
        since = self._now().isoformat()
        for start in range(0, len(ids), _BATCH):
            values = [
                {"product": json.dumps(product_id), "state": state, "since": since} if state != "available" else None
                for product_id in ids[start : start + _BATCH]
            ]
            await self._store.abatch(
                [
                    PutOp((STATES,), label(product_id), value, index=False)
                    for product_id, value in zip(ids[start : start + _BATCH], values, strict=True)
                ]
            )
        # The revision goes last: who sees it sees the products.
        revision = uuid.uuid4().hex
        await self._store.abatch([PutOp((HEAD,), STATES, {"revision": revision}, index=False)])
        self._checked = float("-inf")
        return revision

    async def _refreshed(self, known: Unavailable | None) -> Unavailable:
        [head] = await self._store.abatch([GetOp((HEAD,), STATES, refresh_ttl=False)])
        revision = str(head.value.get("revision", "")) if isinstance(head, Item) else ""
        if known is not None and known.revision == revision:
            return known
        states: dict[str, ProductState] = {}
        since: dict[str, datetime] = {}
        # In one go: page by page, stores order items of the same moment as they like, and one could be missed.
        for item in await self._store.asearch((STATES,), limit=_MOST, refresh_ttl=False):
            product_id = str(json.loads(item.value["product"]))
            states[product_id] = item.value["state"]
            since[product_id] = datetime.fromisoformat(item.value["since"])
        return Unavailable(revision, states, since)
