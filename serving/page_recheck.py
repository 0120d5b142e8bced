"""Judges a stored page again, before it is shown, when rules or catalogue changed since it was made."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from catalog.warehouse import Warehouse
from graph.guard_runner import run_guard
from graph.services import Catalog, ShopperLoader
from graph.verdicts import apply_verdict
from serving.present import Present
from state.guard import Guard, GuardContext
from state.placement import DroppedPlacement, Page, Placement, Status
from state.settings import Settings
from state.verdict import Action, Outcome

SIDE_BY_SIDE = 2
LONGEST_WARMUP_S = 60.0

Lookup = tuple[Catalog, ShopperLoader]


@dataclass(frozen=True)
class Checked:
    """A page that may be shown, what was taken out of it, and whether every guard could judge."""

    page: Page
    withheld: int
    certain: bool


class _NoModel:
    """Stands where a guard could reach for a model: judging stored pages is for guards that need none."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"a guard that judges stored pages asked for a model ({name})")


def open_lookup(settings: Settings) -> Lookup:
    """Open the catalogue in use and the shoppers in it.

    Raises:
        CatalogError: there is none, or it cannot be read.
    """
    from tools.shopper import ShopperContextTool

    warehouse = Warehouse.open(settings)
    return warehouse, ShopperContextTool(warehouse)


class StoredPageCheck:
    """Runs the guards that judge stored pages. Opens the catalogue at the first use, and again when it changed."""

    def __init__(self, settings: Settings, lookup: Callable[[Settings], Lookup] = open_lookup) -> None:
        self._settings = settings
        self._open = lookup
        self._lookup: Lookup | None = None
        self._opened_as: str | None = None
        self._opening = threading.Lock()
        self._room = asyncio.Semaphore(SIDE_BY_SIDE)
        self._limit_s = settings.store.recheck_s
        self._warming: asyncio.Task[None] | None = None

    async def check(self, page: Page, present: Present) -> Checked:
        """Return ``page`` without the products and placements that may not be shown now.

        A placement that would have to be written again is taken out. A guard that fails takes out every placement:
        its ``on_error`` decides, as when the page was made; one that takes longer than ``store.recheck_s`` has failed.

        Raises:
            CatalogError: the catalogue cannot be read.
        """
        async with self._room:
            catalog, shoppers = await asyncio.to_thread(self._opened, present.versions.get("catalog"))
            shopper = await asyncio.to_thread(shoppers.load, page.shopper_id)
            placements, certain = list(page.placements), True
            await self._warm_up(present.guards, _context(shopper, catalog, [], self._settings.page.min_products))
            for guard in present.guards:
                alive = [placement for placement in placements if placement.status is Status.KEPT]
                context = _context(shopper, catalog, alive, self._settings.page.min_products)
                verdicts = await run_guard(_hurried(guard, self._limit_s), alive, context)
                judged = {
                    placement.id: apply_verdict(placement, verdict)
                    for placement, verdict in zip(alive, verdicts, strict=True)
                }
                placements = [judged.get(placement.id, placement) for placement in placements]
                certain = certain and not any(verdict.outcome is Outcome.ERROR for verdict in verdicts)
        return _settled(page, placements, certain)

    async def _warm_up(self, guards: Sequence[Guard], context: GuardContext) -> None:
        """Let guards import what they need, once per process and outside of their time limit: seconds, not judging."""
        if self._warming is None:
            self._warming = asyncio.create_task(asyncio.to_thread(_check_nothing, guards, context))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._warming), max(LONGEST_WARMUP_S, self._limit_s))

    def _opened(self, version: str | None) -> Lookup:
        with self._opening:
            if self._lookup is None or self._opened_as != version:
                self._lookup, self._opened_as = self._open(self._settings), version
            return self._lookup


def _hurried(guard: Guard, limit_s: float) -> Guard:
    """Return ``guard`` with a time limit for readers who wait, not for pages in the making."""
    return type(guard)(guard.config.model_copy(update={"timeout_s": limit_s}))


def _check_nothing(guards: Sequence[Guard], context: GuardContext) -> None:
    for guard in guards:
        if not inspect.iscoroutinefunction(guard.check):
            with suppress(Exception):  # a guard that fails will say so when it judges
                guard.check([], context)


def _context(shopper: Any, catalog: Catalog, placements: Sequence[Placement], min_products: int) -> GuardContext:
    nothing: Any = _NoModel()
    return GuardContext(
        shopper=shopper,
        embedder=nothing,
        scorer=nothing,
        chat=nothing,
        catalog=catalog,
        page=tuple(placements),
        # Its words were judged when it was made, against candidates that are not kept.
        candidates={p.id: frozenset([*p.keywords, *p.categories, *p.filters]) for p in placements},
        min_products=min_products,
    )


def _settled(page: Page, placements: Sequence[Placement], certain: bool) -> Checked:
    before = {placement.id: len(placement.products) for placement in page.placements}
    kept = [p for p in placements if p.status is Status.KEPT and p.products]
    gone = [p for p in placements if p.status is not Status.KEPT or not p.products]
    pruned = sum(before[placement.id] - len(placement.products) for placement in kept)
    dropped = [*page.dropped, *(_dropped(placement) for placement in gone)]
    checked = page.model_copy(update={"placements": kept, "dropped": dropped})
    return Checked(checked, withheld=pruned + len(gone), certain=certain)


def _dropped(placement: Placement) -> DroppedPlacement:
    ending = [v for v in placement.verdicts if v.action in (Action.REPAIR, Action.DROP, Action.PRUNE)]
    last = ending[-1] if ending else None
    if last is None:
        return DroppedPlacement.of(placement, "recheck", ["no product of it is left"])
    return DroppedPlacement.of(placement, last.guard, last.reasons)
