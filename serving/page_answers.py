"""Turns a stored entry into the answer to a read: what of it may be shown now, and how fresh that is."""

from __future__ import annotations

from serving.freshness import lost_since, on_sale, stale_because
from serving.judged_pages import JudgedPages
from serving.present import PresentVersions
from state.cached import CachedPage, Freshness, Unavailable
from state.errors import StoreUnavailable
from state.settings import Settings
from tools.availability import StoredAvailability
from tools.page_entries import PageEntry
from tools.page_store import Clock
from tools.store_access import StoreAccess

_PATIENCE = 3.0


class PageAnswers:
    """Answers from entries under the rules and the availability in force."""

    def __init__(
        self,
        settings: Settings,
        access: StoreAccess,
        present: PresentVersions,
        judged: JudgedPages,
        availability: StoredAvailability,
        clock: Clock,
    ) -> None:
        self._settings = settings.store
        self._min_products = settings.page.min_products
        self._access = access
        self._present = present
        self._judged = judged
        self._availability = availability
        self._now = clock

    async def of_entry(self, shopper_id: str, entry: PageEntry | None, *, degraded: bool = False) -> CachedPage:
        """Return the page of ``entry`` as FRESH, STALE or DEGRADED, or MISSING with the reason.

        Raises:
            PageUnreadable: the entry holds no page.
            StoreUnavailable: the store is down, and availability was never read.
        """
        if entry is None:
            return _missing(shopper_id, "no page was made yet")
        now = self._now()
        if entry.expired(now):
            return _missing(shopper_id, "the page has expired")
        present, unavailable = await self._present.now(), await self._unavailable()
        if present.error:
            # No regeneration: the same guards would judge it.
            return CachedPage(shopper_id, Freshness.MISSING, reason="withheld: the guards cannot be loaded")
        checked = await self._judged.shown(entry, present)
        page, lost = on_sale(checked.page, unavailable, self._min_products)
        withheld = checked.withheld + lost
        if not page.placements:
            return _missing(shopper_id, "withheld: nothing on the page may be shown now", withheld)
        because = stale_because(entry, present, now, self._settings)
        if because is None and lost and lost_since(checked.page, unavailable):
            because = "products of it were taken off sale"
        state = Freshness.STALE if because else Freshness.FRESH
        if degraded:
            state, because = Freshness.DEGRADED, "the page store is down: the last known page"
        return CachedPage(
            shopper_id,
            state,
            page=page,
            age_s=max((now - entry.made_at).total_seconds(), 0.0),
            reason=because,
            withheld=withheld,
            regenerate=state is Freshness.STALE,
        )

    async def _unavailable(self) -> Unavailable:
        known = self._availability.known
        if known is not None and self._availability.current:
            return known
        try:
            return await self._access.ask(self._availability.snapshot, patience=_PATIENCE)
        except StoreUnavailable:
            if known is None:
                raise
            return known


def _missing(shopper_id: str, reason: str, withheld: int = 0) -> CachedPage:
    return CachedPage(shopper_id, Freshness.MISSING, reason=reason, withheld=withheld, regenerate=True)
