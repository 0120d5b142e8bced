"""Answers a page: read from the cache, ranked for the shopper now, encoded; by rules where none was generated."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from serving.feedback import FeedbackStore
from serving.http.page_view import hub_page
from serving.http.problems import unavailable
from serving.http.rule_page import RulePages
from serving.http.runs import Runs, RunsFull
from serving.http.shapes import HubPage, PageState
from serving.http.shop import Shop, ShopWindow
from serving.local_copies import Latest
from serving.page_cache import PageCache
from serving.page_recheck import StoredPageCheck
from serving.present import PresentVersions
from state.cached import CachedPage, Freshness, Unavailable
from state.errors import StoreUnavailable
from state.placement import Page
from state.ranking import RankedPage
from state.settings import Settings
from tools.engagement import ShopperEngagement
from tools.store_access import StoreAccess

NEW_SHOPPER = "new-shopper"
"""An id that no import holds, for the page of somebody unknown."""
_STATES: dict[Freshness, PageState] = {
    Freshness.FRESH: "fresh",
    Freshness.STALE: "stale",
    Freshness.DEGRADED: "degraded",
    Freshness.MISSING: "provisional",
    Freshness.NEGATIVE: "negative",
}


@dataclass(frozen=True)
class ServedPage:
    """An encoded page. ``fault`` says why the stand-in ranker ranked it."""

    body: bytes
    state: PageState
    fault: str | None


@dataclass(frozen=True)
class _Ready:
    """A ranked page: its carousels encoded, the rest in ``view``, and all that they depend on."""

    depends_on: tuple[Any, ...]
    view: HubPage
    carousels: bytes
    fault: str | None


class PageServer:
    """Serves pages of one process."""

    def __init__(
        self,
        settings: Settings,
        cache: PageCache,
        shops: ShopWindow,
        present: PresentVersions,
        check: StoredPageCheck,
        access: StoreAccess,
        feedback: FeedbackStore,
        runs: Runs,
    ) -> None:
        self._access = access
        self.cache = cache
        self.shops = shops
        self.feedback = feedback
        self.runs = runs
        self._settings = settings
        self._present = present
        self._rules = RulePages(settings, check)
        self.warm = False
        self._warming = asyncio.Lock()
        self._ready: Latest[_Ready] = Latest(settings.store.hot_pages)

    async def warm_up(self) -> None:
        """Open shop and guards, and rank the pages made last, so that no caller waits for what comes first.

        Takes ``http.warm_s`` for the pages at most; what is left is ranked when it is asked for.
        """
        async with self._warming:
            shop = None if self.warm else await self.shops.wait()
            if shop is None:
                return
            page = await self._rules.of(NEW_SHOPPER, shop, await self._present.now())
            await self._ranked(NEW_SHOPPER, page, shop)
            with suppress(TimeoutError, StoreUnavailable):
                async with asyncio.timeout(self._settings.http.warm_s):
                    await self._rank_latest(shop)
            self.warm = True

    async def _rank_latest(self, shop: Shop) -> None:
        made = await self.cache.recent(self._settings.store.hot_pages)
        for shopper_id in dict.fromkeys(run.shopper_id for run in made):
            cached = await self.cache.read(shopper_id, counted=False)
            if cached.page is not None:
                await self._ranked(shopper_id, cached.page, shop)

    async def shop(self) -> Shop:
        """Return the shop.

        Raises:
            Problem: 503, it cannot be opened.
        """
        shop = await self.shops.wait()
        if shop is None:
            raise unavailable("The shop is not open: its catalogue or ranker is missing.", 30, "shop-closed")
        return shop

    async def serve(self, shopper_id: str) -> ServedPage:
        """Return the shopper's page; where a newer one should be made, that is started and not waited for.

        Raises:
            StoreUnavailable: the store is down, and this process has no copy of the page.
            Problem: 503, the shop is not open.
        """
        cached = await self.cache.read(shopper_id)
        shop = await self.shop()
        page = cached.page or await self._rules.of(shopper_id, shop, await self._present.now())
        if cached.regenerate:
            self._start(shopper_id)
        ready = await self._ranked(shopper_id, page, shop)
        return self._encode(ready, cached, page)

    def _start(self, shopper_id: str) -> None:
        latest = self.runs.latest(shopper_id)
        if latest is None:
            try:
                self.runs.start(shopper_id)
            except RunsFull:
                return

    async def _ranked(self, shopper_id: str, page: Page, shop: Shop) -> _Ready:
        """Return the page as ranked now: again only if something that the ranking looks at changed.

        Hours since the latest order count in days, so that a ranking of the same hour is the same.
        """
        engagement = await self.feedback.of_shopper(shopper_id)
        unavailable_now = await self.unavailable_now()
        now = datetime.now(UTC)
        depends_on = (
            page.created_at,
            tuple(product.id for placement in page.placements for product in placement.products),
            shop.version,
            unavailable_now.revision,
            engagement.revision,
            now.strftime("%Y%m%d%H"),
        )
        known = self._ready.get(shopper_id)
        if known is not None and known.depends_on == depends_on and known.fault is None:
            return known
        ranked = await asyncio.to_thread(_rank, page, shop, engagement, unavailable_now, now)
        view = hub_page(page, ranked, "fresh")
        carousels = _carousels(view)
        ready = _Ready(depends_on, view.model_copy(update={"placements": []}), carousels, ranked.ranker_fault)
        self._ready.put(shopper_id, ready)
        return ready

    async def unavailable_now(self) -> Unavailable:
        """Return which products may not be shown: the last known view while the store is down."""
        live = self.cache.availability
        if not live.current:
            try:
                return await self._access.ask(live.snapshot)
            except StoreUnavailable:
                pass
        return live.known or Unavailable()

    def _encode(self, ready: _Ready, cached: CachedPage, page: Page) -> ServedPage:
        state = _STATES[cached.state]
        head = ready.view.model_copy(
            update={
                "state": state,
                "age_s": round(cached.age_s if cached.page and cached.age_s is not None else 0.0, 1),
                "provisional": cached.page is None,
                "regenerating": self.runs.active(page.shopper_id) is not None,
                "versions": page.versions if cached.page else None,
            }
        ).model_dump_json(exclude={"placements"})
        body = b"%b,%b}" % (head[:-1].encode(), ready.carousels)
        return ServedPage(body, state, ready.fault)


def _carousels(view: HubPage) -> bytes:
    """Return ``"placements":[...]`` encoded."""
    return view.model_dump_json(include={"placements"})[1:-1].encode()


def _rank(
    page: Page, shop: Shop, engagement: ShopperEngagement, unavailable_now: Unavailable, now: datetime
) -> RankedPage:
    return shop.ranking.rank(
        page,
        availability=dict.fromkeys(unavailable_now.states, False),
        engagement=engagement.of_page(page),
        now=now,
    )
