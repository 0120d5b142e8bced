"""Stored pages as they may be shown under the rules in force: worked out once per page and rules, then remembered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from serving.freshness import must_be_judged_again
from serving.local_copies import Latest
from serving.page_recheck import Checked, StoredPageCheck
from serving.present import Present
from state.errors import CatalogError
from tools.page_entries import PageEntry

log = logging.getLogger(__name__)

UNCERTAIN_S = 5.0
"""How long a judgement is kept that some guard could not reach: then it is asked again."""


@dataclass(frozen=True)
class _Judged:
    under: tuple[str | None, ...]
    until: float
    checked: Checked


class JudgedPages:
    """Decodes entries, and judges those again whose guards or catalogue are not the ones in force."""

    def __init__(self, check: StoredPageCheck, limit: int, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._ticks = ticks
        self._judged: Latest[_Judged] = Latest(limit)
        self._running: dict[tuple[str, tuple[str | None, ...]], asyncio.Task[Checked]] = {}
        self.rechecks = 0

    async def shown(self, entry: PageEntry, present: Present) -> Checked:
        """Return the page of ``entry`` as it may be shown now.

        Raises:
            PageUnreadable: the entry holds no page.
        """
        under = present.judged_under
        known = self._judged.get(entry.revision)
        if known is not None and known.under == under and self._ticks() < known.until:
            return known.checked
        if must_be_judged_again(entry.versions, present):
            checked = await self._once(entry, present)
        else:
            checked = Checked(entry.page(), withheld=0, certain=True)
        until = float("inf") if checked.certain else self._ticks() + UNCERTAIN_S
        self._judged.put(entry.revision, _Judged(under, until, checked))
        return checked

    async def _once(self, entry: PageEntry, present: Present) -> Checked:
        """Judge; readers of the same page wait for the same judgement, and one that leaves does not end it."""
        key = entry.revision, present.judged_under
        if key not in self._running:
            task = asyncio.create_task(self._judge(entry, present))
            self._running[key] = task
            task.add_done_callback(lambda done: self._running.pop(key, None))
        return await asyncio.shield(self._running[key])

    async def _judge(self, entry: PageEntry, present: Present) -> Checked:
        self.rechecks += 1
        page = entry.page()
        try:
            return await self._check.check(page, present)
        except CatalogError as error:
            log.warning("a stored page is withheld, because it cannot be judged again: %s", error)
            nothing = page.model_copy(update={"placements": []})
            return Checked(nothing, withheld=len(page.placements), certain=False)
