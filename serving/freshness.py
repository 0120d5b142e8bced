"""Whether a stored page is as fresh as one made now: pure rules over its age, its versions and what is on sale."""

from __future__ import annotations

from datetime import datetime, timedelta

from serving.present import JUDGED_BY, Present
from state.cached import Unavailable
from state.placement import Page, Versions
from state.settings import StoreSettings
from tools.page_entries import PageEntry


def stale_because(entry: PageEntry, present: Present, now: datetime, settings: StoreSettings) -> str | None:
    """Return in words why a page should be made again, None if it need not be."""
    if other := other_versions(entry.versions, present):
        return f"made with other {', '.join(other)}"
    age = now - entry.made_at
    if entry.fallback and age >= timedelta(minutes=settings.fallback_fresh_minutes):
        return f"made by rules more than {settings.fallback_fresh_minutes:g} minutes ago"
    if age >= timedelta(hours=settings.fresh_hours):
        return f"made more than {settings.fresh_hours:g} hours ago"
    return None


def other_versions(made_with: Versions, present: Present) -> list[str]:
    """Return the names of the versions that differ; those that cannot be told now are not compared."""
    made = made_with.model_dump()
    return [name for name in made if name in present.versions and present.versions[name] != made[name]]


def must_be_judged_again(made_with: Versions, present: Present) -> bool:
    """Tell whether guards or catalogue changed since the page was checked."""
    return any(name in JUDGED_BY for name in other_versions(made_with, present))


def on_sale(page: Page, unavailable: Unavailable, min_products: int) -> tuple[Page, int]:
    """Return ``page`` without products that are not available, and how many products and placements went.

    A placement that lost products and has fewer than ``min_products`` left goes as a whole.
    """
    if not unavailable.states:
        return page, 0
    withheld, placements = 0, []
    for placement in page.placements:
        left = [product for product in placement.products if product.id not in unavailable.states]
        lost = len(placement.products) - len(left)
        if not lost:
            placements.append(placement)
        elif len(left) >= min_products:
            placements.append(placement.model_copy(update={"products": left}))
        withheld += lost
    return (page.model_copy(update={"placements": placements}), withheld) if withheld else (page, 0)


def lost_since(page: Page, unavailable: Unavailable) -> bool:
    """Tell whether a product of ``page`` was taken off sale after the page was made."""
    shown = (product.id for placement in page.placements for product in placement.products)
    return any(unavailable.since[key] > page.created_at for key in shown if key in unavailable.since)
