"""A page cache around the small shop: a clock and a stop-watch that tests move, versions that tests set."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from langgraph.store.memory import InMemoryStore
from support.fakes import GUARDS_DIR, placement, shelf_products
from support.sample_pages import VERSIONS
from support.small_shop import SmallCatalog, SmallShoppers

from serving.page_cache import PageCache
from serving.page_recheck import Lookup, StoredPageCheck
from serving.present import Present, PresentVersions
from state.placement import Page, Status
from state.settings import Settings, StoreSettings
from tools.page_backends import Backend, memory_backend

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Time:
    """Wall clock and stop-watch in one; both stand still until told otherwise."""

    now: datetime = NOON
    seconds: float = 0.0

    def clock(self) -> datetime:
        return self.now

    def ticks(self) -> float:
        return self.seconds

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()


@dataclass
class Shop:
    """What the caches of a test share: time, versions in force, store, and how often the catalogue was opened."""

    settings: Settings
    backend: Backend = field(default_factory=memory_backend)
    time: Time = field(default_factory=Time)
    present: Present = field(default_factory=lambda: Present(VERSIONS.model_dump()))
    look: Callable[[Settings], Present] | None = None
    opened: int = 0

    def cache(self, backend: Backend | None = None) -> PageCache:
        """Return a cache as another process would have it."""
        present = PresentVersions(
            self.settings, look=self.look or (lambda settings: self.present), ticks=self.time.ticks
        )
        return PageCache(
            self.settings,
            backend or self.backend,
            present=present,
            check=StoredPageCheck(self.settings, self._open),
            clock=self.time.clock,
            ticks=self.time.ticks,
        )

    def change(self, **versions: str) -> None:
        """Put other versions in force."""
        self.present = replace(self.present, versions={**self.present.versions, **versions})

    def page(self, shopper: str = "7", **changes: Any) -> Page:
        """Return a page of two placements of the small shop, made now: yogurt, and fruit."""
        yogurt = placement("Yogurt for the week", id=f"{shopper}-0", status=Status.KEPT)
        fruit = placement(
            "Fruit bowl favorites",
            id=f"{shopper}-1",
            position=1,
            concepts=["banana", "lemon"],
            keywords=["banana"],
            products=shelf_products("banana", "gala apple", "lemon", "strawberries"),
            status=Status.KEPT,
        )
        given: dict[str, Any] = {
            "shopper_id": shopper,
            "persona": "Fruit lover",
            "placements": [yogurt, fruit],
            "versions": VERSIONS,
            "created_at": self.time.now,
        }
        return Page(**{**given, **changes})

    def _open(self, settings: Settings) -> Lookup:
        self.opened += 1
        catalog = SmallCatalog()
        return catalog, SmallShoppers(catalog)


def open_shop(home: Path, **store: Any) -> Shop:
    """Return a shop with these store settings."""
    return Shop(Settings(home=home, store=patient(**store)))


def patient(**store: Any) -> StoreSettings:
    """Return store settings with time limits that a busy machine keeps."""
    return StoreSettings(**{"timeout_s": 60.0, "recheck_s": 600.0, **store})


class FlakyStore(InMemoryStore):
    """A store that is up, down, or hangs. ``asked`` counts the batches asked of it."""

    mood = "up"
    asked = 0

    async def abatch(self, ops: Any) -> Any:
        self.asked += 1
        if self.mood == "down":
            raise sqlite3.OperationalError("disk I/O error")
        if self.mood == "hangs":
            await asyncio.sleep(3600)
        return await super().abatch(ops)


def flaky(shop: Shop) -> FlakyStore:
    """Give the shop such a store, and return it."""
    store = FlakyStore()
    shop.backend = replace(shop.backend, store=store, errors=(sqlite3.Error,))
    return store


def copy_of_guards(folder: Path) -> Path:
    """Return a guards folder of one's own."""
    shutil.copytree(GUARDS_DIR, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def shown(page: Page | None) -> list[str]:
    """Return the names of the products on a page."""
    return [product.name for row in page.placements for product in row.products] if page else []
