"""What one process remembers of stored pages: some ready to show, more of them packed for when the store is down."""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from typing import Generic, TypeVar

from tools.page_entries import PageEntry

V = TypeVar("V")


class Latest(Generic[V]):
    """Keeps the ``limit`` values used last."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, key: str) -> V | None:
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: str, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self._limit:
            self._values.popitem(last=False)

    def drop(self, key: str) -> None:
        self._values.pop(key, None)

    def __len__(self) -> int:
        return len(self._values)


class LastKnown:
    """The last known entry of the ``limit`` shoppers seen last, packed: about a fifth of its size."""

    def __init__(self, limit: int) -> None:
        self._packed: Latest[tuple[str, bytes]] = Latest(limit)

    def keep(self, entry: PageEntry) -> None:
        standing = self._packed.get(entry.shopper_id)
        if standing is None or standing[0] != entry.revision:
            packed = zlib.compress(json.dumps(entry.value()).encode(), 1)
            self._packed.put(entry.shopper_id, (entry.revision, packed))

    def get(self, shopper_id: str) -> PageEntry | None:
        found = self._packed.get(shopper_id)
        return PageEntry.of_value(shopper_id, json.loads(zlib.decompress(found[1]))) if found else None

    def drop(self, shopper_id: str) -> None:
        self._packed.drop(shopper_id)

    def __len__(self) -> int:
        return len(self._packed)
