"""The page of a shopper for whom none was generated yet: made by rules on the spot, checked as stored pages are."""

from __future__ import annotations

import asyncio

from graph.fallback_page import fallback_placements
from serving.http.shop import Shop
from serving.local_copies import Latest
from serving.page_recheck import StoredPageCheck
from serving.present import Present
from state.placement import Page, Status, Versions
from state.settings import Settings

_REMEMBERED = 500
NOT_MADE = "-"


class RulePages:
    """Makes rule-made pages, and remembers them as long as catalogue and guards stay the same."""

    def __init__(self, settings: Settings, check: StoredPageCheck) -> None:
        self._products = settings.page.products_per_placement
        self._check = check
        self._made: Latest[tuple[tuple[str | None, ...], Page]] = Latest(_REMEMBERED)
        self._making: dict[str, asyncio.Task[Page]] = {}

    async def of(self, shopper_id: str, shop: Shop, present: Present) -> Page:
        """Return the page of a shopper, without what the guards refuse; an unknown shopper sees what is popular."""
        known = self._made.get(shopper_id)
        if known is not None and known[0] == present.judged_under:
            return known[1]
        if shopper_id not in self._making:
            task = asyncio.create_task(self._make(shopper_id, shop, present))
            self._making[shopper_id] = task
            task.add_done_callback(lambda done: self._making.pop(shopper_id, None))
        return await asyncio.shield(self._making[shopper_id])

    async def _make(self, shopper_id: str, shop: Shop, present: Present) -> Page:
        page = await asyncio.to_thread(self._unchecked, shopper_id, shop)
        if present.error:
            # Without guards nothing can be vouched for, a page by rules no more than a stored one.
            return page.model_copy(update={"placements": []})
        checked = await self._check.check(page, present)
        if checked.certain:
            self._made.put(shopper_id, (present.judged_under, checked.page))
        return checked.page

    def _unchecked(self, shopper_id: str, shop: Shop) -> Page:
        shopper = shop.shoppers.load(shopper_id)
        placements = fallback_placements(shop.warehouse, shopper, self._products)
        persona = "New shopper" if shopper.cold else "Shops " + ", ".join(item.aisle for item in shopper.aisles[:3])
        made_of = dict.fromkeys(Versions.model_fields, NOT_MADE)
        made_of |= {"catalog": shop.version, "taxonomy": shop.warehouse.taxonomy_version}
        return Page(
            shopper_id=shopper_id,
            persona=persona,
            cold=shopper.cold,
            fallback=True,
            fallback_reason="no page was generated yet",
            placements=[placement.model_copy(update={"status": Status.KEPT}) for placement in placements],
            versions=Versions(**made_of),
        )
