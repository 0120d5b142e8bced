"""The newest entry of a shopper: from memory if it was read a moment ago, else by one store get, with copies kept."""

from __future__ import annotations

import time
from collections.abc import Callable

from serving.local_copies import LastKnown, Latest
from state.settings import StoreSettings
from tools.page_entries import PageEntry
from tools.page_store import PageStore
from tools.store_access import StoreAccess


class NewestEntries:
    """Reads newest entries for one process. What it remembers is at most ``check_interval_s`` old, but for copies."""

    def __init__(
        self,
        pages: PageStore,
        access: StoreAccess,
        settings: StoreSettings,
        *,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pages = pages
        self._access = access
        self._interval_s = settings.check_interval_s
        self._ticks = ticks
        self._read: Latest[tuple[float, PageEntry]] = Latest(settings.hot_pages)
        self._copies = LastKnown(settings.local_copies)

    async def get(self, shopper_id: str) -> PageEntry | None:
        """Return the shopper's newest entry, expired or not.

        Raises:
            StoreUnavailable: the store is down (see :meth:`copy`).
            PageUnreadable: the entry is damaged.
        """
        read_at, entry = self._read.get(shopper_id) or (float("-inf"), None)
        asked = self._ticks()
        if entry is not None and asked - read_at < self._interval_s:
            return entry
        found = await self._access.ask(lambda: self._pages.newest(shopper_id))
        if found is None:
            self.drop(shopper_id)
            return None
        self._read.put(shopper_id, (asked, found))
        self._copies.keep(found)
        return found

    def copy(self, shopper_id: str) -> PageEntry | None:
        """Return the last entry read of the shopper, whenever that was; None if it is not kept."""
        return self._copies.get(shopper_id)

    def forget(self, shopper_id: str) -> None:
        """Ask the store at the next read."""
        self._read.drop(shopper_id)

    def drop(self, shopper_id: str) -> None:
        """Forget the entry and its copy."""
        self._read.drop(shopper_id)
        self._copies.drop(shopper_id)
