"""What shoppers did with their pages: stored event by event, counted per theme and product, read by the ranker.

A placement's id is of one page; the next page may give it to another theme. So events are counted by theme: the words
of its title and its need. Events count for ``KEPT_DAYS`` days.
"""

from __future__ import annotations

import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from langgraph.store.base import BaseStore, GetOp, Item, PutOp

from serving.local_copies import Latest
from serving.store_access import StoreAccess
from state.errors import StoreUnavailable
from state.placement import Page, Theme
from state.ranking import Engagement
from tools.page_entries import label

FEEDBACK = "feedback"
KEPT_DAYS = 90
KEPT_BATCHES = 1000
"""Batches of a shopper that are counted, newest first."""
_REMEMBERED_S = 30.0
_REMEMBERED = 5000

Kind = Literal["impression", "click", "add_to_cart"]
_FIELD: dict[str, str] = {"impression": "impressions", "click": "clicks", "add_to_cart": "adds"}


class Event(NamedTuple):
    """One thing that a shopper did. ``theme`` is None where the placement is not on the page any more."""

    kind: Kind
    placement_id: str
    theme: str | None
    product_id: str | None
    at: datetime


@dataclass(frozen=True)
class ShopperEngagement:
    """The counts of one shopper. ``revision`` is another one after every batch."""

    revision: str = ""
    themes: Mapping[str, Engagement] = field(default_factory=dict)
    products: Mapping[str, Engagement] = field(default_factory=dict)

    def of_page(self, page: Page) -> dict[str, Engagement]:
        """Return the counts of the placements of ``page`` by placement id."""
        found = {placement.id: self.themes.get(theme_key(placement)) for placement in page.placements}
        return {key: counts for key, counts in found.items() if counts is not None}


def theme_key(theme: Theme) -> str:
    """Return what a theme is counted by: its need and the words of its title."""
    words = re.findall(r"[^\W_]+", theme.title.casefold())
    return f"{theme.need.value}:{' '.join(words)}"[:200]


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
        if batch_id and await self._access.ask(lambda: self._there(namespace, key)):
            return 0
        value = {
            "at": self._now().isoformat(),
            "events": [[*event[:-1], event.at.isoformat()] for event in events],
        }
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
            counted = await self._access.ask(lambda: self._read(shopper_id))
        except StoreUnavailable:
            return known[1] if known else ShopperEngagement()
        self._known.put(shopper_id, (asked, counted))
        return counted

    async def _there(self, namespace: tuple[str, str], key: str) -> bool:
        [item] = await self._store.abatch([GetOp(namespace, key, refresh_ttl=False)])
        return isinstance(item, Item)

    async def _read(self, shopper_id: str) -> ShopperEngagement:
        found = await self._store.asearch((FEEDBACK, label(shopper_id)), limit=KEPT_BATCHES, refresh_ttl=False)
        oldest = (self._now() - timedelta(days=KEPT_DAYS)).isoformat()
        batches = [item for item in found if str(item.value.get("at", "")) >= oldest]
        revision = max((f"{item.value['at']}/{item.key}" for item in batches), default="")
        return count(revision, (event for item in batches for event in item.value.get("events", [])))


def count(revision: str, stored: Iterable[Sequence[Any]]) -> ShopperEngagement:
    """Count stored events by theme and by product; what cannot be read is left out."""
    themes: dict[str, Counter[str]] = {}
    products: dict[str, Counter[str]] = {}
    for event in stored:
        if len(event) != len(Event._fields) or event[0] not in _FIELD:
            continue
        kind, _, theme, product_id, _ = event
        for counts, key in ((themes, theme), (products, product_id)):
            if key is not None:
                counts.setdefault(key, Counter())[_FIELD[kind]] += 1
    return ShopperEngagement(
        revision,
        {key: Engagement(**counts) for key, counts in themes.items()},
        {key: Engagement(**counts) for key, counts in products.items()},
    )
