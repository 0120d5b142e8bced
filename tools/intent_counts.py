"""Counts of the head cache: what a process read, what a write did, what lies in the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from state.intent import QueryKind


@dataclass(frozen=True)
class CacheCounts:
    """What one process saw since it opened the cache. ``local`` are hits that needed no store.

    ``down`` are reads while the store was down; they are hits where a copy was at hand, and misses elsewhere.
    """

    hits: int = 0
    local: int = 0
    misses: int = 0
    expired: int = 0
    damaged: int = 0
    down: int = 0

    @property
    def hit_share(self) -> float:
        asked = self.hits + self.misses
        return self.hits / asked if asked else 0.0


@dataclass
class CacheChange:
    """What a write did: answers kept, and those left out or dropped, by reason."""

    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass
class CacheContent:
    """What lies in the store: answers that can be given now by source and by kind, and what cannot."""

    by_source: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[QueryKind] = field(default_factory=Counter)
    other_version: int = 0
    expired: int = 0
    damaged: int = 0

    @property
    def answers(self) -> int:
        return self.by_source.total()
