"""What shoppers did with their pages, as counts per theme and product: read from the store that holds the events.

A placement's id is of one page; the next page may give it to another theme. So events are counted by theme: the words
of its title and its need. Events count for ``KEPT_DAYS`` days.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from langgraph.store.base import BaseStore, SearchItem

from state.placement import Page, Theme
from state.ranking import Engagement
from state.settings import Settings
from tools.page_backends import open_backend
from tools.page_entries import label

FEEDBACK = "feedback"
KEPT_DAYS = 90
KEPT_BATCHES = 1000
"""Batches of a shopper that are counted, newest first."""
_MOST_BATCHES = 100_000

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

    def picked(self, limit: int) -> list[str]:
        """Return the ids of the products clicked or added to the cart, most often added first."""
        used = {key: item for key, item in self.products.items() if item.adds or item.clicks}
        return sorted(used, key=lambda key: (-used[key].adds, -used[key].clicks, key))[:limit]


def theme_key(theme: Theme) -> str:
    """Return what a theme is counted by: its need and the words of its title."""
    words = re.findall(r"[^\W_]+", theme.title.casefold())
    return f"{theme.need.value}:{' '.join(words)}"[:200]


async def read_engagement(store: BaseStore, shopper_id: str, now: datetime) -> ShopperEngagement:
    """Return a shopper's counts. Errors of the store pass through."""
    batches = await _batches(store, (FEEDBACK, label(shopper_id)), KEPT_BATCHES, now)
    revision = max((f"{item.value['at']}/{item.key}" for item in batches), default="")
    return count_events(revision, (event for item in batches for event in item.value.get("events", [])))


async def product_picks(store: BaseStore, now: datetime) -> dict[str, int]:
    """Return how often all shoppers clicked each product or added it to the cart. Errors of the store pass through."""
    batches = await _batches(store, (FEEDBACK,), _MOST_BATCHES, now)
    counted = count_events("", (event for item in batches for event in item.value.get("events", [])))
    picks = {key: item.clicks + item.adds for key, item in counted.products.items()}
    return {key: count for key, count in picks.items() if count}


async def read_product_picks(settings: Settings) -> dict[str, int]:
    """Return :func:`product_picks` of the store of ``settings``.

    Raises:
        StoreError: it cannot be opened.
    """
    async with open_backend(settings) as backend:
        return await product_picks(backend.store, datetime.now(UTC))


async def _batches(store: BaseStore, namespace: tuple[str, ...], limit: int, now: datetime) -> list[SearchItem]:
    found = await store.asearch(namespace, limit=limit, refresh_ttl=False)
    oldest = (now - timedelta(days=KEPT_DAYS)).isoformat()
    return [item for item in found if str(item.value.get("at", "")) >= oldest]


def count_events(revision: str, stored: Iterable[Sequence[Any]]) -> ShopperEngagement:
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
